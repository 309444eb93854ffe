"""A baseline's costs as a decision shows them."""

from __future__ import annotations

from advisor.economics.costs import CostModel, total
from advisor.economics.drivers import Drivers, Value
from advisor.economics.horizon import HorizonCosts, horizon_costs, retraining_usd_per_year
from advisor.economics.serving import capacity_per_month, full_use_usd
from advisor.records import Cost, MonthCost


def summarise(
    model: CostModel,
    drivers: Drivers,
    horizon_months: int,
    quality: float | None = None,
    *,
    months: bool = True,
) -> Cost:
    """The cost of a baseline; the month is the first one.

    Args:
        model: The baseline.
        drivers: The assumptions, single numbers.
        horizon_months: Months.
        quality: Its mean quality, for what 1,000 right answers cost.
        months: Whether to list month by month too.
    """
    costs = horizon_costs(model, drivers, horizon_months)
    first = float(drivers.requests_per_month)
    per_month = _per_month(costs, retraining_usd_per_year(model, drivers))
    per_request = full_use_usd(model, drivers)
    capacity = capacity_per_month(model, drivers)
    over_horizon = _number(costs.over_horizon)
    right = float(costs.requests.sum()) * (quality or 0.0)
    return Cost(
        per_1k_requests=None if per_request is None else float(per_request) * 1000,
        one_off=_number(costs.one_off),
        per_month=per_month,
        over_horizon=over_horizon,
        npv=_number(costs.npv),
        per_1k_correct=None if over_horizon is None or not right else over_horizon / right * 1000,
        per_1k_at_traffic=per_month / first * 1000 if per_month is not None and first else None,
        capacity_per_month=_number(capacity) if model.by_the_month or model.kind == "classifier" else None,
        parts={k: _number(v) for k, v in costs.by_part.items()},
        serving={k: None if v is None else float(v.sum()) for k, v in costs.serving.items()},
        months=_months(costs) if months else (),
        measuring=model.measuring_usd,
        notes=model.notes,
    )


def _per_month(costs: HorizonCosts, retraining_usd_per_year: Value | None) -> float | None:
    """The first month's serving and retrieval, and a twelfth of a year's retraining."""
    flows = [costs.parts[k] for k in ("serving", "retrieval") if k in costs.parts]
    again = _number(retraining_usd_per_year)
    return total(
        [*(None if v is None else float(v[1]) for v in flows), None if again is None else again / 12]
    )


def _months(costs: HorizonCosts) -> tuple[MonthCost, ...]:
    whole = costs.total
    return tuple(
        MonthCost(
            month=m,
            requests=float(costs.requests[m]),
            parts={k: None if v is None else float(v[m]) for k, v in costs.parts.items()},
            total=None if whole is None else float(whole[m]),
            cumulative=None if whole is None else float(whole[: m + 1].sum()),
        )
        for m in range(len(costs.requests))
    )


def _number(value: Value | None) -> float | None:
    return None if value is None else float(value)
