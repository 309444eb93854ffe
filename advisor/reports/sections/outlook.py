"""Costs over time, and what could turn the verdict: break-even, load, flips, inputs, further measurements."""

from __future__ import annotations

from advisor.formatting import badge, count
from advisor.records import Decision
from advisor.reports import charts, further, uncertain, wording
from advisor.reports import verdict_by_volume as by_volume
from advisor.reports.document import (
    Block,
    Section,
    Span,
    Text,
    bullets,
    code,
    heading,
    paragraph,
    table,
    text,
)
from advisor.reports.load import HEADER as LOAD_HEADER
from advisor.reports.load import load_rows, measured_on
from advisor.reports.over_time import costs_sentences, costs_table
from advisor.reports.sections.front import Drawn, figure


def over_time(d: Decision) -> Section | None:
    """Costs over the horizon by what they are for."""
    headers, rows = costs_table(d)
    if not rows:
        return None
    cells: list[list[str | Span]] = [[code(name), *rest] for name, *rest in rows]
    blocks: list[Block] = [
        paragraph(
            f"In USD, {badge('estimated')}. People: data, evaluation and refinement, once.", muted=True
        ),
        table(headers, cells, title="Costs by what they are for", right_from=1),
    ]
    if said := costs_sentences(d):
        blocks.append(bullets(said))
    return Section(id="over-time", title=f"Costs over {wording.months(d)}", blocks=tuple(blocks))


def break_even(d: Decision) -> Section:
    """From which volume on a tuned model is cheaper."""
    title = "Break-even"
    if not d.break_even:
        none = "There is no tuned model whose costs could break even with an alternative's."
        return Section(id="break-even", title=title, blocks=(paragraph(none),))
    lines: list[str | Text] = [*wording.break_evens(d)]
    lines += [
        text("Over time: ", code(a), " becomes cheaper than ", code(b), f" in month {month:.1f}.")
        for a, b, month in charts.payback_months(d)
    ]
    note = f"Now: {count(d.facts.requests_per_month)} requests a month ({badge('declared')})."
    volumes = paragraph(f"{note} Volumes below are {badge('estimated')}.", muted=True)
    return Section(id="break-even", title=title, blocks=(volumes, bullets(lines)))


def load_tests(d: Decision) -> Section | None:
    """What served baselines carry."""
    if not d.load_tests:
        return None
    blocks: list[Block] = [
        paragraph(f"Throughput and latency are {badge('measured')}, costs {badge('estimated')}.", muted=True)
    ]
    for c in d.load_tests:
        blocks += [
            paragraph(c.text),
            table(LOAD_HEADER, load_rows(c.test), title=f"Load test of {c.baseline}", right_from=0),
            paragraph(measured_on(c.test), muted=True),
        ]
        blocks += [bullets(c.test.notes)] if c.test.notes else []
    return Section(id="load", title="Under load", blocks=tuple(blocks))


def flips(d: Decision) -> Section:
    """What would turn the verdict."""
    found = [wording.flip(f, d) for f in d.verdict.flips] or [
        "No single assumption was found that turns the verdict within the range that was searched."
    ]
    note = f"Each assumption changed by itself, all else as it is; {badge('estimated')}."
    blocks = (paragraph(note, muted=True), bullets(found))
    return Section(id="flips", title="What would turn the verdict", blocks=blocks)


def inputs(d: Decision, drawn: Drawn) -> Section | None:
    """What each input could change, and the verdict at other volumes and worths."""
    blocks: list[Block] = []
    if d.tornado:
        blocks.append(heading(uncertain.tornado_title(d)))
        if (unknown := uncertain.tornado_unknown(d)) is not None:
            blocks.append(paragraph(unknown))
        else:
            note = f"{uncertain.tornado_note(d) or ''} All {badge('estimated')}."
            blocks.append(paragraph(note, muted=True))
            blocks += [f for f in (figure(d, "tornado", drawn),) if f]
            blocks.append(
                table(uncertain.TORNADO_HEADER, uncertain.tornado_rows(d), title=uncertain.tornado_title(d))
            )
    if d.verdict_map:
        blocks += [heading("The verdict elsewhere"), paragraph(by_volume.sentence(d) or "")]
        if not by_volume.is_one(d):
            blocks += [f for f in (figure(d, "map", drawn),) if f]
            blocks += [
                table(by_volume.header(d), by_volume.rows(d), title="The verdict as letters"),
                paragraph(by_volume.legend(d), muted=True),
            ]
    if not blocks:
        return None
    return Section(id="inputs", title="What each input could change", blocks=tuple(blocks))


def readiness(d: Decision) -> Section | None:
    """What tuning needs, once the answer is yes."""
    if not d.readiness:
        return None
    rows = [(r.item, wording.STATUSES[r.status], r.text) for r in d.readiness]
    found = table(("Item", "Status", "What is there"), rows, title="What tuning needs")
    return Section(id="readiness", title="What tuning needs", blocks=(found,))


def further_measurements(d: Decision, drawn: Drawn) -> Section | None:
    """More data, other seeds, other cases: as far as they were measured."""
    blocks: list[Block] = []
    for title, found, header, rows in (
        ("More data", d.learning_curve, further.CURVE_HEADER, further.curve_rows(d)),
        ("Other seeds", d.seed_spread, further.SEEDS_HEADER, further.seed_rows(d)),
    ):
        if found is None:
            continue
        blocks += [heading(text(f"{title} (", code(found.baseline), ")")), paragraph(found.text)]
        curve = figure(d, "learning", drawn) if found is d.learning_curve else None
        blocks += [curve] if curve else []
        blocks.append(table(header, rows, title=title))
    if d.extensibility is not None:
        other = d.extensibility
        blocks += [heading(text("Other cases (", code(other.baseline), ")")), paragraph(other.text)]
        blocks.append(bullets(text(code(c.case), f": {c.text}") for c in other.cases))
    if not blocks:
        return None
    return Section(id="further", title="More data, other seeds, other cases", blocks=tuple(blocks))
