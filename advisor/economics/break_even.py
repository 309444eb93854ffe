"""The monthly volume from which one baseline is cheaper than another over the horizon.

At a steady volume of x requests a month, the present value of all costs is F + v·x·A + M·n(x)·A: what does not depend
on the volume, the price of a request, and the machines that the volume needs; A is what a dollar a month is worth over
the horizon (its months, undiscounted). With one machine each, two baselines cost the same at
x = (F_a + M_a·A − F_b − M_b·A) / ((v_b − v_a)·A).

With more machines the costs are steps: from which volume on a baseline stays cheaper is found step by step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from advisor.economics.costs import CostModel, total
from advisor.economics.drivers import Drivers
from advisor.economics.horizon import horizon_costs
from advisor.economics.serving import capacity_per_month, marginal_usd, monthly_usd
from advisor.records import BreakEven

_MOST_STEPS = 100_000
"""Machines are added up to so many times in search of a break-even; beyond, none is said."""


@dataclass(frozen=True)
class _Line:
    """A baseline's costs as a function of a steady volume; present values over the horizon."""

    fixed: float
    slope: float
    """Per request a month."""
    machine: float
    """One machine that is always on."""
    capacity: float | None
    """Requests a month one carries; None where it does not matter, or is unknown."""

    @property
    def with_one(self) -> float:
        return self.fixed + self.machine

    @property
    def steps(self) -> float:
        """How far apart the volumes are at which another machine is needed."""
        return self.capacity if self.machine and self.capacity else np.inf


def break_even(
    baseline: str, model: CostModel, against: str, other: CostModel, *, drivers: Drivers, horizon_months: int
) -> BreakEven:
    """Where `baseline` becomes cheaper than `against`.

    `requests_per_month` assumes one machine each, and `within_capacity` says whether it carries that volume. Where it
    does not, or there is no such volume, or a second machine turns it over again, `with_machines` is the one from which
    it stays cheaper with as many machines as both need: a model that answers faster needs fewer.
    """
    mine, theirs = _line(model, drivers, horizon_months), _line(other, drivers, horizon_months)

    def found(text: str, volume: float | None, within: bool | None, more: float | None = None) -> BreakEven:
        return BreakEven(
            baseline=baseline, against=against, requests_per_month=volume, within_capacity=within,
            with_machines=more, text=text,
        )  # fmt: skip

    if mine is None or theirs is None:
        return found(
            f"Unknown: the cost of {baseline if mine is None else against} is not known.", None, None
        )
    if mine.with_one <= theirs.with_one and mine.slope <= theirs.slope:
        if mine.with_one == theirs.with_one and mine.slope == theirs.slope:
            return found(f"{baseline} and {against} cost the same.", None, None)
        return found(f"{baseline} is cheaper at any volume{_if_carried(mine)}.", 0.0, True)
    now = f"(now {float(drivers.requests_per_month):,.0f})"
    if mine.slope > theirs.slope and mine.with_one < theirs.with_one:
        most = (theirs.with_one - mine.with_one) / (mine.slope - theirs.slope)
        text = f"{baseline} is cheaper than {against} up to about {_in_words(most)} requests a month, then dearer"
        return found(f"{text} {now}.", None, None, _with_machines(mine, theirs))
    if mine.slope >= theirs.slope:
        why = "its fixed costs are higher, and a request costs no less"
        more = _with_machines(mine, theirs)
        if more is None:
            return found(f"{baseline} never becomes cheaper than {against}: {why}.", None, None)
        text = f"With one machine each {baseline} never becomes cheaper than {against}: {why}"
        return found(f"{text}; {_needing(mine, theirs, more)} {now}.", None, None, more)
    volume = (mine.with_one - theirs.with_one) / (theirs.slope - mine.slope)
    text = f"{baseline} is cheaper than {against} from about {_in_words(volume)} requests a month"
    if not mine.machine:
        return found(f"{text} {now}.", volume, True)
    if mine.capacity is None:
        return found(f"{text}, whether one machine carries it is unknown {now}.", volume, None)
    more = _with_machines(mine, theirs)
    if volume <= mine.capacity:
        if more is None or more <= mine.capacity:
            return found(f"{text} {now}.", volume, True)
        carried = f"up to the {_in_words(mine.capacity)} that one machine carries"
        return found(f"{text}, {carried}; {_needing(mine, theirs, more)} {now}.", volume, True, more)
    said = "with more of them it never stays cheaper" if more is None else _needing(mine, theirs, more)
    return found(f"{text}, more than one machine carries; {said} {now}.", volume, False, more)


def _if_carried(line: _Line) -> str:
    return f" that one machine carries ({_in_words(line.capacity)})" if line.machine and line.capacity else ""


def _needing(mine: _Line, theirs: _Line, volume: float) -> str:
    """From which volume on it stays cheaper, and how many machines that takes."""
    count, other = (int(np.floor(volume / line.steps + 1e-9)) + 1 for line in (mine, theirs))
    against = f" against {other:,}" if np.isfinite(theirs.steps) else ""
    return f"with as many as are needed ({count:,}{against}) it stays cheaper from about {_in_words(volume)}"


def _with_machines(mine: _Line, theirs: _Line) -> float | None:
    """The volume from which `mine` stays cheaper, with as many machines on both sides as it takes.

    The difference of costs is a saw-tooth: linear between the volumes at which a machine is added, and a jump there.
    """

    def difference(x: np.ndarray, after: bool) -> np.ndarray:
        """Mine less theirs at the volumes x, just after or just before a step there."""
        sums = []
        for line in (mine, theirs):
            steps = x / line.steps
            count = np.floor(steps + 1e-9) + 1 if after else np.maximum(np.ceil(steps - 1e-9), 1)
            sums.append(line.fixed + line.slope * x + line.machine * count)
        return np.asarray(sums[0] - sums[1])

    slope = mine.slope - theirs.slope
    trend = slope + mine.machine / mine.steps - theirs.machine / theirs.steps
    if trend >= 0:
        return None
    # beyond this volume the difference is below zero whatever the steps
    last = max(mine.with_one - theirs.fixed, 0.0) / -trend
    if last / mine.steps + last / theirs.steps > _MOST_STEPS:
        return None
    starts = [np.arange(0, last + s, s) for s in (mine.steps, theirs.steps) if np.isfinite(s)]
    edges = np.unique(np.concatenate([[0.0], *starts, [last]]))
    after, before = difference(edges[:-1], after=True), difference(edges[1:], after=False)
    dearer = np.flatnonzero((after > 0) | (before > 0))
    if not len(dearer):
        return 0.0
    k = int(dearer[-1])
    crosses = slope < 0 and before[k] <= 0
    return float(edges[k] - after[k] / slope) if crosses else float(edges[k + 1])


def _line(model: CostModel, drivers: Drivers, horizon_months: int) -> _Line | None:
    """None where a cost is unknown."""
    costs = horizon_costs(model, replace(drivers, requests_per_month=0.0), horizon_months)
    slope, machine = marginal_usd(model, drivers), monthly_usd(model, drivers)
    others = [
        None if v is None else float((v * costs.discount).sum())
        for k, v in costs.parts.items()
        if k != "serving"
    ]
    fixed = total(others)
    if fixed is None or slope is None or machine is None:
        return None
    annuity = float(costs.discount[..., 1:].sum())
    capacity = capacity_per_month(model, drivers) if model.billing == "machine" else None
    return _Line(
        fixed, float(slope) * annuity, float(machine) * annuity, None if capacity is None else float(capacity)
    )


def _in_words(volume: float | None) -> str:
    """A volume as it is said: 1,230 · 45.6 million."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if volume is not None and volume >= size:
            return f"{volume / size:,.3g} {word}"
    return f"{volume:,.0f}"
