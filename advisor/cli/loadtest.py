"""`advisor loadtest`: throughput and latency of a served model."""

from __future__ import annotations

from typing import Annotated

import typer

from advisor.cli._shared import CaseArgument, JsonOption, StoreOption, print_json, say, stderr, stdout
from advisor.errors import UsageError


def loadtest(
    case: CaseArgument,
    baseline: Annotated[str, typer.Option("--baseline", metavar="NAME", help="Whose prompts and model.")],
    concurrency: Annotated[
        str, typer.Option("--concurrency", metavar="1,8,32", help="Requests at a time, level by level.")
    ] = "1,8,32",
    requests: Annotated[
        int | None,
        typer.Option("--requests", metavar="N", min=1, help="Counted requests of a level; 100 by default."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", metavar="S", min=0, help="Counted seconds of a level, instead of requests."
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="USD", min=0, help="Stop before more than this is spent."),
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Throughput and latency of a served model under load, for its cost.

    A baseline's own prompts, of training items, are asked with so many under way at once. Nothing is asked again,
    nothing comes from the store, and no answer is kept; the figures are, and `advisor decide` uses them.

    Example: advisor loadtest my_case --baseline zero_shot --concurrency 1,8,32 --requests 200
    """
    from advisor.evaluation.progress import RichProgress
    from advisor.workflow.loadtest import loadtest as run_loadtest

    with RichProgress(stderr()) as progress:
        outcome = run_loadtest(
            case,
            baseline,
            _levels(concurrency),
            requests=requests,
            seconds=seconds,
            budget_usd=budget,
            store=store,
            progress=progress,
        )
    if as_json:
        print_json(outcome.as_json())
    else:
        from advisor.reports.load import print_load_test

        print_load_test(outcome.capacity, stdout())
    say(f"\nSpent ${outcome.spent_usd:.4f}. Next: advisor decide {case}")
    if outcome.stopped_by_budget:
        say(outcome.stopped_by_budget)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def _levels(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"--concurrency {text}: write numbers, e.g. --concurrency 1,8,32.") from None
