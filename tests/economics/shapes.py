"""Shapes of costs made up for tests."""

from __future__ import annotations

from advisor.economics.capacity import HOURS_PER_MONTH
from advisor.economics.costs import CostModel


def line(
    fixed: float, per_request: float, *, machine: float = 0.0, seconds: float | None = None
) -> CostModel:
    """Fixed costs, and either a price a request or a machine that is always on, by the month."""
    if machine:
        return CostModel(
            name="a", kind="fine_tuned", billing="machine", machine_usd_per_hour=machine / HOURS_PER_MONTH,
            always_on=True, machine_s=seconds, training_usd=fixed,
        )  # fmt: skip
    return CostModel(
        name="a", kind="fine_tuned", billing="calls", usd_per_call=per_request, training_usd=fixed
    )
