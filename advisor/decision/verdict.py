"""The verdict's rule. Fine-tuning is worth it only where its benefits outweigh its costs.

Read from top to bottom:

1. **Is there enough to decide on?** A tuned model, the alternatives it must beat, enough held-out items.
2. **Hard constraints.** What breaks one is out, whatever its benefit.
3. **The best of each side.** Among tuned models and among alternatives, the one of the highest utility:
   net worth in USD where the case says what answers are worth, else the cheapest that reaches the bar, else
   the one of the highest quality.
4. **Does the tuned model's benefit outweigh its cost?** From the paired difference and its 95% interval, the bar
   and the costs over the horizon.
5. **A go needs more than a stop**: few-shot prompting, and retrieval where there are documents, must have been
   tried, all quality must be measured, and all costs known.

`docs/method/verdict.md` explains it with examples.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from advisor.cases.schema import Case, likely
from advisor.decision.diagnosis import artefact_text
from advisor.decision.evidence import CaseEvidence
from advisor.decision.options import (
    Option,
    best,
    broken_constraint,
    latency_unknown,
    options,
    utility,
    worth_is_declared,
)
from advisor.decision.summary import Findings, adjusted_p_values
from advisor.economics.costs import CostModel, monthly_volumes
from advisor.formatting import percent, usd
from advisor.records import DecisionWord, Verdict
from advisor.statistics.paired import PairedComparison

MIN_ITEMS = 30
"""Fewer held-out items than this carry no verdict: a 95% interval of a proportion is then wider than ±17 points."""


@dataclass(frozen=True)
class Judgement:
    """What the rule came to, before its confidence and its flips are known."""

    decision: DecisionWord
    recommended: str | None
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()
    challenger: str | None = None
    champion: str | None = None

    def verdict(self) -> Verdict:
        """As a verdict whose confidence is not known."""
        return Verdict(
            decision=self.decision,
            recommended=self.recommended,
            confidence=None,
            reasons=self.reasons,
            missing=self.missing,
        )


def judge(evidence: CaseEvidence, findings: Findings, costs: dict[str, CostModel]) -> Judgement:
    """Applies the rule."""
    case = evidence.case
    every = [o for o in options(case, findings, costs) if o.standing.value is not None]
    tuned, alternatives = [o for o in every if o.standing.tuned], [o for o in every if not o.standing.tuned]

    # 1. Is there enough to decide on?
    untried = _untried(case, findings)
    few = [o for o in every if o.standing.n < MIN_ITEMS]
    if not every:
        return Judgement("not_yet", None, ("Nothing was measured yet.",), ("Results: advisor run.", *untried))
    if not alternatives:
        return Judgement(
            "not_yet",
            None,
            (
                "Only fine-tuned models were measured: without an alternative nothing shows that tuning helps.",
            ),
            untried,
        )
    if few:
        n = min(o.standing.n for o in few)
        return Judgement(
            "not_yet",
            None,
            (f"{n} held-out items carry no verdict; at least {MIN_ITEMS} do.",),
            (f"At least {MIN_ITEMS - n} more held-out items.", *untried),
        )

    # 2. Hard constraints.
    broken = {o.name: why for o in every if (why := broken_constraint(case, o))}
    unknown = [
        f"The latency of {o.name}, which the constraint needs." for o in every if latency_unknown(case, o)
    ]
    tuned_in = [o for o in tuned if o.name not in broken]
    alternatives_in = [o for o in alternatives if o.name not in broken]
    champion = best(case, alternatives_in)
    if tuned and not tuned_in:
        why = "; ".join(broken[o.name] for o in tuned)
        name = champion.name if champion else None
        return Judgement("do_not_fine_tune", name, (f"No tuned model is allowed: {why}.",))
    if not tuned_in:
        return _without_tuned(case, champion, untried)
    challenger = best(case, tuned_in)
    assert challenger is not None
    if champion is None:
        # every alternative breaks a constraint: compare with the best of them all the same
        champion = best(case, alternatives)
        assert champion is not None

    # 4. Does the tuned model's benefit outweigh its cost?
    judgement = _weigh(case, findings, challenger, champion, champion.name in broken)
    # 5. A go needs more than a stop.
    missing = (*judgement.missing, *untried, *unknown)
    if judgement.decision == "fine_tune" and (untried or unknown):
        return Judgement(
            "not_yet",
            None,
            (*judgement.reasons, "But not everything that must be tried before a go was tried."),
            missing,
            challenger.name,
            champion.name,
        )
    return Judgement(
        judgement.decision, judgement.recommended, judgement.reasons, missing, challenger.name, champion.name
    )


def confidence(
    evidence: CaseEvidence, findings: Findings, costs: dict[str, CostModel], judgement: Judgement
) -> float | None:
    """In which share of bootstrap resamples of the held-out items the same side has the best option.

    It speaks of the sampling of examples only, not of the assumptions; null for "not yet".
    """
    if judgement.decision == "not_yet" or judgement.challenger is None or judgement.champion is None:
        return None
    case = evidence.case
    found = {o.name: o for o in options(case, findings, costs)}
    mine, theirs = found[judgement.challenger], found[judgement.champion]
    ours, others = (findings.resampled_means.get(o.name, ()) for o in (mine, theirs))
    if not ours or not others:
        return None
    wins = [utility(case, mine, a) > utility(case, theirs, b) for a, b in zip(ours, others, strict=True)]
    share = statistics.fmean(wins)
    return share if judgement.decision == "fine_tune" else 1 - share


def _weigh(
    case: Case, findings: Findings, challenger: Option, champion: Option, champion_broken: bool
) -> Judgement:
    """Step 4: the best tuned model against the best alternative."""
    pair = findings.pair(challenger.name, champion.name)
    if pair is None:
        return Judgement(
            "not_yet",
            None,
            (f"{challenger.name} and {champion.name} have no held-out item in common.",),
            (f"Results of {challenger.name} and {champion.name} on the same items.",),
        )
    bar, min_gain = case.quality.bar, case.quality.min_gain
    low, high = pair.ci95
    significant = adjusted_p_values(findings, challenger.name).get(champion.name, pair.p_value) < 0.05
    better = low > 0 and significant and pair.difference >= min_gain
    worse = high < 0 and significant
    no_gain = high < min_gain
    as_good = low > -min_gain
    reaches, other_reaches = (bar is None or o.quality >= bar for o in (challenger, champion))
    if champion_broken:
        other_reaches = False
    saving = None
    if challenger.cost_usd is not None and champion.cost_usd is not None:
        saving = champion.cost_usd - challenger.cost_usd

    said = [_difference_text(case, challenger, champion, pair)]
    if bar is not None:
        said.append(_bar_text(case, challenger, champion))
    if saving is not None:
        side = "more" if saving < 0 else "less"
        said.append(
            f"Over {case.traffic.horizon_months} months {challenger.name} costs {usd(abs(saving))} {side} "
            f"than {champion.name} ({usd(challenger.cost_usd)} against {usd(champion.cost_usd)})."
        )

    def go(why: str) -> Judgement:
        return Judgement("fine_tune", challenger.name, (why, *said))

    def stop(why: str) -> Judgement:
        return Judgement("do_not_fine_tune", champion.name, (why, *said))

    def wait(why: str, *missing: str) -> Judgement:
        return Judgement("not_yet", None, (why, *said), missing)

    more_items = _more_items_text(case, pair, min_gain)
    if worse and not (saving is not None and saving > 0 and worth_is_declared(case)):
        broken = _artefact(challenger, findings)
        if broken:
            return wait(
                f"The tuned model looks broken rather than bad: {broken}.", "A tuned model that answers."
            )
        return stop("The tuned model is worse than the best alternative.")
    if saving is None and not no_gain:
        unknown = challenger if challenger.cost_usd is None else champion
        return wait(
            f"What {unknown.name} costs is not known.", *(f"{unknown.name}: {n}." for n in unknown.cost.notes)
        )

    if worth_is_declared(case) and saving is not None:
        unit = likely(case.value.correct_usd) - likely(case.value.wrong_usd)
        volume = sum(monthly_volumes(case))
        at_worst, at_mean, at_best = (volume * unit * d + saving for d in (low, pair.difference, high))
        said.append(
            f"With what answers are worth, tuning brings {usd(at_mean)} over the horizon "
            f"(95% interval {usd(at_worst)} to {usd(at_best)})."
        )
        if at_best <= 0:
            return stop("The benefit of tuning does not pay for its cost.")
        if at_worst > 0 and reaches and (better or as_good):
            return go("The benefit of tuning outweighs its cost.")
        if not reaches and other_reaches:
            return stop("The tuned model misses the quality bar that an alternative reaches.")
        if not reaches and at_worst > 0:
            return wait("Tuning would pay, but the tuned model misses the quality bar.", *_below_bar(case))
        below = () if reaches else _below_bar(case)
        return wait("Whether tuning pays lies within the noise of this held-out set.", more_items, *below)

    if not reaches:
        if other_reaches:
            return stop("The tuned model misses the quality bar that an alternative reaches.")
        if no_gain:
            return stop("Nothing reaches the quality bar, and tuning brings no gain worth having.")
        if better:
            return wait("The tuned model is the best so far, but misses the quality bar.", *_below_bar(case))
        return wait(
            "Nothing reaches the quality bar, and the gain of tuning lies within the noise.", more_items
        )
    if not other_reaches or bar is None:
        if better:
            return go("The tuned model brings a gain worth having, which no alternative has.")
        if saving is not None and saving > 0 and as_good:
            return go("The tuned model is as good as the best alternative, and costs less.")
        if no_gain:
            return stop("Tuning brings no gain worth having.")
        return wait("The gain of tuning lies within the noise of this held-out set.", more_items)
    # both reach the bar: the cheaper one will do
    if saving is not None and saving > 0:
        if as_good:
            return go("The tuned model is as good as the best alternative, and costs less.")
        return wait(
            "The tuned model costs less, but whether it is as good lies within the noise.", more_items
        )
    return stop("An alternative reaches the quality bar without the cost of tuning.")


def _below_bar(case: Case) -> tuple[str, ...]:
    """What would help where the best so far misses the bar."""
    missing = ["A tuned model that reaches the bar: more or better training data, or a larger base model."]
    if not worth_is_declared(case):
        missing.append(
            "Or what right and wrong answers are worth (the key value), and a bar that follows from it."
        )
    return tuple(missing)


def _without_tuned(case: Case, champion: Option | None, untried: tuple[str, ...]) -> Judgement:
    """No tuned model was measured: only a good enough alternative settles the matter."""
    bar = case.quality.bar
    interval = champion.standing.quality.ci95 if champion else None
    if champion is not None and bar is not None and interval is not None and interval[0] >= bar:
        return Judgement(
            "do_not_fine_tune",
            champion.name,
            (
                f"{champion.name} reaches the quality bar without tuning: {percent(champion.quality)}, "
                f"surely above {percent(bar)}.",
            ),
            champion=champion.name,
        )
    return Judgement(
        "not_yet",
        None,
        ("No fine-tuned model was measured, and no alternative surely reaches the quality bar.",),
        ("A fine-tuned baseline: add one, and run it.", *untried),
    )


def _untried(case: Case, findings: Findings) -> tuple[str, ...]:
    """Alternatives that must be tried before a go, and were not."""
    kinds = {s.spec.kind for s in findings.standings}
    missing = []
    if "few_shot" not in kinds:
        missing.append("Few-shot prompting: add a few_shot baseline, and run it.")
    if case.data.documents is not None and "rag" not in kinds:
        missing.append("Retrieval: there are documents, so add a rag baseline, and run it.")
    return tuple(missing)


def _artefact(tuned: Option, findings: Findings) -> str | None:
    """A fault of configuration that passes for a bad model: it answers nothing, or never ends."""
    return artefact_text(findings.diagnosis.get(tuned.name, ()))


def _difference_text(case: Case, challenger: Option, champion: Option, pair: PairedComparison) -> str:
    low, high = pair.ci95
    return (
        f"{challenger.name} has {case.quality.metric} {percent(challenger.quality)}, {champion.name} "
        f"{percent(champion.quality)}: a difference of {pair.difference * 100:+.1f} points "
        f"(95% interval {low * 100:+.1f} to {high * 100:+.1f}, n = {pair.n})."
    )


def _bar_text(case: Case, challenger: Option, champion: Option) -> str:
    bar = case.quality.bar or 0.0
    who = [o.name for o in (challenger, champion) if o.quality >= bar]
    reached = " and ".join(who) if who else "Neither"
    verb = "reach" if len(who) == 2 else "reaches"
    return f"{reached} {verb} the bar of {percent(bar)}."


def _more_items_text(case: Case, pair: PairedComparison, min_gain: float) -> str:
    from advisor.statistics.power import needed_examples

    target = max(abs(pair.difference), min_gain) or 0.01
    rate = sum(pair.discordant) / pair.n if pair.discordant else None
    # a graded difference's spread, from its own interval: ±1.96 standard errors
    sd = None if pair.discordant else (pair.ci95[1] - pair.ci95[0]) / 3.92 * pair.n**0.5
    if (sd == 0) or (rate == 0):
        return "More held-out items."
    need = needed_examples(target, discordant_rate=rate, sd=sd)
    if need <= pair.n:
        return f"More held-out items than the {pair.n} there are."
    points = f"{target * 100:.1f} points"
    return f"About {need - pair.n:,} more held-out items, to show a difference of {points} with 80% power."
