"""What would turn the verdict: for each input, the nearest value at which another verdict comes out.

Each input is moved away from its value, downwards and upwards, in growing steps; where the verdict changes, the
border is narrowed by bisection. Everything else stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from advisor.cases.schema import Case, likely
from advisor.decision.evidence import CaseEvidence
from advisor.decision.summary import Findings, cost_models
from advisor.decision.verdict import Judgement, judge
from advisor.records import Flip

_BISECTIONS = 30
_FACTORS = (1.25, 2, 4, 10, 30, 100, 1000)
Outcome = tuple[str, str | None]


def find_flips(evidence: CaseEvidence, findings: Findings, now: Judgement) -> tuple[Flip, ...]:
    """The nearest flip of each input that has one, the relatively nearest first."""
    base: Outcome = (now.decision, now.recommended)
    found: list[tuple[float, Flip]] = []
    for name, value, low, high in _inputs(evidence.case):

        def outcome(x: float, name: str = name) -> Outcome:
            case = with_value(evidence.case, name, x)
            changed = evidence.model_copy(update={"case": case})
            judgement = judge(changed, findings, cost_models(changed, findings))
            return judgement.decision, judgement.recommended

        nearest = [
            f for f in (_flip(outcome, base, value, s) for s in _steps(value, low, high)) if f is not None
        ]
        if nearest:
            at, (decision, recommended) = min(nearest, key=lambda f: abs(f[0] - value))
            distance = abs(at - value) / (abs(value) or 1.0)
            found.append(
                (distance, Flip(parameter=name, now=value, at=at, decision=decision, recommended=recommended))
            )
    return tuple(flip for _, flip in sorted(found, key=lambda f: (f[0], f[1].parameter)))


def with_value(case: Case, name: str, value: float) -> Case:
    """The case with one number, named by its dotted path, replaced."""
    head, _, rest = name.partition(".")
    if head == "models":
        model, _, _ = rest.partition(".")
        serving = case.models[model].serving
        assert serving is not None
        changed = case.models[model].model_copy(
            update={"serving": serving.model_copy(update={"usd_per_hour": value})}
        )
        return case.model_copy(update={"models": {**case.models, model: changed}})
    part = getattr(case, head).model_copy(update={rest: value})
    return case.model_copy(update={head: part})


def _inputs(case: Case) -> Iterator[tuple[str, float, float, float]]:
    """(dotted name, value now, lowest value, highest value) of the inputs that a what-if moves."""
    inf = float("inf")
    yield "traffic.requests_per_month", likely(case.traffic.requests_per_month), 0.0, inf
    yield "value.correct_usd", likely(case.value.correct_usd), 0.0, inf
    yield "value.wrong_usd", likely(case.value.wrong_usd), -inf, 0.0
    if case.quality.bar is not None:
        yield "quality.bar", case.quality.bar, 0.0, 1.0
    yield "quality.min_gain", case.quality.min_gain, 0.0, 1.0
    for field in ("data_hours", "refinement_hours", "hourly_rate_usd", "retrains_per_year"):
        value = getattr(case.effort, field)
        if value is not None:
            yield f"effort.{field}", likely(value), 0.0, inf
    for name, model in case.models.items():
        if model.serving is not None:
            yield f"models.{name}.serving.usd_per_hour", model.serving.usd_per_hour, 0.0, inf


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
    return [v for v in down if v >= low], [v for v in up if v <= high]


def _flip(
    outcome: Callable[[float], Outcome], base: Outcome, value: float, steps: list[float]
) -> tuple[float, Outcome] | None:
    inside = value
    for step in steps:
        other = outcome(step)
        if other[0] != base[0]:
            outside = step
            for _ in range(_BISECTIONS):
                middle = (inside + outside) / 2
                found = outcome(middle)
                if found[0] == base[0]:
                    inside = middle
                else:
                    outside, other = middle, found
            return outside, other
        inside = step
    return None
