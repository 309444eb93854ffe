"""Changing values of a `case.yaml` in place: what is not changed keeps its every character, comments included.

The text is cut where the YAML parser says that a value stands, so there is no writer that would lay the rest out anew.
The result is parsed again and compared with what was meant; where the two differ, nothing is changed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import JsonValue

from advisor.cases._yaml_text import block, flow, quoted
from advisor.errors import UsageError

Path = tuple[str, ...]
"""Keys from the top; tuples, as the ids of questions have dots of their own."""
_BY_HAND = "Change the file in a text editor; `advisor check` says whether it is right."


def edited(text: str, changes: Mapping[Path, JsonValue]) -> str:
    """The text with some values changed; None takes a key out.

    Raises:
        UsageError: The file uses a part of YAML that cannot be changed here, such as an alias.
    """
    try:
        values = yaml.safe_load(text)
        meant = copy.deepcopy(values)
        for path, value in changes.items():
            if _got(meant, path) == value:
                continue
            text = _changed(text, path, value)
            _put(meant, path, value)
        found = yaml.safe_load(text)
    except (yaml.YAMLError, _Unsupported, RecursionError) as error:
        raise UsageError("This case.yaml cannot be changed here.", hint=_BY_HAND) from error
    if _pruned(found) != _pruned(meant):
        raise UsageError("This case.yaml cannot be changed here without changing more.", hint=_BY_HAND)
    return text


class _Unsupported(Exception):
    """The file uses something that cannot be cut."""


def _got(values: Any, path: Path) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _put(values: dict[str, Any], path: Path, value: JsonValue) -> None:
    *parents, last = path
    for key in parents:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    if value is None:
        values.pop(last, None)
    else:
        values[last] = value


def _pruned(values: Any) -> Any:
    """Without empty mappings: `declared: {}` says what no `declared` says."""
    if not isinstance(values, dict):
        return values
    return {k: v for k, v in ((k, _pruned(v)) for k, v in values.items()) if v not in (None, {})}


def _changed(text: str, path: Path, value: JsonValue) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise _Unsupported
    above: tuple[yaml.Node, yaml.MappingNode, bool] | None = None
    for depth, key in enumerate(path):
        rest = _nested(path[depth + 1 :], value)
        found = next(((k, v) for k, v in node.value if k.value == key), None)
        if found is None:
            return text if value is None else _inserted(text, node, key, rest)
        key_node, child = found
        if child.start_mark.index < key_node.end_mark.index:
            raise _Unsupported  # an alias
        last = depth == len(path) - 1
        if last and value is None:
            if len(node.value) == 1 and above is not None:
                return _replaced(text, *above, {})
            return _removed(text, node, key_node, child)
        if last or not isinstance(child, yaml.MappingNode) or not child.value:
            return _replaced(text, key_node, child, bool(node.flow_style), rest)
        above = (key_node, child, bool(node.flow_style))
        node = child
    raise _Unsupported


def _nested(path: Path, value: JsonValue) -> JsonValue:
    for key in reversed(path):
        value = {key: value}
    return value


def _replaced(text: str, key: yaml.Node, child: yaml.Node, in_flow: bool, value: JsonValue) -> str:
    """Another value for a key."""
    start, end = child.start_mark.index, _end(text, child)
    if isinstance(child, yaml.CollectionNode) and not child.flow_style:
        # under the key, line by line: the new value comes onto the key's own line, before its comment
        colon = text.index(":", key.end_mark.index) + 1
        line_end = _line_end(text, colon)
        return f"{text[:colon]} {flow(value)}{text[colon:line_end]}{text[end:]}"
    indent = key.start_mark.column
    if not in_flow and isinstance(value, dict) and any(isinstance(v, str) for v in value.values()):
        # texts are long: one under the other
        newline = _newline(text)
        line_end = _line_end(text, end)
        comment = text[end:line_end]
        head = text[:start] + comment if comment.strip() else text[:start].rstrip(" ")
        lines = "".join(f"{newline}{_entry(k, v, indent + 2, newline)}" for k, v in value.items())
        return f"{head}{lines}{text[line_end:]}"
    new = _value(value, indent, in_flow, _newline(text))
    if start == end:  # nothing after the colon
        new = f" {new}"
    return f"{text[:start]}{new}{text[end:]}"


def _inserted(text: str, node: yaml.MappingNode, key: str, value: JsonValue) -> str:
    """One more key, after the last."""
    end = _end(text, node.value[-1][1])
    if node.flow_style:
        return f"{text[:end]}, {flow(key)}: {_value(value, 0, True, '')}{text[end:]}"
    newline = _newline(text)
    line_end = _line_end(text, end)
    indent = node.value[0][0].start_mark.column
    return f"{text[:line_end]}{newline}{_entry(key, value, indent, newline)}{text[line_end:]}"


def _removed(text: str, node: yaml.MappingNode, key: yaml.Node, child: yaml.Node) -> str:
    """Without a key, of several."""
    start, end = key.start_mark.index, _end(text, child)
    if not node.flow_style:
        line = text.rfind("\n", 0, start) + 1
        after = _line_end(text, end)
        after += 2 if text.startswith("\r\n", after) else 1
        return f"{text[:line]}{text[after:]}"
    place = next(i for i, (k, _) in enumerate(node.value) if k is key)
    if place:
        return f"{text[: _end(text, node.value[place - 1][1])]}{text[end:]}"
    return f"{text[:start]}{text[node.value[1][0].start_mark.index :]}"


def _entry(key: str, value: JsonValue, indent: int, newline: str) -> str:
    return f"{' ' * indent}{flow(key)}: {_value(value, indent, False, newline)}"


def _value(value: JsonValue, indent: int, in_flow: bool, newline: str) -> str:
    if isinstance(value, str):
        # plain words stay plain
        plain = flow(value)
        if plain == value and " " not in value:
            return plain
        return quoted(value) if in_flow else block(value, indent).replace("\n", newline)
    return flow(value)


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends, without the white space that the parser counts to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip())


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if end > index and text[end - 1] == "\r" else end


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
