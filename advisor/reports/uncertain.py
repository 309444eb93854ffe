"""How sure a decision is, in the words that every form of the report uses.

What to get before deciding, the odds of each baseline, what each input could change, and the verdict elsewhere.
"""

from __future__ import annotations

from pydantic import JsonValue

from advisor.formatting import count, one_line, percent, usd
from advisor.records import BaselineOdds, Decision, Purchase, TornadoBar
from advisor.reports import wording

NEGLIGIBLE_USD = 0.005
"""What is shown as no cent."""
BASES = {
    "range": "the case's range",
    "assumed": "assumed: half and double",
    "interval": "95% interval of what was measured",
}
TORNADO_HEADER = ("Input", "From", "To", "Gain at the first", "Gain at the second", "Why these values")


def shopping(d: Decision) -> list[str]:
    """Each thing that is missing in one line, with what it costs and what it is worth as far as that is known."""
    bought = d.verdict.shopping_list
    told = {p.text for p in bought}
    return [*map(_purchase, bought), *(text for text in d.verdict.missing if text not in told)]


def meanwhile(d: Decision) -> str | None:
    """What to use until there is a verdict; honest about an alternative that does not pay."""
    name = d.verdict.meanwhile
    if name is None:
        return None
    worth = {b.name: b.value_usd_over_horizon for b in d.baselines if b.kind != "fine_tuned" and b.n}
    own = worth.get(name)
    if d.verdict.meanwhile_pays is not False or own is None:
        return f"Until then: use {name}."
    months = f"over {wording.months(d)}"
    others = [value for value in worth.values() if value is not None]
    least = max(others) <= own
    if only_losses(d):
        rank = ", the least of the alternatives" if least else ""
        return f"Until then: use {name}. {burden(name, own, d)}{rank}; {UNSAID}."
    if least:
        # of those measured; a net benefit that is not known is not called a loss
        return (
            f"Until then: of the alternatives measured, {name} loses least (net benefit {usd(own)} {months}); none of "
            "them pays at the case's own assumptions."
        )
    return f"Until then: use {name}; at the case's own assumptions it does not pay (net benefit {usd(own)} {months})."


UNSAID = "what right answers bring is not declared"


def only_losses(d: Decision) -> bool:
    """Whether the case says what a wrong answer costs and not what a right one brings.

    A net benefit is then below zero whatever is chosen, which says nothing about whether it pays.
    """
    value = d.facts.assumptions.get("value")
    return (
        isinstance(value, dict)
        and all(v == 0 for v in _ends(value.get("correct_usd")))
        and any(v < 0 for v in _ends(value.get("wrong_usd")))
    )


def burden(name: str, net_benefit_usd: float, d: Decision) -> str:
    """What errors and running cost together, where only losses are declared."""
    return f"Errors and running cost {usd(-net_benefit_usd)} over {wording.months(d)} with {name}"


def is_worth_it(p: Purchase) -> bool:
    """Whether something that is missing brings more than it costs, as far as that is known."""
    return p.worth_usd is None or p.cost_usd is None or p.worth_usd > p.cost_usd


def has_money(d: Decision) -> bool:
    """Whether the odds are in money too: answers have a declared worth, and costs are known."""
    return d.uncertainty is not None and any(o.net_benefit_usd is not None for o in d.uncertainty.odds)


def odds_header(d: Decision) -> tuple[str, ...]:
    """Columns of the table of odds."""
    money = ("Expected net benefit", "95% interval", "Expected regret") if has_money(d) else ()
    return ("Baseline", "Probability of being the best", *money)


def odds_rows(d: Decision, most: int | None = None) -> list[tuple[str, ...]]:
    """A row for each baseline, the likeliest to be the best first."""
    odds = d.uncertainty.odds[:most] if d.uncertainty else ()
    return [(o.name, probability(o.p_best, d), *(_money(o) if has_money(d) else ())) for o in odds]


def probability(p: float, d: Decision) -> str:
    """A share of the draws; none or all of them is not the same as never or always."""
    draws = d.uncertainty.draws if d.uncertainty else 0
    if draws > 1000 and p < 0.001:
        return "< 0.1%"
    if draws > 1000 and p > 0.999:
        return "> 99.9%"
    return percent(p)


def odds_sentence(d: Decision) -> str | None:
    """What the odds are over, and what “the best” means."""
    if d.uncertainty is None or not d.uncertainty.odds:
        return None
    if has_money(d):
        best = f"with the highest net benefit over {wording.months(d)}"
    elif d.facts.bar is not None:
        best = "that is the cheapest to reach the bar, or the best in quality where none does"
    else:
        best = "with the highest quality"
    noise = "the noise of the held-out set"
    noise += " and the ranges of the assumptions" if wording.has_ranges(d) else ""
    return f"Over {noise} ({count(d.uncertainty.draws)} draws). The best is the one {best}."


def information(d: Decision) -> list[str]:
    """What perfect information and more examples would be worth; nothing where nothing is told in money."""
    u = d.uncertainty
    if u is None or u.perfect_information_usd is None:
        return []
    if u.perfect_information_usd < NEGLIGIBLE_USD:
        return ["Even perfect information would be worth nothing: one baseline is the best in every draw."]
    said = f"To know all of it exactly would be worth {usd(u.perfect_information_usd)} to someone who goes by what is "
    said += "best on average"
    worthwhile = [i for i in u.information if i.worth_usd >= NEGLIGIBLE_USD]
    if worthwhile:
        first = worthwhile[0]
        name = _lower(wording.parameter_name(one_line(first.what)))
        if first.what == "held-out sampling":
            name = "how good each baseline is beyond these held-out items"
        said += f"; most worth knowing: {name} ({usd(first.worth_usd)})"
    lines = [f"{said}."]
    offered = max((p.worth_usd or 0.0 for p in d.verdict.shopping_list), default=0.0)
    if offered > u.perfect_information_usd and _average_tunes(d):
        lines.append(
            f"What is missing is worth more ({usd(offered)}), as the verdict asks for proof before tuning, which is "
            "hard to take back; who goes by the average would tune already."
        )
    return lines


def tornado_title(d: Decision) -> str:
    """What the bars show: the gain of tuning, or only what it saves."""
    months = f"over {wording.months(d)}"
    if any(bar.basis == "interval" for bar in d.tornado):
        return f"What moves the gain of tuning {months}"
    return f"What moves the savings of tuning {months}"


def tornado_note(d: Decision) -> str | None:
    """Between whom the gain is, what it is now, and that inputs are moved one at a time."""
    if not d.tornado:
        return None
    pair = d.noise.difference if d.noise is not None else None
    now = gain_now(d)
    who = (
        f"{pair.baseline} against {pair.reference}"
        if pair
        else "The best tuned model against the best alternative"
    )
    return f"{who}{'' if now is None else f', now {usd(now)}'}. Each input is moved by itself, all else as it is."


def gain_now(d: Decision) -> float | None:
    """The gain at what the case says, in USD over the horizon."""
    return next((bar.gain_now for bar in d.tornado if bar.gain_now is not None), None)


def tornado_unknown(d: Decision) -> str | None:
    """That no gain is known, in place of a table of nothing but unknown ones."""
    if any(b.gain_at_low is not None or b.gain_at_high is not None for b in d.tornado):
        return None
    names = ", ".join(_lower(wording.parameter_name(one_line(b.parameter))) for b in d.tornado)
    return f"What tuning brings is not known, and so not what these inputs would change: {names}."


def tornado_rows(d: Decision) -> list[tuple[str, ...]]:
    """A row for each input, the most powerful first."""
    return [
        (
            wording.parameter_name(one_line(bar.parameter)),
            *ends(bar, d),
            usd(bar.gain_at_low),
            usd(bar.gain_at_high),
            BASES[bar.basis],
        )
        for bar in d.tornado
    ]


def tornado_lines(d: Decision, most: int = 3) -> list[str]:
    """The most powerful inputs, a line each."""
    return [
        f"{name}: {low} → {usd(bar.gain_at_low)}; {high} → {usd(bar.gain_at_high)} ({basis})"
        for bar, (name, low, high, *_, basis) in zip(d.tornado[:most], tornado_rows(d), strict=False)
        if bar.gain_at_low is not None and bar.gain_at_high is not None
    ]


def ends(bar: TornadoBar, d: Decision) -> tuple[str, str]:
    """The two values between which an input is moved."""
    fraction = wording.is_fraction(d)
    low, high = (wording.parameter_value(bar.parameter, v, fraction=fraction) for v in (bar.low, bar.high))
    return low, high


def _ends(value: JsonValue) -> list[float]:
    """The value of an assumption, or both ends of its range; nothing given is 0."""
    if isinstance(value, dict):
        return [float(v) for k in ("low", "high") if isinstance(v := value.get(k), int | float)]
    return [float(value) if isinstance(value, int | float) else 0.0]


def _purchase(p: Purchase) -> str:
    """One thing to get, e.g. `About 200 more held-out items: cost $800, worth $4,211.`."""
    # a price that rests on the case's data hours is an estimate, and one by the example is declared
    kind = " (estimated)" if p.cost_kind == "estimated" else ""
    known = [
        f"{word} {usd(value).removesuffix('.00')}{of}"
        for word, value, of in (("cost", p.cost_usd, kind), ("worth", p.worth_usd, ""))
        if value is not None
    ]
    if p.cost_usd is None and (p.amount is not None or p.worth_usd is not None):
        known = ["cost unknown", *known]
    if not is_worth_it(p):
        known.append("which is not worth its price")
    return f"{p.text.rstrip('.')}: {', '.join(known)}." if known else p.text


def _average_tunes(d: Decision) -> bool:
    """Whether a tuned baseline has the highest expected net benefit."""
    odds = [o for o in d.uncertainty.odds if o.net_benefit_usd is not None] if d.uncertainty else []
    best = max(odds, key=lambda o: o.net_benefit_usd or 0.0, default=None)
    return best is not None and any(b.kind == "fine_tuned" for b in d.baselines if b.name == best.name)


def _money(o: BaselineOdds) -> tuple[str, str, str]:
    if o.net_benefit_ci95 is None:
        return usd(o.net_benefit_usd), usd(None), usd(o.regret_usd)
    low, high = o.net_benefit_ci95
    regret = None if o.regret_usd is None else 0.0 if o.regret_usd < NEGLIGIBLE_USD else o.regret_usd
    return usd(o.net_benefit_usd), f"{usd(low)} to {usd(high)}", usd(regret)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
