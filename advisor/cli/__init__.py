"""The command line. Human text and progress go to stderr, results to stdout; nothing heavy is imported here."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor.cli import prices, reviews, tune
from advisor.cli._shared import (
    CaseArgument,
    JsonOption,
    SetOption,
    StoreOption,
    overrides,
    print_json,
    say,
    stderr,
    stdout,
)
from advisor.cli.imports import import_results
from advisor.cli.loadtest import loadtest
from advisor.cli.new_case import (
    FromFile,
    GroupColumn,
    HeldOut,
    IdColumn,
    Inputs,
    Instructions,
    Kind,
    Outputs,
    SplitColumn,
    init_from_file,
)
from advisor.cli.reports import batch, compare, report
from advisor.cli.ui import ui
from advisor.errors import AdvisorError, UsageError
from advisor.version import __version__

if TYPE_CHECKING:
    from advisor.records import Decision

app = typer.Typer(
    name="advisor",
    help="Should we fine-tune, or not? Runs the alternatives over your own examples and answers from evidence.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: advisor init my_case --from support_intents; advisor check my_case; advisor run my_case",
)

app.add_typer(tune.app)
app.add_typer(prices.app)
app.add_typer(reviews.app)
app.command()(loadtest)
app.command()(ui)
app.command("import")(import_results)
app.command()(report)
app.command()(batch)
app.command()(compare)
app.command()(reviews.gate)

STOPPED = "Stopped. Everything answered so far is kept; run again to go on."


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to create.")],
    sample: Annotated[
        str | None, typer.Option("--from", metavar="SAMPLE", help="Copy a sample case.")
    ] = None,
    from_file: FromFile = None,
    inputs: Inputs = None,
    outputs: Outputs = None,
    id: IdColumn = None,
    group: GroupColumn = None,
    split: SplitColumn = None,
    kind: Kind = None,
    instructions: Instructions = None,
    held_out: HeldOut = None,
) -> None:
    """Create a case folder that passes `check`: a small template, a copy of a sample case, or from a spreadsheet.

    Example: advisor init my_case --from support_intents

    Example: advisor init my_case --from-file tickets.xlsx --input Message --output Queue
    """
    from advisor.cases.scaffold import create_case

    if from_file is not None:
        if sample is not None:
            raise UsageError("--from and --from-file cannot be combined.", hint="Leave one of them out.")
        created = init_from_file(
            folder, from_file, inputs, outputs, id, group, split, kind, instructions, held_out
        )
    elif any((inputs, outputs, id, group, split, kind, instructions, held_out)):
        raise UsageError(
            "Columns, kind, instructions and split are those of a table.", hint="Add --from-file."
        )
    else:
        created = create_case(folder, sample=sample)
    say(f"Created {created}. Next: advisor check {created}")


@app.command()
def check(case: CaseArgument, as_json: JsonOption = False) -> None:
    """Validate a case, audit its data, and plan every call with its cost; calls no model."""
    from advisor import workflow

    checked = workflow.check(case)
    if as_json:
        print_json(
            {
                "case": checked.loaded.case.name,
                "audit": {**checked.audit.model_dump(mode="json"), "leaked": sorted(checked.audit.leaked)},
                "plan": {
                    **checked.plan.model_dump(mode="json"),
                    "usd": checked.plan.usd,
                    "seconds": checked.plan.seconds,
                },
            }
        )
        return
    from advisor.reports.check import print_check

    print_check(checked.loaded.case.name, checked.audit, checked.plan, stdout())


@app.command()
def run(
    case: CaseArgument,
    baselines: Annotated[
        str | None, typer.Option("--baselines", metavar="A,B", help="Only these baselines, by name.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="USD", min=0, help="Stop before more than this is spent."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Only the first N held-out items: a trial."),
    ] = None,
    use_batches: Annotated[
        bool,
        typer.Option(
            "--batch", help="Ask hosted models through their batch endpoints: cheaper, within a day."
        ),
    ] = False,
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early",
            help="Ask in random order and stop once the verdict is settled; run again without it to ask the rest.",
        ),
    ] = False,
    executor: Annotated[
        str, typer.Option("--executor", metavar="local|ray", help="Where calls are made from.")
    ] = "local",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run what is missing, score, compare, and print the verdict.

    Killed or stopped, it goes on where it was when run again, and pays for nothing twice.

    Example: advisor run my_case --budget 5
    """
    from advisor.evaluation.progress import RichProgress
    from advisor.workflow.background import run_here

    if executor != "local":
        raise UsageError(f"There is no executor {executor!r} in this version.", hint="Use --executor local.")
    names = [n.strip() for n in baselines.split(",") if n.strip()] if baselines else None
    try:
        with RichProgress(stderr()) as progress:
            outcome = run_here(
                case,
                store=store,
                baselines=names,
                budget_usd=budget,
                limit=limit,
                use_batches=use_batches,
                stop_early=stop_early,
                progress=progress,
            )
    except KeyboardInterrupt:  # typer would end without a word
        say(STOPPED)
        raise typer.Exit(130) from None
    _show(outcome.decision, as_json)
    calls = "no call was made" if outcome.calls_made == 0 else f"{outcome.calls_made:,} calls were made"
    say(f"\n{calls}; spent ${outcome.spent_usd:.4f}. Report: advisor report {case} --format html")
    if outcome.decision.stopped_early is not None:
        say(f"Stopped early; to ask the rest: advisor run {case}")
    if outcome.stopped_by_budget:
        say(outcome.stopped_by_budget)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


@app.command()
def rehearse(
    case: CaseArgument,
    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            metavar="openai|azure_openai",
            help="Which provider is rehearsed; by default the one that the case tunes with, else OpenAI.",
        ),
    ] = None,
    training: Annotated[
        float, typer.Option("--training", metavar="SECONDS", min=0, help="How long the tuning job takes.")
    ] = 5.0,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the rehearsal's case and store here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The whole path on a server of this machine that enforces the provider's contract: no key, no cost.

    Training file, upload, job, events, tuned model, evaluation, deployment and its removal are real calls; the
    answers are simulated, and so are the qualities and the verdict.

    Example: advisor rehearse my_case --system openai
    """
    from advisor.evaluation.progress import RichProgress
    from advisor.workflow.rehearsal import rehearse

    with RichProgress(stderr()) as progress:
        found = rehearse(case, system=system, training_s=training, keep=keep, progress=progress)
    if as_json:
        print_json(found.as_json())
        return
    _show(found.decision, False)
    for line in found.lines:
        typer.echo(line)
    say(
        "\nSIMULATED: this was a rehearsal. Its answers say nothing about the model; "
        "its calls, tokens and files are real."
    )


@app.command()
def decide(
    case: CaseArgument, changes: SetOption = None, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """The verdict from stored results, with assumptions changed at will; calls no model.

    Example: advisor decide my_case --set value.correct_usd=0.1 --set effort.data_hours=10
    """
    from advisor import workflow

    _show(workflow.decide(case, store=store, overrides=overrides(changes)), as_json)


@app.command()
def export(
    case: CaseArgument,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="By default CASE/results.jsonl.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write what was measured as results.jsonl, from which others can decide without running anything."""
    from advisor import workflow

    typer.echo(workflow.export_results(case, output=output, store=store))


@app.callback(invoke_without_command=True)
def version_option(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Should we fine-tune, or not? Runs the alternatives over your own examples and answers from evidence."""
    if version:
        typer.echo(__version__)
        raise typer.Exit(0)


def main() -> None:
    """Entry point: runs a command; an error is said in words, never as a traceback."""
    # libraries announce what their next version will do; whoever runs a case can do nothing about it
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        app()
    except AdvisorError as error:
        say(f"Error: {error}")
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        with _quiet_stdout():
            raise SystemExit(0) from None
    except OSError as error:  # a file or folder named on the command line, or a full disk
        where = f"{error.filename2 or error.filename}: " if error.filename else ""
        say(f"Error: {where}{error.strerror or error}.")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        say(STOPPED)
        raise SystemExit(130) from None


def _show(decision: Decision, as_json: bool) -> None:
    if as_json:
        typer.echo(decision.to_json())
        return
    from advisor.reports.terminal import print_decision

    print_decision(decision, stdout())


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Keeps Python from complaining about a closed pipe when it ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    yield
