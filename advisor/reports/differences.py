"""Where an answer differs from the expected one: word by word, or field by field where both are JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from pydantic import JsonValue

from advisor.cases.schema import Task
from advisor.scoring.structured import matched_leaves, parse_json
from advisor.scoring.text import expected_texts

Change = Literal["same", "missing", "added"]
Match = Literal["same", "different", "missing", "added"]
MOST_WORDS = 1_000
"""Longer texts are not compared: it would take long, and nobody reads the marks."""
LEAST_SHARED = 0.15
"""Texts that share less of their words are not compared: every word would be marked."""
MOST_FIELDS = 200
_WORDS = re.compile(r"(?:\w+|[^\w\s])\s*")  # a word or a sign, with the white space after it


class Piece(NamedTuple):
    """A piece of an answer beside the expected one: in both, only in the expected one, or only in the answer."""

    change: Change
    text: str


class Field(NamedTuple):
    """A value of a JSON answer beside the expected one; texts are None where there is none."""

    path: str
    expected: str | None
    given: str | None
    match: Match


def word_differences(expected: str, answer: str) -> tuple[Piece, ...] | None:
    """An answer with the words that are missing or added; None where marks would tell nothing.

    Case and runs of white space do not count, as in the text metrics.
    """
    wanted, given = _WORDS.findall(expected.lstrip()), _WORDS.findall(answer.lstrip())
    if max(len(wanted), len(given)) > MOST_WORDS:
        return None
    left, right = ([w.rstrip().casefold() for w in words] for words in (wanted, given))
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    pieces: list[Piece] = []
    same = 0
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(given[c:d])))
            same += d - c
            continue
        if b > a:
            pieces.append(Piece("missing", "".join(wanted[a:b])))
        if d > c:
            pieces.append(Piece("added", "".join(given[c:d])))
    words = len(wanted) + len(given)
    return tuple(pieces) if words and 2 * same / words >= LEAST_SHARED else None


def nearest_expected(expected: JsonValue, answer: str, task: Task) -> str:
    """Of several expected texts the one that an answer is nearest to."""
    texts = expected_texts(expected, task)
    if len(texts) == 1:
        return texts[0]
    words = set(answer.casefold().split())
    return max(texts, key=lambda t: len(words & set(t.casefold().split())) / max(1, len(t.split())))


def field_differences(expected: JsonValue, answer: str) -> tuple[Field, ...] | None:
    """The fields of a JSON answer beside the expected ones; None where the answer holds no JSON.

    Lists have no order, as in the metrics: their items are matched so that as many values as possible agree.
    """
    try:
        wanted: JsonValue = json.loads(expected) if isinstance(expected, str) else expected
        given = parse_json(answer)
        fields: list[Field] = []
        for field in _fields("", wanted, given):
            fields.append(field)
            if len(fields) >= MOST_FIELDS:
                break
        return tuple(fields)
    except (ValueError, RecursionError):
        return None


def fields_of(value: JsonValue) -> tuple[tuple[str, str], ...] | None:
    """(path, text) of the values of an expected output that is an object or a list; None of one that is neither."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not _is_branch(value):
        return None
    return tuple((f.path, f.expected or "") for f in _one_sided("", value, "missing"))


def _fields(path: str, wanted: JsonValue, given: JsonValue) -> Iterator[Field]:
    if isinstance(wanted, dict) and wanted and isinstance(given, dict) and given:
        for key in dict.fromkeys((*wanted, *given)):
            inner = f"{path}.{key}" if path else key
            if key not in given:
                yield from _one_sided(inner, wanted[key], "missing")
            elif key not in wanted:
                yield from _one_sided(inner, given[key], "added")
            else:
                yield from _fields(inner, wanted[key], given[key])
    elif isinstance(wanted, list) and wanted and isinstance(given, list) and given:
        partner = _matched(wanted, given)
        for k, value in enumerate(wanted):
            inner = f"{path}[{k + 1}]"
            if partner[k] is None:
                yield from _one_sided(inner, value, "missing")
            else:
                yield from _fields(inner, value, given[partner[k] or 0])
        taken = set(partner)
        for k, value in enumerate(given):
            if k not in taken:
                yield from _one_sided(f"{path}[+]", value, "added")
    else:
        same = matched_leaves(wanted, given) == 1 and not (_is_branch(wanted) or _is_branch(given))
        yield Field(path or "value", _leaf(wanted), _leaf(given), "same" if same else "different")


def _matched(wanted: Sequence[JsonValue], given: Sequence[JsonValue]) -> list[int | None]:
    """For each expected item, which given one stands beside it: as many values as possible agree."""
    partner: list[int | None] = [None] * len(wanted)
    free = list(range(len(given)))
    for k, value in enumerate(wanted):  # equal values first: of them there are the most, and it is quick
        if not _is_branch(value):
            found = next(
                (i for i in free if not _is_branch(given[i]) and matched_leaves(value, given[i])), None
            )
            if found is not None:
                partner[k] = found
                free.remove(found)
    nested = [k for k, value in enumerate(wanted) if _is_branch(value)]
    others = [i for i in free if _is_branch(given[i])]
    if nested and others:
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        overlap = np.array([[matched_leaves(wanted[k], given[i]) for i in others] for k in nested])
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
            partner[nested[row]] = others[column]
    return partner


def _one_sided(path: str, value: JsonValue, match: Literal["missing", "added"]) -> Iterator[Field]:
    """All values under a key that only one of both has."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _one_sided(f"{path}.{key}" if path else key, inner, match)
    elif isinstance(value, list) and value:
        for k, inner in enumerate(value):
            yield from _one_sided(path if path.endswith("[+]") else f"{path}[{k + 1}]", inner, match)
    else:
        text = _leaf(value)
        yield Field(path, text if match == "missing" else None, text if match == "added" else None, match)


def _is_branch(value: JsonValue) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _leaf(value: JsonValue) -> str:
    """A value as text; a text stands without quotes, null and numbers as JSON has them."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
