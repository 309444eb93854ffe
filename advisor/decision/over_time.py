"""Costs over time, for the decision: when tuning has paid off, and what measuring cost."""

from __future__ import annotations

import math
from collections.abc import Mapping

from advisor.cases.schema import Case
from advisor.decision.options import Option
from advisor.economics.costs import CostModel
from advisor.economics.drivers import drivers_of
from advisor.economics.horizon import horizon_costs
from advisor.economics.worth import payback_months
from advisor.records import CostsOverTime, Payback


def costs_over_time(
    case: Case, found: tuple[Option, ...], costs: Mapping[str, CostModel]
) -> CostsOverTime | None:
    """Paybacks of each tuned baseline against each alternative, and the cost of measuring; None before any result."""
    if not found:
        return None
    spent = [usd for o in found if (usd := costs[o.name].measuring_usd) is not None]
    declared = case.costs.evaluation_usd
    return CostsOverTime(
        discount_rate=case.costs.discount_rate,
        paybacks=tuple(
            payback
            for tuned in found
            if tuned.standing.tuned
            for other in found
            if not other.standing.tuned and (payback := _payback(case, tuned, other, costs)) is not None
        ),
        measuring_usd=math.fsum(spent) if declared is None and spent else declared,
        measuring_is="declared" if declared is not None else "estimated" if spent else None,
    )


def _payback(case: Case, tuned: Option, other: Option, costs: Mapping[str, CostModel]) -> Payback | None:
    """When one has paid off against the other; None where a cost is unknown."""
    drivers, horizon = drivers_of(case), case.traffic.horizon_months
    mine, theirs = (horizon_costs(costs[o.name], drivers, horizon) for o in (tuned, other))
    worth = bool(drivers.correct_usd or drivers.wrong_usd)
    better = float(drivers.worth_usd(tuned.quality) - drivers.worth_usd(other.quality)) if worth else 0.0
    found = payback_months(mine, theirs, better)
    if found is None or not math.isfinite(better):
        return None
    month = None if math.isnan(float(found)) else int(found)
    return Payback(baseline=tuned.name, against=other.name, month=month, worth_included=worth)
