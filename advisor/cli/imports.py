"""`advisor import`: results measured elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from advisor.cli._shared import CaseArgument, StoreOption, say
from advisor.errors import UsageError


def import_results(
    case: CaseArgument,
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="JSONL with a line per baseline and held-out item; promptfoo's output (`promptfoo eval -o out.json`); "
            "or a log of Inspect (.eval or .json).",
        ),
    ],
    format: Annotated[
        str,
        typer.Option(
            "--format", metavar="auto|jsonl|promptfoo|inspect", help="By default told by what it holds."
        ),
    ] = "auto",
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=BASELINE",
            help="Which provider, prompt, model or task of the file is which baseline; `NAME=` leaves one out. May be "
            "repeated. By default names that are equal.",
        ),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option(
            "--scorer", metavar="NAME", help="Inspect: whose scores count, where there are several."
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Take in results that were measured elsewhere: by a program of yours, by promptfoo, or by Inspect.

    Items are found by id, else by equal input. Whatever cannot be matched is said at once, and then nothing is
    taken in.

    Example: advisor import my_case out.json --map openai:gpt-4.1-mini=zero_shot
    """
    from advisor import workflow

    found = workflow.import_results(
        case, results, store=store, format=format, names=_names(names), scorer=scorer
    )
    for name, n in found.items():
        say(f"{name}: {n} items")
    say(f"Next: advisor decide {case}")


def _names(given: list[str] | None) -> dict[str, str]:
    found = {}
    for text in given or ():
        name, sign, baseline = text.rpartition("=")  # a provider's name may hold one, a baseline's cannot
        if not sign or not name.strip():
            raise UsageError(
                f"--map {text}: write NAME=BASELINE.", hint="E.g. --map openai:gpt-4.1-mini=zero_shot"
            )
        found[name.strip()] = baseline.strip()
    return found
