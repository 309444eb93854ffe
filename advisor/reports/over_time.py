"""Costs over the horizon as a small table, and the sentences beside it; the same for every kind of report."""

from __future__ import annotations

from collections.abc import Callable

from advisor.economics.costs import total
from advisor.formatting import count, percent, plural, usd
from advisor.records import BaselineSummary, Decision

COLUMNS = (
    ("people", ("data", "evaluation", "refinement")),
    ("training", ("training",)),
    ("serving", ("serving",)),
    ("retrieval", ("indexing", "retrieval")),
    ("retraining", ("retraining",)),
    ("moving", ("moving",)),
)
"""(header, parts of a cost that it sums up)."""
NOTHING = "–"
"""A baseline has no such part."""


def costs_table(
    decision: Decision, money: Callable[[float | None], str] = usd
) -> tuple[list[str], list[list[str]]]:
    """(headers, rows) of the costs over the horizon by what they are for; no rows where nothing is known of any.

    Columns that no baseline has are left out, and the present value where nothing is discounted.
    """
    shown = [b for b in decision.baselines if b.cost_usd.parts]
    groups = [(h, p) for h, p in COLUMNS if any(set(p) & set(b.cost_usd.parts) for b in shown)]
    over_time = decision.costs_over_time
    discounted = over_time is not None and over_time.discount_rate > 0
    last = "per 1,000 right answers"
    headers = ["Baseline", *(h for h, _ in groups), "sum", *(["present value"] if discounted else []), last]

    def row(b: BaselineSummary) -> list[str]:
        cost = b.cost_usd
        cells = []
        for _, parts in groups:
            own = [cost.parts[p] for p in parts if p in cost.parts]
            cells.append(money(total(own)) if own else NOTHING)
        cells.append(money(cost.over_horizon))
        cells += [money(cost.npv)] if discounted else []
        right = "none is right" if b.quality.value == 0 else money(cost.per_1k_correct)
        return [b.name, *cells, right]

    return headers, [row(b) for b in shown]


def costs_sentences(decision: Decision) -> list[str]:
    """When tuning pays off, how money is discounted, and what measuring cost."""
    found = decision.costs_over_time
    if found is None:
        return []
    said = [_paybacks(decision, name) for name in dict.fromkeys(p.baseline for p in found.paybacks)]
    if found.discount_rate:
        said.append(f"What is paid later is discounted by {percent(found.discount_rate)} a year.")
    if found.measuring_usd is not None:
        kind = f" ({found.measuring_is})" if found.measuring_is else ""
        said.append(
            f"Measuring cost {usd(found.measuring_usd)}{kind}: spent whatever is decided, so no part of these sums."
        )
    return said


def _paybacks(decision: Decision, tuned: str) -> str:
    """When a tuned baseline is ahead of each alternative."""
    over_time = decision.costs_over_time
    own = [p for p in over_time.paybacks if p.baseline == tuned] if over_time else []
    counted = "costs and the worth of answers" if own[0].worth_included else "costs alone"

    months = plural(decision.facts.horizon_months, "month")

    def when(month: int | None) -> str:
        if month is None:
            return f"not within {months}"
        return f"from the end of month {count(month)}" if month else "from the start"

    return f"{tuned} is ahead, by {counted}: {'; '.join(f'of {p.against} {when(p.month)}' for p in own)}."
