"""`advisor check` on a terminal: what the data can carry, and what a run would take."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advisor.cases.audit import Audit
from advisor.evaluation.plan import Plan, PlannedBaseline
from advisor.formatting import count, one_line, percent, seconds, usd


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
    _line(console, _power(plan))


def _sizes(audit: Audit) -> Table:
    table = Table(title="Data", title_justify="left", title_style="bold")
    for column in ("split", "examples", "groups", "by label", "median characters"):
        table.add_column(column, justify="left" if column in ("split", "by label") else "right")
    names = {"learn": "training, to learn from", "dev": "training, dev split", "held_out": "held-out"}
    for split in audit.splits:
        counts = list(split.outputs.values()) if split.outputs else []
        table.add_row(
            names[split.name],
            count(split.examples),
            count(split.groups) if split.groups else "–",
            f"{len(counts)} labels, {min(counts)} to {max(counts)} each" if counts else "–",
            count(split.median_input_characters),
        )
    if audit.n_documents:
        table.add_row("documents", count(audit.n_documents), "–", "–", "–")
    return table


def _plan(plan: Plan) -> Table:
    table = Table(title="Plan", title_justify="left", title_style="bold")
    table.add_column("baseline")
    for column in ("calls", "tokens in", "tokens out", "training tokens", "cost", "time"):
        table.add_column(column, justify="right")
    for b in plan.baselines:
        table.add_row(
            Text(b.name),
            count(b.calls_dev + b.calls_held_out),
            _input_tokens(b),
            _tokens(b, b.output_tokens),
            count(b.training_tokens) if b.training_tokens else "–",
            usd(b.usd),
            seconds(b.seconds),
        )
        for x in b.further:
            table.add_row(
                Text(f"  · {one_line(x.name)}"),
                count(x.calls),
                count(x.input_tokens),
                count(x.output_tokens),
                count(x.training_tokens) if x.training_tokens else "–",
                usd(x.usd),
                seconds(x.seconds),
            )
    calls = sum(b.calls_dev + b.calls_held_out + sum(x.calls for x in b.further) for b in plan.baselines)
    if (judge := plan.judge) is not None:
        calls += judge.calls
        table.add_row(
            Text(f"judge: {judge.model}, {judge.mode}"),
            count(judge.calls),
            count(judge.input_tokens),
            count(judge.output_tokens),
            "–",
            usd(judge.usd),
            seconds(judge.seconds),
        )
    table.add_section()
    table.add_row("all", count(calls), "", "", "", usd(plan.usd), seconds(plan.seconds), style="bold")
    return table


def _input_tokens(baseline: PlannedBaseline) -> str:
    """At least and at most, where the dev split chooses how many examples or passages are sent."""
    found = [s.input_tokens for s in baseline.by_setting]
    if found and min(found) < max(found):
        return f"{count(min(found))} to {count(max(found))}"
    return _tokens(baseline, baseline.input_tokens)


def _tokens(baseline: PlannedBaseline, tokens: int | None) -> str:
    return "–" if baseline.model is None else count(tokens)


def _power(plan: Plan) -> str:
    if plan.detectable is None:
        return (
            f"{count(plan.n_held_out)} held-out items; what difference they can show depends on the spread of the "
            "scores, which a run measures."
        )
    text = (
        f"{count(plan.n_held_out)} held-out items show a true difference of about {plan.detectable * 100:.1f} points "
        "(80% power, if two baselines disagree on a fifth of the items)."
    )
    if plan.needed is not None and plan.detectable > plan.min_gain:
        text += (
            f" The smallest gain worth having, {plan.min_gain * 100:.1f} points, would need about "
            f"{count(plan.needed)}: a smaller gain than {plan.detectable * 100:.1f} points may go unseen."
        )
    return text


def _line(console: Console, text: str, *, style: str = "") -> None:
    console.print(Text(one_line(text), style=style))
