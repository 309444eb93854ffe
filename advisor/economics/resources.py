"""What a request takes, as measured: means over the items of a baseline, computed once for all what-ifs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

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
    """What all measured calls and the judge cost, on held-out and dev items, as far as it is known: spent, and no part
    of a decision."""
    judging_usd: float = 0.0
    """What judging the answers of one evaluation cost."""
    tuning: TuningRecord | None = None
    load: LoadTest | None = None


def resources_of(measured: Measured | None) -> Resources:
    """The means of what was measured; items whose usage is unknown are left out of them, not counted as zero."""
    if measured is None:
        return Resources()
    items = measured.items
    read, written = items.number("input"), items.number("output")
    used = ~np.isnan(read) & ~np.isnan(written)
    cached = known_mean(np.nan_to_num(items.number("cached_input"))[used])
    fresh = known_mean(read[used])
    paid = items.number("cost_usd")
    judging = (measured.judge.usd if measured.judge else None) or 0.0
    tried = [t.cost_usd for t in measured.trials if t.cost_usd is not None]
    return Resources(
        fresh_tokens=None if fresh is None or cached is None else fresh - cached,
        cached_tokens=cached,
        output_tokens=known_mean(written[used]),
        machine_s=known_mean(items.number("compute_s")),
        paid_usd=known_mean(paid),
        measuring_usd=float(np.nansum(paid)) + math.fsum(tried) + judging
        if judging or tried or not np.isnan(paid).all()
        else None,
        judging_usd=judging,
        tuning=measured.tuning,
        load=measured.load,
    )


def known_mean(values: NDArray[np.float64]) -> float | None:
    """The mean of the known values (those that are not nan); None where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
