from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cases.schema import Task
from advisor.errors import NoResultsError, UsageError
from advisor.scoring import (
    METRICS,
    Metric,
    aggregate,
    default_metrics,
    is_binary,
    is_per_item,
    metric,
    registry,
    score_item,
)

INTENTS = Task(kind="classification", instructions="Which?", labels=("a", "b", "c"))
QUESTIONS = Task(kind="question_answering", instructions="Answer.")
EXTRACTION = Task(kind="extraction", instructions="Extract.")

LENGTH = Metric(
    "length", "Longer is better.", score=lambda expected, answer, task: min(len(answer) / 10, 1.0)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", ["classification", "extraction", "question_answering", "generation"])
def test_every_kind_of_task_has_metrics_that_exist(kind: str) -> None:
    names = default_metrics(kind)  # type: ignore[arg-type]
    assert names
    assert all(metric(name).name == name for name in names)


def test_an_unknown_metric_is_answered_with_the_nearest_and_all_known() -> None:
    with pytest.raises(UsageError) as caught:
        metric("acuracy")
    assert "acuracy" in caught.value.message
    assert caught.value.hint is not None
    assert "Did you mean 'accuracy'?" in caught.value.hint
    assert all(name in caught.value.hint for name in METRICS)


def test_an_installed_package_can_bring_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = EntryPoints([EntryPoint("length", f"{__name__}:LENGTH", "advisor.metrics")])
    monkeypatch.setattr(EntryPoint, "load", lambda self: LENGTH)
    monkeypatch.setattr(registry, "entry_points", lambda **selection: entries.select(**selection))
    assert score_item(["length"], "x", "12345", QUESTIONS) == {"length": 0.5}
    assert aggregate("length", [("x", "12345"), ("x", "")], QUESTIONS) == 0.25
    with pytest.raises(UsageError, match="length"):
        metric("lenght")


def test_a_plug_in_that_is_no_metric_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = EntryPoints([EntryPoint("odd", "json:dumps", "advisor.metrics")])
    monkeypatch.setattr(registry, "entry_points", lambda **selection: entries.select(**selection))
    with pytest.raises(UsageError, match="not a Metric"):
        metric("odd")


def test_a_metric_scores_items_or_sets() -> None:
    with pytest.raises(ValueError, match="needs one of"):
        Metric("nothing", "")


def test_only_right_wrong_metrics_are_binary() -> None:
    assert {name for name in METRICS if is_binary(name)} == {
        "accuracy",
        "exact_match",
        "contains",
        "json_valid",
    }


def test_macro_f1_belongs_to_sets_only() -> None:
    assert not is_per_item("macro_f1")
    assert score_item(["accuracy", "macro_f1"], "a", "a", INTENTS) == {"accuracy": 1.0}


def test_the_value_of_an_item_metric_is_its_mean() -> None:
    assert aggregate("accuracy", [("a", "a"), ("b", "a"), ("c", " c ")], INTENTS) == pytest.approx(2 / 3)


def test_nothing_measured_has_no_value() -> None:
    with pytest.raises(NoResultsError):
        aggregate("accuracy", [], INTENTS)


def test_macro_f1_weighs_labels_alike() -> None:
    # The example in scikit-learn's documentation of f1_score, with letters for 0, 1, 2.
    pairs = list(zip("abcabc", "acbaab", strict=True))
    assert aggregate("macro_f1", pairs, INTENTS) == pytest.approx(0.2666666)


def test_an_answer_that_is_no_label_is_a_miss_and_no_class_of_its_own() -> None:
    task = Task(kind="classification", instructions="Which?", labels=("a", "b", "never_used"))
    # a: precision 1, recall 1/2; b: 1, 1; the label that nobody used does not count.
    pairs = [("a", "a"), ("a", "I cannot tell"), ("b", "b")]
    assert aggregate("macro_f1", pairs, task) == pytest.approx((2 / 3 + 1) / 2)


def test_macro_f1_without_a_right_answer_is_zero() -> None:
    assert aggregate("macro_f1", [("a", "?")], INTENTS) == 0.0


@given(json_values, st.text(max_size=30))
def test_every_metric_takes_any_answer(expected: object, answer: str) -> None:
    names = [name for name in METRICS if is_per_item(name)]
    for task in (QUESTIONS, EXTRACTION):
        scores = score_item(names, expected, answer, task)  # type: ignore[arg-type]
        assert all(0 <= score <= 1 for score in scores.values())
        assert all(scores[name] in (0, 1) for name in names if is_binary(name))
