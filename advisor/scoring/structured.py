"""Metrics of answers that are JSON.

A JSON value is compared by its *leaves*: every string, number, boolean, null and empty list or object, with
the path of keys that leads to it. Lists have no order here: their items are matched so that as many leaves as
possible agree. Strings are equal but for case and runs of white space; 1 and 1.0 are equal, 1 and true are
not.

The set metrics look at the distinct strings alone, wherever they stand. Where the expected value or the
answer holds none, they are 1 if neither does and 0 otherwise, as SQuAD 2.0 scores unanswerable questions.

An answer without readable JSON scores 0.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import NoReturn

import numpy as np
from jsonschema.validators import validator_for
from pydantic import JsonValue

from advisor.cases.schema import Task

_FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)```", re.DOTALL)
_OPENING = re.compile(r"[{\[]")


def parse_json(answer: str) -> JsonValue:
    """The JSON value in an answer: all of it, a fenced block, or the longest object or list in its text.

    Raises:
        ValueError: There is none.
    """
    for candidate in (answer, *_FENCE.findall(answer)):
        try:
            return _strict_json(candidate)
        except ValueError:
            continue
    embedded = max(_embedded_json(answer), key=lambda found: found[0], default=None)
    if embedded is None:
        raise ValueError("the answer holds no JSON")
    return embedded[1]


def json_valid(expected: JsonValue, answer: str, task: Task) -> float:
    """1 if the answer is JSON, without fence or other text around it, and fits the task's schema."""
    del expected  # a format metric: what the values are does not matter
    try:
        value = _strict_json(answer)
    except ValueError:
        return 0.0
    if task.json_schema is None:
        return 1.0
    return float(validator_for(task.json_schema)(task.json_schema).is_valid(value))


def field_precision(expected: JsonValue, answer: str, task: Task) -> float:
    """Share of the answer's leaves that are expected."""
    return _field_scores(expected, answer)[0]


def field_recall(expected: JsonValue, answer: str, task: Task) -> float:
    """Share of the expected leaves that the answer has."""
    return _field_scores(expected, answer)[1]


def field_f1(expected: JsonValue, answer: str, task: Task) -> float:
    """Harmonic mean of `field_precision` and `field_recall`."""
    return _harmonic(*_field_scores(expected, answer))


def set_precision(expected: JsonValue, answer: str, task: Task) -> float:
    """Share of the distinct strings in the answer that are expected, wherever in the JSON they stand."""
    return _set_scores(expected, answer)[0]


def set_recall(expected: JsonValue, answer: str, task: Task) -> float:
    """Share of the distinct expected strings that stand in the answer, wherever in the JSON."""
    return _set_scores(expected, answer)[1]


def set_f1(expected: JsonValue, answer: str, task: Task) -> float:
    """Harmonic mean of `set_precision` and `set_recall`."""
    return _harmonic(*_set_scores(expected, answer))


def matched_leaves(expected: JsonValue, answer: JsonValue) -> int:
    """The largest number of leaves that agree, over all ways to match list items; symmetric."""
    if _is_leaf(expected) and _is_leaf(answer):
        return int(_leaf_key(expected) == _leaf_key(answer))
    if isinstance(expected, dict) and isinstance(answer, dict):
        return sum(matched_leaves(expected[key], answer[key]) for key in expected.keys() & answer.keys())
    if isinstance(expected, list) and isinstance(answer, list):
        return _matched_items(expected, answer)
    return 0


def count_leaves(value: JsonValue) -> int:
    """The number of leaves of a JSON value; an empty list or object is one."""
    if isinstance(value, dict) and value:
        return sum(count_leaves(v) for v in value.values())
    if isinstance(value, list) and value:
        return sum(count_leaves(v) for v in value)
    return 1


def _matched_items(expected: list[JsonValue], answer: list[JsonValue]) -> int:
    # Leaves only match leaves, so they are counted; only objects and lists need an optimal assignment.
    shared = Counter(_leaf_key(x) for x in expected if _is_leaf(x)) & Counter(
        _leaf_key(x) for x in answer if _is_leaf(x)
    )
    nested = [x for x in expected if not _is_leaf(x)]
    nested_given = [x for x in answer if not _is_leaf(x)]
    if not nested or not nested_given:
        return shared.total()
    from scipy.optimize import linear_sum_assignment  # it takes long to load, and few commands score

    overlap = np.array([[matched_leaves(e, a) for a in nested_given] for e in nested])
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return shared.total() + int(overlap[rows, columns].sum())


def _is_leaf(value: JsonValue) -> bool:
    return not (isinstance(value, dict | list) and value)


def _leaf_key(leaf: JsonValue) -> tuple[str, str | float | None]:
    """What two leaves share if they are equal."""
    if isinstance(leaf, str):
        return "string", " ".join(leaf.split()).casefold()
    if isinstance(leaf, bool) or leaf is None:
        return "constant", str(leaf)
    if isinstance(leaf, int | float):
        return "number", leaf
    return ("empty list" if isinstance(leaf, list) else "empty object"), None


def _field_scores(expected: JsonValue, answer: str) -> tuple[float, float]:
    """(precision, recall) of the leaves."""
    try:
        wanted, given = _expected_value(expected), parse_json(answer)
        matched = matched_leaves(wanted, given)
        return matched / count_leaves(given), matched / count_leaves(wanted)
    except (ValueError, RecursionError):  # a model caught in a loop can write thousands of brackets
        return 0.0, 0.0


def _set_scores(expected: JsonValue, answer: str) -> tuple[float, float]:
    """(precision, recall) of the distinct strings."""
    try:
        wanted, given = set(_strings(_expected_value(expected))), set(_strings(parse_json(answer)))
    except (ValueError, RecursionError):
        return 0.0, 0.0
    if not wanted or not given:
        both = float(not wanted and not given)
        return both, both
    return len(wanted & given) / len(given), len(wanted & given) / len(wanted)


def _strings(value: JsonValue) -> Iterator[tuple[str, str | float | None]]:
    """All strings, numbers and booleans, normalized, without their paths."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
    elif value is not None:
        yield _leaf_key(value)


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _expected_value(expected: JsonValue) -> JsonValue:
    """An expected output that is a text may itself be JSON."""
    if isinstance(expected, str):
        try:
            return _strict_json(expected)
        except ValueError:
            return expected
    return expected


def _strict_json(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    return value


def _embedded_json(text: str) -> Iterator[tuple[int, JsonValue]]:
    """(length, value) of each outermost object or list in a text."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    position = 0
    while (start := _OPENING.search(text, position)) is not None:
        position = start.start()
        try:
            value, end = decoder.raw_decode(text, position)
        except ValueError:
            position += 1
        except RecursionError:  # hundreds of open brackets: a model caught in a loop, not a value
            return
        else:
            yield end - position, value
            position = end


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
