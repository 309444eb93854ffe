"""Makes any answer fit a JSON schema, as constrained decoding does in the real service.

What is right in the answer is kept; what is missing is filled with what the schema offers, picked by a hash, so
that the same question always gets the same answer.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from jsonschema import Draft202012Validator

_MAX_DEPTH = 8
_WORDS = re.compile(r"\w+", re.UNICODE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def fit(answer: str, schema: dict[str, Any], source: str) -> str:
    """An answer as JSON that fits a schema.

    Args:
        answer: What the model would say; JSON or plain text.
        schema: The schema, of the kind that structured outputs accept.
        source: The question: numbers and words that the answer lacks are taken from it.
    """
    validator = Draft202012Validator(schema)
    try:
        value = json.loads(answer)
    except ValueError:
        value = answer
    for candidate in (value, _wrapped(value, schema)):
        if not isinstance(candidate, str) and validator.is_valid(candidate):
            return json.dumps(candidate, ensure_ascii=False)
    if not isinstance(value, dict) and (wrapped := _wrapped(value, schema)):
        value = wrapped
    filled = _filled(value, schema, schema, source, "", 0)
    return json.dumps(filled, ensure_ascii=False)


def pick(options: list[Any], key: str) -> Any:
    """One of the options, always the same for the same key."""
    return options[int.from_bytes(sha256(key.encode()).digest()[:8], "big") % len(options)]


def _wrapped(value: Any, schema: dict[str, Any]) -> Any:
    """A bare answer as the value of an object's only property: `delivery` becomes `{"label": "delivery"}`."""
    properties = schema.get("properties", {})
    return {next(iter(properties)): value} if len(properties) == 1 else None


def _filled(value: Any, schema: Any, root: dict[str, Any], source: str, path: str, depth: int) -> Any:
    schema = _resolved(schema, root)
    if not isinstance(schema, dict):
        return value
    fits = Draft202012Validator({**schema, "$defs": root.get("$defs", {})}).is_valid(value)
    # A bare text fits a schema without a type, too, but is no answer to it.
    if fits and (not isinstance(value, str) or schema.get("type") == "string"):
        return value
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _from_options(value, schema["enum"], source + path)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            branches = schema[word]
            # Past the depth that recursive schemas reach, null (or whatever comes last) ends it.
            branch = branches[0] if depth < _MAX_DEPTH else branches[-1]
            return _filled(value, branch, root, source, path, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    return _of_kind(kind, value, schema, root, source, path, depth)


def _of_kind(
    kind: Any, value: Any, schema: dict[str, Any], root: dict[str, Any], source: str, path: str, depth: int
) -> Any:
    if kind == "object" or "properties" in schema:
        given = value if isinstance(value, dict) else {}
        return {
            key: _filled(given.get(key), part, root, source, f"{path}.{key}", depth + 1)
            for key, part in schema.get("properties", {}).items()
        }
    if kind == "array":
        items = value if isinstance(value, list) else []
        least = schema.get("minItems", 0)
        items = [*items, *([None] * (least - len(items)))][: schema.get("maxItems")]
        part = schema.get("items", {})
        return [_filled(x, part, root, source, f"{path}[{i}]", depth + 1) for i, x in enumerate(items)]
    if kind in ("integer", "number"):
        return _number(schema, source, integral=kind == "integer")
    if kind == "boolean":
        return pick([True, False], source + path)
    if kind == "null":
        return None
    return _text(value, schema, source, path)


def _from_options(value: Any, options: list[Any], key: str) -> Any:
    if isinstance(value, str):
        plain = value.strip().strip("\"'.").casefold()
        for option in options:
            if isinstance(option, str) and option.casefold() == plain:
                return option
    return pick(options, key)


def _number(schema: dict[str, Any], source: str, *, integral: bool) -> float | int:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + 1
    if "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - 1
    found = _NUMBER.findall(source)
    number = float(found[0]) if found else float(low or 0)
    number = number if low is None else max(number, low)
    number = number if high is None else min(number, high)
    if step := schema.get("multipleOf"):
        number = round(number / step) * step
    return int(number) if integral or number.is_integer() else number


def _text(value: Any, schema: dict[str, Any], source: str, path: str) -> str:
    if isinstance(value, str):
        text = value
    else:
        words = _WORDS.findall(source)
        text = pick(words, source + path) if words else ""
    text = text.ljust(schema.get("minLength", 0), "-")
    text = text[: schema.get("maxLength")]
    by_format = {
        "date": "2026-01-01",
        "date-time": "2026-01-01T00:00:00Z",
        "time": "00:00:00Z",
        "email": "someone@example.com",
        "uuid": "00000000-0000-4000-8000-000000000000",
    }
    return by_format.get(schema.get("format", ""), text)


def _resolved(schema: Any, root: dict[str, Any]) -> Any:
    seen = 0
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and seen < _MAX_DEPTH:
        node: Any = root
        for part in schema["$ref"].removeprefix("#").strip("/").split("/"):
            node = node.get(part, {}) if part else node
        schema, seen = node, seen + 1
    return schema
