"""`advisor tune`: the tuning job by itself."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor.cli._shared import JsonOption, StoreOption, print_json, say, stderr

if TYPE_CHECKING:
    from advisor.tuning.base import Checkpoint, Estimate, Finding
    from advisor.workflow.tuning import TuningView

app = typer.Typer(
    name="tune",
    help="The tuning job by itself: training file, checks, estimate, job, deployment.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CaseArgument = Annotated[Path, typer.Argument(metavar="CASE", help="The case folder, with its case.yaml.")]
BaselineOption = Annotated[
    str | None,
    typer.Option("--baseline", metavar="NAME", help="Which fine-tuned baseline, where there are several."),
]


@app.command()
def prepare(
    case: CaseArgument,
    baseline: BaselineOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the training file, with the very prompts that the evaluation sends.

    Example: advisor tune prepare my_case
    """
    from advisor.workflow import tuning

    views = tuning.prepare(case, baseline=baseline, store=store)
    if as_json:
        return _print(views)
    for view in views:
        for path in view.files:
            typer.echo(path)
        say(f"{view.baseline}: written here, nothing is sent. Next: advisor tune check {case}")


@app.command()
def check(
    case: Annotated[Path, typer.Argument(metavar="CASE|FILE", help="A case, or a training file (.jsonl).")],
    baseline: BaselineOption = None,
    model: Annotated[str, typer.Option(help="The model to tune, for a file.")] = "gpt-4.1-mini",
    system: Annotated[
        str, typer.Option(metavar="openai|azure_openai", help="Where it is to be tuned, for a file.")
    ] = "openai",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the training data as the provider will; reads a training file that you already have, too.

    Example: advisor tune check my_training_file.jsonl --model gpt-4.1-mini
    """
    from advisor.workflow import tuning

    if case.is_file():
        if system not in ("openai", "azure_openai"):
            raise typer.BadParameter("must be openai or azure_openai", param_hint="--system")
        report, estimate = tuning.check_file(case, model=model, system=system)  # type: ignore[arg-type]
        if as_json:
            print_json(
                {"report": report.model_dump(mode="json"), "estimate": estimate.model_dump(mode="json")}
            )
        else:
            _say_findings(report.findings)
            for name in ("n_messages", "total_tokens", "assistant_tokens"):
                found = getattr(report, name)
                if found is not None:
                    typer.echo(
                        f"{name.replace('_', ' ').replace('n messages', 'messages')} of an example: min {found.min:g}, "
                        f"p10 {found.p10:g}, median {found.median:g}, mean {found.mean:.1f}, p90 {found.p90:g}, "
                        f"max {found.max:g}"
                    )
            _say_estimate(estimate)
        if not report.ok:
            raise typer.Exit(1)
        return None
    views = tuning.check(case, baseline=baseline, store=store)
    if as_json:
        _print(views)
    else:
        for view in views:
            typer.echo(f"{view.baseline} ({view.system}):")
            _say_findings(view.findings)
    if any(view.refused for view in views):
        raise typer.Exit(1)
    return None


@app.command()
def estimate(
    case: CaseArgument,
    baseline: BaselineOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the job will take: tokens, money, time; nothing is started.

    Example: advisor tune estimate my_case
    """
    from advisor.workflow import tuning

    views = tuning.estimate(case, baseline=baseline, store=store)
    if as_json:
        return _print(views)
    for view in views:
        typer.echo(f"{view.baseline} ({view.system}):")
        assert view.estimate is not None
        _say_estimate(view.estimate)


@app.command()
def start(
    case: CaseArgument,
    baseline: BaselineOption = None,
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="USD", min=0, help="Do not start what costs more.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Make another job where one failed or was cancelled.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow a hosted job to its end, or leave it running.")
    ] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start the job, or find the one that was started, and follow it. It may be interrupted at any moment.

    Example: advisor tune start my_case --budget 5
    """
    from advisor.evaluation.progress import RichProgress
    from advisor.workflow import tuning

    with RichProgress(stderr()) as progress:
        view = tuning.start(
            case,
            baseline=baseline,
            store=store,
            budget_usd=budget,
            again=again,
            wait=wait,
            progress=progress,
        )
    _show([view], as_json, case, told=wait)


@app.command()
def status(
    case: CaseArgument,
    baseline: BaselineOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where the job stands: state, events, checkpoints, deployment."""
    from advisor.workflow import tuning

    _show(tuning.status(case, baseline=baseline, store=store), as_json, case)


@app.command()
def cancel(
    case: CaseArgument,
    baseline: BaselineOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the job; what it did until then may be billed."""
    from advisor.workflow import tuning

    _show([tuning.cancel(case, baseline=baseline, store=store)], as_json, case, told=True)


@app.command()
def deploy(
    case: CaseArgument,
    baseline: BaselineOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the tuned model answer. On Azure this costs by the hour, until it is undeployed."""
    from advisor.workflow import tuning

    _show([tuning.deploy(case, baseline=baseline, store=store)], as_json, case, told=True)


@app.command()
def undeploy(
    case: CaseArgument,
    baseline: BaselineOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the deployment; the tuned model stays, and can be deployed again."""
    from advisor.workflow import tuning

    _show([tuning.undeploy(case, baseline=baseline, store=store)], as_json, case, told=True)


def _show(views: list[TuningView], as_json: bool, case: Path, *, told: bool = False) -> None:
    """Where jobs stand; `told`: their events and checkpoints need not be said again."""
    if as_json:
        return _print(views)
    for view in views:
        state, record = view.state, view.record
        standing = state.deployment is not None
        typer.echo(f"{view.baseline} ({view.system}): {state.word}")
        for event in () if told else state.events[-5:]:
            typer.echo(f"  {event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  {event.text}")
        for point in () if told else state.checkpoints:
            typer.echo(f"  checkpoint at step {point.step}: {_metrics(point)}")
            typer.echo(f"    {point.name}")
        for label, value in (
            ("job", state.job_id),
            ("tuned model", state.model),
            ("asked by the name", view.name if view.name != state.model else None),
            ("trained tokens", f"{state.trained_tokens:,}" if state.trained_tokens is not None else None),
            ("cost", f"${record.cost_usd:,.2f}" if record and record.cost_usd is not None else None),
            ("deployment", state.deployment),
            ("was deployed for", _time(state.hosted_hours) if state.hosted_hours and not standing else None),
            ("error", state.error),
        ):
            if value is not None:
                typer.echo(f"  {label}: {value}")
        if standing:
            say(f"The deployment is billed by the hour until it is removed: advisor tune undeploy {case}")
        elif state.word in ("new", "prepared"):
            say(f"No job was started. Next: advisor tune start {case} --budget USD")


_METRICS = {
    "train_loss": "training loss",
    "full_valid_loss": "validation loss",
    "full_valid_mean_token_accuracy": "validation token accuracy",
}
"""What providers measure of a checkpoint, in words; where these are there, the rest only says the same again."""


def _metrics(point: Checkpoint) -> str:
    known = [(words, point.metrics[name]) for name, words in _METRICS.items() if name in point.metrics]
    others = [(name.replace("_", " "), value) for name, value in point.metrics.items() if name != "step"]
    return ", ".join(f"{name} {value:.3g}" for name, value in known or others) or "no metrics"


def _time(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.1f} min"


def _say_findings(findings: tuple[Finding, ...]) -> None:
    for found in findings:
        typer.echo(f"  {found.severity}: {found.code}: {found.text}")
    if not findings:
        typer.echo("  Nothing to complain of.")


def _say_estimate(found: Estimate) -> None:
    cost = "unknown" if found.usd is None else f"${found.usd:,.2f}"
    typer.echo(
        f"  {found.n_examples:,} examples; {found.tokens_per_epoch:,} tokens × {found.epochs:g} epochs = "
        f"{found.trained_tokens:,} trained tokens; cost {cost} (estimated)"
        + (f", about {found.seconds:,.0f} s" if found.seconds is not None else "")
    )
    for note in found.notes:
        typer.echo(f"  {note}")


def _print(views: list[TuningView]) -> None:
    print_json(
        [
            {
                "baseline": v.baseline,
                "system": v.system,
                "state": v.state.model_dump(mode="json"),
                "files": [str(f) for f in v.files],
                "findings": [f.model_dump(mode="json") for f in v.findings],
                "estimate": v.estimate.model_dump(mode="json") if v.estimate else None,
                "record": v.record.model_dump(mode="json") if v.record else None,
                "name": v.name,
            }
            for v in views
        ]
    )
