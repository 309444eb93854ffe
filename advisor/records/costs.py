"""What a baseline costs, month by month."""

from __future__ import annotations

from advisor.records.base import Record


class MonthCost(Record):
    """One month of a baseline's costs; USD, undiscounted, null where unknown."""

    month: int
    """0 is what is paid before the first month."""
    requests: float
    parts: dict[str, float | None]
    """By what it is for."""
    total: float | None
    cumulative: float | None
    """All that was paid up to its end."""
