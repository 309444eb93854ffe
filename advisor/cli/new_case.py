"""`advisor init --from-file`: a case from a spreadsheet, as the app makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from advisor.cli._shared import say
from advisor.errors import CaseError, Problem, UsageError

if TYPE_CHECKING:
    from advisor.cases.creation import ColumnSplit, FileSplit, RandomSplit
    from advisor.cases.schema import TaskKind
    from advisor.cases.upload import Table

FromFile = Annotated[
    Path | None,
    typer.Option("--from-file", metavar="FILE", help="Make it from a table: .csv, .xlsx or .jsonl."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", metavar="COLUMN", help="What a model is shown. May be repeated. Guessed where left out."
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="COLUMN",
        help="What should come out. Several make a JSON object. Guessed where left out.",
    ),
]
IdColumn = Annotated[
    str | None,
    typer.Option("--id", metavar="COLUMN", help="What names a row. Guessed where left out; else its number."),
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="Rows with the same value stay on one side of the split. Guessed where left out.",
    ),
]
SplitColumn = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="COLUMN",
        help="Says which rows are held out (test, eval, held_out …). Guessed where left out.",
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="classification, extraction, question_answering or generation. Guessed where left out.",
    ),
]
Instructions = Annotated[
    str | None,
    typer.Option("--instructions", metavar="TEXT", help="What a model is told before every question."),
]
HeldOut = Annotated[
    Path | None,
    typer.Option(
        "--held-out-file",
        metavar="FILE",
        help="The held-out set, with the same columns; else a column says which rows, or 30% are chosen at random.",
    ),
]


def init_from_file(
    folder: Path,
    file: Path,
    inputs: list[str] | None,
    outputs: list[str] | None,
    id: str | None,
    group: str | None,
    split: str | None,
    kind: str | None,
    instructions: str | None,
    held_out: Path | None,
) -> Path:
    """Creates a case folder from a table; says on stderr what was guessed.

    Raises:
        UsageError: An option does not fit, or the folder is there already.
        CaseError: With all problems of the table, by its rows.
    """
    from typing import get_args

    from advisor.cases.creation import Columns, NewCase, prepare, write_case
    from advisor.cases.scaffold import case_name_from
    from advisor.cases.schema import TaskKind as Kinds
    from advisor.cases.schema import UseCase
    from advisor.cases.suggest import suggest, suggest_kind
    from advisor.cases.workspace import place_for

    place_for(folder.resolve().name, folder.resolve().parent)
    table = _table(file)
    found = suggest(table)
    inputs = inputs or ([found.input] if found.input else [])
    outputs = outputs or ([found.output] if found.output else [])
    if not inputs or not outputs:
        raise UsageError(
            f"{file} has no two columns to take for input and output.",
            hint="Name them: --input and --output.",
        )
    used = {*inputs, *outputs}
    id = id or (None if found.id in used else found.id)
    group = group or (None if found.group in used else found.group)
    if split is not None and held_out is not None:
        raise UsageError("--split and --held-out-file cannot be combined.", hint="Leave one of them out.")
    rows = _split(table, file, split, None if found.split in used else found.split, held_out)
    if kind is None:
        known = [o for o in outputs if o in table.columns]
        several = len(outputs) > 1
        guessed = ("extraction", "") if several or not known else suggest_kind(table.column(known[0]))
        kind = guessed[0]
    if kind not in get_args(Kinds):
        raise UsageError(
            f"There is no kind of task {kind!r}.", hint=f"There are: {', '.join(get_args(Kinds))}."
        )
    title = file.stem.replace("_", " ").replace("-", " ").strip().capitalize()
    request = NewCase(
        table=table,
        name=case_name_from(folder.resolve().name),
        title=title,
        use_case=UseCase(description=f"{title}. Replace this by your own use case.", aspect="accuracy"),
        kind=cast("TaskKind", kind),
        instructions=instructions
        or f"Give the {' and the '.join(outputs)} for the {' and the '.join(inputs)}.",
        columns=Columns(input=tuple(inputs), output=tuple(outputs), id=id, group=group),
        split=rows,
    )
    prepared = prepare(request)
    created = write_case(prepared, folder.resolve().parent)
    say(f"Input: {', '.join(inputs)}. Expected output: {', '.join(outputs)}. Task: {kind}.")
    say(f"Row names: {id or 'row numbers'}. Groups: {group or 'none'}. Held out: {_said(rows)}.")
    for note in (*table.notes, *prepared.notes):
        say(f"- {note}")
    return folder if created == folder.resolve() else created


def _split(
    table: Table, file: Path, named: str | None, guessed: str | None, held_out: Path | None
) -> RandomSplit | ColumnSplit | FileSplit:
    """How rows are held out: by a file, by a column that says so, or at random."""
    from advisor.cases.creation import ColumnSplit, FileSplit, RandomSplit
    from advisor.cases.suggest import HELD_OUT_WORDS, suggest_held_out_values

    if held_out is not None:
        return FileSplit(table=_table(held_out))
    column = named or guessed
    if column is None:
        return RandomSplit()
    if column not in table.columns:
        raise UsageError(
            f"{file} has no column {column!r}.", hint=f"There are: {', '.join(map(repr, table.columns))}."
        )
    values = suggest_held_out_values(table, column)
    if values:
        return ColumnSplit(column=column, held_out=values)
    if named is None:
        return RandomSplit()
    words = ", ".join(sorted(HELD_OUT_WORDS))
    raise UsageError(f"No row of column {column!r} says that it is held out.", hint=f"It may say: {words}.")


def _said(split: RandomSplit | ColumnSplit | FileSplit) -> str:
    if split.kind == "column":
        return f"where {split.column} says {' or '.join(split.held_out)}"
    return "the file of its own" if split.kind == "file" else "30% at random"


def _table(file: Path) -> Table:
    from advisor.cases.upload import MAX_FILE_BYTES, read_table

    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise CaseError(
                [Problem(file, f"has more than {MAX_FILE_BYTES:,} bytes; bring a part of its rows")]
            )
        return read_table(file.read_bytes(), file.name)
    except OSError as error:
        raise CaseError([Problem(file, f"cannot be read: {error.strerror}")]) from error
