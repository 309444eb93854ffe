"""What a baseline costs month by month over the horizon.

Column 0 is what is paid before the first month; column m is month m, whose bills are paid at its end. So month m is
discounted by (1 + r)^(−m / 12) at the yearly rate r, and column 0 not at all.

All of it works on draws: an assumption of the shape (draws,) gives parts of the shape (draws, 1 + months).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from advisor.economics.costs import CostModel
from advisor.economics.drivers import Array, Drivers, Value, machine_key
from advisor.economics.serving import column, scalar, serving_usd

ONCE = ("data", "evaluation", "refinement", "training", "indexing")
"""Parts that are paid before the first month."""


@dataclass(frozen=True)
class HorizonCosts:
    """Costs by part and month; USD, undiscounted. A part is None where it is unknown."""

    requests: Array
    """Requests, (..., 1 + months); none in column 0."""
    parts: dict[str, Array | None]
    """(..., 1 + months) each: data, evaluation, refinement, training and indexing once; serving, retraining, moving
    and retrieval in their months."""
    serving: dict[str, Array | None]
    """Serving by what is paid for: fresh input, reused input, output, hosting; or machines."""
    discount: Array
    """What a dollar of each column weighs today, (..., 1 + months)."""

    @cached_property
    def total(self) -> Array | None:
        """All parts, (..., 1 + months)."""
        return _sum(self.parts.values(), self.requests)

    @property
    def over_horizon(self) -> Value | None:
        """All parts and months, undiscounted."""
        total = self.total
        return None if total is None else scalar(total.sum(axis=-1))

    @property
    def npv(self) -> Value | None:
        """The present value of all costs."""
        total = self.total
        return None if total is None else scalar((total * self.discount).sum(axis=-1))

    @property
    def known_npv(self) -> Value:
        """The present value of the parts that are known: all costs are at least as high."""
        known = _sum((p for p in self.parts.values() if p is not None), self.requests)
        assert known is not None
        return scalar((known * self.discount).sum(axis=-1))

    @property
    def one_off(self) -> Value | None:
        """What is paid before the first month."""
        total = _sum((self.parts[p] for p in ONCE if p in self.parts), self.requests)
        return None if total is None else scalar(total[..., 0])

    @property
    def by_part(self) -> dict[str, Value | None]:
        """Each part over all months, undiscounted."""
        return {k: None if v is None else scalar(v.sum(axis=-1)) for k, v in self.parts.items()}


def horizon_costs(model: CostModel, drivers: Drivers, horizon_months: int) -> HorizonCosts:
    """The costs of one baseline over the horizon.

    Args:
        model: The baseline.
        drivers: The assumptions, single numbers or draws.
        horizon_months: Months.
    """
    months = np.arange(1 + horizon_months, dtype=float)
    now, later = (months == 0).astype(float), (months > 0).astype(float)
    requests = requests_by_month(drivers, horizon_months)
    served = serving_usd(model, drivers, requests)
    serving = {k: None if v is None else v * later for k, v in served.items()}

    training, again = training_usd(model, drivers), _again(model, drivers)
    once: dict[str, Value | None] = {f.removesuffix("_hours"): drivers.labour_usd(f) for f in model.hours}
    flows: dict[str, tuple[Value | None, Array]] = {}
    ends = model.life_months is not None and model.life_months < horizon_months
    moving = _moving(model, drivers, training, months) if ends else None
    if model.tuned:
        once["training"] = training
        due = _retrainings(drivers, months)
        if moving is not None:
            # a successor that is tuned in the month of a retraining is not trained twice
            due = np.maximum(due - moving[1], 0.0)
        flows["retraining"] = (again, due)
    if model.retrieves:
        once["indexing"] = drivers.retrieval_indexing_usd
        flows["retrieval"] = (drivers.retrieval_usd_per_month, later)
    if moving is not None:
        flows["moving"] = moving

    parts: dict[str, Array | None] = {
        name: None if usd is None else column(usd) * now for name, usd in once.items()
    }
    parts["serving"] = _sum(serving.values(), requests)
    for name, (usd, when) in flows.items():
        # what never happens costs nothing, whether or not its price is known
        parts[name] = np.zeros_like(months) if not when.any() else None if usd is None else column(usd) * when
    return HorizonCosts(requests, parts, serving, discount_factors(drivers, horizon_months))


def requests_by_month(drivers: Drivers, horizon_months: int) -> Array:
    """Requests of each month, with growth; (..., 1 + months), none in column 0."""
    months = np.arange(1 + horizon_months, dtype=float)
    grown = (1 + column(drivers.monthly_growth)) ** np.maximum(months - 1, 0)
    found: Array = column(drivers.requests_per_month) * grown * (months > 0)
    return found


def discounted_requests(drivers: Drivers, horizon_months: int) -> Value:
    """All requests, each weighed as the money of its month."""
    weighed = requests_by_month(drivers, horizon_months) * discount_factors(drivers, horizon_months)
    return scalar(weighed.sum(axis=-1))


def discount_factors(drivers: Drivers, horizon_months: int) -> Array:
    """(1 + r)^(−m / 12) for month m, 1 for what is paid before; (..., 1 + months)."""
    found: Array = (1 + column(drivers.discount_rate)) ** (-np.arange(1 + horizon_months) / 12)
    return found


def training_usd(model: CostModel, drivers: Drivers) -> Value | None:
    """One training: as billed, or its hours at the price of the machine that serves."""
    if model.training_hours is None:
        return model.training_usd
    price = drivers.prices.get(machine_key(model.model or ""), model.machine_usd_per_hour)
    return None if price is None else model.training_hours * price


def _again(model: CostModel, drivers: Drivers) -> Value | None:
    """One retraining: training, and its evaluation, with the judge's calls where a model judges."""
    training, evaluation = training_usd(model, drivers), drivers.labour_usd("evaluation_hours")
    return None if training is None or evaluation is None else training + evaluation + model.judging_usd


def retraining_usd_per_year(model: CostModel, drivers: Drivers) -> Value | None:
    """A year's retraining; 0 where there is none, whatever one costs."""
    if not model.tuned or not np.any(drivers.retrains_per_year):
        return 0.0
    again = _again(model, drivers)
    return None if again is None else drivers.retrains_per_year * again


def _retrainings(drivers: Drivers, months: Array) -> Array:
    """How many retrainings fall into each month: at r a year, the k-th one at the end of month 12 k / r."""
    done: Array = np.floor(column(drivers.retrains_per_year) * months / 12 + 1e-9)
    found: Array = np.diff(done, axis=-1, prepend=0.0)
    return found


def _moving(
    model: CostModel, drivers: Drivers, training: Value | None, months: Array
) -> tuple[Value | None, Array]:
    """(What moving to a successor costs, in which month): the month in which the service ends.

    A tuned model is tuned anew on another base: training, and the moving hours, or else those of evaluation and
    refinement. A prompt takes the moving hours, where they are given. The successor is assumed to cost what the model
    did, and to last. A service that has ended already has no cost that is known.
    """
    life = model.life_months or 0.0
    when = (months == max(1, math.ceil(life))).astype(float)
    if life <= 0:
        return None, when
    if not model.tuned:
        return 0.0 if drivers.moving_hours is None else drivers.labour_usd("moving_hours"), when
    fields = ("evaluation_hours", "refinement_hours") if drivers.moving_hours is None else ("moving_hours",)
    usd = training
    for name in fields:
        labour = drivers.labour_usd(name)
        usd = None if usd is None or labour is None else usd + labour
    return usd, when


def _sum(parts: Iterable[Array | None], like: Array) -> Array | None:
    """The sum of the parts; None where one of them is unknown."""
    found: Array = np.zeros_like(like)
    for part in parts:
        if part is None:
            return None
        found = found + part
    return found
