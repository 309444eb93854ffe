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

from advisor.economics.capacity import in_words
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
    def unknown(self) -> bool:
        """Whether it is not known what its machine carries."""
        return self.machine > 0 and self.capacity is None

    @property
    def steps(self) -> float:
        """How far apart the volumes are at which another machine is needed."""
        return self.capacity if self.machine and self.capacity else np.inf


def break_even(
    baseline: str, model: CostModel, against: str, other: CostModel, *, drivers: Drivers, horizon_months: int
) -> BreakEven:
    """Where `baseline` becomes cheaper than `against`.

    `requests_per_month` assumes one machine each, and `within_capacity` says whether it carries that volume. Where it
    does not, or there is no such volume, or further machines turn it over again, `with_machines` is the one from which
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
    now = f"(now {float(drivers.requests_per_month):,.0f})"
    more = _with_machines(mine, theirs)
    if mine.with_one <= theirs.with_one and mine.slope <= theirs.slope:
        if mine.with_one == theirs.with_one and mine.slope == theirs.slope:
            each = "" if mine.steps == theirs.steps else " with one machine each"
            return found(f"{baseline} and {against} cost the same{each}.", None, None)
        text, within = f"{baseline} is cheaper at any volume", None if mine.unknown else True
        if not mine.machine or (more == 0 and not mine.unknown):
            return found(f"{text}.", 0.0, within)
        text += f" that one machine carries{_carried(mine)}"
        if not more:
            return found(f"{text}.", 0.0, within)
        return found(f"{text}; {_needing(mine, theirs, more)} {now}.", 0.0, within, more)
    if mine.slope > theirs.slope and mine.with_one < theirs.with_one:
        most = (theirs.with_one - mine.with_one) / (mine.slope - theirs.slope)
        up_to = f"up to about {in_words(most)} a month"
        if more == 0:
            text = f"{baseline} is cheaper than {against} at any volume, with as many machines as are needed"
            return found(f"{text}; with one machine each, {up_to} {now}.", 0.0, True, more)
        text = f"{baseline} is cheaper than {against} {up_to}, then dearer"
        if theirs.steps < most or more is not None:
            text = f"With one machine each {text}"
        if more is not None:
            return found(f"{text}; {_needing(mine, theirs, more)} {now}.", None, None, more)
        if theirs.steps < most and (lost := _with_machines(theirs, mine)) is not None:
            text += f"; with as many as are needed it stays dearer from about {in_words(lost)}"
        return found(f"{text} {now}.", None, None)
    if mine.slope >= theirs.slope:
        height = "higher" if mine.with_one > theirs.with_one else "no lower"
        why = f"its fixed costs are {height}, and a request costs no less"
        if more is None:
            return found(f"{baseline} never becomes cheaper than {against}: {why}.", None, None)
        text = f"With one machine each {baseline} never becomes cheaper than {against}: {why}"
        return found(f"{text}; {_needing(mine, theirs, more)} {now}.", None, None, more)
    volume = (mine.with_one - theirs.with_one) / (theirs.slope - mine.slope)
    text = f"{baseline} is cheaper than {against} from about {in_words(volume)} a month"
    if not mine.machine:
        return found(f"{text} {now}.", volume, True)
    if mine.capacity is None:
        return found(f"{text}, whether one machine carries it is unknown {now}.", volume, None)
    if volume <= mine.capacity:
        if more is None or more <= mine.capacity:
            return found(f"{text} {now}.", volume, True)
        carried = f"up to the {in_words(mine.capacity)} that one machine carries"
        return found(f"{text}, {carried}; {_needing(mine, theirs, more)} {now}.", volume, True, more)
    said = "with more of them it never stays cheaper" if more is None else _needing(mine, theirs, more)
    return found(f"{text}, more than one machine carries; {said} {now}.", volume, False, more)


def _carried(line: _Line) -> str:
    return f" ({in_words(line.capacity)})" if line.capacity else ", however many those are"


def _needing(mine: _Line, theirs: _Line, volume: float) -> str:
    """From which volume on it stays cheaper, and how many machines that takes."""
    own, other = (int(np.floor(volume / line.steps + 1e-9)) + 1 for line in (mine, theirs))
    count = f"{own:,}" if mine.machine else "none"
    against = f" against {other:,}" if np.isfinite(theirs.steps) else ""
    return f"with as many as are needed ({count}{against}) it stays cheaper from about {in_words(volume)}"


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
