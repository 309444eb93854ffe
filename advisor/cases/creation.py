"""A case from a table: what was asked for, what it makes of the rows, and the folder, there whole or not at all.

`prepare` finds everything that is wrong with a request, by the row numbers of the spreadsheet; `write_case` writes the
same files as `advisor init` does, so that a case that was made here is a case like any other.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, InstanceOf, JsonValue, ValidationError, model_validator

from advisor.cases import suggest
from advisor.cases._case_text import case_yaml
from advisor.cases._data_card import data_card, how_split, origin
from advisor.cases._rows import Columns, RowReader
from advisor.cases._splitting import ColumnSplit, FileSplit, RandomSplit, Split
from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.documents import Document, document_bytes, document_problems
from advisor.cases.held_out import split_held_out
from advisor.cases.loading import CASE_FILE, load_case
from advisor.cases.model_spec import ModelSpec
from advisor.cases.numbers import Part
from advisor.cases.schema import (
    Case,
    Constraints,
    Effort,
    Example,
    QualityTarget,
    Task,
    TaskKind,
    Traffic,
    UseCase,
    Value,
)
from advisor.cases.upload import Table, text_of
from advisor.cases.workspace import place_for
from advisor.errors import CaseError, Problem, first_of

__all__ = [
    "ColumnSplit",
    "Columns",
    "Document",
    "FileSplit",
    "NewCase",
    "PreparedCase",
    "RandomSplit",
    "prepare",
    "write_case",
]  # fmt: skip

_REQUEST = Path(CASE_FILE)


class NewCase(Part):
    """What somebody asks for: a table, and what it means. What is None is suggested or found."""

    table: InstanceOf[Table]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    title: str = ""
    use_case: UseCase
    kind: TaskKind
    instructions: Annotated[str, Field(min_length=1)]
    columns: Columns
    labels: tuple[str, ...] | None = None
    """Of a classification; None: those that occur."""
    json_schema: dict[str, JsonValue] | None = None
    """Of an extraction; None: one that all expected outputs fit."""
    max_output_tokens: Annotated[int, Field(gt=0)] | None = None
    quality: QualityTarget | None = None
    split: Split = RandomSplit()
    skip_incomplete: bool = False
    """Leave out rows without input or expected output, instead of calling them a problem."""
    models: dict[str, ModelSpec] = Field(default_factory=suggest.default_models)
    baselines: tuple[BaselineSpec, ...] | None = None
    documents: tuple[Document, ...] = ()
    traffic: Traffic = Traffic()
    value: Value = Value()
    effort: Effort = Effort()
    constraints: Constraints = Constraints()
    declared: dict[str, str] = {}

    @model_validator(mode="after")
    def _has_a_model(self) -> Self:
        if not self.models:
            raise ValueError("at least one model is needed")
        return self


@dataclass(frozen=True)
class PreparedCase:
    """What a request comes to, before anything is written."""

    request: NewCase
    case: Case
    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    left_out: tuple[int, ...]
    """Rows without input or expected output, where they are left out."""
    notes: tuple[str, ...]
    """What was decided for the user, and what is little."""


def prepare(request: NewCase) -> PreparedCase:
    """Makes examples and a case of a request, or says everything that is wrong with it.

    Raises:
        CaseError: With all problems, by the rows of the spreadsheet.
    """
    problems: list[Problem] = []
    reader = RowReader(request.columns, request.kind, skip_incomplete=request.skip_incomplete)
    rows, wrong = reader.rows(request.table)
    problems += wrong
    own: list[Any] = []
    if isinstance(request.split, FileSplit):
        own, wrong = reader.rows(request.split.table, prefix="held-out-")
        problems += wrong
    outputs = [r.values["output"] for r in (*rows, *own) if "output" in r.values]
    task, wrong = _task(request, outputs)
    problems += wrong
    examples: list[Example] = []
    held_out_file: list[Example] = []
    if task is not None:
        schema = task.json_schema
        validator = Draft202012Validator(schema) if schema is not None else None
        examples, wrong = reader.examples(rows, request.table, task, validator)
        problems += wrong
        if isinstance(request.split, FileSplit):
            held_out_file, wrong = reader.examples(own, request.split.table, task, validator)
            problems += wrong
    problems += document_problems(request.documents)
    problems += _twice(examples, held_out_file, request)
    problems = first_of(problems, Path(request.table.name))
    if problems or task is None:
        raise CaseError(problems)
    train, held_out = _split(request, examples, held_out_file, reader.row_of)
    case, problems = _case(request, task, outputs)
    if not problems:
        problems = _empty_sides(request, train, held_out)
    if problems or case is None:
        raise CaseError(problems)
    notes = [*reader.notes, *_split_notes(request, train, held_out), *_label_notes(case)]
    notes += suggest.size_notes(len(train), len(held_out))
    return PreparedCase(request, case, train, held_out, tuple(reader.left_out), tuple(notes))


def write_case(prepared: PreparedCase, workspace: Path) -> Path:
    """Writes a case folder, named as the case is; nothing is left behind if that fails.

    It is loaded back before it appears in its place, so what appears passes `advisor check`.

    Raises:
        UsageError: There is something in its place.
        CaseError: The case cannot be read back.
    """
    place = place_for(prepared.case.name, workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace, prefix=".advisor-new-") as scratch:
        new = Path(scratch) / prepared.case.name
        fill_folder(prepared, new)
        place_for(prepared.case.name, workspace)  # somebody may have been faster
        new.rename(place)
    return place


def fill_folder(prepared: PreparedCase, folder: Path) -> None:
    """Writes the files of a case into a new folder, and loads them back.

    Raises:
        CaseError: What was written is not what was meant.
    """
    folder.mkdir()
    request, case = prepared.request, prepared.case
    (folder / CASE_FILE).write_text(case_yaml(case), encoding="utf-8", newline="\n")
    for name, examples in (("train.jsonl", prepared.train), ("held_out.jsonl", prepared.held_out)):
        lines = "".join(f"{_line(e)}\n" for e in examples)
        (folder / name).write_text(lines, encoding="utf-8", newline="\n")
    if request.documents:
        (folder / "documents").mkdir()
        for document in request.documents:
            (folder / "documents" / document.name).write_bytes(document_bytes(document))
    card = data_card(
        case.title or case.name,
        origin(request.table, request.columns),
        how_split(request.split, request.columns),
    )
    (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")
    loaded = load_case(folder)
    read = ({e.id: e for e in loaded.train}, {e.id: e for e in loaded.held_out})
    meant = ({e.id: e for e in prepared.train}, {e.id: e for e in prepared.held_out})
    if loaded.case != case or read != meant:
        raise CaseError([Problem(_REQUEST, "cannot be written as it was meant; please report this case")])


def _task(request: NewCase, outputs: list[JsonValue]) -> tuple[Task | None, list[Problem]]:
    labels = request.labels
    if not outputs:
        return None, []  # nothing could be read, which is said already
    if request.kind == "classification" and labels is None:
        labels = tuple(dict.fromkeys(o for o in outputs if isinstance(o, str)))
    schema = request.json_schema
    if request.kind == "extraction":
        schema = suggest.infer_schema(outputs) if schema is None else schema
        try:
            if schema is not None:
                Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            return None, [Problem(_REQUEST, f"is no JSON Schema: {error.message}", key="task.schema")]
    try:
        task = Task.model_validate(
            {
                "kind": request.kind,
                "instructions": request.instructions,
                "labels": labels if request.kind == "classification" else None,
                "schema": schema if request.kind == "extraction" else None,
                "max_output_tokens": request.max_output_tokens
                or suggest.default_output_tokens(request.kind, outputs),
            }
        )
    except ValidationError as error:
        return None, [_problem(e, "task") for e in error.errors()]
    return task, []


def _case(request: NewCase, task: Task, outputs: Sequence[JsonValue]) -> tuple[Case | None, list[Problem]]:
    model = next(iter(request.models))
    quality = request.quality or QualityTarget(metric=suggest.suggest_metric(request.kind, outputs))
    baselines = request.baselines or suggest.default_baselines(
        request.kind, documents=bool(request.documents), model=model
    )
    parts: dict[str, Any] = {
        "schema_version": 1,
        "name": request.name,
        "title": request.title,
        "use_case": request.use_case,
        "task": task,
        "quality": quality,
        "data": {
            "train": "train.jsonl",
            "held_out": "held_out.jsonl",
            **({"documents": "documents/"} if request.documents else {}),
        },
        "models": request.models,
        "baselines": baselines,
        "traffic": request.traffic,
        "value": request.value,
        "effort": request.effort,
        "constraints": request.constraints,
        "declared": request.declared,
    }
    try:
        return Case.model_validate(parts), []
    except ValidationError as error:
        return None, [_problem(e) for e in error.errors()]


def _problem(error: Any, *above: str) -> Problem:
    where = ".".join(str(p) for p in (*above, *error["loc"]))
    return Problem(_REQUEST, str(error["msg"]).removeprefix("Value error, "), key=where or None)


def _split(
    request: NewCase, examples: list[Example], own: list[Example], row_of: Mapping[str, int]
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    split = request.split
    if isinstance(split, FileSplit):
        return tuple(examples), tuple(own)
    if isinstance(split, ColumnSplit):
        wanted = {v.strip().lower() for v in split.held_out}
        if split.column not in request.table.columns:
            problem = f"has no column {split.column!r} to split by"
            raise CaseError([Problem(Path(request.table.name), problem)])
        says = dict(
            zip((r.number for r in request.table.rows), request.table.column(split.column), strict=True)
        )
        held = {e.id for e in examples if text_of(says[row_of[e.id]]).strip().lower() in wanted}
        return tuple(e for e in examples if e.id not in held), tuple(e for e in examples if e.id in held)
    return split_held_out(
        examples,
        share=split.held_out_share,
        seed=split.seed,
        similar=split.similar_together,
        by_output=request.kind == "classification",
    )


def _twice(examples: list[Example], held_out: list[Example], request: NewCase) -> list[Problem]:
    """An id that both files have."""
    if not isinstance(request.split, FileSplit):
        return []
    known = {e.id for e in examples}
    path = Path(request.split.table.name)
    return [
        Problem(path, f"{e.id!r} stands in {request.table.name} too", key=request.columns.id)
        for e in held_out
        if e.id in known
    ]


def _empty_sides(
    request: NewCase, train: tuple[Example, ...], held_out: tuple[Example, ...]
) -> list[Problem]:
    path = Path(request.table.name)
    if not held_out:
        what = "leaves no held-out example"
        if isinstance(request.split, ColumnSplit):
            what += (
                f": no row of {request.split.column!r} says {' or '.join(map(repr, request.split.held_out))}"
            )
        else:
            what += ": at least two rows that do not belong together are needed"
        return [Problem(path, what)]
    return [] if train else [Problem(path, "leaves no training example: every row is held out")]


def _split_notes(request: NewCase, train: tuple[Example, ...], held_out: tuple[Example, ...]) -> list[str]:
    total = len(train) + len(held_out)
    notes = [
        f"{len(train):,} examples to learn from, {len(held_out):,} held out ({len(held_out) / total:.0%})."
    ]
    split = request.split
    if isinstance(split, RandomSplit) and abs(len(held_out) / total - split.held_out_share) > 0.05:
        notes.append(
            f"That is not the {split.held_out_share:.0%} that was asked for: rows that belong together stay together."
        )
    return notes


def _label_notes(case: Case) -> list[str]:
    if case.task.labels is None:
        return []
    notes = []
    alike = Counter(" ".join(label.lower().split()) for label in case.task.labels)
    for folded in (f for f, n in alike.items() if n > 1):
        twins = [label for label in case.task.labels if " ".join(label.lower().split()) == folded]
        notes.append(f"{' and '.join(map(repr, twins))} count as different labels; are they meant to?")
    return notes


def _line(example: Example) -> str:
    values: dict[str, Any] = {"id": example.id, "input": example.input, "output": example.output}
    if example.group is not None:
        values["group"] = example.group
    return json.dumps(values, ensure_ascii=False)
