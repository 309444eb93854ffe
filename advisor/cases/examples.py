"""Reading examples: JSON Lines or CSV, with all problems of a file at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from jsonschema import Draft202012Validator
from pydantic import ValidationError

from advisor.cases.schema import ColumnName, Example, Task
from advisor.cases.yaml_file import read_text
from advisor.errors import Problem, first_of

MAX_FIELD_CHARACTERS = 1_000_000
HALF_A_CHARACTER = "holds half of a character (a lone surrogate), often from text that was cut; remove it"
Row = tuple[int, dict[str, Any]]


def read_examples(
    path: Path, task: Task, columns: Mapping[ColumnName, str]
) -> tuple[list[Example], dict[str, int], list[Problem]]:
    """(examples, line of each id, problems) of one file."""
    text, problems = read_text(path)
    if text is None:
        return [], {}, problems
    if path.suffix.lower() == ".csv":
        rows, problems = _csv_rows(path, text, columns, parse_output=task.kind == "extraction")
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        rows, problems = _jsonl_rows(path, text, columns)
    else:
        return [], {}, [Problem(path, "has an unknown format; .jsonl and .csv are read")]
    if not rows and not problems:
        return [], {}, [Problem(path, "holds no example; at least one is needed")]

    validator = Draft202012Validator(task.json_schema) if task.json_schema is not None else None
    examples: list[Example] = []
    lines: dict[str, int] = {}
    for line, values in rows:
        example, wrong = checked_example(path, line, values, task, validator)
        problems += wrong
        if example is None:
            continue
        if example.id in lines:
            problems.append(
                Problem(path, f"{example.id!r} stands on line {lines[example.id]} already", line, "id")
            )
            continue
        lines[example.id] = line
        examples.append(example)
    problems.sort(key=lambda p: p.line or 0)
    return examples, lines, first_of(problems, path)


def _jsonl_rows(path: Path, text: str, columns: Mapping[ColumnName, str]) -> tuple[list[Row], list[Problem]]:
    rows: list[Row] = []
    problems: list[Problem] = []
    # split on newlines only: a JSON string may hold other Unicode line separators
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            values = json.loads(raw, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            problems.append(Problem(path, f"is not valid JSON: {reason}", line=number))
            continue
        if not isinstance(values, dict):
            problems.append(Problem(path, "must be a JSON object", line=number))
            continue
        if half_a_character(raw, values):
            problems.append(Problem(path, HALF_A_CHARACTER, line=number))
            continue
        rows.append((number, _renamed(values, columns)))
    return rows, problems


def half_a_character(raw: str, values: Any) -> bool:
    """Whether an escaped half of a surrogate pair stands alone: text that was cut, and cannot be written."""
    if "\\u" not in raw:
        return False
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _csv_rows(
    path: Path, text: str, columns: Mapping[ColumnName, str], *, parse_output: bool
) -> tuple[list[Row], list[Problem]]:
    csv.field_size_limit(100 * MAX_FIELD_CHARACTERS)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    header = list(reader.fieldnames or [])
    if not header:
        return [], []
    required: tuple[ColumnName, ...] = ("input", "output")
    for field in required:
        column = columns.get(field, field)
        if column not in header:
            hint = f"its columns are {', '.join(map(repr, header))}; name the right one in `data.columns.{field}`"
            problems.append(Problem(path, f"has no column {column!r}: {hint}", line=1))
    if problems:
        return [], problems
    wanted = {columns.get(f, f) for f in get_args(ColumnName)}
    for values, line in _csv_records(path, reader, problems):
        row: dict[str, Any] = _renamed(
            {k: v for k, v in values.items() if k in wanted and v is not None}, columns
        )
        row.setdefault("id", f"{path.stem}-{line}")
        for optional in ("group", "documents"):
            if row.get(optional) == "":
                del row[optional]
        if "documents" in row:
            row["documents"] = [d.strip() for d in row["documents"].split(";")]
        if parse_output:
            try:
                row["output"] = json.loads(row["output"])
            except ValueError as error:
                problems.append(Problem(path, f"is not valid JSON: {error}", line, "output"))
                continue
        rows.append((line, row))
    return rows, problems


def _csv_records(
    path: Path, reader: csv.DictReader[str], problems: list[Problem]
) -> Iterator[tuple[dict[str, Any], int]]:
    while True:
        start = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(Problem(path, f"is not valid CSV: {error}", line=start))
            return
        if None in values:
            problems.append(Problem(path, "has more fields than the header", line=start))
            continue
        yield values, start


def checked_example(
    path: Path, line: int, values: dict[str, Any], task: Task, validator: Draft202012Validator | None
) -> tuple[Example | None, list[Problem]]:
    """The example that a row's values make, with all that is wrong with them for a task."""
    for key, value in values.items():
        if isinstance(value, str) and len(value) > MAX_FIELD_CHARACTERS:
            what = f"has {len(value):,} characters; {MAX_FIELD_CHARACTERS:,} are allowed"
            return None, [Problem(path, what, line, key)]
    if isinstance(values.get("id"), int):
        values["id"] = str(values["id"])
    try:
        example = Example.model_validate(values)
    except ValidationError as error:
        return None, list(dict.fromkeys(_field_problem(path, line, e) for e in error.errors()))
    problems = []
    if not example.id.strip():
        problems.append(Problem(path, "is empty", line, "id"))
    if not example.input_text.strip():
        problems.append(Problem(path, "is empty", line, "input"))
    if task.labels is not None and example.output not in task.labels:
        problems.append(
            Problem(path, f"{_short(example.output)} is not one of `task.labels`", line, "output")
        )
    elif task.kind == "extraction":
        errors = [] if validator is None else validator.iter_errors(example.output)
        problems += [
            Problem(path, f"does not fit `task.schema`: {_short(e.message)}", line, "output") for e in errors
        ]
    elif task.kind in ("question_answering", "generation") and not _is_text(example.output, task):
        problems.append(Problem(path, "must be a text", line, "output"))
    return example, problems


def _is_text(output: Any, task: Task) -> bool:
    if isinstance(output, str):
        return True
    several = task.kind == "question_answering" and isinstance(output, list) and bool(output)
    return several and all(isinstance(o, str) for o in output)


def _field_problem(path: Path, line: int, error: Any) -> Problem:
    key = ".".join(str(p) for p in error["loc"][:1])
    message = {"missing": "is missing", "extra_forbidden": "is not a key of an example"}.get(
        error["type"], str(error["msg"])
    )
    if key == "input" and error["type"] != "missing":
        message = "must be a text or a list of chat messages"
    return Problem(path, message, line, key)


def _renamed(values: dict[str, Any], columns: Mapping[ColumnName, str]) -> dict[str, Any]:
    names = {column: field for field, column in columns.items()}
    return {names.get(key, key): value for key, value in values.items()}


def _short(value: Any, limit: int = 120) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
