"""The evidence: what was compared, the ten questions, how sure the differences are, what looks wrong."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.formatting import (
    badge,
    count,
    difference,
    interval,
    p_value,
    score,
    seconds,
    settings_text,
    tokens,
    usd,
)
from advisor.records import BaselineSummary, Comparison, Decision
from advisor.reports import hidden, uncertain, wording
from advisor.reports.document import (
    Asked,
    Block,
    Notice,
    Section,
    Span,
    Table,
    Text,
    bullets,
    code,
    heading,
    paragraph,
    table,
    text,
)
from advisor.reports.judge import TITLE as JUDGE_TITLE
from advisor.reports.judge import judge_lines
from advisor.reports.sections.front import Drawn, figure

CHARTS = ("quality", "all_in", "cost", "tokens")


def warnings(d: Decision) -> Section | None:
    """What to bear in mind while reading."""
    if not d.warnings:
        return None
    items = tuple(text(w) for w in wording.warnings(d))
    return Section(id="warnings", title="Read this with care", blocks=(Notice(items=items),))


def comparison(d: Decision) -> Section:
    """Every baseline in a row, with notes on costs and the net value."""
    fraction, months = wording.is_fraction(d), wording.months(d)
    header = (
        "Baseline",
        f"{d.facts.metric} (95% interval)",
        "Tokens in (cached) / out",
        "Latency p50 / p95",
        "USD per 1,000 requests",
        "one-off",
        "per month",
        f"over {months}",
    )

    def row(b: BaselineSummary) -> list[str | Text]:
        cost = b.cost_usd
        recommended = [" (recommended)"] if b.name == d.verdict.recommended else []
        failed = f", {count(b.failed)} failed" if b.failed else ""
        return [
            text(code(b.name), *recommended),
            f"{wording.score_with_interval(b, fraction=fraction)}; n = {count(b.n)}{failed}",
            "none"
            if wording.needs_no_tokens(b)
            else f"{tokens(b.tokens.input)} ({tokens(b.tokens.cached_input)}) / {tokens(b.tokens.output)}",
            f"{seconds(b.latency_s.p50)} / {seconds(b.latency_s.p95)}",
            usd(cost.per_1k_requests),
            usd(cost.one_off),
            usd(cost.per_month),
            usd(cost.over_horizon),
        ]

    bar = "" if d.facts.bar is None else f" The bar is {score(d.facts.bar, fraction=fraction)}."
    what = [
        text(code(b.name), f": {wording.KINDS[b.kind]}", *([", ", b.model] if b.model else []))
        for b in d.baselines
    ]
    blocks: list[Block] = [
        paragraph(
            f"Quality, tokens and latency are {badge('measured')}, costs are {badge('estimated')}. "
            f"At {count(d.facts.requests_per_month)} requests a month ({badge('declared')}).{bar} Unknown is not zero.",
            muted=True,
        ),
        table(
            header,
            [row(b) for b in d.baselines],
            title="Every baseline on the same held-out items",
            right_from=1,
            marked=_position(d),
        ),
        bullets(what),
    ]
    notes = [text(code(b.name), f": {'; '.join(b.cost_usd.notes)}") for b in d.baselines if b.cost_usd.notes]
    if notes:
        blocks += [heading("Notes on costs"), bullets(notes)]
    worth = [
        text(code(b.name), f": {usd(b.value_usd_over_horizon)}")
        for b in d.baselines
        if b.value_usd_over_horizon is not None
    ]
    if worth:
        blocks += [heading(f"Net value over {months} ({badge('estimated')})"), bullets(worth)]
    return Section(id="comparison", title="The alternatives compared", blocks=tuple(blocks))


def drawings(d: Decision, drawn: Drawn, elsewhere: str | None) -> Section | None:
    """The charts that do not stand on the front page."""
    found = [f for name in CHARTS if name != elsewhere and (f := figure(d, name, drawn))]
    return Section(id="charts", title="Charts", blocks=tuple(found)) if found else None


def questions(d: Decision) -> Section:
    """The ten questions with their evidence."""
    blocks = tuple(
        Asked(
            number=i,
            section=q.section,
            question=q.question,
            answer=q.answer,
            word=wording.ANSWERS[q.answer],
            summary=q.summary,
            evidence=tuple((e.kind, e.text) for e in q.evidence),
            would_change=q.would_change,
        )
        for i, q in enumerate(d.questions, start=1)
    )
    return Section(id="questions", title="The ten questions", blocks=blocks)


def pairs(d: Decision) -> Section | None:
    """The paired comparisons."""
    if not d.comparisons:
        return None
    fraction = wording.is_fraction(d)

    def row(c: Comparison) -> list[str | Text]:
        adjusted = f"{p_value(c.adjusted_p_value)} ({p_value(c.p_value)} unadjusted; {c.test})"
        return [
            text(code(c.baseline), " against ", code(c.reference)),
            count(c.n),
            f"{difference(c.difference, fraction=fraction)} "
            f"({interval(c.ci95, fraction=fraction, signed=True, unit=False)})",
            wording.reading(c, d),
            wording.discordant(c),
            adjusted,
        ]

    header = ("Comparison", "n", "Difference (95% interval)", "In words", "Only one right", "p-value")
    found = table(
        header, [row(c) for c in d.comparisons], title="Two baselines on the items that both answered"
    )
    return Section(
        id="pairs",
        title="How sure the differences are",
        blocks=(paragraph(f"All {badge('measured')}.", muted=True), found),
    )


def odds(d: Decision) -> Section | None:
    """The odds of the baselines, and what knowing more would be worth."""
    if d.uncertainty is None:
        return None
    said = uncertain.odds_sentence(d)
    blocks: list[Block] = [paragraph(f"{said} All {badge('estimated')}.", muted=True)] if said else []
    blocks.append(
        table(
            uncertain.odds_header(d),
            _named(uncertain.odds_rows(d)),
            title="Odds of the baselines",
            right_from=1,
        )
    )
    blocks += [paragraph(line) for line in uncertain.information(d)]
    return Section(id="sure", title="How sure the choice is", blocks=tuple(blocks))


def luck(d: Decision) -> Section | None:
    """What one run hides."""
    lines = hidden.noise(d)
    return Section(id="luck", title="How much may be luck", blocks=(bullets(lines),)) if lines else None


def slices(d: Decision) -> Section | None:
    """Parts of the held-out set."""
    if not d.slices:
        return None
    line, small = hidden.slices_line(d), hidden.too_small(d)
    blocks: list[Block] = [paragraph(line)] if line else []
    found: Table = table(
        hidden.slices_header(d),
        hidden.slices_rows(d),
        title="The tuned model and the best alternative on each part",
    )
    blocks.append(found)
    blocks += [paragraph(small, muted=True)] if small else []
    return Section(id="slices", title="Parts of the held-out set", blocks=tuple(blocks))


def judged(d: Decision) -> Section | None:
    """The judge, where a model judged."""
    lines = judge_lines(d)
    if not lines:
        return None
    blocks = (paragraph(f"{badge('measured')}.", muted=True), bullets(lines))
    return Section(id="judge", title=JUDGE_TITLE, blocks=blocks)


def diagnosis(d: Decision) -> Section | None:
    """What looks wrong with tuned models."""
    if not d.diagnosis:
        return None
    found = bullets(hidden.finding(f) for f in d.diagnosis)
    return Section(id="diagnosis", title="What looks wrong", blocks=(found,))


def setting_of(b: BaselineSummary) -> Text:
    """A baseline with the setting chosen for it."""
    return text(code(b.name), f": {settings_text(b.setting)}")


def _named(rows: Sequence[Sequence[str]]) -> list[list[str | Span]]:
    """Rows whose first cell is a baseline's name."""
    return [[code(name), *rest] for name, *rest in rows]


def _position(d: Decision) -> int | None:
    return next((i for i, b in enumerate(d.baselines) if b.name == d.verdict.recommended), None)
