"""What a tuned model is worth outside its own case."""

from __future__ import annotations

from typing import Literal

from advisor.records.base import AnswerWord, Record


class ElsewhereResult(Record):
    """The tuned model against its base on another case's held-out items."""

    case: str
    metric: str
    n: int
    tuned: float
    base: float
    difference: float
    ci95: tuple[float, float]
    p_value: float
    """Adjusted over the other cases."""
    min_gain: float
    outcome: Literal["kept", "lost", "unclear"]
    """kept: a loss beyond `min_gain` is ruled out; lost: a loss is shown; unclear: the items cannot tell."""
    text: str


class Extensibility(Record):
    """What tuning gained here, and what it lost elsewhere."""

    baseline: str
    here: float | None
    """Gain over its own base in this case; None where the base was not measured."""
    here_ci95: tuple[float, float] | None
    cases: tuple[ElsewhereResult, ...]
    answer: AnswerWord
    text: str
