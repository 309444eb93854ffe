"""What serving takes: the price of a request, of a machine, and how many machines carry the peak.

Every function takes a baseline's `CostModel` and the assumptions, and works on draws as on single numbers.
"""

from __future__ import annotations

import math

import numpy as np

from advisor.economics.capacity import HOURS_PER_MONTH
from advisor.economics.costs import CostModel
from advisor.economics.drivers import Array, Drivers, Value, token_key

SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600


def column(value: Value) -> Array:
    """A number as (1,), draws as (draws, 1): so that months can stand beside them."""
    return np.asarray(value, dtype=float)[..., None]


def scalar(value: Value) -> Value:
    """A float where there is one number, else the draws."""
    return float(value) if np.ndim(value) == 0 else value


def token_usd(model: CostModel, drivers: Drivers) -> dict[str, Value] | None:
    """USD per request by class of tokens: fresh input, reused input, output; None where unknown.

    The share of requests that may wait is priced at the batch price, where one is known.
    """
    rates = model.rates
    counts = (model.fresh_tokens, model.cached_tokens, model.output_tokens)
    if rates is None or None in counts:
        return None
    names = ("input", "cached_input", "output")
    keys = [token_key(model.model or "", n) for n in names]
    fresh, cached, output = (
        drivers.prices.get(k, getattr(rates, n)) for k, n in zip(keys, names, strict=True)
    )
    batch_cached = rates.batch_input if rates.batch_cached_input is None else rates.batch_cached_input
    found: dict[str, Value] = {}
    for name, count, now, later in (
        ("fresh input", model.fresh_tokens, fresh, rates.batch_input),
        ("reused input", model.cached_tokens, fresh if cached is None else cached, batch_cached),
        ("output", model.output_tokens, output, rates.batch_output),
    ):
        waits = 0.0 if later is None else drivers.batch_share
        found[name] = (count or 0.0) / 1e6 * (now * (1 - waits) + (later or 0.0) * waits)
    return found


def machine_usd_per_hour(model: CostModel, drivers: Drivers) -> Value | None:
    """The machine's price by the hour: of several that it may run on, the cheapest."""
    prices = [drivers.prices[k] for k in model.machine_keys if k in drivers.prices]
    if not prices:
        return model.machine_usd_per_hour
    cheapest = prices[0]
    for price in prices[1:]:
        cheapest = np.minimum(cheapest, price)
    return scalar(cheapest)


def marginal_usd(model: CostModel, drivers: Drivers) -> Value | None:
    """What one more request costs: its tokens or machine time; 0 on a machine that is on anyway. None if unknown."""
    if model.billing == "tokens":
        tokens = token_usd(model, drivers)
        return None if tokens is None else sum(tokens.values())
    if model.billing == "machine":
        return 0.0 if model.always_on else full_use_usd(model, drivers)
    return model.usd_per_call


def full_use_usd(model: CostModel, drivers: Drivers) -> Value | None:
    """What a request takes by itself: its tokens, or its machine time at full use. None if unknown."""
    if model.billing != "machine":
        return marginal_usd(model, drivers)
    price = machine_usd_per_hour(model, drivers)
    return None if price is None or model.machine_s is None else price * model.machine_s / 3600


def monthly_usd(model: CostModel, drivers: Drivers) -> Value | None:
    """One machine or deployment for a month, used or not; 0 where there is none."""
    if model.billing == "machine" and model.always_on:
        price = machine_usd_per_hour(model, drivers)
        return None if price is None else price * HOURS_PER_MONTH
    return model.hosting_usd_per_hour * HOURS_PER_MONTH


def capacity_per_month(model: CostModel, drivers: Drivers) -> Value | None:
    """Requests a month that one machine carries, if it is to carry the peak; None where its throughput is unknown.

    Requests that may wait fill the hours beside the peak: a machine must carry the others at their peak, and all of
    them on the mean.
    """
    if model.billing == "tokens" or not model.machine_s:
        return None
    return SECONDS_PER_MONTH / (model.machine_s * drivers.peak)


def machines(model: CostModel, drivers: Drivers, requests: Array) -> Array:
    """Machines or deployments that are on for a month's requests, of the shape of `requests` (..., months).

    At least one, and one where the throughput is not known.
    """
    capacity = capacity_per_month(model, drivers) if model.billing == "machine" else None
    if capacity is None:
        return np.ones_like(requests)
    # a rounding error is no reason for another machine
    found: Array = np.maximum(1.0, np.ceil(requests / column(capacity) - 1e-9))
    return found


def serving_usd(model: CostModel, drivers: Drivers, requests: Array) -> dict[str, Array | None]:
    """What serving costs in each month, by what is paid for; None where unknown.

    Args:
        model: The baseline.
        drivers: The assumptions.
        requests: Requests a month, of the shape (..., months).
    """
    if model.billing == "machine":
        price = monthly_usd(model, drivers) if model.always_on else full_use_usd(model, drivers)
        amount = machines(model, drivers, requests) if model.always_on else requests
        return {"machines": None if price is None else amount * column(price)}
    if model.billing == "calls":
        return {"calls": None if model.usd_per_call is None else requests * model.usd_per_call}
    tokens = token_usd(model, drivers) if model.billing == "tokens" else None
    if tokens is None:
        return {"tokens": None}
    found: dict[str, Array | None] = {name: requests * column(usd) for name, usd in tokens.items()}
    if model.hosting_usd_per_hour:
        found["hosting"] = np.full_like(requests, model.hosting_usd_per_hour * HOURS_PER_MONTH)
    return found


def month_usd(model: CostModel, drivers: Drivers, requests: float) -> float | None:
    """Serving one month of so many requests; the drivers must be single numbers."""
    parts = serving_usd(model, drivers, np.array([requests])).values()
    return None if any(p is None for p in parts) else math.fsum(p.item() for p in parts if p is not None)
