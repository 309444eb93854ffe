"""Metrics of classification."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from advisor.cases.schema import Task
from advisor.scoring.text import expected_texts


def accuracy(expected: JsonValue, answer: str, task: Task) -> float:
    """1 if the answer is the expected label, but for space around it; for a question, one of several."""
    return float(answer.strip() in {text.strip() for text in expected_texts(expected, task)})


def macro_f1(pairs: Sequence[tuple[JsonValue, str]], task: Task) -> float:
    """F1 of every label, averaged with equal weight over the labels that are expected or answered.

    An answer that is no label counts as a miss of the expected one, and makes no class of its own.
    """
    from sklearn.metrics import f1_score  # it takes long to load, and few commands score

    expected = [expected_texts(e, task)[0].strip() for e, _ in pairs]
    answers = [a.strip() for _, a in pairs]
    known = set(task.labels) if task.labels is not None else set(expected)
    occurring = sorted(known & {*expected, *answers})
    if not occurring:
        return 0.0
    return float(f1_score(expected, answers, labels=occurring, average="macro", zero_division=0))
