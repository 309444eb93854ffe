"""Rows of a table as examples: which column is what, and every row that cannot be one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from jsonschema import Draft202012Validator
from pydantic import BeforeValidator, Field, JsonValue

from advisor.cases.examples import checked_example
from advisor.cases.numbers import Part
from advisor.cases.schema import Example, Task, TaskKind
from advisor.cases.upload import Row, Table, text_of
from advisor.errors import Problem

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?\Z")
_SEVERAL = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
Names = Annotated[tuple[str, ...], _SEVERAL, Field(min_length=1)]


class Columns(Part):
    """Which columns of a table are what."""

    input: Names
    """Several are put below one another, each after its name."""
    output: Names
    """Several make a JSON object with their names as keys; for extraction."""
    id: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class RowValues:
    """The values of an example before they are checked, and the row that they come from."""

    number: int
    values: dict[str, Any]


class RowReader:
    """Reads the rows of one or two tables in the same way; collects what was decided."""

    def __init__(self, columns: Columns, kind: TaskKind, *, skip_incomplete: bool) -> None:
        self._columns = columns
        self._kind = kind
        self._skip = skip_incomplete
        self.left_out: list[int] = []
        self.row_of: dict[str, int] = {}
        """The row that each example comes from."""
        self.notes: list[str] = []

    def rows(self, table: Table, *, prefix: str = "") -> tuple[list[RowValues], list[Problem]]:
        """The values of each row, and the problems that are seen before the task is known.

        Args:
            table: The table.
            prefix: Before the ids that are made of row numbers.
        """
        problems = self._column_problems(table)
        if problems:
            return [], problems
        path = Path(table.name)
        at = {name: i for i, name in enumerate(table.columns)}
        numeric = self._numeric_columns(table, at)
        found: list[RowValues] = []
        incomplete: list[int] = []
        for row in table.rows:
            values, wrong = self._values(row, at, path, prefix, numeric)
            missing = [p for p in wrong if p.message == _EMPTY]
            if missing and self._skip:
                incomplete.append(row.number)
                continue
            problems += wrong
            found.append(RowValues(row.number, values))
        if incomplete:
            shown = ", ".join(map(str, incomplete[:5])) + (" …" if len(incomplete) > 5 else "")
            self.notes.append(
                f"{len(incomplete):,} rows of {table.name!r} were left out: they have no input or no expected output "
                f"(row {shown})."
            )
            self.left_out += incomplete
        if not found and not problems:
            problems.append(Problem(path, "has no row with both an input and an expected output"))
        return found, problems

    def examples(
        self, rows: Sequence[RowValues], table: Table, task: Task, validator: Draft202012Validator | None
    ) -> tuple[list[Example], list[Problem]]:
        """The examples of rows, and what is wrong with them for a task."""
        path = Path(table.name)
        names = {
            "input": " + ".join(self._columns.input),
            "output": " + ".join(self._columns.output),
            "id": self._columns.id or "id",
            "group": self._columns.group or "group",
        }
        problems: list[Problem] = []
        examples: list[Example] = []
        first: dict[str, int] = {}
        for row in rows:
            if "output" not in row.values or "input" not in row.values:
                continue  # said already
            example, wrong = checked_example(path, row.number, dict(row.values), task, validator)
            problems += [Problem(p.path, p.message, p.line, names.get(p.key or "", p.key)) for p in wrong]
            if example is None:
                continue
            if example.id in first:
                what = f"{example.id!r} stands in row {first[example.id]} already"
                problems.append(Problem(path, what, row.number, names["id"]))
                continue
            first[example.id] = self.row_of[example.id] = row.number
            examples.append(example)
        return examples, problems

    def _column_problems(self, table: Table) -> list[Problem]:
        path = Path(table.name)
        c = self._columns
        asked = [*c.input, *c.output, *([c.id] if c.id else []), *([c.group] if c.group else [])]
        there = ", ".join(map(repr, table.columns[:20])) + (" …" if len(table.columns) > 20 else "")
        problems = [
            Problem(path, f"has no column {name!r}; it has {there}")
            for name in dict.fromkeys(asked)
            if name not in table.columns
        ]
        both = [name for name in c.input if name in c.output]
        problems += [Problem(path, f"column {name!r} cannot be input and expected output") for name in both]
        if len(c.output) > 1 and self._kind != "extraction":
            problems.append(
                Problem(
                    path, "several columns of expected output are for extraction; choose one", key="output"
                )
            )
        return problems

    def _values(
        self, row: Row, at: dict[str, int], path: Path, prefix: str, numeric: set[str]
    ) -> tuple[dict[str, Any], list[Problem]]:
        c = self._columns
        values: dict[str, Any] = {"id": f"{prefix}row-{row.number}"}
        problems: list[Problem] = []
        if c.id is not None:
            id = row.values[at[c.id]]
            if id is None:
                problems.append(Problem(path, "is empty; every row needs an id, or none", row.number, c.id))
            else:
                values["id"] = text_of(id).strip()
        if c.group is not None and (group := row.values[at[c.group]]) is not None:
            values["group"] = text_of(group).strip()
        given = [(name, row.values[at[name]]) for name in c.input]
        if all(v is None for _, v in given):
            problems.append(Problem(path, _EMPTY, row.number, " + ".join(c.input)))
        elif len(given) == 1:
            only = given[0][1]
            values["input"] = only if isinstance(only, list) else text_of(only)
        else:
            values["input"] = "\n".join(f"{n}: {text_of(v)}" for n, v in given if v is not None)
        outputs = [(name, row.values[at[name]]) for name in c.output]
        if all(v is None for _, v in outputs):
            problems.append(Problem(path, _EMPTY, row.number, " + ".join(c.output)))
            return values, problems
        try:
            values["output"] = self._output(outputs, numeric)
        except ValueError as error:
            what = f"is not valid JSON ({error}); for extraction a cell holds JSON, or choose several columns"
            problems.append(Problem(path, what, row.number, c.output[0]))
        return values, problems

    def _output(self, outputs: list[tuple[str, JsonValue]], numeric: set[str]) -> JsonValue:
        if len(outputs) > 1:
            return {
                name: json.loads(v) if name in numeric and isinstance(v, str) else v for name, v in outputs
            }
        value = outputs[0][1]
        if self._kind == "extraction":
            try:
                return json.loads(value, parse_constant=_no_constant) if isinstance(value, str) else value
            except RecursionError:
                raise ValueError("nested too deeply") from None
        if self._kind == "classification":
            return text_of(value).strip()
        if self._kind == "question_answering" and isinstance(value, list):
            return value
        return text_of(value)

    def _numeric_columns(self, table: Table, at: dict[str, int]) -> set[str]:
        """Of several output columns those whose texts are all plain numbers; 007 is none."""
        if len(self._columns.output) < 2:
            return set()
        found = set()
        for name in self._columns.output:
            texts = [v for r in table.rows if (v := r.values[at[name]]) is not None]
            if texts and all(not isinstance(t, str) or (_NUMBER.match(t) and len(t) < 16) for t in texts):
                found.add(name)
        return found


_EMPTY = "is empty"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
