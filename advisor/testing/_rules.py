"""What the service refuses beyond its schema: limits that its documentation states in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from advisor.testing._api_errors import ApiError
from advisor.testing._catalog import BaseModel
from advisor.testing._contract import Finding

_MAX_METADATA = 16
_MAX_METADATA_KEY = 64
_MAX_METADATA_VALUE = 512
_MAX_SCHEMA_DEPTH = 10

# Words that strict structured outputs do not know, and those that tuned models do not know either.
_NEVER_STRICT = (
    "allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else", "patternProperties",
    "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "contains", "uniqueItems",
    "oneOf",
)  # fmt: skip
_NOT_STRICT_WHEN_TUNED = (
    "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minItems", "maxItems",
)  # fmt: skip


def chat_findings(body: dict[str, Any], *, tuned: bool) -> Iterator[Finding]:
    """What the documentation rejects about a chat request that its schema accepts."""
    yield from metadata_findings(body.get("metadata"))
    if body.get("metadata") and not body.get("store"):
        yield Finding(
            "The 'metadata' parameter is only allowed when 'store' is enabled.", "metadata", "invalid_value"
        )
    if body.get("stream_options") and not body.get("stream"):
        yield Finding(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options", None
        )
    for name in ("max_tokens", "max_completion_tokens"):
        limit = body.get(name)
        if limit is not None and limit < 1:
            message = (
                f"Invalid '{name}': integer below minimum value. Expected a value >= 1, but got {limit}."
            )
            yield Finding(message, name, "integer_below_min_value")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        yield Finding(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "max_completion_tokens",
            "invalid_parameter_combination",
        )
    yield from _format_findings(body, tuned=tuned)


def metadata_findings(metadata: dict[str, str] | None) -> Iterator[Finding]:
    """Metadata holds at most 16 pairs, of keys up to 64 and values up to 512 characters."""
    pairs = metadata or {}
    if len(pairs) > _MAX_METADATA:
        yield Finding(
            f"Invalid 'metadata': too many properties. Expected an object with at most {_MAX_METADATA} "
            f"properties, but got an object with {len(pairs)} properties instead.",
            "metadata",
            "object_above_max_properties",
        )
    for key, value in pairs.items():
        if len(key) > _MAX_METADATA_KEY or len(value) > _MAX_METADATA_VALUE:
            yield Finding(
                f"Invalid 'metadata.{key[:64]}': keys have at most {_MAX_METADATA_KEY} and values at most "
                f"{_MAX_METADATA_VALUE} characters.",
                f"metadata.{key[:64]}",
                "string_above_max_length",
            )


def refuse_unsupported(body: dict[str, Any], base: BaseModel | None, *, structured_outputs: bool) -> None:
    """Refuses what this model or endpoint cannot do, though others can.

    Raises:
        ApiError: 400, `unsupported_parameter` or `unsupported_value`.
    """
    kind = (body.get("response_format") or {}).get("type")
    if kind == "json_schema" and not structured_outputs:
        raise ApiError(
            400,
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
            param="response_format",
            code="unsupported_parameter",
        )
    if base is None or not base.reasoning:
        if body.get("reasoning_effort") is not None:
            raise ApiError(
                400,
                f"Unrecognized request argument supplied: reasoning_effort (model {body['model']})",
                param="reasoning_effort",
                code="unsupported_parameter",
            )
        return
    if body.get("max_tokens") is not None:
        raise ApiError(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            param="max_tokens",
            code="unsupported_parameter",
        )
    temperature = body.get("temperature")
    if temperature not in (None, 1):
        raise ApiError(
            400,
            f"Unsupported value: 'temperature' does not support {temperature} with this model. Only the default "
            "(1) value is supported.",
            param="temperature",
            code="unsupported_value",
        )


def _format_findings(body: dict[str, Any], *, tuned: bool) -> Iterator[Finding]:
    form = body.get("response_format") or {}
    if form.get("type") == "json_object" and "json" not in str(body["messages"]).lower():
        yield Finding(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
            "'json_object'.",
            "messages",
            None,
        )
    if form.get("type") != "json_schema":
        return
    asked = form["json_schema"]
    name = asked["name"]
    if not name or len(name) > 64 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        yield Finding(
            f"Invalid 'response_format.json_schema.name': {name!r} does not match '^[a-zA-Z0-9_-]+$' with at "
            "most 64 characters.",
            "response_format.json_schema.name",
            "invalid_value",
        )
    schema = asked.get("schema")
    if asked.get("strict") and schema is not None:
        for problem in strict_problems(schema, tuned=tuned):
            yield Finding(f"Invalid schema for response_format '{name}': {problem}", "response_format", None)


def strict_problems(schema: dict[str, Any], *, tuned: bool = False) -> Iterator[str]:
    """Why a schema cannot be enforced strictly.

    Every object must be closed and require all of its properties, the root must be an object, and some words
    of JSON Schema are not known; tuned models know fewer.
    """
    if schema.get("type") != "object":
        shown = schema.get("type", "None")
        yield f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{shown}\"'."
        return
    yield from _strict_node(schema, (), tuned, 0)
    for name, part in schema.get("$defs", {}).items():
        yield from _strict_node(part, ("$defs", name), tuned, 0)


def _strict_node(node: Any, at: tuple[str, ...], tuned: bool, depth: int) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    context = f"In context={at!r}, "
    unknown = [w for w in _NEVER_STRICT if w in node]
    unknown += [w for w in _NOT_STRICT_WHEN_TUNED if tuned and w in node]
    for word in unknown:
        yield f"{context}'{word}' is not permitted."
    if depth > _MAX_SCHEMA_DEPTH:
        yield f"{context}more than {_MAX_SCHEMA_DEPTH} levels of nesting."
        return
    kind = node.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in node:
        properties = node.get("properties", {})
        if node.get("additionalProperties") is not False:
            yield f"{context}'additionalProperties' is required to be supplied and to be false."
        missing = [key for key in properties if key not in node.get("required", ())]
        if missing:
            yield (
                f"{context}'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{missing[0]}'."
            )
        for key, part in properties.items():
            yield from _strict_node(part, (*at, "properties", key), tuned, depth + 1)
    if "items" in node:
        yield from _strict_node(node["items"], (*at, "items"), tuned, depth + 1)
    elif kind == "array":
        yield f"{context}array schema missing items."
    for i, part in enumerate(node.get("anyOf", ())):
        yield from _strict_node(part, (*at, "anyOf", str(i)), tuned, depth)
