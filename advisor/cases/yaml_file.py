"""Reading `case.yaml`: plain YAML only, with the line of every key, so that problems can name it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from advisor.cases.numbers import SHAPES
from advisor.cases.schema import INCONSISTENT, Case, DataFiles, Location, QualityTarget, Task
from advisor.errors import Problem

MAX_CASE_BYTES = 1_000_000


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
    case, errors = _validated(values)
    for wrong in errors:
        problems += _validation_problems(path, wrong, lines)
    return (None, problems) if problems else (case, [])


@dataclass(frozen=True)
class ReadableParts:
    """What can be read of a case that is wrong elsewhere, so that what is wrong in its files is found too."""

    task: Task
    data: DataFiles
    quality: QualityTarget


def read_parts(path: Path) -> ReadableParts | None:
    """The parts that say how the files of a case are read; None where these are wrong themselves."""
    text, _ = read_text(path, max_bytes=MAX_CASE_BYTES)
    try:
        values = yaml.safe_load(text or "")
        return ReadableParts(
            Task.model_validate(values["task"], extra="ignore"),
            DataFiles.model_validate(values.get("data", {}), extra="ignore"),
            QualityTarget.model_validate(values["quality"], extra="ignore"),
        )
    except (yaml.YAMLError, RecursionError, ValidationError, TypeError, KeyError, AttributeError):
        return None


def with_lines(problems: list[Problem], path: Path) -> list[Problem]:
    """Problems that name a key of the case file alone, with the line on which it stands."""
    if all(p.line is not None or p.path != path for p in problems):
        return problems
    text, _ = read_text(path, max_bytes=MAX_CASE_BYTES)
    try:
        lines, _ = _key_lines(path, yaml.compose(text or "", Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return problems
    by_key = {_dotted(location): line for location, line in lines.items()}
    return [
        replace(p, line=by_key.get(p.key)) if p.path == path and p.line is None and p.key else p
        for p in problems
    ]


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


def _validated(values: object) -> tuple[Case | None, list[Any]]:
    """(case, errors); what does not fit together is found beside unknown keys, too."""
    errors: list[Any] = []
    try:
        return Case.model_validate(values), errors
    except ValidationError as error:
        errors += error.errors()
    if all(e["type"] == "extra_forbidden" for e in errors):
        try:
            Case.model_validate(values, extra="ignore")
        except ValidationError as error:
            errors += error.errors()
    return None, errors


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


def _validation_problems(path: Path, error: Any, lines: dict[Location, int]) -> list[Problem]:
    if error["type"] == INCONSISTENT:
        wrong: list[tuple[Location, str]] = error["ctx"]["wrong"]
        return [Problem(path, message, _line(at, lines), _dotted(at)) for at, message in wrong]
    location: Location = tuple(p for p in error["loc"] if p not in SHAPES)
    message = {
        "extra_forbidden": "is not a key of the case format",
        "missing": "is missing",
    }.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    # pydantic names the branches of unions inside the location; the nearest known key is the one to show
    while location and location not in lines and error["type"] != "missing":
        location = location[:-1]
    return [Problem(path, message, _line(location, lines), _dotted(location) or None)]


def _line(location: Location, lines: dict[Location, int]) -> int | None:
    """The line of a key, or of the nearest one around it."""
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location)


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
