"""What a decision rests on beside its results: the data card, the configuration, prices, and the review."""

from __future__ import annotations

from advisor.formatting import DASH, UNKNOWN, badge, count, usd
from advisor.records import Decision, PriceUsed
from advisor.reports import wording
from advisor.reports.context import ReportContext
from advisor.reports.data_card import card_blocks
from advisor.reports.document import (
    Block,
    Quote,
    Section,
    Span,
    bullets,
    code,
    heading,
    paragraph,
    table,
    text,
)

SPLITS = {"learn": "training, to learn from", "dev": "training, dev split", "held_out": "held-out"}


def data(context: ReportContext) -> Section | None:
    """How much data there is, what its audit found, and the case's own words about it."""
    blocks: list[Block] = []
    if context.splits:
        rows = [
            (
                SPLITS.get(s.name, s.name),
                count(s.examples),
                count(s.groups) if s.groups else DASH,
                wording.labels(s.outputs),
                count(s.median_input_characters),
            )
            for s in context.splits
        ]
        header = ("Split", "Examples", "Groups", "By label", "Median characters of an input")
        blocks += [
            paragraph(f"Counted on the case's files, {badge('measured')}.", muted=True),
            table(header, rows, title="The splits"),
        ]
    if context.splits or context.findings:
        blocks.append(heading("What the audit found"))
        blocks.append(
            bullets(context.findings)
            if context.findings
            else paragraph("The audit found nothing to warn of.")
        )
    if not context.splits and context.data_card is None:
        return None
    blocks.append(heading(f"Data card ({badge('declared')})"))
    if context.data_card is not None:
        blocks += card_blocks(context.data_card)
    else:
        blocks.append(
            paragraph("The case has no data card: its README.md would tell origin, licence and known biases.")
        )
    return Section(id="data", title="The data", blocks=tuple(blocks))


def configuration(context: ReportContext) -> Section | None:
    """The baselines as the case says them, and what models are told."""
    if not context.baselines:
        return None
    rows = [
        (
            code(b.name),
            wording.KINDS[b.kind],
            DASH if b.model is None else f"{b.model} ({b.provider or UNKNOWN})",
            b.settings,
        )
        for b in context.baselines
    ]
    blocks: list[Block] = [
        table(("Baseline", "Kind", "Model", "Settings in the case"), rows, title="The baselines")
    ]
    if context.prompt:
        blocks += [heading("The instructions that models get"), Quote(text=context.prompt)]
    return Section(id="configuration", title="Configuration", blocks=tuple(blocks))


def prices(d: Decision) -> Section | None:
    """The prices that costs rest on, each with its source and day."""
    if not d.prices:
        return None
    header = ("Baseline", "Model", "Input", "Cached", "Output", "Training", "USD per hour", "Source, day")
    rows: list[tuple[str | Span, ...]] = [
        (
            code(p.baseline),
            p.model,
            *(_money(v) for v in (p.input, p.cached_input, p.output, p.training, p.usd_per_hour)),
            _source(p),
        )
        for p in d.prices
    ]
    blocks: list[Block] = [
        paragraph(
            f"USD per million tokens, but for machines and deployments, which are paid by the hour. {DASH}: does not "
            "apply, or is not known.",
            muted=True,
        ),
        table(header, rows, title="Prices"),
    ]
    notes = [text(code(p.baseline), f": {note}") for p in d.prices for note in p.notes]
    blocks += [bullets(notes)] if notes else []
    return Section(id="prices", title="Prices", blocks=tuple(blocks))


def review(context: ReportContext) -> Section | None:
    """Who signed the decision off, and whether that still holds."""
    found = context.review
    if found is None:
        return None
    blocks: list[Block] = [paragraph(found.status)]
    if found.stale:
        blocks.append(paragraph(f"It no longer holds: {found.stale}"))
    if found.signatures:
        rows = [(s.who, s.when, s.what) for s in found.signatures]
        blocks.append(table(("Who", "When", "What"), rows, title="Signatures"))
    return Section(id="review", title="Review", blocks=tuple(blocks))


def _money(value: float | None) -> str:
    return DASH if value is None else usd(value)


def _source(p: PriceUsed) -> str:
    day = "" if p.date is None else f", {p.date.isoformat()}"
    return f"{p.source}{day}{' (may be out of date)' if p.stale else ''}"
