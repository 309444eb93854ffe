"""What a baseline costs, month by month."""

from __future__ import annotations

import datetime

from advisor.records.base import EvidenceKind, Record


class PriceUsed(Record):
    """A price that a baseline's costs rest on; USD per million tokens unless the name says otherwise."""

    baseline: str
    model: str
    input: float | None = None
    cached_input: float | None = None
    output: float | None = None
    training: float | None = None
    usd_per_hour: float | None = None
    """Of a deployment, or of a machine."""
    source: str
    date: datetime.date | None
    """The day the figures are of; null where nobody says, as with the user's own."""
    kind: EvidenceKind
    """`declared` by the case, or `estimated` from price lists."""
    stale: bool = False
    notes: tuple[str, ...] = ()


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


class Payback(Record):
    """From when on a tuned baseline is ahead of an alternative, and stays so to the end of the horizon."""

    baseline: str
    against: str
    month: int | None
    """At whose end it is ahead; 0 from the start, null where it is not within the horizon."""
    worth_included: bool
    """Whether the worth of answers is counted beside the costs."""


class CostsOverTime(Record):
    """What is said of costs over time beside each baseline's own."""

    discount_rate: float
    """A year's."""
    paybacks: tuple[Payback, ...] = ()
    measuring_usd: float | None = None
    """What measuring cost, as far as it is known: spent, whatever is decided, and in no other figure."""
    measuring_is: EvidenceKind | None = None
