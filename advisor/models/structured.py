"""Labels and schemas as hosted endpoints enforce them: structured outputs of the chat API.

An endpoint enforces a JSON object, so a label travels as `{"label": "refund"}`. What a model is shown as an
answer, in an example or in a training file, has the same form as what it must write.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from advisor.records import ChatRequest, Message

LABEL_KEY = "label"


def response_format(request: ChatRequest) -> dict[str, Any] | None:
    """The API's `response_format` for a request; None where nothing is to be enforced."""
    if request.labels is not None:
        schema: dict[str, JsonValue] = {
            "type": "object",
            "properties": {LABEL_KEY: {"type": "string", "enum": list(request.labels)}},
            "required": [LABEL_KEY],
            "additionalProperties": False,
        }
        return _json_schema("label", schema, strict=True)
    if request.json_schema is not None:
        return _json_schema("answer", request.json_schema, strict=is_strict(request.json_schema))
    return None


def _json_schema(name: str, schema: dict[str, JsonValue], *, strict: bool) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


def is_strict(schema: JsonValue) -> bool:
    """Whether a schema keeps the rules of strict mode: every object closed, and all its keys required."""
    if isinstance(schema, list):
        return all(is_strict(s) for s in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties, required = schema.get("properties"), schema.get("required")
        names = set(properties) if isinstance(properties, dict) else set()
        listed = {str(r) for r in required} if isinstance(required, list) else set()
        if schema.get("additionalProperties") is not False or names != listed:
            return False
    return all(is_strict(v) for v in schema.values())


def enforced_messages(request: ChatRequest) -> tuple[Message, ...]:
    """The messages as sent where the form is enforced: answers that are labels get the form of answers."""
    return tuple(
        m.model_copy(update={"content": enforced_answer(request.labels, m.content)})
        if m.role == "assistant"
        else m
        for m in request.messages
    )


def enforced_answer(labels: Sequence[str] | None, text: str) -> str:
    """An answer in the form that the endpoint enforces."""
    if labels is not None and text in labels:
        return json.dumps({LABEL_KEY: text}, ensure_ascii=False)
    return text


def read_answer(request: ChatRequest, text: str) -> str:
    """The answer without the form: the label itself; anything else stays as it is."""
    if request.labels is None:
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()
    if isinstance(found, dict) and isinstance(found.get(LABEL_KEY), str):
        return str(found[LABEL_KEY])
    return text.strip()
