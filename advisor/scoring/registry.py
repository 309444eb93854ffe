"""The metrics by name, and how an answer is scored with them.

A metric of one's own is a `Metric` that a package names as an entry point of the group `advisor.metrics`::

    [project.entry-points."advisor.metrics"]
    politeness = "my_package.metrics:POLITENESS"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from types import MappingProxyType

from pydantic import JsonValue

from advisor.cases.schema import Task, TaskKind
from advisor.errors import NoResultsError, UsageError
from advisor.scoring import labels, structured, text

RIGHT_FROM = 0.5
"""An answer counts as right from this score on, as wrong below it; of a binary metric that is 1 against 0."""

ItemScore = Callable[[JsonValue, str, Task], float]
"""(expected output, answer, task) to a score between 0 and 1."""
Pairs = Sequence[tuple[JsonValue, str]]
"""(expected output, answer) of every item."""
SetScore = Callable[[Pairs, Task], float]


@dataclass(frozen=True)
class Metric:
    """A measure of quality; larger is better.

    It has a score per item, whose mean is its value for a set of items; or, where an item alone has no score
    (macro F1), a function over the whole set; or a score per item that a model gives (`judged`), which is asked for
    where models are: `advisor.evaluation.judging`.
    """

    name: str
    description: str
    binary: bool = False
    """Whether an item's score is 0 or 1, and nothing between."""
    score: ItemScore | None = None
    over_set: SetScore | None = None
    judged: bool = False
    """Whether a model gives the score."""

    def __post_init__(self) -> None:
        if (self.score is not None) + (self.over_set is not None) + self.judged != 1:
            raise ValueError(f"metric {self.name!r} needs one of `score`, `over_set` and `judged`")


_BUILT_IN = (
    Metric("accuracy", "The answer is the expected label.", True, score=labels.accuracy),
    Metric("macro_f1", "F1 of every label, averaged over the labels.", over_set=labels.macro_f1),
    Metric("exact_match", "Equal but for case, punctuation and articles.", True, score=text.exact_match),
    Metric("token_f1", "F1 of the words, as in SQuAD.", score=text.token_f1),
    Metric("contains", "The expected words stand in the answer, in a row.", True, score=text.contains),
    Metric("rouge_l", "F1 of the longest common subsequence of words.", score=text.rouge_l),
    Metric("json_valid", "The answer is JSON and fits the schema.", True, score=structured.json_valid),
    Metric(
        "json_field_precision", "Share of the given values that are right.", score=structured.field_precision
    ),
    Metric(
        "json_field_recall", "Share of the expected values that were given.", score=structured.field_recall
    ),
    Metric("json_field_f1", "F1 of the values of a JSON answer.", score=structured.field_f1),
    Metric("set_precision", "Share of the given strings that are expected.", score=structured.set_precision),
    Metric("set_recall", "Share of the expected strings that were given.", score=structured.set_recall),
    Metric("set_f1", "F1 of a list of strings, in any order.", score=structured.set_f1),
    Metric("judge", "A model's verdict on the answer.", judged=True),
)
METRICS: Mapping[str, Metric] = MappingProxyType({m.name: m for m in _BUILT_IN})
"""The metrics that come with the advisor."""

_DEFAULTS: Mapping[TaskKind, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("accuracy", "macro_f1"),
        "extraction": ("json_field_f1", "json_field_precision", "json_field_recall", "json_valid"),
        "question_answering": ("exact_match", "token_f1", "contains"),
        "generation": ("rouge_l", "token_f1"),
    }
)


def metric(name: str) -> Metric:
    """The metric of this name: one of `METRICS`, or one that an installed package brings.

    Raises:
        UsageError: There is none.
    """
    if name in METRICS:
        return METRICS[name]
    for entry in entry_points(group="advisor.metrics", name=name):
        found = entry.load()
        if not isinstance(found, Metric):
            raise UsageError(
                f"The entry point {entry.value!r} of metric {name!r} is not a Metric.",
                hint="Let it name an instance of advisor.scoring.Metric.",
            )
        return found
    known = sorted({*METRICS, *(e.name for e in entry_points(group="advisor.metrics"))})
    close = get_close_matches(name, known, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"No metric is named {name!r}.", hint=f"{meant}Known are: {', '.join(known)}.")


def default_metrics(task_kind: TaskKind) -> tuple[str, ...]:
    """The metrics worth computing for a kind of task, beside the one that the case decides by."""
    return _DEFAULTS[task_kind]


def is_binary(metric_name: str) -> bool:
    """Whether its item scores are right or wrong and nothing between, so that McNemar's test applies."""
    return metric(metric_name).binary


def is_per_item(metric_name: str) -> bool:
    """Whether single items have a score, so that baselines can be compared item by item."""
    return metric(metric_name).over_set is None


def is_judged(metric_name: str) -> bool:
    """Whether a model gives the scores, so that they are no function of the answer here."""
    return metric(metric_name).judged


def score_item(metric_names: Iterable[str], expected: JsonValue, answer: str, task: Task) -> dict[str, float]:
    """The scores of one answer by metric name; metrics that only sets of items have, or a judge gives, are left out.

    Raises:
        UsageError: A metric is not known.
    """
    found = (metric(name) for name in metric_names)
    return {m.name: m.score(expected, answer, task) for m in found if m.score is not None}


def aggregate(metric_name: str, pairs: Pairs, task: Task) -> float:
    """A metric's value for a set of (expected, answer): the mean of its item scores, or its own function.

    Raises:
        UsageError: The metric is not known, or its scores are given by a judge.
        NoResultsError: There are no pairs.
    """
    chosen = metric(metric_name)
    if chosen.judged:
        raise UsageError(
            f"The scores of {metric_name!r} are given by a model.", hint="Measure them: advisor run."
        )
    if not pairs:
        raise NoResultsError(
            f"There are no answers to compute {metric_name!r} of.", hint="Run the case first."
        )
    if chosen.over_set is not None:
        return chosen.over_set(pairs, task)
    return sum(score_item([metric_name], e, a, task)[chosen.name] for e, a in pairs) / len(pairs)
