"""Answers that are free in form are read with tolerance, but never guessed."""

from __future__ import annotations

import pytest

from advisor.models._hosted_reading import keeps_form, read_freely
from tests.models.hosted import LABELS, ask

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("refund", "refund"),
        (" Refund.\n", "refund"),
        ('"refund"', "refund"),
        ("**refund**", "refund"),
        ("Label: refund", "refund"),
        ('{"label": "refund"}', "refund"),
        ('```json\n{"label": "refund"}\n```', "refund"),
        ("The customer wants a refund, so that is my answer.", "refund"),
        ("<think>delivery or other?</think>\nrefund", "refund"),
        ("Either refund or delivery.", "Either refund or delivery."),
        ("refunds", "refunds"),
        ("refund_request", "refund_request"),
        ("I do not know", "I do not know"),
        ("", ""),
    ],
)
def test_a_label_is_found_where_it_is_the_only_one(text: str, label: str) -> None:
    assert read_freely(ask(labels=LABELS), text) == label


def test_a_label_inside_a_longer_one_does_not_count() -> None:
    request = ask(labels=("refund", "refund request", "card-refund"))
    assert read_freely(request, "It is a refund request.") == "refund request"
    assert read_freely(request, "It is card-refund.") == "card-refund"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"n": 1}', '{"n": 1}'),
        ('Sure!\n```json\n{"n": 1}\n```\nDone.', '{"n": 1}'),
        ('The answer is {"n": 1}, I think.', '{"n": 1}'),
        ("{n: 1} or rather [1, 2]", "[1, 2]"),
        ("no JSON here", "no JSON here"),
    ],
)
def test_json_is_found_inside_a_text(text: str, found: str) -> None:
    assert read_freely(ask(json_schema=SCHEMA), text) == found


def test_free_text_stays_as_it_is() -> None:
    assert read_freely(ask(), " <think>x</think> hello ") == " <think>x</think> hello "


def test_whether_an_answer_keeps_its_form() -> None:
    labels, schema = ask(labels=LABELS), ask(json_schema=SCHEMA)
    assert keeps_form(labels, '{"label": "refund"}')
    assert not keeps_form(labels, '{"label": "money"}')
    assert not keeps_form(labels, "refund")
    assert keeps_form(schema, '{"n": 1}')
    assert not keeps_form(schema, '{"n": "1"}')
    assert not keeps_form(schema, '{"n": ')
