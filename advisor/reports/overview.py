"""A decision in one row: what a list of cases shows of each, and in which order."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from advisor.formatting import UNKNOWN, count, interval, score
from advisor.records import Decision, DecisionWord, Record
from advisor.reports import stakes, uncertain, wording

RANK: dict[DecisionWord, int] = {"not_yet": 0, "fine_tune": 1, "do_not_fine_tune": 2}
"""What still needs somebody comes first."""


class Overview(Record):
    """A decided case in a list."""

    case: str
    title: str
    decision: DecisionWord
    recommended: str | None
    meanwhile: str | None
    """What to use until there is a verdict."""
    confidence: float | None
    metric: str
    quality_of: str | None
    """The recommended baseline, else the best one so far."""
    quality: str
    """With its interval, in words."""
    bar: str | None
    reaches_bar: bool | None
    """None where there is no bar, or nothing was measured."""
    at_stake_usd: float | None
    horizon_months: int
    recorded_at: str | None
    missing: tuple[str, ...]
    warnings: int


def overview(d: Decision) -> Overview:
    """What a list shows of a decision."""
    fraction, bar = wording.is_fraction(d), d.facts.bar
    measured = [b for b in d.baselines if b.quality.value is not None]
    named = next((b for b in measured if b.name == d.verdict.recommended), None)
    shown = named or max(measured, key=lambda b: (b.quality.value or 0.0, b.name), default=None)
    value = shown.quality.value if shown else None
    ends = shown.quality.ci95 if shown else None
    quality = score(value, fraction=fraction)
    return Overview(
        case=d.case,
        title=d.facts.title,
        decision=d.verdict.decision,
        recommended=d.verdict.recommended,
        meanwhile=d.verdict.meanwhile,
        confidence=d.verdict.confidence,
        metric=d.facts.metric,
        quality_of=shown.name if shown else None,
        quality=quality if ends is None else f"{quality} ({interval(ends, fraction=fraction)})",
        bar=None if bar is None else score(bar, fraction=fraction),
        reaches_bar=None if bar is None or value is None else value >= bar,
        at_stake_usd=stakes.at_stake_usd(d),
        horizon_months=d.facts.horizon_months,
        recorded_at=d.provenance.recorded_at,
        missing=tuple(uncertain.shopping(d)),
        warnings=len(d.warnings),
    )


def most_pressing_first(found: Iterable[Overview]) -> list[Overview]:
    """Those without a verdict first, and of each verdict those with the most money at stake."""
    return sorted(found, key=lambda o: (RANK[o.decision], -(o.at_stake_usd or 0.0), o.title, o.case))


def age_days(recorded_at: str | None, today: datetime.date) -> int | None:
    """How old results are; None where their day is not known."""
    try:
        return (today - datetime.date.fromisoformat((recorded_at or "")[:10])).days
    except ValueError:
        return None


def age(recorded_at: str | None, today: datetime.date) -> str:
    """How old results are, in words."""
    days = age_days(recorded_at, today)
    if days is None:
        return UNKNOWN
    if days <= 0:
        return "today"
    return "1 day" if days == 1 else f"{count(days)} days"
