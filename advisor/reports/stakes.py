"""The money at stake in a decision, in one figure to sort by and in sentences."""

from __future__ import annotations

from advisor.formatting import usd
from advisor.records import BaselineOdds, Decision
from advisor.reports import uncertain, wording


def at_stake_usd(d: Decision) -> float | None:
    """USD over the horizon: the larger of what tuning gains or loses, and of what the choice may still lose.

    The first is the expected net benefit of the best tuned model less that of the best alternative (or, where answers
    have no declared worth, what tuning saves). None where neither is known.
    """
    found = [abs(v) for v in (gain_usd(d), _regret(d)) if v is not None]
    return max(found) if found else None


def gain_usd(d: Decision) -> float | None:
    """What tuning brings over the best alternative, expected over all that is not known; else at what the case says."""
    tuned, other = _best(d, tuned=True), _best(d, tuned=False)
    if tuned is not None and other is not None and tuned.net_benefit_usd is not None:
        return tuned.net_benefit_usd - (other.net_benefit_usd or 0.0)
    return uncertain.gain_now(d)


def stake_lines(d: Decision) -> list[str]:
    """The money at stake in sentences; that it is not known is one too."""
    months = f"over {wording.months(d)}"
    tuned, other, gain = _best(d, tuned=True), _best(d, tuned=False), gain_usd(d)
    if gain is None:
        return ["How much money is at stake is not known: no costs, or nothing to compare."]
    lines = []
    if tuned is not None and other is not None:
        words = "more" if gain > 0 else "less"
        ranges = ", on average over the ranges of the assumptions" if wording.has_ranges(d) else ""
        lines.append(
            _burdens(tuned, other, gain, ranges, d)
            if uncertain.only_losses(d)
            else f"Expected net benefit {months}{ranges}: {tuned.name} {usd(tuned.net_benefit_usd)}, {other.name} "
            f"{usd(other.net_benefit_usd)}; tuning brings {usd(abs(gain))} {words} (estimated)."
        )
        both_lose = all((o.net_benefit_usd or 0.0) < 0 for o in (tuned, other))
        if both_lose and not uncertain.only_losses(d):
            lines.append(
                "Both are below zero: at the worth of answers as declared, neither earns what it costs."
            )
    else:
        words = "saves" if gain > 0 else "costs"
        lines.append(f"Tuning {words} {usd(abs(gain))} {months} against the best alternative (estimated).")
        lines.append("What right and wrong answers are worth was not declared, so costs alone are counted.")
    u = d.uncertainty
    if u is not None and u.perfect_information_usd is not None:
        known = u.perfect_information_usd
        lines.append(
            "Knowing everything exactly would be worth nothing: one baseline is the best in every draw."
            if known < uncertain.NEGLIGIBLE_USD
            else f"Choosing by what is known today may lose {usd(known)} on average against perfect knowledge."
        )
    return lines


def _burdens(tuned: BaselineOdds, other: BaselineOdds, gain: float, ranges: str, d: Decision) -> str:
    """The same where only losses are declared: what errors and running cost, and who has the least of it."""
    first, second = (tuned, other) if gain > 0 else (other, tuned)
    return (
        f"{uncertain.burden(first.name, first.net_benefit_usd or 0.0, d)}, {usd(abs(gain))} less than with "
        f"{second.name} ({usd(-(second.net_benefit_usd or 0.0))}){ranges} (estimated); {uncertain.UNSAID}."
    )


def _regret(d: Decision) -> float | None:
    """What the recommended baseline loses on average against the best choice; without one, what not knowing loses."""
    odds = {o.name: o.regret_usd for o in d.uncertainty.odds} if d.uncertainty else {}
    if d.verdict.recommended in odds:
        return odds[d.verdict.recommended]
    return d.uncertainty.perfect_information_usd if d.uncertainty else None


def _best(d: Decision, *, tuned: bool) -> BaselineOdds | None:
    """Of tuned models, or of alternatives, the one of the highest expected net benefit."""
    kinds = {b.name: b.kind for b in d.baselines}
    found = [
        o
        for o in (d.uncertainty.odds if d.uncertainty else ())
        if o.net_benefit_usd is not None and (kinds.get(o.name) == "fine_tuned") == tuned
    ]
    return max(found, key=lambda o: (o.net_benefit_usd or 0.0, o.name), default=None)


def verdict_of(d: Decision) -> str:
    """The verdict in a few words: Fine-tune (fine_tuned)."""
    word = wording.VERDICTS[d.verdict.decision]
    return f"{word} ({d.verdict.recommended})" if d.verdict.recommended else word
