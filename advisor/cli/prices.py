"""`advisor prices`: the dated price catalogue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from advisor.cli._shared import JsonOption, print_json

app = typer.Typer(
    name="prices",
    help="The price catalogue: each price with its source, its date, and who disagrees.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


_UNITS = {
    "inference": "per million tokens", "batch": "per million tokens", "training": "per million training tokens",
    "hosting": "per hour of a tuned deployment", "gpu_hour": "per hour",
}  # fmt: skip


@app.command("list")
def list_prices(as_json: JsonOption = False) -> None:
    """All prices of the shipped catalogue."""
    from advisor.catalogue.prices import load_prices

    catalogue = load_prices()
    if as_json:
        return print_json(catalogue.model_dump(mode="json", exclude_none=True))
    for kind in ("inference", "batch", "training", "hosting", "gpu_hour"):
        typer.echo(f"{kind.replace('_', ' ')}, USD {_UNITS[kind]}:")
        for entry in getattr(catalogue, kind):
            fields = entry.model_dump(mode="json", exclude_none=True)
            source = catalogue.sources[fields.pop("source")]
            name = " ".join(str(fields.pop(k)) for k in ("provider", "model", "gpu") if k in fields)
            versions = fields.pop("snapshots", ())
            if versions:
                name += f" of {' or '.join(versions)}"
            if "of" in fields:
                name += f", {' or '.join(fields.pop('of'))}"
            figures = ", ".join(
                f"{k.replace('_', ' ')} {_words(v)}" for k, v in fields.items() if v not in (False, [], {})
            )
            typer.echo(f"  {name}: {figures}  [{source.label}]")
    return None


@app.command()
def show(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="E.g. gpt-4.1-mini, or a tuned model's name.")
    ],
    provider: Annotated[str, typer.Option(help="The provider, as in a case.")] = "openai",
    tuned: Annotated[bool, typer.Option("--tuned", help="Of a model tuned from it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What a model costs, by which source, of which day.

    Example: advisor prices show gpt-4.1-mini --tuned
    """
    from advisor.catalogue.prices import price_of

    base = model if provider == "azure_openai" else None
    price = price_of(provider, model, base_model=base, tuned=tuned, on=datetime.now(UTC).date())
    if as_json:
        return print_json(price.model_dump(mode="json") if price else None)
    if price is None:
        typer.echo(f"{provider} {model}: unknown. Give the model `prices` in case.yaml.")
        raise typer.Exit(0)
    typer.echo(f"{provider} {price.model}{' (tuned)' if price.tuned else ''}, USD per million tokens:")
    for label, value in (
        ("input", price.input), ("cached input", price.cached_input), ("output", price.output),
        ("batch input", price.batch_input), ("batch cached input", price.batch_cached_input),
        ("batch output", price.batch_output), ("training", price.training),
        ("hosting, USD per hour", price.hosting_usd_per_hour),
    ):  # fmt: skip
        typer.echo(f"  {label}: {'unknown' if value is None else f'{value:g}'}")
    stale = ", STALE: check it before you rely on it" if price.stale else ""
    typer.echo(f"  {price.kind}; source: {price.source}{f', {price.date}' if price.date else ''}{stale}")
    for note in (*price.disagreements, *price.notes):
        typer.echo(f"  {note}")
    return None


@app.command()
def check(as_json: JsonOption = False) -> None:
    """What is old, and where sources disagree."""
    from advisor.catalogue.prices import check_prices

    findings = check_prices(datetime.now(UTC).date())
    if as_json:
        return print_json([f.model_dump(mode="json") for f in findings])
    alike: dict[tuple[str, str, str], list[str]] = {}
    for found in findings:
        alike.setdefault((found.kind, found.provider, found.text), []).append(found.model)
    for (kind, provider, text), models in alike.items():
        typer.echo(f"{kind}: {provider} {'; '.join(models)}: {text}")
    if not findings:
        typer.echo("All prices are fresh, and no source disagrees.")
    return None


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{k.replace('_', ' ')} {_words(v)}" for k, v in value.items()) + ")"
    if isinstance(value, list):
        return " and ".join(_words(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
