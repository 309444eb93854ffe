"""`advisor check` on a terminal: what the data can carry, and what a run would take."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advisor.cases.audit import Audit
from advisor.evaluation.plan import Plan, PlannedBaseline
from advisor.formatting import count, one_line, percent, seconds, usd
from advisor.reports import wording


def print_check(name: str, audit: Audit, plan: Plan, console: Console) -> None:
    """Prints the audit, the plan, and what the held-out set can show."""
    console.print(Text(f"Case {name} is well formed.\n", style="bold"))
    console.print(_sizes(audit))
    shares = len(audit.across) / max(1, plan.n_held_out)
    _line(
        console,
        f"Near duplicates (cosine of character n-grams ≥ 0.90): {len(audit.within_train)} pairs within training, "
        f"{len(audit.within_held_out)} within held-out; {len(audit.across)} held-out items ({percent(shares)}) "
        "also stand in training.",
    )
    for finding in audit.findings:
        _line(console, f"! {finding}", style="yellow")
    console.print()
    console.print(_plan(plan))
    if any(b.notes or b.over_context for b in plan.baselines):
        for b in plan.baselines:
            if b.over_context:
                _line(
                    console,
                    f"! {b.name}: about {b.over_context} prompts exceed the context window.",
                    style="yellow",
                )
            for note in b.notes:
                _line(console, f"! {b.name}: {note}", style="yellow")
    for note in plan.judge.notes if plan.judge else ():
        _line(console, f"! judge: {note}", style="yellow")
    _line(console, "All figures of the plan are estimates; no model was called.", style="dim")
    console.print()
    _line(console, power_sentence(plan))


def data_rows(audit: Audit) -> list[dict[str, str]]:
    """The sizes of the splits as rows of finished text."""
    names = {"learn": "training, to learn from", "dev": "training, dev split", "held_out": "held-out"}
    rows = [
        {
            "split": names[split.name],
            "examples": count(split.examples),
            "groups": count(split.groups) if split.groups else "–",
            "by label": wording.labels(split.outputs),
            "median characters": count(split.median_input_characters),
        }
        for split in audit.splits
    ]
    if audit.n_documents:
        sizes = {
            "examples": count(audit.n_documents),
            "groups": "–",
            "by label": "–",
            "median characters": "–",
        }
        rows.append({"split": "documents", **sizes})
    return rows


def plan_rows(plan: Plan) -> list[dict[str, str]]:
    """What each baseline would take as rows of finished text; the last one is all together. All are estimates."""
    rows = []

    def row(
        name: str, calls: int, tokens_in: str, tokens_out: str, training: int | None, *took: float | None
    ) -> None:
        rows.append(
            {
                "baseline": one_line(name),
                "calls": count(calls),
                "tokens in": tokens_in,
                "tokens out": tokens_out,
                "training tokens": count(training) if training else "–",
                "cost": usd(took[0]),
                "time": seconds(took[1]),
            }
        )

    for b in plan.baselines:
        calls = b.calls_dev + b.calls_held_out
        row(b.name, calls, _input_tokens(b), _tokens(b, b.output_tokens), b.training_tokens, b.usd, b.seconds)
        for x in b.further:
            name = f"· {x.name}"
            row(
                name,
                x.calls,
                count(x.input_tokens),
                count(x.output_tokens),
                x.training_tokens,
                x.usd,
                x.seconds,
            )
    total = sum(b.calls_dev + b.calls_held_out + sum(x.calls for x in b.further) for b in plan.baselines)
    if (j := plan.judge) is not None:
        total += j.calls
        name = f"judge: {j.model}, {j.mode}"
        row(name, j.calls, count(j.input_tokens), count(j.output_tokens), None, j.usd, j.seconds)
    row("all", total, "", "", None, plan.usd, plan.seconds)
    return rows


def _sizes(audit: Audit) -> Table:
    table = Table(title="Data", title_justify="left", title_style="bold")
    for column in ("split", "examples", "groups", "by label", "median characters"):
        table.add_column(column, justify="left" if column in ("split", "by label") else "right")
    for row in data_rows(audit):
        table.add_row(*row.values())
    return table


def _plan(plan: Plan) -> Table:
    table = Table(title="Plan", title_justify="left", title_style="bold")
    *rows, total = plan_rows(plan)
    for column in total:
        table.add_column(column, justify="left" if column == "baseline" else "right")
    for row in rows:
        name, *figures = row.values()
        table.add_row(Text(f"  {name}" if name.startswith("·") else name), *figures)
    table.add_section()
    table.add_row(*({**total, "training tokens": ""}).values(), style="bold")
    return table


def _input_tokens(baseline: PlannedBaseline) -> str:
    """At least and at most, where the dev split chooses how many examples or passages are sent."""
    found = [s.input_tokens for s in baseline.by_setting]
    if found and min(found) < max(found):
        return f"{count(min(found))} to {count(max(found))}"
    return _tokens(baseline, baseline.input_tokens)


def _tokens(baseline: PlannedBaseline, tokens: int | None) -> str:
    return "–" if baseline.model is None else count(tokens)


def power_sentence(plan: Plan) -> str:
    """What difference the held-out set can show."""
    if plan.detectable is None:
        return (
            f"{count(plan.n_held_out)} held-out items; what difference they can show depends on the spread of the "
            "scores, which a run measures."
        )
    assumed = (
        "if two baselines disagree on a fifth of the items"
        if plan.detectable <= 0.2
        else "more than the fifth of the items on which two baselines commonly disagree"
    )
    text = (
        f"{count(plan.n_held_out)} held-out items show a true difference of about {plan.detectable * 100:.1f} points "
        f"(80% power, {assumed})."
    )
    if plan.needed is not None and plan.detectable > plan.min_gain:
        text += (
            f" The smallest gain worth having, {plan.min_gain * 100:.1f} points, would need about "
            f"{count(plan.needed)}: a smaller gain than {plan.detectable * 100:.1f} points may go unseen."
        )
    return text


def _line(console: Console, text: str, *, style: str = "") -> None:
    console.print(Text(one_line(text), style=style))
