"""Labels and schemas as hosted endpoints enforce them: structured outputs of the chat API.

An endpoint enforces a JSON object, so a label travels as `{"label": "refund"}`, and a list as `{"answer": […]}`.
What a model is shown as an answer, in an example or in a training file, has the same form as what it must write.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import JsonValue

from advisor.records import ChatRequest, Message

LABEL_KEY = "label"
ANSWER_KEY = "answer"

# Words of JSON Schema that strict mode does not know, or not for tuned models. An answer that fits the schema fits it
# without them too, so the form is enforced without them rather than not at all.
_NOT_ENFORCED = frozenset({
    "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minItems", "maxItems", "uniqueItems", "contains", "minProperties", "maxProperties",
    "propertyNames", "default", "examples", "$schema", "$id",
})  # fmt: skip
_NOT_STRICT = frozenset({
    "allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "dependentRequired", "dependentSchemas",
    "unevaluatedProperties",
})  # fmt: skip


def response_format(request: ChatRequest) -> dict[str, Any] | None:
    """The API's `response_format` for a request; None where nothing is to be enforced."""
    if request.labels is not None:
        labels: JsonValue = {"type": "string", "enum": list(request.labels)}
        return _json_schema("label", _object(LABEL_KEY, labels), strict=True)
    if request.json_schema is not None:
        relaxed = _relaxed(request.json_schema)
        assert isinstance(relaxed, dict)
        schema = _object(ANSWER_KEY, relaxed) if _is_wrapped(request) else relaxed
        return _json_schema("answer", schema, strict=is_strict(schema))
    return None


def _object(key: str, value: JsonValue) -> dict[str, JsonValue]:
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}


def _json_schema(name: str, schema: dict[str, JsonValue], *, strict: bool) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


def _is_wrapped(request: ChatRequest) -> bool:
    """Whether the schema's root is no object, so that it needs one around it."""
    schema = request.json_schema
    return schema is not None and schema.get("type") != "object" and "properties" not in schema


def _relaxed(schema: JsonValue) -> JsonValue:
    """A schema without the words that strict mode does not know; names of properties are no such words."""
    if isinstance(schema, list):
        return [_relaxed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, JsonValue] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
            found[key] = {name: _relaxed(part) for name, part in value.items()}
        elif key in ("enum", "const", "required"):
            found[key] = value
        elif key not in _NOT_ENFORCED:
            found[key] = _relaxed(value)
    return found


def is_strict(schema: JsonValue) -> bool:
    """Whether a schema keeps the rules of strict mode: every object closed, and all its keys required."""
    if isinstance(schema, list):
        return all(is_strict(s) for s in schema)
    if not isinstance(schema, dict):
        return True
    if _NOT_STRICT & schema.keys():
        return False
    properties = schema.get("properties")
    parts = properties if isinstance(properties, dict) else {}
    if schema.get("type") == "object" or parts:
        required = schema.get("required")
        listed = {str(r) for r in required} if isinstance(required, list) else set()
        if schema.get("additionalProperties") is not False or set(parts) != listed:
            return False
    rest = [v for k, v in schema.items() if k not in ("properties", "enum", "const", "required")]
    return all(is_strict(v) for v in (*parts.values(), *rest))


def enforced_messages(request: ChatRequest) -> tuple[Message, ...]:
    """The messages as sent where the form is enforced: example answers get the form of answers."""
    return tuple(
        m.model_copy(update={"content": enforced_answer(request, m.content)}) if m.role == "assistant" else m
        for m in request.messages
    )


def enforced_answer(request: ChatRequest, text: str) -> str:
    """An answer in the form that the endpoint enforces; what is no answer stays as it is."""
    if request.labels is not None:
        return json.dumps({LABEL_KEY: text}, ensure_ascii=False) if text in request.labels else text
    if _is_wrapped(request):
        try:
            return json.dumps({ANSWER_KEY: json.loads(text)}, ensure_ascii=False)
        except ValueError:
            return text
    return text


def read_answer(request: ChatRequest, text: str) -> str:
    """The answer without the form: the label, or the value, itself; anything else stays as it is."""
    if request.labels is None and not _is_wrapped(request):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()
    if request.labels is not None:
        label = found.get(LABEL_KEY) if isinstance(found, dict) else None
        return label if isinstance(label, str) else text.strip()
    if isinstance(found, dict) and found.keys() == {ANSWER_KEY}:
        return json.dumps(found[ANSWER_KEY], ensure_ascii=False)
    return text
