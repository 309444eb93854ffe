"""The decision on a terminal: verdict, comparison, the ten answers and the warnings, in at most 100 columns.

Foreign text goes through `clean`, which writes steering characters out, into `Text`, which takes no markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from advisor.formatting import (
    BADGES,
    UNKNOWN,
    clean,
    count,
    interval,
    one_line,
    score,
    seconds,
    tokens,
    usd,
    usd_short,
)
from advisor.records import BaselineSummary, Decision
from advisor.reports import further, hidden, uncertain, wording
from advisor.reports.judge import TITLE as JUDGE_TITLE
from advisor.reports.judge import judge_lines
from advisor.reports.load import load_section
from advisor.reports.over_time import costs_sentences, costs_table

MAX_COLUMNS = 100
NARROW = 96
"""Columns below which the comparison leaves out what the others imply."""
_COLOURS = {"fine_tune": "green", "do_not_fine_tune": "blue", "not_yet": "yellow"}
_ANSWERS = {"yes": "green", "no": "red", "unclear": "yellow"}


def print_decision(decision: Decision, console: Console) -> None:
    """Writes a decision to a console, no wider than 100 columns."""
    width = min(MAX_COLUMNS, console.width)
    for part in (
        _verdict(decision),
        _comparison(decision, width),
        _sure(decision),
        _inputs(decision),
        _judge(decision),
        _over_time(decision),
        load_section(decision.load_tests),
        _questions(decision),
        _diagnosis(decision),
        _hidden(decision),
        _further(decision),
        _warnings(decision),
    ):
        if part is not None:
            console.print(part, width=width)


def _verdict(d: Decision) -> Panel:
    v = d.verdict
    colour = _COLOURS[v.decision]
    lines: list[RenderableType] = [Text(clean(wording.verdict_sentence(d)), style="bold")]
    if v.confidence is not None:
        note = f"Confidence {wording.confidence(v.confidence)}, {wording.confidence_over(d)}"
        lines.append(Text(note, style="dim"))
    lines.append(_bullets(v.reasons))
    if (stopped := wording.stopped_early(d)) is not None:
        lines.append(Text(clean(stopped), style="italic"))
    if missing := uncertain.shopping(d):
        lines += [Text("Missing:", style="bold"), _bullets(missing)]
    if (until := uncertain.meanwhile(d)) is not None:
        lines.append(Text(clean(until), style="bold"))
    if v.flips:
        lines += [
            Text("What would turn it:", style="bold"),
            _bullets([wording.flip(f, d) for f in v.flips[:3]]),
        ]
    title = Text(f" {wording.VERDICTS[v.decision]} ", style=f"bold {colour}")
    return Panel(
        Group(*lines), title=title, title_align="left", border_style=colour, box=ROUNDED, padding=(0, 1),
        subtitle=Text(f" {clean(d.facts.title)} ", style="dim"), subtitle_align="right",
    )  # fmt: skip


def _comparison(d: Decision, width: int) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    longest = max((cell_len(clean(b.name)) for b in d.baselines), default=0)
    table.add_column("Baseline", overflow="fold", min_width=min(18, longest))
    columns = _columns(d, narrow=width < NARROW)
    for header, _ in columns:
        table.add_column(Text(clean(header)), justify="right", overflow="fold")
    for b in d.baselines:
        cells = [Text(clean(b.name)), *(Text(_short(cell(b))) for _, cell in columns)]
        table.add_row(*cells, style="bold green" if b.name == d.verdict.recommended else "")
    signs = {kind: f"{sign} {kind}" for kind, (sign, _) in BADGES.items()}
    volume = count(d.facts.requests_per_month)
    note = Text(
        f"Quality, tokens, latency: {signs['measured']}. Costs: {signs['estimated']}, "
        f"at {volume} requests a month ({signs['declared']}). “?” is unknown.",
        style="dim",
    )
    return Group(Padding(table, (1, 0, 0, 0)), note)


def _columns(d: Decision, *, narrow: bool) -> list[tuple[str, Callable[[BaselineSummary], str]]]:
    """(header, cell) of each column beside the name; where there is little room, the fewer."""
    fraction = wording.is_fraction(d)
    columns: list[tuple[str, Callable[[BaselineSummary], str], bool]] = [
        ("n", lambda b: count(b.n), False),
        (d.facts.metric, lambda b: score(b.quality.value, fraction=fraction), True),
        ("95%\ninterval", lambda b: interval(b.quality.ci95, fraction=fraction, unit=False), True),
        ("Tokens\nin → out", _tokens, True),
        ("Latency\np50", lambda b: seconds(b.latency_s.p50), True),
        ("USD per\n1,000", lambda b: usd(b.cost_usd.per_1k_requests), True),
        ("one-off", lambda b: usd_short(b.cost_usd.one_off), False),
        ("per\nmonth", lambda b: usd_short(b.cost_usd.per_month), False),
        (
            f"USD in {wording.months(d).replace(' ', chr(10))}",
            lambda b: usd_short(b.cost_usd.over_horizon),
            True,
        ),
    ]
    return [(header, cell) for header, cell, always in columns if always or not narrow]


def _tokens(b: BaselineSummary) -> str:
    if wording.needs_no_tokens(b):
        return "none"
    if b.tokens.input is None and b.tokens.output is None:
        return tokens(None)
    return f"{_short(tokens(b.tokens.input))} → {_short(tokens(b.tokens.output))}"


def _short(text: str) -> str:
    return "?" if text == UNKNOWN else text


def _over_time(d: Decision) -> RenderableType | None:
    headers, rows = costs_table(d, usd_short)
    said = costs_sentences(d)
    if not rows:
        return None
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    longest = max(cell_len(clean(name)) for name, *_ in rows)
    for i, header in enumerate(headers):
        text = header.replace("1,000 right answers", "1,000\nright").replace("present ", "present\n")
        table.add_column(
            Text(text),
            justify="right" if i else "left",
            overflow="fold",
            min_width=0 if i else min(18, longest),
        )
    for row in rows:
        cells = [Text(clean(_short(cell))) for cell in row]
        table.add_row(*cells, style="bold green" if row[0] == d.verdict.recommended else "")
    title = Text(f"\nCosts over {wording.months(d)}, in USD", style="bold")
    return Group(title, table, *([_bullets(said)] if said else []))


def _sure(d: Decision) -> RenderableType | None:
    rows = uncertain.odds_rows(d, most=4)
    if not rows:
        return None
    header = tuple(h.replace("Probability of being the best", "Best with") for h in uncertain.odds_header(d))
    table = _small_table(header, rows)
    return Group(
        Text("\nHow sure the choice is", style="bold"),
        table,
        *map(Text, map(clean, uncertain.information(d))),
    )


def _inputs(d: Decision) -> RenderableType | None:
    lines = uncertain.tornado_lines(d)
    return Group(Text(f"\n{uncertain.tornado_title(d)}", style="bold"), _bullets(lines)) if lines else None


def _questions(d: Decision) -> RenderableType:
    """A line for each; what does not fit stands in the report."""
    lines = [Text("\nThe ten questions", style="bold")]
    widest = max(len(one_line(q.id)) for q in d.questions) if d.questions else 0
    for q in d.questions:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{q.answer:<7}  ", style=f"bold {_ANSWERS[q.answer]}")
        line.append(f"{one_line(q.id):<{widest}}  ", style="dim")
        line.append(one_line(q.summary))
        lines.append(line)
    return Group(*lines)


def _judge(d: Decision) -> RenderableType | None:
    lines = judge_lines(d)
    return Group(Text(f"\n{JUDGE_TITLE}", style="bold"), _bullets(lines)) if lines else None


def _diagnosis(d: Decision) -> RenderableType | None:
    if not d.diagnosis:
        return None
    return Group(
        Text("\nWhat looks wrong", style="bold red"), _bullets([hidden.finding(f) for f in d.diagnosis])
    )


def _hidden(d: Decision) -> RenderableType | None:
    lines = hidden.noise(d)
    parts = hidden.slices_line(d)
    lines += [parts] if parts else []
    return Group(Text("\nHow much may be luck", style="bold"), _bullets(lines)) if lines else None


def _further(d: Decision) -> RenderableType | None:
    """More data, other seeds, other cases: as far as they were measured."""
    parts: list[RenderableType] = []
    if d.learning_curve is not None:
        parts += [
            Text("\nMore data", style="bold"),
            _small_table(further.CURVE_HEADER, further.curve_rows(d)),
            Text(clean(d.learning_curve.text)),
        ]
    if d.seed_spread is not None:
        parts += [Text("\nOther seeds", style="bold"), Text(clean(d.seed_spread.text))]
    if d.extensibility is not None:
        lines = (d.extensibility.text, *(c.text for c in d.extensibility.cases))
        parts += [Text("\nOther cases", style="bold"), _bullets(lines)]
    return Group(*parts) if parts else None


def _small_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table


def _warnings(d: Decision) -> RenderableType | None:
    if not d.warnings:
        return None
    return Group(Text("\nRead this with care", style="bold yellow"), _bullets(wording.warnings(d)))


def _bullets(texts: tuple[str, ...] | list[str]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(width=1)
    table.add_column(ratio=1, overflow="fold")
    for text in texts:
        table.add_row("•", Text(clean(text)))
    return table
