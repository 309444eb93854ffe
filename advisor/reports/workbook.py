"""Every item with every answer as a workbook, to look for yourself: texts stay texts, numbers stay numbers.

Rows are written as they come and kept nowhere, so that 20,000 items of six baselines take little memory.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter
from pydantic import JsonValue
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from advisor.cases.schema import Example
from advisor.formatting import clean, settings_text
from advisor.records import BaselineSummary, Decision, ItemTable, Measured
from advisor.reports import wording
from advisor.reports.method import METHOD
from advisor.reports.over_time import COLUMNS as COST_COLUMNS
from advisor.reports.stakes import stake_lines

MOST_CHARACTERS = 32_767
"""What a cell may hold; a longer text is cut, and says so."""
MOST_ROWS = 1_048_575
"""What a sheet may hold beside its header."""
CUT = " … [cut]"
_NO_XML = re.compile("[\ufffe\uffff]")


def render_workbook(decision: Decision, measured: Sequence[Measured], items: Sequence[Example]) -> bytes:
    """The workbook of a decision.

    Args:
        decision: The decision.
        measured: What was measured, with the answers to each item.
        items: The held-out set in its order.
    """
    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        # the decision's day, as the clock has no part in the content
        made = decision.generated_at.replace(tzinfo=None)
        book.set_properties({"title": _text(decision.facts.title), "author": "advisor", "created": made})
        _decision(_Sheet(book, "Decision"), decision)
        _items(_Sheet(book, "Items"), decision, measured, items)
        _questions(_Sheet(book, "Questions"), decision)
        _costs(_Sheet(book, "Costs over time"), decision)
        _assumptions(_Sheet(book, "Assumptions"), decision)
        _notes(_Sheet(book, "Notes"), decision, measured)
    return out.getvalue()


class _Sheet:
    """A sheet that is written from top to bottom."""

    def __init__(self, book: xlsxwriter.Workbook, name: str) -> None:
        self._sheet: Worksheet = book.add_worksheet(name)
        self._bold: Format = book.add_format({"bold": True, "font_size": 14})
        self._head: Format = book.add_format(
            {"bold": True, "valign": "top", "text_wrap": True, "bg_color": "#EEF1F5", "bottom": 1}
        )
        self._wrap: Format = book.add_format({"valign": "top", "text_wrap": True})
        self._plain: Format = book.add_format({"valign": "top"})
        self._row = 0

    def widths(self, *widths: float) -> None:
        """Columns' widths in characters; to be said before the first row."""
        for column, width in enumerate(widths):
            self._sheet.set_column(column, column, width)

    def header(self, names: Sequence[str], *, rows: int, frozen: bool = True) -> None:
        """A row of column names, with filters; it stays in sight, and so does the first column."""
        for column, name in enumerate(names):
            self._sheet.write_string(self._row, column, _text(name), self._head)
        self._sheet.autofilter(self._row, 0, self._row + max(rows, 1), len(names) - 1)
        if frozen:
            self._sheet.freeze_panes(self._row + 1, 1)
        self._row += 1

    def title(self, text: str) -> None:
        """A line that stands out."""
        self._sheet.write_string(self._row, 0, _text(text), self._bold)
        self._row += 1

    def row(self, cells: Iterable[str | float | None], *, wrap: bool = True) -> None:
        """A row; None leaves a cell empty, as unknown is not zero."""
        shown = self._wrap if wrap else self._plain
        for column, cell in enumerate(cells):
            if cell is None:
                continue
            if isinstance(cell, str):
                self._sheet.write_string(self._row, column, _text(cell), shown)
            elif math.isfinite(cell):
                self._sheet.write_number(self._row, column, cell, self._plain)
        self._row += 1

    def gap(self) -> None:
        """An empty row."""
        self._row += 1


def _decision(sheet: _Sheet, d: Decision) -> None:
    sheet.widths(30, 22, 22, *(14,) * 16)
    v = d.verdict
    sheet.title(f"{wording.VERDICTS[v.decision]}: {d.facts.title}")
    for name, value in (
        ("Case", d.case),
        ("Decided", d.generated_at.isoformat(timespec="seconds")),
        ("Recommended", v.recommended or "none yet"),
        ("Confidence (share of 1)", v.confidence if v.confidence is not None else "none yet"),
    ):
        sheet.row((name, value), wrap=False)
    for name, lines in (
        ("Why", v.reasons),
        ("At stake", stake_lines(d)),
        ("Missing", v.missing),
        ("Read with care", wording.warnings(d)),
    ):
        for line in lines:
            sheet.row((name, line), wrap=False)
    sheet.gap()
    header = (
        "Baseline", "Kind", "Model", "Items", "Failed", f"{d.facts.metric} (mean)", "95% interval, low",
        "95% interval, high", "Input tokens per request", "Cached input tokens per request",
        "Output tokens per request", "Latency p50 (s)", "Latency p95 (s)", "USD per 1,000 requests",
        "One-off (USD)", "Per month (USD)", f"Over {wording.months(d)} (USD)",
        f"Net value over {wording.months(d)} (USD)", "Setting",
    )  # fmt: skip
    # the verdict stands above: to freeze all that would leave no room
    sheet.header(header, rows=len(d.baselines), frozen=False)
    for b in d.baselines:
        sheet.row(_baseline(b), wrap=False)


def _baseline(b: BaselineSummary) -> tuple[str | float | None, ...]:
    low, high = b.quality.ci95 or (None, None)
    cost = b.cost_usd
    return (
        b.name, wording.KINDS[b.kind], b.model, b.n, b.failed, b.quality.value, low, high,
        b.tokens.input, b.tokens.cached_input, b.tokens.output, b.latency_s.p50, b.latency_s.p95,
        cost.per_1k_requests, cost.one_off, cost.per_month, cost.over_horizon, b.value_usd_over_horizon,
        settings_text(b.setting),
    )  # fmt: skip


class _Column:
    """A baseline's answers by item."""

    def __init__(self, measured: Measured, metric: str) -> None:
        table: ItemTable = measured.items
        self.answers, self.failures = table.answers, table.rare("failure")
        # where only the set has the metric, an item still has its accuracy
        self.scores = table.score(metric if metric in table.scores else "accuracy")
        self.input, self.cached, self.output = (table.number(n) for n in ("input", "cached_input", "output"))
        self.latency, self.cost = table.number("latency_s"), table.number("cost_usd")
        self.at = {item: k for k, item in enumerate(table.ids)}

    def cells(self, item: str) -> tuple[str | float | None, ...]:
        k = self.at.get(item)
        if k is None:
            return (None,) * 8
        failure = self.failures.get(k)
        figures = (self.scores, self.input, self.cached, self.output, self.latency, self.cost)
        return (
            self.answers[k],
            *(_known(column[k]) for column in figures),
            None if failure is None else f"{failure.error}: {failure.message}",
        )


def _items(sheet: _Sheet, d: Decision, measured: Sequence[Measured], items: Sequence[Example]) -> None:
    columns = [_Column(m, d.facts.metric) for m in measured]
    each = (34, 10, 9, 9, 9, 10, 11, 24)
    sheet.widths(16, 14, 60, 34, *(each * len(columns)))
    header = ["Item", "Group", "Input", "Expected"]
    for m in measured:
        header += [
            f"{m.name}: {what}"
            for what in (
                "answer", f"score ({d.facts.metric})", "input tokens", "cached tokens", "output tokens",
                "latency (s)", "cost (USD)", "failure",
            )
        ]  # fmt: skip
    sheet.header(header, rows=min(len(items), MOST_ROWS))
    for item in items[:MOST_ROWS]:
        cells: list[str | float | None] = [item.id, item.group, item.input_text, _written(item.output)]
        for column in columns:
            cells += column.cells(item.id)
        sheet.row(cells, wrap=False)


def _questions(sheet: _Sheet, d: Decision) -> None:
    sheet.widths(6, 16, 50, 10, 70, 70, 50)
    sheet.header(
        ("No.", "Section", "Question", "Answer", "Summary", "Evidence", "What would change it"),
        rows=len(d.questions),
    )
    for number, q in enumerate(d.questions, start=1):
        said = "\n".join(f"{e.kind}: {e.text}" for e in q.evidence)
        sheet.row((number, q.section, q.question, wording.ANSWERS[q.answer], q.summary, said, q.would_change))


def _costs(sheet: _Sheet, d: Decision) -> None:
    named = [part for _, parts in COST_COLUMNS for part in parts]
    found = {p for b in d.baselines for m in b.cost_usd.months for p in m.parts}
    parts = [p for p in named if p in found] + sorted(found - set(named))
    header = (
        "Baseline",
        "Month",
        "Requests",
        *(f"{p} (USD)" for p in parts),
        "Sum (USD)",
        "Cumulative (USD)",
    )
    sheet.widths(22, 8, 14, *(14,) * (len(parts) + 2))
    sheet.header(header, rows=sum(len(b.cost_usd.months) for b in d.baselines))
    for b in d.baselines:
        for m in b.cost_usd.months:
            of = (m.parts.get(p) for p in parts)
            sheet.row((b.name, m.month, m.requests, *of, m.total, m.cumulative), wrap=False)


def _assumptions(sheet: _Sheet, d: Decision) -> None:
    sheet.widths(46, 46, 40)
    rows = wording.assumptions(d.facts.assumptions)
    sheet.header(("Assumption", "Key in case.yaml", "Value (declared)"), rows=len(rows))
    for key, value in rows:
        sheet.row((wording.parameter_name(key), key, value), wrap=False)


def _notes(sheet: _Sheet, d: Decision, measured: Sequence[Measured]) -> None:
    sheet.widths(40, 120)
    end = CUT.strip()
    notes = [
        ("Measured", "Scores, answers, tokens, latencies and failures (sheet Items), and means (sheet Decision)."),
        ("Estimated", "All costs and net values: from measured figures, prices and declared effort."),
        ("Declared", "The sheet Assumptions: said by whoever wrote the case, and not checked."),
        ("Empty cells", "Not known, or does not apply; never zero."),
        ("Score", "Of the case's metric; an item that failed for good scores 0. From 0 to 1 for most metrics."),
        ("Tokens", "Per request; cached tokens are the part of the input whose computation was reused."),
        ("Latency", "Seconds until the answer was there."),
        ("Cost of an item", "USD, where the provider charges by the token and the price is known; empty else."),
        ("Month 0", "What is paid before the first month."),
        ("Texts", f"Control characters are written out; over {MOST_CHARACTERS:,} characters a text ends with “{end}”."),
        *METHOD,
        *((f"{m.name}", note) for m in measured for note in m.notes),
        *((p.baseline, f"Price: {p.source}{'' if p.date is None else f', {p.date}'}") for p in d.prices),
    ]  # fmt: skip
    sheet.header(("What", "Meaning"), rows=len(notes))
    for name, words in notes:
        sheet.row((name, words))


def _text(text: str) -> str:
    """A text as a cell may hold it: without control characters, and cut where it is too long."""
    # cut before it is cleaned too, as cleaning only makes it longer
    shown = _NO_XML.sub("\ufffd", clean(text[: MOST_CHARACTERS + 1]))
    if _units(shown) <= MOST_CHARACTERS:
        return shown
    shown = shown[: MOST_CHARACTERS - len(CUT)]
    while (over := _units(shown) + len(CUT) - MOST_CHARACTERS) > 0:
        shown = shown[: -max(1, over // 2)]
    return shown + CUT


def _units(text: str) -> int:
    """Length as spreadsheets count it: a character beyond the first 65,536 counts twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _known(value: Any) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number


def _written(output: JsonValue) -> str:
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
