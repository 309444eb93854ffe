"""Costs month by month as a table."""

from __future__ import annotations

from collections.abc import Callable

from advisor.formatting import UNKNOWN, count, one_line, usd
from advisor.records import BaselineSummary, Decision


def months_table(
    decision: Decision, *, cumulative: bool, money: Callable[[float | None], str] = usd
) -> tuple[list[str], list[list[str]]]:
    """(headers, rows) of what each baseline costs in each month, or up to its end; undiscounted USD.

    Month 0 is what is paid before the first one. No rows where no baseline's months are known.
    """
    shown = [b for b in decision.baselines if b.cost_usd.months]
    if not shown:
        return [], []
    last = max(m.month for b in shown for m in b.cost_usd.months)
    headers = ["Month", "Requests", *(f"{one_line(b.name)} (USD)" for b in shown)]
    requests = {m.month: m.requests for b in shown for m in b.cost_usd.months}

    def cell(b: BaselineSummary, month: int) -> str:
        found = next((m for m in b.cost_usd.months if m.month == month), None)
        if found is None:
            return UNKNOWN
        return money(found.cumulative if cumulative else found.total)

    rows = [
        [
            "at the start" if month == 0 else count(month),
            "–" if month == 0 else count(requests.get(month)),
            *(cell(b, month) for b in shown),
        ]
        for month in range(last + 1)
    ]
    return headers, rows
