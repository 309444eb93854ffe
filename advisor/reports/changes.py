"""What changed between two decisions on the same case, without claiming more than their intervals say.

Of two qualities only the intervals are known here, not the answers item by item: they are called different only where
the intervals do not overlap, which is a strict test. All else is "not shown to differ".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from advisor.errors import UsageError
from advisor.formatting import DASH, clean, count, percent, score, seconds, tokens, usd
from advisor.records import BaselineSummary, Decision, Flip, PriceUsed, Record
from advisor.reports import wording
from advisor.reports.escaping import code, escaped
from advisor.reports.stakes import verdict_of

SAME = 0.005
"""Relative differences below this are rounding, not change."""

Noise = Literal["same", "beyond", "within", "unknown"]


class VerdictChange(Record):
    """The verdict of both days."""

    changed: bool
    before: str
    after: str
    confidence_before: float | None
    confidence_after: float | None


class QualityChange(Record):
    """The quality of one baseline on both days."""

    baseline: str
    before: float | None
    after: float | None
    noise: Noise
    """Whether the difference is beyond what the intervals allow for; "unknown" without both of them."""
    text: str


class FigureChange(Record):
    """A figure, an assumption or a price that is another one now; null where it is not known, or was not there."""

    name: str
    before: str | None
    after: str | None


class Changes(Record):
    """What changed between two decisions."""

    case: str
    before_at: datetime
    after_at: datetime
    verdict: VerdictChange
    same_held_out: bool | None
    """Whether both rest on the same held-out items; null where that was not recorded."""
    added: tuple[str, ...]
    removed: tuple[str, ...]
    """Baselines."""
    qualities: tuple[QualityChange, ...]
    usage: tuple[FigureChange, ...]
    """Tokens and latency of a request."""
    costs: tuple[FigureChange, ...]
    prices: tuple[FigureChange, ...]
    assumptions: tuple[FigureChange, ...]
    flips: tuple[FigureChange, ...]
    summary: tuple[str, ...]
    """What matters of it, the verdict first; one sentence where nothing changed."""


def changes(before: Decision, after: Decision) -> Changes:
    """What changed from one decision to another.

    Raises:
        UsageError: They are of different cases.
    """
    if before.case != after.case:
        raise UsageError(
            f"The decisions are of different cases: {clean(before.case)!r} and {clean(after.case)!r}.",
            hint="Compare two decisions on the same case.",
        )
    first, second = ({b.name: b for b in d.baselines if b.n} for d in (before, after))
    both = [name for name in second if name in first]
    same = _same_held_out(before, after)
    word = VerdictChange(
        changed=(before.verdict.decision, before.verdict.recommended)
        != (after.verdict.decision, after.verdict.recommended),
        before=verdict_of(before),
        after=verdict_of(after),
        confidence_before=before.verdict.confidence,
        confidence_after=after.verdict.confidence,
    )
    fraction = wording.is_fraction(before) and wording.is_fraction(after)
    found = Changes(
        case=after.case,
        before_at=before.generated_at,
        after_at=after.generated_at,
        verdict=word,
        same_held_out=same,
        added=tuple(name for name in second if name not in first),
        removed=tuple(name for name in first if name not in second),
        qualities=tuple(_quality(first[n], second[n], fraction, same) for n in both),
        usage=tuple(c for n in both for c in _usage(first[n], second[n])),
        costs=tuple(c for n in both for c in _costs(first[n], second[n])),
        prices=tuple(_texts(_prices(before.prices), _prices(after.prices))),
        assumptions=tuple(_texts(_assumptions(before), _assumptions(after))),
        flips=tuple(_texts(_flips(before), _flips(after))),
        summary=(),
    )
    return found.model_copy(update={"summary": tuple(_summary(found))})


def changes_lines(found: Changes) -> list[str]:
    """The changes as plain lines for a terminal."""
    lines = [f"Case {clean(found.case)}: {_days(found)}", ""]
    for title, texts in _parts(found):
        lines += [title, *(f"  {clean(t)}" for t in texts), ""]
    return lines[:-1]


def changes_markdown(found: Changes) -> str:
    """The changes as Markdown."""
    lines = [f"# What changed: {code(found.case)}", "", _days(found)]
    for title, texts in _parts(found):
        lines += ["", f"## {title}", "", *(f"- {escaped(t)}" for t in texts)]
    return "\n".join(lines) + "\n"


def _parts(found: Changes) -> list[tuple[str, list[str]]]:
    parts = [("In short", list(found.summary)), ("Quality", [q.text for q in found.qualities])]
    parts += [
        (title, [f"{c.name}: {c.before or 'none'} → {c.after or 'none'}" for c in figures])
        for title, figures in (
            ("Tokens and latency of a request", found.usage),
            ("Costs", found.costs),
            ("Prices", found.prices),
            ("Assumptions", found.assumptions),
            ("What would turn the verdict", found.flips),
        )
    ]
    return [(title, texts) for title, texts in parts if texts]


def _days(found: Changes) -> str:
    first, second = (t.strftime("%Y-%m-%d %H:%M") for t in (found.before_at, found.after_at))
    return f"{first} → {second}"


def _summary(found: Changes) -> list[str]:
    v = found.verdict
    lines = [
        f"The verdict changed: {v.before} → {v.after}." if v.changed else f"The verdict stays: {v.after}."
    ]
    if v.confidence_before != v.confidence_after:
        sure = " → ".join(
            "none" if c is None else percent(c, digits=0) for c in (v.confidence_before, v.confidence_after)
        )
        lines.append(f"Confidence: {sure}.")
    if found.same_held_out is False:
        lines.append("The held-out items are other ones, so qualities are not compared item by item.")
    lines += [f"New baselines: {', '.join(found.added)}."] if found.added else []
    lines += [f"No longer there: {', '.join(found.removed)}."] if found.removed else []
    beyond = [q for q in found.qualities if q.noise == "beyond"]
    lines += [f"Quality: {q.text}" for q in beyond]
    moved = sum(q.noise in ("within", "unknown") for q in found.qualities)
    if moved:
        lines.append(
            f"Quality of {count(moved)} other baseline{'s' * (moved != 1)} moved, within what is noise."
        )
    for what, figures in (
        ("assumption", found.assumptions),
        ("price", found.prices),
        ("cost figure", found.costs),
    ):
        if figures:
            shown = "; ".join(f"{c.name} {c.before or 'none'} → {c.after or 'none'}" for c in figures[:3])
            more = f"; and {count(len(figures) - 3)} more" if len(figures) > 3 else ""
            plural = "s" if len(figures) > 1 else ""
            lines.append(f"{count(len(figures))} {what}{plural} changed: {shown}{more}.")
    return lines if len(lines) > 1 else [*lines, "Nothing else changed."] if _nothing(found) else lines


def _nothing(found: Changes) -> bool:
    return not (found.usage or found.flips or any(q.noise != "same" for q in found.qualities))


def _same_held_out(before: Decision, after: Decision) -> bool | None:
    first, second = (d.provenance.hashes.get("held-out items") for d in (before, after))
    if first is not None and second is not None:
        return first == second
    return False if before.facts.n_held_out != after.facts.n_held_out else None


def _quality(a: BaselineSummary, b: BaselineSummary, fraction: bool, same: bool | None) -> QualityChange:
    one, two = a.quality, b.quality
    noise: Noise = "unknown"
    if one.metric != two.metric:
        said = f"is now measured by {two.metric} instead of {one.metric}; the two cannot be compared"
    elif (one.value, one.ci95, a.n) == (two.value, two.ci95, b.n):
        noise, said = "same", f"{score(two.value, fraction=fraction)}, as before"
    else:
        said = f"{score(one.value, fraction=fraction)} → {score(two.value, fraction=fraction)}"
        if one.ci95 is None or two.ci95 is None:
            said += "; without both intervals it is not known whether that is more than noise"
        elif one.ci95[1] < two.ci95[0] or two.ci95[1] < one.ci95[0]:
            noise = "beyond"
            said += ", beyond noise: the 95% intervals do not overlap"
            said += "; but the held-out items are other ones" if same is False else ""
        else:
            noise = "within"
            said += ", not shown to differ: the 95% intervals overlap"
    if a.n != b.n:
        said += f" (n = {count(a.n)} → {count(b.n)})"
    return QualityChange(
        baseline=b.name, before=one.value, after=two.value, noise=noise, text=f"{b.name}: {said}."
    )


def _usage(a: BaselineSummary, b: BaselineSummary) -> Iterable[FigureChange]:
    for what in ("input", "cached_input", "output"):
        one, two = getattr(a.tokens, what), getattr(b.tokens, what)
        if _differ(one, two):
            name = f"{b.name}, {what.replace('_', ' ')} tokens"
            yield FigureChange(name=name, before=tokens(one), after=tokens(two))
    for what in ("p50", "p95"):
        one, two = getattr(a.latency_s, what), getattr(b.latency_s, what)
        if _differ(one, two):
            yield FigureChange(name=f"{b.name}, latency {what}", before=seconds(one), after=seconds(two))


def _costs(a: BaselineSummary, b: BaselineSummary) -> Iterable[FigureChange]:
    for what, words in (
        ("per_1k_requests", "per 1,000 requests"),
        ("one_off", "one-off"),
        ("per_month", "per month"),
        ("over_horizon", "over the horizon"),
    ):
        one, two = getattr(a.cost_usd, what), getattr(b.cost_usd, what)
        if _differ(one, two):
            yield FigureChange(name=f"{b.name} {words}", before=usd(one), after=usd(two))


def _differ(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is not two
    return abs(one - two) > SAME * max(abs(one), abs(two))


def _prices(prices: Iterable[PriceUsed]) -> dict[str, str]:
    """By baseline, its prices in one line; the source's day is part of it."""

    def words(p: PriceUsed) -> str:
        named = (
            ("in", p.input),
            ("cached", p.cached_input),
            ("out", p.output),
            ("training", p.training),
            ("an hour", p.usd_per_hour),
        )
        shown = ", ".join(f"{usd(value)} {name}" for name, value in named if value is not None) or DASH
        return f"{shown} ({p.source}{'' if p.date is None else f', {p.date}'})"

    return {p.baseline: words(p) for p in prices}


def _assumptions(d: Decision) -> dict[str, str]:
    fraction = wording.is_fraction(d)
    bar = "none" if d.facts.bar is None else score(d.facts.bar, fraction=fraction)
    gain = score(d.facts.min_gain, fraction=fraction)
    own = {"quality.bar": bar, "quality.min_gain": gain, **dict(wording.assumptions(d.facts.assumptions))}
    return {wording.parameter_name(key): value for key, value in own.items()}


def _flips(d: Decision) -> dict[str, str]:
    def words(f: Flip) -> str:
        return "nowhere" if f.at is None else f"at {wording.turns_at(f, d)}, {wording.outcome(f)}"

    return {wording.parameter_name(f.parameter): words(f) for f in d.verdict.flips}


def _texts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[FigureChange]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield FigureChange(name=name, before=before.get(name), after=after.get(name))
