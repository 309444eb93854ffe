"""Answers as they are read: strictly where the endpoint held to the form, with tolerance where it could not."""

from __future__ import annotations

import json
import re

import jsonschema
from pydantic import JsonValue

from advisor.models import structured
from advisor.records import ChatRequest

_THOUGHTS = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)```", re.DOTALL)
_DECORATION = " \t\r\n\"'`*_.:"


def keeps_form(request: ChatRequest, text: str) -> bool:
    """Whether an answer has the form that was asked for, as it must where an endpoint enforces it."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    form = structured.response_format(request)
    return form is None or _fits(form["json_schema"]["schema"], found)


def _fits(schema: dict[str, JsonValue], value: JsonValue) -> bool:
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError:
        return False
    except jsonschema.SchemaError:
        return True  # a matter of the case, not of the answer
    return True


def read_freely(request: ChatRequest, text: str) -> str:
    """The answer in a text that was free in form: its label, or its JSON; else the text itself."""
    if request.labels is None and request.json_schema is None:
        return text
    text = _THOUGHTS.sub("", text).strip()
    if request.labels is not None:
        return _label(request.labels, structured.read_answer(request, _json(text) or text))
    return structured.read_answer(request, _json(text) or text)


def _label(labels: tuple[str, ...], text: str) -> str:
    """The label that the text is, or the only one that it names; else the text."""
    if text in labels:
        return text
    bare = re.sub(r"(?i)^\W*(?:label|answer|category|intent)\W+", "", text).strip(_DECORATION)
    for spelt in (str, str.casefold):
        alike = [label for label in labels if spelt(label.strip(_DECORATION)) == spelt(bare)]
        if len(alike) == 1:
            return alike[0]
    named = _named(labels, text, 0) or _named(labels, text, re.IGNORECASE)
    return named.pop() if len(named) == 1 else text


def _named(labels: tuple[str, ...], text: str, flags: int) -> set[str]:
    """Labels that stand in the text as words of their own; `refund` does not stand in `refund_request`."""
    named = set()
    for label in sorted(labels, key=len, reverse=True):
        word = re.compile(rf"(?<![\w-]){re.escape(label)}(?![\w-])", flags)
        if word.search(text):
            named.add(label)
            text = word.sub(" ", text)
    return named


def _json(text: str) -> str | None:
    """The first JSON object or array in a text, as it stands there."""
    if _parses(text):
        return text
    for block in _FENCE.findall(text):
        if _parses(block):
            return str(block).strip()
    decoder = json.JSONDecoder()
    for start in re.finditer(r"[{\[]", text):
        try:
            _, end = decoder.raw_decode(text, start.start())
        except ValueError:
            continue
        return text[start.start() : end]
    return None


def _parses(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
