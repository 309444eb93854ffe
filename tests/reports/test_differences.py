"""What differs between an answer and the expected one is marked, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from advisor.cases.schema import Task
from advisor.reports.differences import (
    field_differences,
    fields_of,
    nearest_expected,
    word_differences,
)
from advisor.scoring.structured import count_leaves, matched_leaves

QA = Task(kind="question_answering", instructions="Answer.")


def test_words_that_are_missing_or_added_are_marked() -> None:
    pieces = word_differences("four paid days", "The answer is Four  days.")
    assert pieces is not None
    assert [(p.change, p.text.strip()) for p in pieces] == [
        ("added", "The answer is"),
        ("same", "Four"),
        ("missing", "paid"),
        ("same", "days"),
        ("added", "."),
    ]


@given(some.lists(some.sampled_from("abc "), max_size=30), some.lists(some.sampled_from("abc "), max_size=30))
def test_without_its_missing_words_it_is_the_answer(expected: list[str], answer: list[str]) -> None:
    wanted, given_ = " ".join(expected), " ".join(answer)
    pieces = word_differences(wanted, given_)
    if pieces is not None:
        shown = "".join(p.text for p in pieces if p.change != "missing")
        assert shown == given_.lstrip()


@pytest.mark.parametrize(
    ("expected", "answer"), [("23 weeks", "nothing alike"), ("a " * 5000, "a"), ("", "")]
)
def test_where_marks_would_tell_nothing_there_are_none(expected: str, answer: str) -> None:
    assert word_differences(expected, answer) is None


def test_the_nearest_of_several_expected_texts_is_compared() -> None:
    assert nearest_expected(["ten days", "two weeks"], "It is two weeks.", QA) == "two weeks"


def test_json_is_compared_field_by_field_and_lists_have_no_order() -> None:
    expected = {"customer": "A", "items": [{"p": "a", "n": 1}, {"p": "b", "n": 2}], "tags": ["x", "y"]}
    answer = {"customer": "a", "items": [{"p": "b", "n": 3}, {"p": "a", "n": 1}], "tags": ["y"], "more": None}
    fields = field_differences(expected, f"```json\n{json.dumps(answer)}\n```")
    assert fields is not None
    assert [(x.path, x.match) for x in fields] == [
        ("customer", "same"),
        ("items[1].p", "same"),
        ("items[1].n", "same"),
        ("items[2].p", "same"),
        ("items[2].n", "different"),
        ("tags[1]", "missing"),
        ("tags[2]", "same"),
        ("more", "added"),
    ]
    assert field_differences(expected, "no JSON here") is None


leaves = some.one_of(some.integers(0, 3), some.sampled_from(["a", "b"]), some.booleans(), some.none())
values = some.recursive(
    leaves,
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values, values)
def test_as_many_fields_are_the_same_as_the_metrics_count(expected: object, answer: object) -> None:
    fields = field_differences(json.loads(json.dumps(expected)), json.dumps(answer))
    assert fields is not None or isinstance(expected, str)
    if fields is not None:
        assert sum(x.match == "same" for x in fields) == matched_leaves(expected, answer)  # type: ignore[arg-type]


def test_an_expected_output_is_told_by_its_fields() -> None:
    assert fields_of({"a": {"b": 1}, "c": ["x"]}) == (("a.b", "1"), ("c[1]", "x"))
    assert fields_of("plain") is None
    assert count_leaves({"a": {"b": 1}, "c": ["x"]}) == 2
