"""`advisor init --from-file`: a case from a spreadsheet, as the app makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from advisor.cli._shared import say
from advisor.errors import CaseError, Problem, UsageError

if TYPE_CHECKING:
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
    str | None, typer.Option("--id", metavar="COLUMN", help="What names a row; by default its number.")
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="Rows with the same value stay on one side of the split.",
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
        help="The held-out set, with the same columns; by default 30% at random.",
    ),
]


def init_from_file(
    folder: Path,
    file: Path,
    inputs: list[str] | None,
    outputs: list[str] | None,
    id: str | None,
    group: str | None,
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

    from advisor.cases.creation import Columns, FileSplit, NewCase, RandomSplit, prepare, write_case
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
        split=RandomSplit() if held_out is None else FileSplit(table=_table(held_out)),
    )
    prepared = prepare(request)
    created = write_case(prepared, folder.resolve().parent)
    say(f"Input: {', '.join(inputs)}. Expected output: {', '.join(outputs)}. Task: {kind}.")
    for note in (*table.notes, *prepared.notes):
        say(f"- {note}")
    return folder if created == folder.resolve() else created


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
