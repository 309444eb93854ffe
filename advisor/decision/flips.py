"""What would turn the verdict: for each input, the nearest value at which another verdict comes out.

Each input is moved away from its value, downwards and upwards, in growing steps; where the verdict changes, the
border is narrowed round by round. The money at stake is computed for a row of values together, which costs little more
than for one; judged is each value when it is asked for, and in a narrowed row that is every half of what is left.
Everything else stays. An input that is given as a range is certain at each value that is tried; where that alone
turns the verdict, its likely value is the border.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.cases.numbers import likely
from advisor.cases.schema import Case
from advisor.decision.stakes import Accounts, Outlook, outlook, outlooks
from advisor.decision.verdict import Judgement
from advisor.economics.drivers import drivers_of, is_driver, ranges_of, value_of
from advisor.records import Flip

_FACTORS = (1.25, 2, 4, 10, 30, 100, 1000)
_ROUNDS, _PER_ROUND = 3, 27
"""Each round narrows the border by 28: after three it is known to less than 1 part in 20,000 of its step."""
Outcome = tuple[str, str | None]
Judge = Callable[[Case, Outlook], Judgement]
Outcomes = Callable[[Sequence[float]], Callable[[int], Outcome]]
"""The verdict at each of some values, by position, when it is asked for."""


@dataclass(frozen=True)
class _Border:
    """Where another verdict begins."""

    at: float
    """The first value at which it holds."""
    outcome: Outcome
    before: float
    """The last value at which it does not."""
    until: float | None = None
    """The last value at which it holds, where yet another one follows."""


def find_flips(accounts: Accounts, judge: Judge, now: Judgement) -> tuple[Flip, ...]:
    """The nearest flip of each input that has one, the relatively nearest first.

    Args:
        accounts: What costs are computed from.
        judge: The rule, applied to a case and given stakes.
        now: The verdict as it is.
    """
    found: list[tuple[float, Flip]] = []
    declared, uncertain = outlook(accounts).likely.declared, ranges_of(accounts.case)
    for name, value, low, high in _inputs(accounts.case, declared=declared):

        def outcomes(values: Sequence[float], name: str = name) -> Callable[[int], Outcome]:
            judged = _judged(accounts, judge, name, values)
            return lambda k: ((j := judged(k)).decision, j.recommended)

        if name in uncertain and (certain := outcomes([value])(0))[0] != now.decision:
            # a range as wide as that hides what its likely value would say
            nearest = [_Border(value, certain, before=value)]
        else:
            ways = _steps(value, low, high)
            nearest = [b for steps in ways if (b := _flip(outcomes, now.decision, value, steps))]
        if nearest:
            border = min(nearest, key=lambda b: abs(b.at - value))
            decision, recommended = border.outcome
            flip = Flip(
                parameter=name,
                now=value,
                at=border.at,
                until=border.until,
                decision=decision,
                recommended=recommended,
            )
            found.append((abs(border.at - value) / (abs(value) or 1.0), flip))
    return tuple(flip for _, flip in sorted(found, key=lambda f: (f[0], f[1].parameter)))


def _judged(
    accounts: Accounts, judge: Judge, name: str, values: Sequence[float]
) -> Callable[[int], Judgement]:
    """The verdict at value k of one input."""
    if is_driver(name):
        points = outlooks(accounts, {name: values})
        return lambda k: judge(accounts.case, points[k])
    same, quality = outlook(accounts), accounts.case.quality
    field = name.removeprefix("quality.")

    def judged(k: int) -> Judgement:
        changed = quality.model_copy(update={field: values[k]})
        return judge(accounts.case.model_copy(update={"quality": changed}), same)

    return judged


def _flip(outcomes: Outcomes, now: str, value: float, steps: Sequence[float]) -> _Border | None:
    """The border next to `value` in the direction of the steps; the value given lies just beyond it."""
    found = _next_border(outcomes, now, value, steps)
    if found is None:
        return None
    further = [step for step in steps if abs(step - value) > abs(found.at - value)]
    another = _next_border(outcomes, found.outcome[0], found.at, further)
    return found if another is None else replace(found, until=another.before)


def _next_border(outcomes: Outcomes, now: str, value: float, steps: Sequence[float]) -> _Border | None:
    """The first border on the way from `value`, where the verdict is `now`, through the steps."""
    if not steps:
        return None
    outcome_at = outcomes(steps)
    first = next(((k, o) for k in range(len(steps)) if (o := outcome_at(k))[0] != now), None)
    if first is None:
        return None
    inside = steps[first[0] - 1] if first[0] else value
    at, outcome = steps[first[0]], first[1]
    for _ in range(_ROUNDS):
        row = [float(x) for x in np.linspace(inside, at, _PER_ROUND + 2)]
        outcome_at = outcomes(row)
        low, high = 0, len(row) - 1
        while high - low > 1:
            middle = (low + high) // 2
            found = outcome_at(middle)
            if found[0] == now:
                low = middle
            else:
                high, outcome = middle, found
        inside, at = row[low], row[high]
    return _Border(at, outcome, before=inside)


def _inputs(case: Case, *, declared: bool) -> Iterator[tuple[str, float, float, float]]:
    """(dotted name, value now, lowest value, highest value) of the inputs that a what-if moves.

    Where no worth is declared there is none to move: the first cent would bring another rule, not another value. Nor is
    the only one that is declared moved to nothing.
    """
    right, wrong = likely(case.value.correct_usd), likely(case.value.wrong_usd)
    least = np.finfo(float).tiny
    inf = float("inf")
    yield "traffic.requests_per_month", likely(case.traffic.requests_per_month), 0.0, inf
    if declared:
        yield "value.correct_usd", right, 0.0 if wrong else least, inf
        yield "value.wrong_usd", wrong, -inf, 0.0 if right else -least
    if case.quality.bar is not None:
        yield "quality.bar", case.quality.bar, 0.0, 1.0
    yield "quality.min_gain", case.quality.min_gain, 0.0, 1.0
    hours = ("data_hours", "evaluation_hours", "refinement_hours", "moving_hours")
    for field in (*hours, "hourly_rate_usd", "retrains_per_year"):
        value = getattr(case.effort, field)
        if value is not None:
            yield f"effort.{field}", likely(value), 0.0, inf
    drivers = drivers_of(case)
    for key in sorted(drivers.prices):
        price = value_of(drivers, key)
        if price is not None:
            yield key, float(price), 0.0, inf


def _steps(value: float, low: float, high: float) -> tuple[list[float], list[float]]:
    """Values to try, away from `value`: downwards and upwards, within the limits."""
    if math.isfinite(low) and math.isfinite(high):
        down = [value - (value - low) * k / 8 for k in range(1, 9)]
        up = [value + (high - value) * k / 8 for k in range(1, 9)]
    elif value == 0:
        sizes = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
        down, up = [-s for s in sizes], sizes
    else:
        outwards, inwards = [value * f for f in _FACTORS], [*(value / f for f in _FACTORS), 0.0]
        down, up = (inwards, outwards) if value > 0 else (outwards, inwards)
    return [v for v in down if v >= low and v != value], [v for v in up if v <= high and v != value]
