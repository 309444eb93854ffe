from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from advisor.cases.schema import Task
from advisor.scoring.structured import (
    count_leaves,
    field_f1,
    field_precision,
    field_recall,
    json_valid,
    matched_leaves,
    parse_json,
    set_f1,
    set_precision,
    set_recall,
)

FREE = Task(kind="extraction", instructions="Extract.")
ORDER = Task(
    kind="extraction",
    instructions="Extract.",
    json_schema={
        "type": "object",
        "properties": {"total": {"type": "number"}},
        "required": ["total"],
        "additionalProperties": False,
    },
)
leaves = st.sampled_from(["x", "y", 1, None, True])
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), leaves, min_size=1, max_size=3)


@pytest.mark.parametrize(
    "answer",
    [
        '{"a": [1]}',
        '```json\n{"a": [1]}\n```',
        'Here it is:\n```\n{"a": [1]}\n```\nAnything else?',
        'As asked [see 1], it is {"a": [1]} and no more.',
        ' \n{"a": [1]}',
    ],
)
def test_json_is_found_in_what_models_write_around_it(answer: str) -> None:
    assert parse_json(answer) == {"a": [1]}


@pytest.mark.parametrize("answer", ["", "none", '{"a": ', "NaN", '{"a": NaN}', "[" * 50_000])
def test_an_answer_without_json_scores_nothing(answer: str) -> None:
    with pytest.raises(ValueError, match=r"no JSON"):
        parse_json(answer)
    for score in (field_f1, field_precision, field_recall, set_f1, set_precision, set_recall, json_valid):
        assert score({"a": 1}, answer, FREE) == 0


def test_valid_json_is_what_a_program_could_read() -> None:
    assert json_valid({}, '{"total": 3.5}', ORDER) == 1
    assert json_valid({}, '{"total": "3.5"}', ORDER) == 0
    assert json_valid({}, '{"total": 3.5, "more": 1}', ORDER) == 0
    assert json_valid({}, '```json\n{"total": 3.5}\n```', ORDER) == 0
    assert json_valid({}, '{"anything": 1}', FREE) == 1


def test_fields_are_counted_by_path_and_value() -> None:
    expected: JsonValue = {"name": "Ada", "address": {"city": "London", "zip": "W1"}, "age": 36}
    answer = json.dumps({"name": " ada ", "address": {"city": "Paris", "zip": "W1"}})
    assert field_precision(expected, answer, FREE) == pytest.approx(2 / 3)
    assert field_recall(expected, answer, FREE) == pytest.approx(2 / 4)
    assert field_f1(expected, answer, FREE) == pytest.approx(2 * 2 / (3 + 4))
    assert field_f1({"city": "Ada"}, '{"name": "Ada"}', FREE) == 0  # the right value in the wrong field


def test_numbers_are_equal_by_value_and_booleans_are_no_numbers() -> None:
    assert field_f1({"n": 1}, '{"n": 1.0}', FREE) == 1
    assert field_f1({"n": 1}, '{"n": true}', FREE) == 0
    assert field_f1({"n": 1}, '{"n": "1"}', FREE) == 0
    assert field_f1({"n": None}, '{"n": false}', FREE) == 0


def test_an_empty_list_is_a_value() -> None:
    assert field_f1({"items": []}, '{"items": []}', FREE) == 1
    assert field_f1({"items": []}, '{"items": {}}', FREE) == 0
    assert field_f1({"items": []}, '{"items": ["x"]}', FREE) == 0


def test_list_items_are_matched_so_that_most_agrees() -> None:
    expected: JsonValue = [{"item": "tea", "count": 2}, {"item": "milk", "count": 1}]
    assert field_f1(expected, json.dumps(expected[::-1]), FREE) == 1  # type: ignore[index]
    # Taking the first pair that shares anything would pair tea with the wrong line.
    answer = '[{"item": "milk", "count": 2}, {"item": "tea", "count": 2}]'
    assert field_recall(expected, answer, FREE) == pytest.approx(3 / 4)


def test_an_item_repeated_by_the_model_costs_precision() -> None:
    assert field_precision(["a", "b"], '["a", "a", "b", "b"]', FREE) == 0.5
    assert field_recall(["a", "b"], '["a", "a", "b", "b"]', FREE) == 1


def test_sets_of_strings_ignore_order_case_and_space() -> None:
    expected: JsonValue = {"ingredients": ["Brown sugar", "milk", "Salt", "eggs"]}
    answer = '["milk", "brown  sugar", "MILK", "pepper"]'
    assert set_precision(expected, answer, FREE) == pytest.approx(2 / 3)
    assert set_recall(expected, answer, FREE) == pytest.approx(2 / 4)
    assert set_f1(expected, answer, FREE) == pytest.approx(2 * 2 / (3 + 4))


def test_two_empty_sets_are_equal_and_one_is_not() -> None:
    assert set_f1([], "[]", FREE) == 1
    assert set_f1([], '["x"]', FREE) == 0
    assert set_f1(["x"], "[]", FREE) == 0


def test_an_expected_text_may_itself_be_json() -> None:
    assert set_f1('["milk", "salt"]', '["salt", "milk"]', FREE) == 1
    assert field_f1('{"a": 1}', '{"a": 1}', FREE) == 1


def test_a_deep_answer_is_scored_not_a_crash() -> None:
    assert field_f1({"a": 1}, "[" * 900 + "]" * 900, FREE) == 0


@given(json_values)
def test_any_order_of_lists_and_keys_is_the_same_value(value: JsonValue) -> None:
    def turned_around(x: JsonValue) -> JsonValue:
        if isinstance(x, list):
            return [turned_around(y) for y in reversed(x)]
        if isinstance(x, dict):
            return {key: turned_around(y) for key, y in reversed(x.items())}
        return x

    assert field_f1(value, json.dumps(turned_around(value)), FREE) == 1


@given(json_values, json_values)
def test_matching_is_symmetric_and_never_more_than_there_is(one: JsonValue, other: JsonValue) -> None:
    matched = matched_leaves(one, other)
    assert matched == matched_leaves(other, one)
    assert 0 <= matched <= min(count_leaves(one), count_leaves(other))


@given(st.lists(objects, min_size=1, max_size=4), st.lists(objects, min_size=1, max_size=4))
def test_the_match_of_objects_is_the_best_of_all(one: list[JsonValue], other: list[JsonValue]) -> None:
    short, long = sorted((one, other), key=len)
    best = max(
        sum(matched_leaves(a, b) for a, b in zip(short, order, strict=True))
        for order in permutations(long, len(short))
    )
    assert matched_leaves(one, other) == best
