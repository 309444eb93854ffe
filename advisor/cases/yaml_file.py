"""Reading `case.yaml`: plain YAML only, with the line of every key, so that problems can name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from advisor.cases.schema import SHAPES, Case
from advisor.errors import Problem

MAX_CASE_BYTES = 1_000_000
Location = tuple[str | int, ...]


def read_case_file(path: Path) -> tuple[Case | None, list[Problem]]:
    """The case that a file describes, or all that is wrong with it."""
    text, problems = read_text(path, max_bytes=MAX_CASE_BYTES)
    return (None, problems) if text is None else read_case_text(text, path)


def read_case_text(text: str, path: Path) -> tuple[Case | None, list[Problem]]:
    """The case that the text of a file describes, or all that is wrong with it."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return None, [_yaml_problem(path, error)]
    except RecursionError:
        return None, [Problem(path, "is nested too deeply")]
    if not isinstance(values, dict):
        return None, [Problem(path, "must be a mapping of keys, see `advisor init --help`", line=1)]
    lines, problems = _key_lines(path, node)
    try:
        case = Case.model_validate(values)
    except ValidationError as error:
        return None, problems + [_validation_problem(path, e, lines) for e in error.errors()]
    return (None, problems) if problems else (case, [])


def read_text(path: Path, *, max_bytes: int | None = None) -> tuple[str | None, list[Problem]]:
    """A file's UTF-8 text, or why there is none."""
    try:
        size = path.stat().st_size
        if max_bytes is not None and size > max_bytes:
            return None, [Problem(path, f"has {size:,} bytes; {max_bytes:,} are allowed")]
        raw = path.read_bytes()
    except FileNotFoundError:
        return None, [Problem(path, "does not exist")]
    except OSError as error:
        return None, [Problem(path, f"cannot be read: {error.strerror}")]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return None, [
            Problem(path, f"is not UTF-8 (byte 0x{raw[error.start]:02x}); save it as UTF-8", line=line)
        ]


def _yaml_problem(path: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    if "could not determine a constructor" in what:
        what = f"{what}; a case holds plain values only"
    return Problem(path, f"is not valid YAML: {what}", line=mark.line + 1 if mark else None)


def _key_lines(path: Path, node: yaml.Node | None) -> tuple[dict[Location, int], list[Problem]]:
    """The line of every key, and a problem for each key that stands twice in one mapping."""
    lines: dict[Location, int] = {}
    problems: list[Problem] = []
    seen: set[int] = set()

    def walk(node: yaml.Node, location: Location) -> None:
        lines.setdefault(location, node.start_mark.line + 1)
        if id(node) in seen:  # an alias; its target was walked already
            return
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                name = str(getattr(key, "value", key))
                if name in keys:
                    problems.append(
                        Problem(
                            path,
                            "stands there twice",
                            line=key.start_mark.line + 1,
                            key=_dotted((*location, name)),
                        )
                    )
                keys.add(name)
                lines[(*location, name)] = key.start_mark.line + 1
                walk(value, (*location, name))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*location, index))

    if node is not None:
        walk(node, ())
    return lines, problems


def _validation_problem(path: Path, error: Any, lines: dict[Location, int]) -> Problem:
    location: Location = tuple(p for p in error["loc"] if p not in SHAPES)
    message = {
        "extra_forbidden": "is not a key of the case format",
        "missing": "is missing",
    }.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    # pydantic names the branches of unions inside the location; the nearest known key is the one to show
    while location and location not in lines and error["type"] != "missing":
        location = location[:-1]
    parent = location
    while parent and parent not in lines:
        parent = parent[:-1]
    return Problem(path, message, line=lines.get(parent), key=_dotted(location) or None)


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
