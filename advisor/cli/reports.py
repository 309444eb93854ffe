"""`advisor report`, `advisor batch` and `advisor compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from advisor.cli._shared import (
    CaseArgument,
    JsonOption,
    SetOption,
    StoreOption,
    overrides,
    print_json,
    say,
    stderr,
)

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="html|pdf|md|json|xlsx|all",
        help="The report's format; may be repeated. xlsx holds every item with every answer. Default: html.",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="Where to write; reports/.")
]


def report(
    case: CaseArgument,
    format: FormatOption = None,
    output: OutputOption = None,
    changes: SetOption = None,
    store: StoreOption = None,
) -> None:
    """Write the decision report; prints its path.

    Example: advisor report my_case --format pdf --format xlsx
    """
    from advisor.workflow.reporting import reports

    for path in reports(case, format or ("html",), output=output, store=store, overrides=overrides(changes)):
        typer.echo(path)


def batch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with cases below it.")],
    format: FormatOption = None,
    output: OutputOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide every case below a folder: run or reuse its results, write a report each and an index.

    The index lists the largest value at stake first, and, where reports stood in the folder already, what changed.

    Example: advisor batch cases --format html --format pdf
    """
    from advisor.evaluation.progress import RichProgress
    from advisor.workflow.reporting import batch as run_batch

    with RichProgress(stderr()) as progress:
        entries, index = run_batch(
            folder, output=output, store=store, progress=progress, formats=format or ("html",)
        )
    if as_json:
        print_json(
            [
                {
                    "folder": str(e.folder),
                    "case": e.decision.case if e.decision else None,
                    "decision": e.decision.verdict.decision if e.decision else None,
                    "recommended": e.decision.verdict.recommended if e.decision else None,
                    "at_stake_usd": e.at_stake_usd,
                    "report": str(e.report) if e.report else None,
                    "further": [str(p) for p in e.further],
                    "changed": None if e.changed is None else list(e.changed),
                    "error": e.error,
                }
                for e in entries
            ]
        )
    else:
        for e in entries:
            if e.decision is not None:
                typer.echo(f"{e.decision.case}: {e.decision.verdict.decision} → {e.report}")
        typer.echo(f"all: {index}")
    for e in entries:
        if e.error is not None:
            say(f"{e.folder}: {e.error}")
    if any(e.error is not None for e in entries):
        raise typer.Exit(3)


def compare(
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE", help="A decision's JSON file, a case, or a folder of reports.")
    ],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The same, of a later day.")],
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, e.g. for a comment on a pull request.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What changed between two decisions on the same case: verdict, evidence, assumptions, what would turn it.

    Example: advisor compare reports/my_case.json my_case
    """
    from advisor.reports.changes import changes_lines, changes_markdown
    from advisor.workflow.reporting import compare as compare_decisions

    found, _ = compare_decisions(before, after, store=store)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif markdown:
        typer.echo(changes_markdown(found), nl=False)
    else:
        for line in changes_lines(found):
            typer.echo(line)
