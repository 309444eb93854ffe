"""The index over a batch: every case with its verdict and a link to its report, the failed ones last."""

from __future__ import annotations

from datetime import datetime

from advisor.records import Decision, Record
from advisor.reports.html import environment


class IndexEntry(Record):
    """A case of the batch: its decision and the name of its report file, or why there is none."""

    folder: str
    decision: Decision | None = None
    report: str | None = None
    error: str | None = None


def render_index(entries: tuple[IndexEntry, ...], generated_at: datetime) -> str:
    """The index as a self-contained HTML document."""
    done = [e for e in entries if e.decision is not None]
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            done=done,
            failed=[e for e in entries if e.decision is None],
            generated_at=generated_at,
        )
    )
