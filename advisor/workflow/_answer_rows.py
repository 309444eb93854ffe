"""What the answers of a case are asked for, and what comes back."""

from __future__ import annotations

import json
from typing import Literal, get_args

from pydantic import JsonValue

from advisor.cases.duplicates import DuplicatePair
from advisor.records import Failure, Record, Usage

State = Literal["right", "wrong", "failed", "no_score", "not_asked"]
Only = Literal["differ", "all_wrong", "failed", "no_score", "near_duplicate"]
Order = Literal["held_out", "difference", "longest", "slowest", "dearest"]
ORDERS: tuple[Order, ...] = get_args(Order)
ONLY: tuple[Only, ...] = get_args(Only)


class AnswerFilter(Record):
    """Which items are looked for; all that is given must hold."""

    text: str = ""
    """Stands in the input, the expected output or an answer; or is the item's id or group. Case does not count."""
    expected: str | None = None
    """The expected output, as text."""
    group: str | None = None
    right: tuple[str, ...] = ()
    """Baselines that all have the item right."""
    wrong: tuple[str, ...] = ()
    """Baselines that all have it wrong; an answer that failed is a wrong one."""
    only: tuple[Only, ...] = ()
    """Items on which two baselines differ in right or wrong, that all have wrong, where one failed or has no score, or
    that have a near duplicate in the training data."""
    slice: tuple[str, str] | None = None
    """(dimension, value) of a slice of the decision."""


class BaselineAnswer(Record):
    """What one baseline answered to one item."""

    baseline: str
    state: State
    answer: str | None = None
    score: float | None = None
    """By the case's metric (accuracy, where only a set has it); None where there is none."""
    others: dict[str, float] = {}
    """Scores by further metrics."""
    usage: Usage = Usage()
    latency_s: float | None = None
    cost_usd: float | None = None
    failure: Failure | None = None
    repeats: tuple[float, ...] = ()
    """The score of each answer, where the item was asked several times; `answer` is then the first of them."""
    failed_repeats: tuple[Failure, ...] = ()
    finish_reason: str | None = None
    model_version: str | None = None
    retrieved: tuple[str, ...] = ()
    """Documents that were shown, best first."""
    not_judged: Failure | None = None
    """Why a judge gave no score."""


class AnswerRow(Record):
    """A held-out item with the answers of all baselines, in the order of the case."""

    position: int
    """In the held-out set, from 0."""
    id: str
    group: str | None
    input: str | tuple[dict[str, JsonValue], ...]
    expected: JsonValue
    documents: tuple[str, ...]
    answers: tuple[BaselineAnswer, ...]
    near_duplicate: DuplicatePair | None = None
    """Its nearest training example, where that is nearly the same; looked for in large data only when asked."""


def as_text(value: JsonValue) -> str:
    """An expected output as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
