"""What a request takes, as measured: means over the items of a baseline, computed once for all what-ifs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from advisor.records import LoadTest, Measured, Record, TuningRecord


class Resources(Record):
    """Means per request; None is unknown."""

    fresh_tokens: float | None = None
    """Input that the provider did not have yet."""
    cached_tokens: float | None = None
    """Input whose computation it reused."""
    output_tokens: float | None = None
    machine_s: float | None = None
    """Machine time of a request, as measured in this process."""
    paid_usd: float | None = None
    """What a request cost, where its result came with its cost."""
    measuring_usd: float | None = None
    """What all measured calls cost, on held-out and dev items, as far as it is known: spent, and no part of
    a decision."""
    tuning: TuningRecord | None = None
    load: LoadTest | None = None


def resources_of(measured: Measured | None) -> Resources:
    """The means of what was measured; items whose usage is unknown are left out of them, not counted as zero."""
    if measured is None:
        return Resources()
    used = [i.usage for i in measured.items if i.usage.input is not None and i.usage.output is not None]
    cached = _mean(u.cached_input or 0 for u in used)
    read = _mean(u.input or 0 for u in used)
    paid = [i.cost_usd for i in measured.items if i.cost_usd is not None]
    tried = [t.cost_usd for t in measured.trials if t.cost_usd is not None]
    return Resources(
        fresh_tokens=None if read is None or cached is None else read - cached,
        cached_tokens=cached,
        output_tokens=_mean(u.output or 0 for u in used),
        machine_s=_mean(i.compute_s for i in measured.items if i.compute_s is not None),
        paid_usd=_mean(paid),
        measuring_usd=math.fsum([*paid, *tried]) if paid or tried else None,
        tuning=measured.tuning,
        load=measured.load,
    )


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return math.fsum(known) / len(known) if known else None
