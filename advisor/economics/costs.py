"""What a baseline costs: its parts, and their sum over the horizon.

- A model priced by the token costs what its measured tokens cost.
- A model on a machine paid by the hour costs hours: all of them where it is always on, else those that its
  measured throughput needs.
- A model tuned at a provider that hosts it by the hour costs both: tokens, and the hours of its deployment.
- Fine-tuning costs, once, the hours of data preparation, evaluation and refinement, and the training itself;
  and training and evaluation again with every retraining. A classifier costs the data hours, since it learns from
  the same labels. Prompting and retrieval are charged no hours.
- A tuned model whose service ends within the horizon has to be tuned anew: what is paid once is spread over its
  remaining life, not over the horizon.

What is not known makes the sums that need it unknown, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from advisor.cases.schema import BaselineSpec, Case, Effort, Serving, TokenPrices, likely
from advisor.catalogue.prices import Price
from advisor.economics.capacity import HOURS_PER_MONTH, served_throughput
from advisor.records import Cost, Measured, Record


class CostModel(Record):
    """A baseline's cost as a function of volume; USD. None is unknown."""

    one_off: dict[str, float | None]
    """By what it is for: data, evaluation, refinement, training."""
    retraining_per_year: float | None
    per_request: float | None
    """What one more request costs; 0 on a machine that is on anyway."""
    machine_per_month: float | None
    """One machine that is always on; 0 where there is none."""
    machine_seconds_per_request: float | None
    per_1k_requests: float | None
    life_months: float | None = None
    """Months until the tuned model's service ends; None where no end is known."""
    notes: tuple[str, ...] = ()

    @property
    def capacity_per_month(self) -> float | None:
        """Requests that one machine carries in a month, at the measured or declared throughput."""
        if not self.machine_seconds_per_request:
            return None
        return HOURS_PER_MONTH * 3600 / self.machine_seconds_per_request

    @property
    def one_off_usd(self) -> float | None:
        """All that is paid once."""
        return total(self.one_off.values())

    def renewal_usd(self, horizon_months: float) -> float | None:
        """What is paid once, paid again because the service ends within the horizon.

        The one-off costs are spread over the shorter of horizon and life: the horizon takes horizon / life of them.
        """
        if self.life_months is None or self.life_months >= horizon_months or not self.one_off:
            return 0.0
        if self.life_months <= 0 or self.one_off_usd is None:
            return None
        return self.one_off_usd * (horizon_months / self.life_months - 1)

    def machines(self, requests: float) -> int:
        """Machines that are always on for a month's requests; one where the throughput is not known."""
        if not self.machine_per_month:
            return 0
        return max(1, math.ceil(requests / self.capacity_per_month)) if self.capacity_per_month else 1

    def serving_usd(self, requests: float) -> float | None:
        """Serving a month's requests."""
        if self.per_request is None or self.machine_per_month is None:
            return None
        return self.per_request * requests + self.machine_per_month * self.machines(requests)

    def month_usd(self, requests: float) -> float | None:
        """A month: serving, and a twelfth of the year's retraining."""
        retraining = None if self.retraining_per_year is None else self.retraining_per_year / 12
        return total([self.serving_usd(requests), retraining])


def total(parts: Iterable[float | None]) -> float | None:
    """The sum of the parts; unknown where one of them is."""
    known = list(parts)
    return None if None in known else math.fsum(v for v in known if v is not None)


def monthly_volumes(case: Case) -> list[float]:
    """Requests in each month of the horizon."""
    first, growth = likely(case.traffic.requests_per_month), likely(case.traffic.monthly_growth)
    return [first * (1 + growth) ** month for month in range(case.traffic.horizon_months)]


def cost_model(
    case: Case,
    spec: BaselineSpec,
    measured: Measured | None,
    price: Price | None = None,
    life_months: float | None = None,
) -> CostModel:
    """The cost of one baseline, from the case's prices and what was measured.

    Args:
        case: The case.
        spec: The baseline.
        measured: What was measured of it, if anything.
        price: What its model costs by the token; absent, the case's own prices.
        life_months: Months until the service of its model ends; None where no end is known.
    """
    notes: list[str] = []
    seconds = _machine_seconds(measured)
    if spec.kind == "classifier":
        per_request, machine, per_1k = _classifier_serving(case, spec, seconds, notes)
    else:
        model = case.models[str(spec.model)]
        if model.serving is not None:
            per_s, source = served_throughput(
                measured.load if measured else None,
                model.serving.requests_per_s,
                case.constraints.latency_p95_s,
            )
            seconds = seconds if per_s is None else 1 / per_s
            notes += [source] if source else []
            per_request, machine, per_1k = _hourly_serving(model.serving, seconds, notes)
        elif price is not None or model.prices is not None:
            per_request = _token_cost(price or model.prices, measured, notes)
            machine, per_1k = 0.0, None if per_request is None else per_request * 1000
            if price is not None and price.hosting_usd_per_hour:
                machine = price.hosting_usd_per_hour * HOURS_PER_MONTH
                notes.append(f"its deployment costs {price.hosting_usd_per_hour:g} USD an hour, used or not")
            if price is not None and price.kind != "declared":
                notes.append(_price_note(price))
        else:
            per_request = _mean_paid(measured)
            machine, per_1k = 0.0, None if per_request is None else per_request * 1000
            if per_request is None:
                notes.append(f"model {spec.model!r} has neither `serving` nor `prices`: its cost is unknown")
    one_off, retraining = _tuning_costs(case, spec, measured, notes)
    return CostModel(
        one_off=one_off,
        retraining_per_year=retraining,
        per_request=per_request,
        machine_per_month=machine,
        machine_seconds_per_request=seconds if machine or spec.kind == "classifier" else None,
        per_1k_requests=per_1k,
        life_months=life_months if spec.kind == "fine_tuned" else None,
        notes=tuple(notes),
    )


def _price_note(price: Price) -> str:
    """Where the prices are from, and whether to trust them."""
    parts = [f"prices: {price.source}{f', {price.date}' if price.date else ''}"]
    parts += ["older than they should be"] if price.stale else []
    return "; ".join([*parts, *price.disagreements])


def summarise(model: CostModel, volumes: Sequence[float]) -> Cost:
    """The cost of a baseline as the decision shows it; the month is the first one."""
    first = volumes[0]
    per_month = model.month_usd(first)
    serving = total([model.serving_usd(v) for v in volumes])
    retraining = None if model.retraining_per_year is None else model.retraining_per_year * len(volumes) / 12
    renewal = model.renewal_usd(len(volumes))
    parts = {**model.one_off, "serving": serving, "retraining": retraining}
    if renewal != 0.0:
        parts["renewal"] = renewal
    return Cost(
        per_1k_requests=model.per_1k_requests,
        one_off=model.one_off_usd,
        per_month=per_month,
        over_horizon=total(parts.values()),
        per_1k_at_traffic=per_month / first * 1000 if per_month is not None and first else None,
        capacity_per_month=model.capacity_per_month,
        parts=parts,
        notes=model.notes,
    )


def _machine_seconds(measured: Measured | None) -> float | None:
    """Mean machine time of a request, as measured in this process."""
    times = [i.compute_s for i in measured.items if i.compute_s is not None] if measured else []
    return sum(times) / len(times) if times else None


def _hourly_serving(
    serving: Serving, seconds: float | None, notes: list[str]
) -> tuple[float | None, float | None, float | None]:
    """(per request, machine per month, machine time of 1,000 requests)."""
    per_1k = None if seconds is None else serving.usd_per_hour * seconds / 3600 * 1000
    if seconds is None:
        notes.append("throughput is unknown: one machine is assumed")
    if serving.always_on:
        return 0.0, serving.usd_per_hour * HOURS_PER_MONTH, per_1k
    return None if per_1k is None else per_1k / 1000, 0.0, per_1k


def _classifier_serving(
    case: Case, spec: BaselineSpec, seconds: float | None, notes: list[str]
) -> tuple[float | None, float | None, float | None]:
    if spec.serving is not None:
        return _hourly_serving(spec.serving, seconds, notes)
    prices = [m.serving.usd_per_hour for m in case.models.values() if m.serving is not None]
    if not prices or seconds is None:
        notes.append("give the classifier `serving: {usd_per_hour: …}` to price the machine it runs on")
        return None, 0.0, None
    notes.append(
        f"runs inside the caller's program; its machine time is priced at {min(prices):g} USD an hour"
    )
    per_request = min(prices) * seconds / 3600
    return per_request, 0.0, per_request * 1000


def _token_cost(
    prices: Price | TokenPrices | None, measured: Measured | None, notes: list[str]
) -> float | None:
    """Mean cost of a request by its tokens; cached tokens are cheaper where the price list says so."""
    used = (
        [i.usage for i in measured.items if i.usage.input is not None and i.usage.output is not None]
        if measured
        else []
    )
    if not used:
        notes.append("tokens are unknown")
        return None
    if prices is None or prices.input is None or prices.output is None:
        notes.append("the price of tokens is unknown")
        return None
    cached_price = prices.cached_input if prices.cached_input is not None else prices.input
    usd = 0.0
    for usage in used:
        cached = usage.cached_input or 0
        usd += (
            ((usage.input or 0) - cached) * prices.input
            + cached * cached_price
            + (usage.output or 0) * prices.output
        )
    return usd / 1e6 / len(used)


def _mean_paid(measured: Measured | None) -> float | None:
    """Mean of the costs that came with the results, for imported ones."""
    paid = [i.cost_usd for i in measured.items if i.cost_usd is not None] if measured else []
    return sum(paid) / len(paid) if paid else None


def _tuning_costs(
    case: Case, spec: BaselineSpec, measured: Measured | None, notes: list[str]
) -> tuple[dict[str, float | None], float | None]:
    """(one-off costs by part, retraining per year)."""
    effort = case.effort
    if spec.kind == "classifier":
        return {"data": _labour(effort, "data_hours", notes)}, 0.0
    if spec.kind != "fine_tuned" or spec.tuning is None:
        return {}, 0.0
    training = 0.0 if spec.tuning.system == "existing" else _training_usd(case, spec, measured, notes)
    evaluation = _labour(effort, "evaluation_hours", notes)
    one_off = {
        "data": _labour(effort, "data_hours", notes),
        "evaluation": evaluation,
        "refinement": _labour(effort, "refinement_hours", notes),
        "training": training,
    }
    times = likely(effort.retrains_per_year)
    once = total([training, evaluation])
    return one_off, 0.0 if times == 0 else None if once is None else times * once


def _training_usd(
    case: Case, spec: BaselineSpec, measured: Measured | None, notes: list[str]
) -> float | None:
    record = measured.tuning if measured else None
    if record is not None and record.cost_usd is not None:
        notes.append(f"training: {record.tokens:,} tokens, {record.settings.get('tokens_are', 'billed')}")
        return record.cost_usd
    serving = case.models[str(spec.model)].serving
    if record is None or serving is None:
        notes.append("what training costs is unknown")
        return None
    notes.append(
        f"training took {record.duration_s:,.0f} s, priced as serving is, at {serving.usd_per_hour:g} USD an hour"
    )
    return record.duration_s / 3600 * serving.usd_per_hour


def _labour(effort: Effort, field: str, notes: list[str]) -> float | None:
    hours, rate = getattr(effort, field), effort.hourly_rate_usd
    if hours is not None and likely(hours) == 0:
        return 0.0
    if hours is None or rate is None:
        notes.append(f"effort.{field if hours is None else 'hourly_rate_usd'} is not given")
        return None
    return likely(hours) * likely(rate)
