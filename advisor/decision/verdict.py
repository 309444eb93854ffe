"""The verdict's rule: fine-tuning is worth it only where its benefits outweigh its costs.

Read from top to bottom:

1. **Hard constraints.** What breaks one is out, whatever its benefit.
2. **Evidence.** A tuned model and an alternative, measured on the same items, enough of them; a tuned model that
   works; costs that are known, as far as they could turn the answer. Each tuned model is compared with the best
   alternative: what reaches the bar goes first, then the highest net benefit where answers have a declared worth,
   else the cheapest of those that are good enough.
3. **Value.** Where answers have a worth, the gain of tuning in money decides, with its interval; else the bar, the
   smallest gain worth having and the costs do.
4. **A go needs more than a stop.** The alternatives of the lesson must have been tried before it, where they apply.
5. **No answer is less likely than its opposite**, over the noise of the held-out set and the ranges of the assumptions.
6. **Not yet comes with a shopping list**: what to get, how much of it, what it costs and what it is worth. Where
   finding out would cost more than it can bring, the answer is no, if that is the likelier one.

`docs/method/verdict.md` explains it with examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from advisor.cases.schema import Case
from advisor.decision import reasons as say
from advisor.decision import shopping
from advisor.decision.confidence import share_for_tuning
from advisor.decision.gain import Family, Gain, gain_of, widened
from advisor.decision.options import (
    ROUNDING,
    Option,
    best,
    broken_constraint,
    latency_unknown,
    options,
    reaches,
    stays_local,
)
from advisor.decision.stakes import Accounts, Outlook, Stakes
from advisor.decision.summary import MIN_ITEMS, Findings
from advisor.records import DecisionWord, Purchase
from advisor.statistics.paired import PairedComparison

SURE = 0.9
"""Probability that tuning pays, over the ranges of the assumptions too, from which on a go is given."""
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Judgement:
    """What the rule came to."""

    decision: DecisionWord
    recommended: str | None
    reasons: tuple[str, ...]
    shopping: tuple[Purchase, ...] = ()
    challenger: str | None = None
    champion: str | None = None
    gain: Gain | None = None
    """What tuning brings over the best alternative; None where it was not compared, or a cost is unknown."""
    family: Family = (1, 1)
    """Numbers of tuned models and of alternatives that the two were picked from."""
    for_tuning: float | None = None
    """The probability that tuning is right, where the two could be drawn again; see `confidence`."""
    champion_allowed: bool = True
    """Whether the alternative keeps the constraints; if not it is compared with, and never recommended."""


def judge(case: Case, findings: Findings, accounts: Accounts, outlook: Outlook) -> Judgement:
    """Applies the rule.

    Args:
        case: The case.
        findings: What the statistics made of it.
        accounts: What each baseline's costs are made of.
        outlook: The money at stake under the case's assumptions.
    """
    stakes = outlook.likely
    every = [o for o in options(findings, accounts.costs, stakes) if o.standing.value is not None]
    tuned, alternatives = [o for o in every if o.standing.tuned], [o for o in every if not o.standing.tuned]
    untried = shopping.untried_alternatives(case, findings)

    # 1. Hard constraints.
    broken = {o.name: why for o in every if (why := broken_constraint(case, o.standing))}
    tuned_in = [o for o in tuned if o.name not in broken]
    allowed = [o for o in alternatives if o.name not in broken]
    champion = best(case, _enough(allowed), stakes)
    meanwhile = champion.name if champion else None
    if tuned and not tuned_in and _all_measured(case, tuned) and _surely_out(case, tuned):
        why = "; ".join(broken[o.name] for o in tuned)
        return Judgement("do_not_fine_tune", meanwhile, (f"No tuned model is allowed: {why}.",))

    # 2. Evidence.
    if not every:
        run = Purchase(what="baseline", text="Results: advisor run.")
        return Judgement("not_yet", None, ("Nothing was measured yet.",), (run, *untried))
    if not alternatives:
        return Judgement("not_yet", None, (say.ONLY_TUNED,), untried)
    few = min(max(o.standing.n for o in side) for side in (tuned, alternatives) if side)
    if few < MIN_ITEMS:
        items = "1 held-out item carries" if few == 1 else f"{few} held-out items carry"
        why = f"{items} no verdict; at least {MIN_ITEMS} do."
        more = shopping.at_least(MIN_ITEMS - few, stakes, unasked=findings.unasked(few))
        return Judgement("not_yet", None, (why,), (more, *untried), champion=meanwhile)
    if not tuned_in:
        return _without_tuned(case, allowed, champion, untried, stakes, [broken[o.name] for o in tuned])

    # 3. Value.
    # where every alternative is ruled out, compare with the best of them all the same
    found = _weigh_all(
        case, findings, outlook, tuned_in, allowed or alternatives, champion_broken=not allowed
    )

    # 4. A go needs more than a stop.
    unknown = tuple(
        Purchase(what="latency", text=f"The latency of {o.name}, which the constraint needs.")
        for o in every
        if latency_unknown(case, o.standing)
    )
    if found.decision == "fine_tune" and (untried or unknown):
        reasons = (*found.reasons, say.NOT_ALL_TRIED)
        found = replace(found, decision="not_yet", recommended=None, reasons=reasons)
    return replace(
        found,
        shopping=(*found.shopping, *untried, *unknown),
    )


def _weigh_all(
    case: Case,
    findings: Findings,
    outlook: Outlook,
    tuned: Sequence[Option],
    alternatives: Sequence[Option],
    *,
    champion_broken: bool,
) -> Judgement:
    """Step 3, over all tuned models and alternatives: one tuned model that is worth it is enough for a go."""
    stakes, family = outlook.likely, (len(tuned), len(alternatives))

    def judged(challenger: Option, champion: Option) -> Judgement:
        return weigh(
            case, findings, outlook, challenger, champion, champion_broken=champion_broken, family=family
        )

    def against(champion: Option) -> Judgement:
        left, found = list(tuned), []
        while (challenger := best(case, left, stakes)) is not None:
            left.remove(challenger)
            weighed = judged(challenger, champion)
            if weighed.decision == "fine_tune" and top is not None and top is not champion:
                # what is as good as a cheap alternative that is nearly as good need not be as good as the best
                other = judged(challenger, top)
                weighed = weighed if other.decision == "fine_tune" else other
            found.append(weighed)
        # a go of any is one, and no is the answer only where it is that of all; of equals the best one speaks
        return min(found, key=lambda w: ("fine_tune", "not_yet", "do_not_fine_tune").index(w.decision))

    eligible = _enough(alternatives)
    rival = best(case, eligible, stakes)
    known = best(case, [o for o in eligible if o.cost_usd is not None], stakes)
    assert rival is not None
    barred = case.quality.bar is not None and any(reaches(case, o.quality) for o in eligible)
    top = None if stakes.declared or barred else max(eligible, key=lambda o: (o.quality, o.name))
    found = against(rival)
    if found.decision == "do_not_fine_tune" or known is None or known is rival:
        return found
    # whatever the rival costs: where tuning is not worth it against one whose costs are known, it is not
    settled = against(known)
    if settled.decision == "do_not_fine_tune":
        return _whichever(case, settled, known, rival)
    return settled if found.decision == "fine_tune" else found


def _whichever(case: Case, settled: Judgement, known: Option, rival: Option) -> Judgement:
    """A no that holds whichever of two alternatives is the better one; `rival` has no known cost."""
    alike = reaches(case, known.quality) or not reaches(case, rival.quality)
    near = known.quality > rival.quality - max(case.quality.min_gain, ROUNDING)
    missing = tuple(Purchase(what="cost", text=f"{rival.name}: {note}.") for note in rival.unknown_costs)
    return replace(
        settled,
        recommended=settled.recommended if alike and near else None,
        reasons=(*settled.reasons, say.which_alternative(rival)),
        shopping=(*settled.shopping, *missing),
    )


def _enough(side: Sequence[Option]) -> Sequence[Option]:
    """Those that were asked enough items to carry a verdict, or all where none was."""
    return [o for o in side if o.standing.n >= MIN_ITEMS] or side


def weigh(
    case: Case,
    findings: Findings,
    outlook: Outlook,
    challenger: Option,
    champion: Option,
    *,
    champion_broken: bool = False,
    family: Family = (1, 1),
) -> Judgement:
    """Step 3: the best tuned model against the best alternative.

    Args:
        case: The case.
        findings: With the comparison of the two.
        outlook: The money at stake.
        challenger: The tuned model.
        champion: The alternative.
        champion_broken: Whether the alternative breaks a constraint, as all of them do.
        family: Numbers of tuned models and of alternatives that the two were picked from.
    """
    pair = findings.pair(challenger.name, champion.name)
    if pair is None:
        both = f"{challenger.name} and {champion.name}"
        same = Purchase(what="held_out_examples", text=f"Results of {both} on the same items.")
        why = f"{both} have no held-out item in common."
        return Judgement(
            "not_yet",
            None,
            (why,),
            (same,),
            challenger.name,
            champion.name,
            champion_allowed=not champion_broken,
        )
    # intervals of a run that stopped early allow for the choice themselves
    family = (1, 1) if findings.sequential else family

    def weighing(challenger: Option, champion: Option, at: Outlook) -> _Weighing:
        return _Weighing(
            case, findings, at, challenger, champion, champion_broken, pair, family, widened(pair, family),
            gain_of(challenger.name, champion.name, pair, at, family),
            share_for_tuning(case, findings, at, challenger.name, champion.name, champion_broken=champion_broken),
        )  # fmt: skip

    asked = weighing(challenger, champion, outlook)
    gain, share, found = asked.gain, asked.for_tuning, asked.judgement()
    unknown = [o for o in (challenger, champion) if o.cost_usd is None]
    if found.decision == "not_yet" and len(unknown) == 1:
        least = outlook.at_the_least(unknown[0].name)
        priced = replace(unknown[0], cost_usd=float(least.likely.known_costs[unknown[0].name]))
        if unknown[0] is challenger:
            at_best = weighing(priced, champion, least)
            if at_best.judgement().decision == "do_not_fine_tune":
                found, share = asked.stop(say.even_at_the_least(challenger)), at_best.for_tuning
        else:
            at_worst = weighing(challenger, priced, least)
            if at_worst.judgement().decision == "fine_tune":
                found, share = asked.go(say.whatever_it_costs(champion)), at_worst.for_tuning
    return replace(
        found,
        challenger=challenger.name,
        champion=champion.name,
        gain=gain,
        family=family,
        for_tuning=share,
        champion_allowed=not champion_broken,
    )


@dataclass(frozen=True)
class _Weighing:
    """Step 3: the best tuned model (the challenger) against the best alternative (the champion)."""

    case: Case
    findings: Findings
    outlook: Outlook
    challenger: Option
    champion: Option
    champion_broken: bool
    pair: PairedComparison
    family: Family
    """Numbers of tuned models and of alternatives that the two were picked from."""
    ends: tuple[float, float]
    """The interval of their difference, which allows for both having been picked as the best."""
    gain: Gain | None
    for_tuning: float | None

    # ── what is known of the two ──

    @property
    def stakes(self) -> Stakes:
        """The money at the likely assumptions."""
        return self.outlook.likely

    @property
    def min_gain(self) -> float:
        return self.case.quality.min_gain

    @property
    def significant(self) -> bool:
        """Whether the difference of quality is, over the family of all comparisons of tuned with untuned."""
        return self.findings.adjusted(self.challenger.name, self.champion.name) < SIGNIFICANT

    @property
    def better(self) -> bool:
        return self.ends[0] > 0 and self.significant and self.pair.difference >= self.min_gain

    @property
    def worse(self) -> bool:
        return self.ends[1] < 0 and self.significant

    @property
    def as_good(self) -> bool:
        """Not worse by as much as the smallest gain worth having."""
        return self.ends[0] > -self.min_gain

    @property
    def no_gain(self) -> bool:
        """Surely less than the smallest gain worth having; that is more than "no difference was found"."""
        return self.ends[1] < self.min_gain

    @property
    def reaches(self) -> bool:
        return reaches(self.case, self.challenger.quality)

    @property
    def other_reaches(self) -> bool:
        return not self.champion_broken and reaches(self.case, self.champion.quality)

    @property
    def unasked(self) -> int:
        """Held-out items of the case that the two do not share yet."""
        return self.findings.unasked(self.pair.n)

    @property
    def saving(self) -> float | None:
        mine, theirs = self.challenger.cost_usd, self.champion.cost_usd
        return None if mine is None or theirs is None else theirs - mine

    # ── the rule ──

    def judgement(self) -> Judgement:
        """What the comparison of the two comes to: no answer that is less likely than its opposite."""
        found = self.by_rule()
        if self.for_tuning is None or found.decision == "not_yet":
            return found
        against = self.for_tuning if found.decision == "do_not_fine_tune" else 1 - self.for_tuning
        if against <= 0.5:
            return found
        # where the money is settled the bar is not: more items show which of the two reaches it
        settled = self.gain is not None and not self.gain.low <= 0 <= self.gain.high
        more = self.more_examples(None if settled else self.gain)
        return self.wait(say.less_likely(found.reasons[0], against), more)

    def by_rule(self) -> Judgement:
        """The rule, as the means of the held-out set have it."""
        if self.pair.n < MIN_ITEMS:
            few = say.few_in_common(self.challenger, self.champion, self.pair.n, MIN_ITEMS)
            more = shopping.at_least(MIN_ITEMS - self.pair.n, self.stakes, unasked=self.unasked)
            return self.wait(few, more)
        if self.worse and (why := self.findings.artefacts.get(self.challenger.name)) is not None:
            answers = Purchase(what="tuned_model", text="A tuned model that answers.")
            return self.wait(say.broken(why), answers)
        return self.by_worth() if self.stakes.declared else self.by_bar()

    def by_worth(self) -> Judgement:
        """Answers have a declared worth: the gain in money decides."""
        gain = self.gain
        if gain is None:
            return self.unknown_cost()
        if gain.high <= 0:
            doubtful = self.outlook.spread is not None and gain.probability > 1 - SURE
            return self.hangs_on_assumptions() if doubtful else self.stop(say.DOES_NOT_PAY)
        if not self.reaches and self.other_reaches:
            return self.stop(say.MISSES_BAR)
        below = () if self.reaches else shopping.below_bar(self.case, self.stakes)
        if gain.low > 0:
            if not self.reaches:
                return self.wait(say.PAYS_BUT_MISSES_BAR, *below)
            return self.go(say.PAYS) if gain.probability >= SURE else self.hangs_on_assumptions()
        offer = self.more_examples(gain)
        # where a run stops early, or asked a part, there are more items already: nothing needs to be bought
        if (
            not self.findings.sequential
            and not self.unasked
            and offer.worth_usd is not None
            and offer.cost_usd is not None
            and offer.worth_usd <= offer.cost_usd
        ):
            share = gain.probability if self.for_tuning is None else self.for_tuning
            if share <= 0.5:
                return self.stop(say.not_worth_finding_out(offer))
            return self.wait(say.not_worth_proving(offer, share), offer, *below)
        return self.wait(say.WITHIN_NOISE, offer, *below)

    def by_bar(self) -> Judgement:
        """Answers have no declared worth: quality against the bar first, then costs."""
        cheaper = self.saving is not None and self.saving > 0
        if self.worse and not (self.as_good and (cheaper or self.saving is None)):
            return self.stop(say.WORSE)
        more = self.more_examples(None)
        if not self.reaches:
            if self.other_reaches:
                return self.stop(say.MISSES_BAR)
            if self.no_gain:
                return self.stop(say.NOTHING_REACHES_NO_GAIN)
            if self.better:
                return self.wait(say.BEST_BUT_BELOW, *shopping.below_bar(self.case, self.stakes))
            return self.wait(say.NOTHING_REACHES_NOISE, more)
        if self.saving is None:
            return self.unknown_cost()
        if not self.other_reaches or self.case.quality.bar is None:
            if self.better:
                return self.go(say.GAIN)
            if cheaper and self.as_good:
                return self.go(say.AS_GOOD_AND_CHEAPER)
            if self.no_gain:
                return self.stop(say.NO_GAIN)
            return self.wait(say.GAIN_WITHIN_NOISE, *self.as_good_or(more))
        # both reach the bar: the cheaper one will do
        if cheaper:
            return (
                self.go(say.AS_GOOD_AND_CHEAPER)
                if self.as_good
                else self.wait(say.CHEAPER_BUT, *self.as_good_or(more))
            )
        return self.stop(say.ALTERNATIVE_WILL_DO)

    def more_examples(self, gain: Gain | None) -> Purchase:
        """The held-out items that would settle it, with what they are worth where that is a matter of the gain."""
        return shopping.more_examples(
            self.case, self.pair, self.stakes, gain, unasked=self.unasked, family=self.family
        )

    def as_good_or(self, more: Purchase) -> tuple[Purchase, ...]:
        """What to get: for a cheaper tuned model, what shows that it is as good; else what shows a gain."""
        if not self.saving or self.saving <= 0 or self.unasked:
            return (more,)
        found = shopping.as_good(
            self.case, self.pair, self.stakes, self.ends[0], self.saving, family=self.family
        )
        return found or (more,)

    # ── what it comes to ──

    def said(self) -> tuple[str, ...]:
        return say.comparison(
            self.case, self.challenger, self.champion, self.pair, self.saving, self.gain, ends=self.ends
        )

    def go(self, why: str) -> Judgement:
        reasons = (why, *self.said(), *say.losses(self.case, self.challenger, self.champion))
        return Judgement("fine_tune", self.challenger.name, reasons)

    def stop(self, why: str) -> Judgement:
        if self.champion_broken:
            # no other one may be used: that a forbidden one is better is no reason to use nothing
            allowed = Purchase(what="baseline", text=say.ALLOWED_ALTERNATIVE)
            return Judgement("not_yet", None, (why, say.NO_ALTERNATIVE_ALLOWED, *self.said()), (allowed,))
        reasons = (why, *self.said(), *say.losses(self.case, self.challenger, self.champion))
        return Judgement("do_not_fine_tune", self.champion.name, reasons)

    def wait(self, why: str, *shopping: Purchase) -> Judgement:
        return Judgement("not_yet", None, (why, *self.said()), shopping)

    def hangs_on_assumptions(self) -> Judgement:
        return self.wait(say.HANGS_ON_ASSUMPTIONS, *shopping.surer_assumptions(self.case))

    def unknown_cost(self) -> Judgement:
        unknown = [o for o in (self.challenger, self.champion) if o.cost_usd is None]
        missing = (
            Purchase(what="cost", text=f"{o.name}: {note}.")
            for o in unknown
            for note in o.unknown_costs or ("say what it costs",)
        )
        names = " and ".join(o.name for o in unknown)
        cost = "costs" if len(unknown) == 1 else "cost"
        return self.wait(f"What {names} {cost} is not known.", *missing)


def _surely_out(case: Case, tuned: Sequence[Option]) -> bool:
    """Whether what rules them out is sure; a latency only is once it was seen on enough items."""
    leaves = case.constraints.must_stay_local
    return all(
        o.standing.n >= MIN_ITEMS or o.standing.ended or (leaves and not stays_local(case, o.standing.spec))
        for o in tuned
    )


def _all_measured(case: Case, tuned: Sequence[Option]) -> bool:
    """Whether every fine-tuned baseline of the case was measured."""
    return {b.name for b in case.baselines if b.kind == "fine_tuned"} <= {o.name for o in tuned}


def _without_tuned(
    case: Case,
    allowed: Sequence[Option],
    champion: Option | None,
    untried: Sequence[Purchase],
    stakes: Stakes,
    broken: Sequence[str],
) -> Judgement:
    """No tuned model that may be used was measured: only a good enough alternative settles the matter."""
    bar = case.quality.bar
    sure = [o for o in allowed if (ends := o.standing.quality.ci95) and bar is not None and ends[0] >= bar]
    enough = best(case, sure, stakes)
    if enough is not None:
        why = say.reaches_without(case, enough)
        return Judgement("do_not_fine_tune", enough.name, (why,), champion=enough.name)
    add = Purchase(what="baseline", text="A fine-tuned baseline: add one, and run it.")
    why = say.none_allowed(broken) if broken else say.NO_TUNED
    return Judgement("not_yet", None, (why,), (add, *untried), champion=champion.name if champion else None)
