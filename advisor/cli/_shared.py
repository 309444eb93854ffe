"""What all commands share: options, and where text goes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

CaseArgument = Annotated[Path, typer.Argument(metavar="CASE", help="The case folder, with its case.yaml.")]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="ADVISOR_STORE",
        metavar="URL",
        help="Where results are kept, e.g. sqlite:///results.sqlite; by default inside the case folder.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change an assumption, e.g. --set traffic.requests_per_month=100000. May be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def stdout() -> Console:
    """The console for results."""
    from rich.console import Console

    # a file or a pipe has no width of its own, and rich would take 80 columns
    return Console() if sys.stdout.isatty() else Console(width=100)


def stderr() -> Console:
    """The console for progress."""
    from rich.console import Console

    return Console(stderr=True)


def say(text: str) -> None:
    """Human text; it goes to stderr."""
    typer.echo(text, err=True)


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def overrides(changes: list[str] | None) -> dict[str, str]:
    """Changed assumptions by key.

    Raises:
        UsageError: One is not KEY=VALUE.
    """
    found = {}
    for change in changes or ():
        key, sign, value = change.partition("=")
        if not sign or not key.strip():
            raise UsageError(
                f"--set {change}: write KEY=VALUE.", hint="E.g. --set traffic.requests_per_month=100000"
            )
        found[key.strip()] = value
    return found
