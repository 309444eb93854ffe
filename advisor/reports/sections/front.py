"""The page for the decision-maker: what to do, how sure, what is at stake, what would turn it, what comes next."""

from __future__ import annotations

from collections.abc import Collection

from advisor.formatting import count, interval, plural, score, usd
from advisor.records import BaselineSummary, Decision
from advisor.reports import charts, stakes, uncertain, wording
from advisor.reports.context import ReportContext
from advisor.reports.document import Figure, FrontPage, Tile

Drawn = Collection[str]
"""Ids of the charts that the report holds."""
REPORT_CHARTS = ("quality", "all_in", "cost", "tokens", "loss", "learning", "tornado", "map")
"""What a report draws; the pages of the app have further ones."""
MOST_TURNS = 4


def about(d: Decision) -> str:
    """The case in one line."""
    return (
        f"{d.facts.task_kind.replace('_', ' ')}, to improve: {d.facts.aspect}; "
        f"{plural(d.facts.n_held_out, 'held-out item')}, {plural(d.facts.n_train, 'training example')}"
    )


def front_page(d: Decision, context: ReportContext, drawn: Drawn) -> FrontPage:
    """The front page of a decision."""
    v = d.verdict
    signed = context.review.status if context.review else None
    notes = (
        wording.stopped_early(d),
        uncertain.meanwhile(d),
        f"Review: {signed.rstrip('.')}." if signed else None,
    )
    return FrontPage(
        decision=v.decision,
        word=wording.VERDICTS[v.decision],
        sentence=wording.verdict_sentence(d),
        tiles=_tiles(d),
        reasons=v.reasons,
        stake=tuple(stakes.stake_lines(d)),
        mind=minds(d),
        turns=tuple(wording.flip(f, d) for f in v.flips if f.at is not None)[:MOST_TURNS],
        missing=tuple(uncertain.shopping(d)),
        steps=next_steps(d),
        notes=tuple(n for n in notes if n is not None),
        figure=next(filter(None, (figure(d, name, drawn) for name in _front_charts(d))), None),
    )


def _front_charts(d: Decision) -> tuple[str, ...]:
    """The first of these that can be drawn stands on the front page.

    Against all costs, as the verdict counts them; where those of a measured tuned model are unknown, quality alone, as
    a comparison without it is none.
    """
    tuned = [b for b in d.baselines if b.kind == "fine_tuned" and b.quality.value is not None]
    known = all(b.cost_usd.over_horizon is not None for b in tuned)
    return ("all_in", "quality") if known else ("quality", "all_in")


def drawable(d: Decision) -> list[str]:
    """The charts for which there is something to draw."""
    with charts.unchecked():
        return [
            name
            for name in REPORT_CHARTS
            if charts.CHARTS[name][1](d, theme=charts.LIGHT, width=charts.WIDE) is not None
        ]


def figure(d: Decision, name: str, drawn: Drawn) -> Figure | None:
    """The place of a chart, where it was drawn."""
    if name not in drawn:
        return None
    title, _ = charts.CHARTS[name]
    return Figure(chart=name, title=title, description=charts.describe(d, name))


def next_steps(d: Decision) -> tuple[str, ...]:
    """What to do next, at most four things."""
    v, case = d.verdict, d.case
    turning = next((f for f in v.flips if f.at is not None), None)
    watch = (
        f"Decide again when this changes: {wording.parameter_name(turning.parameter).lower()} "
        f"(turns at {wording.turns_at(turning, d)})."
        if turning
        else f"Decide again when prices, volume or models change: advisor decide {case}."
    )
    match v.decision:
        case "fine_tune":
            return (
                f"Have the evidence reviewed and signed off: advisor review open {case}.",
                *_to_settle(d),
                f"Deploy {v.recommended or 'the tuned model'}, and watch its quality on new items of the same kind.",
                watch,
            )
        case "do_not_fine_tune":
            use = f"Use {v.recommended}." if v.recommended else "Leave the model as it is."
            return (use, "Keep the held-out set: it decides again without new labels.", watch)
        case "not_yet":
            # what is missing may be no more than an entry in the case: then the last step has been said already
            steps = _to_get(d)
            return steps if turning is None and any("advisor decide" in s for s in steps) else (*steps, watch)


_MAKING = ("pre-trained model", "training environment")
"""Words of what a tuned model needs before there is one."""


def _to_settle(d: Decision) -> list[str]:
    """What is open before the tuned model can be used; what its making needs is settled once it is there."""
    made = any(b.name == d.verdict.recommended and b.n for b in d.baselines)
    items = [
        r.item
        for r in d.readiness
        if r.status in ("missing", "partly") and not (made and any(words in r.item for words in _MAKING))
    ]
    return [f"Settle what {'its use' if made else 'tuning'} needs: {', '.join(items)}."] if items else []


def _to_get(d: Decision) -> tuple[str, ...]:
    """What to get before there can be a verdict; nothing that costs more than it brings."""
    v, case = d.verdict, d.case
    worthwhile = [p for p in v.shopping_list if uncertain.is_worth_it(p)]
    if v.shopping_list and not worthwhile:
        poor = v.shopping_list[0]
        return (
            f"Leave it at that for now: {_lower(poor.text.rstrip('.'))} would cost {usd(poor.cost_usd)} and bring "
            f"{'less than $1' if (poor.worth_usd or 0.0) < 1 else usd(poor.worth_usd)} on average, less than "
            "their price.",
            f"Use {v.meanwhile} meanwhile." if v.meanwhile else "Leave the model as it is meanwhile.",
        )
    got = [p.text.rstrip(".") for p in worthwhile] or [m.rstrip(".") for m in v.missing]
    first = f"Get what is missing first: {_lower(got[0])}." if got else "Complete the evidence."
    if d.provenance.source == "imported":
        again = f"Then take new results in, and decide again: advisor import {case} RESULTS; advisor decide {case}."
        measured = any(p.what in ("cost", "assumption", "worth") for p in worthwhile[:1])
        # what costs and answers are worth stands in the case: there is nothing to measure
        again = f"Then decide again: advisor decide {case}." if measured else again
    else:
        again = f"Then run it again, which pays for nothing twice: advisor run {case}."
    return (first, again)


def minds(d: Decision) -> tuple[str, ...]:
    """The dangers that whoever follows the verdict must know: a service that ends, a tuned model that got worse."""
    used = d.verdict.recommended or d.verdict.meanwhile
    tuned = [b.name for b in d.baselines if b.kind == "fine_tuned"]
    starts = [f"{used}: the service of its model ends", *(f"{t} is worse than its own base" for t in tuned)]
    return tuple(w for w in d.warnings if any(w.startswith(s) for s in starts))


def _tiles(d: Decision) -> tuple[Tile, ...]:
    v, sure = d.verdict, d.verdict.confidence is not None
    recommended = next((b for b in d.baselines if b.name == v.recommended), None)
    if v.decision == "not_yet":
        label = "Until then" if v.meanwhile else "Recommended"
        use = Tile(label=label, value=v.meanwhile or "none yet", note="there is no verdict yet")
        return (use, _missing_most(d), *_so_far(d))
    tiles = [
        Tile(
            label="Recommended",
            value=v.recommended or "none",
            note=wording.KINDS[recommended.kind] if recommended else "no alternative may be used",
        ),
        Tile(
            label="Confidence",
            value=wording.confidence(v.confidence) if sure else "not known",
            note=wording.confidence_over(d) if sure else "there is nothing to draw it from",
        ),
    ]
    if recommended is not None:
        return (*tiles, _quality(d, recommended, "Its"), _cost(d, recommended))
    return (*tiles, *_so_far(d))


_THINGS = {
    "held_out_examples": "held-out items",
    "cost": "a cost",
    "worth": "the worth of an answer",
    "tuned_model": "a better tuned model",
    "baseline": "a baseline",
    "latency": "a latency",
    "assumption": "surer assumptions",
}


def _missing_most(d: Decision) -> Tile:
    """The first thing that is missing, how much of it, and at what price."""
    if not d.verdict.shopping_list and d.verdict.missing:
        return Tile(label="Missing", value=plural(len(d.verdict.missing), "thing"), note="see below")
    if not d.verdict.shopping_list:
        return Tile(label="Missing", value="surer assumptions", note="ranges as wide as these decide")
    first, *others = d.verdict.shopping_list
    thing = _THINGS.get(first.what, first.what)
    value = thing if first.amount is None else f"{count(first.amount)} {thing}"
    price = None if first.cost_usd is None else f"cost {usd(first.cost_usd)}"
    worth = None if first.worth_usd is None else f"worth {usd(first.worth_usd)}"
    more = f"and {plural(len(others), 'other thing')}" if others else None
    note = ", ".join(p for p in (price, worth, more) if p)
    return Tile(label="Missing", value=value, note=note or "see below")


def _so_far(d: Decision) -> list[Tile]:
    """Without a recommendation: the tuned model and the alternative that the reasons compare."""
    found = []
    pair = wording.verdict_pair(d) or ("", d.verdict.meanwhile or "")
    for tuned, words, name in ((True, "Best tuned", pair[0]), (False, "Best alternative", pair[1])):
        rows = [b for b in d.baselines if (b.kind == "fine_tuned") == tuned and b.quality.value is not None]
        if rows:
            best = max(rows, key=lambda b: (b.name == name, b.quality.value or 0.0, b.name))
            found.append(_quality(d, best, f"{words} ({best.name}),"))
    return found


def _quality(d: Decision, b: BaselineSummary, whose: str) -> Tile:
    fraction = wording.is_fraction(d)
    bar = "" if d.facts.bar is None else f"; bar {score(d.facts.bar, fraction=fraction)}"
    return Tile(
        label=f"{whose} {d.facts.metric}",
        value=score(b.quality.value, fraction=fraction),
        note=f"95% interval {interval(b.quality.ci95, fraction=fraction)}{bar}",
    )


def _cost(d: Decision, b: BaselineSummary) -> Tile:
    return Tile(
        label=f"Its cost over {wording.months(d)}",
        value=usd(b.cost_usd.over_horizon),
        note=f"at {count(d.facts.requests_per_month)} requests a month, estimated",
    )


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
