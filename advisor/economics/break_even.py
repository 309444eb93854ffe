"""The monthly volume from which one baseline is cheaper than another over the horizon.

With fixed costs F (one-off, and machines over all months) and cost per request v, the totals over H months at a
steady volume x are F + v·x·H; they are equal at x = (F_a − F_b) / ((v_b − v_a)·H).
"""

from __future__ import annotations

from advisor.economics.costs import CostModel, total
from advisor.records import BreakEven


def break_even(
    baseline: str, model: CostModel, against: str, other: CostModel, *, horizon_months: int, now: float
) -> BreakEven:
    """Where `baseline` becomes cheaper than `against`.

    One machine each is assumed; `within_capacity` says whether it carries that volume.
    """
    mine, theirs = _line(model, horizon_months), _line(other, horizon_months)
    if mine is None or theirs is None:
        unknown = baseline if mine is None else against
        return BreakEven(
            baseline=baseline,
            against=against,
            requests_per_month=None,
            within_capacity=None,
            text=f"Unknown: the cost of {unknown} is not known.",
        )
    (fixed, slope), (other_fixed, other_slope) = mine, theirs
    if fixed <= other_fixed and slope <= other_slope:
        same = fixed == other_fixed and slope == other_slope
        return BreakEven(
            baseline=baseline,
            against=against,
            requests_per_month=None if same else 0.0,
            within_capacity=None if same else True,
            text=f"{baseline} and {against} cost the same."
            if same
            else f"{baseline} is cheaper at any volume.",
        )
    if slope >= other_slope:
        return BreakEven(
            baseline=baseline,
            against=against,
            requests_per_month=None,
            within_capacity=None,
            text=f"{baseline} never becomes cheaper than {against}: "
            "its fixed costs are higher, and a request costs no less.",
        )
    volume = (fixed - other_fixed) / (other_slope - slope) / horizon_months
    capacity = model.capacity_per_month if model.machine_per_month else None
    within = None if model.machine_per_month and capacity is None else capacity is None or volume <= capacity
    carried = {
        True: "",
        False: ", more than one machine carries",
        None: "; whether one machine carries it is unknown",
    }
    return BreakEven(
        baseline=baseline,
        against=against,
        requests_per_month=volume,
        within_capacity=within,
        text=f"{baseline} is cheaper than {against} from about {_in_words(volume)} requests a month{carried[within]} "
        f"(now {now:,.0f}).",
    )


def _in_words(volume: float) -> str:
    """A volume as it is said: 1,230 · 45.6 million."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if volume >= size:
            return f"{volume / size:,.3g} {word}"
    return f"{volume:,.0f}"


def _line(model: CostModel, horizon_months: int) -> tuple[float, float] | None:
    """(fixed costs over the horizon, cost per request), for one machine."""
    if model.per_request is None:
        return None
    retraining = (
        None if model.retraining_per_year is None else model.retraining_per_year * horizon_months / 12
    )
    machine = None if model.machine_per_month is None else model.machine_per_month * horizon_months
    fixed = total([model.one_off_usd, model.renewal_usd(horizon_months), retraining, machine])
    return None if fixed is None else (fixed, model.per_request)
