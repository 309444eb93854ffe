"""Load tests in words and tables: on a terminal, and as rows that the reports share."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.formatting import UNKNOWN, badge, clean, count, number, seconds
from advisor.records import LoadTest, ServingCapacity

HEADER = (
    "At a time", "Requests", "Failed", "Requests/s", "Latency p50", "p95", "First token p50", "Output tokens/s",
)  # fmt: skip


def load_rows(test: LoadTest) -> list[tuple[str, ...]]:
    """A row for each number of requests at a time, under `HEADER`."""
    return [
        (
            count(p.concurrency),
            count(p.requests),
            count(p.failed),
            number(p.requests_per_s),
            seconds(p.p50_s),
            seconds(p.p95_s),
            seconds(p.first_token_p50_s),
            number(p.output_tokens_per_s),
        )
        for p in test.points
    ]


def measured_on(test: LoadTest) -> str:
    """Day and place of a load test."""
    return f"Measured on {test.on}{f', {test.where}' if test.where else ''}."


def print_load_test(capacity: ServingCapacity, console: Console) -> None:
    """Writes a load test to a console: its table, what follows from it, and its notes."""
    width = min(100, console.width)
    console.print(_table(capacity), width=width)
    console.print(Text(clean(measured_on(capacity.test)), style="dim"), width=width)
    if capacity.test.points:
        console.print(Text(clean(capacity.text)), width=width)
    for note in capacity.test.notes:
        console.print(Text(f"• {clean(note)}", style="dim"), width=width)


def load_section(capacities: Sequence[ServingCapacity]) -> RenderableType | None:
    """The load tests of a decision, for a terminal; None where there is none."""
    if not capacities:
        return None
    lines: list[RenderableType] = [Text(f"\nUnder load ({badge('measured')})", style="bold")]
    lines += [Text(clean(c.text)) for c in capacities]
    return Group(*lines)


def _table(capacity: ServingCapacity) -> RenderableType:
    rows = load_rows(capacity.test)
    shown = [i for i in range(len(HEADER)) if any(row[i] != UNKNOWN for row in rows)]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for i in shown:
        table.add_column(HEADER[i], justify="right")
    for point, row in zip(capacity.test.points, rows, strict=True):
        best = point.concurrency == capacity.concurrency
        table.add_row(*(Text(row[i]) for i in shown), style="bold green" if best else "")
    return Padding(table, (1, 0, 0, 0))
