"""The index over a batch: every case with its verdict and what is at stake, what changed, and links to its reports."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from advisor.records import Decision, Record
from advisor.reports import wording
from advisor.reports.html import environment


class IndexEntry(Record):
    """A case of the batch: its decision and the names of its report files, or why there is none."""

    folder: str
    decision: Decision | None = None
    report: str | None = None
    further: tuple[str, ...] = ()
    """Names of further files: other formats, and the decision's JSON."""
    error: str | None = None
    at_stake_usd: float | None = None
    changed: tuple[str, ...] | None = None
    """What changed since the batch before; None where there was none."""


def render_index(entries: tuple[IndexEntry, ...], generated_at: datetime) -> str:
    """The index as a self-contained HTML document; the entries are in the order to show them."""
    done = [e for e in entries if e.decision is not None]
    words = Counter(wording.VERDICTS[e.decision.verdict.decision] for e in done if e.decision is not None)
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            done=done,
            failed=[e for e in entries if e.decision is None],
            verdicts=[f"{n} × {word}" for word, n in words.most_common()],
            compared=any(e.changed is not None for e in done),
            generated_at=generated_at,
        )
    )
