"""What to get before a decision can be taken: how much of it, what it costs, and what it is worth.

More held-out items narrow the interval of the difference. What they are worth follows from what the rule would then
do: with m more beside the n there are, the mean gain moves (seen from now: normally, with variance sd² · m / (n + m)),
and its standard error shrinks to sd · √(n / (n + m)); tuning is then chosen where its gain is surely positive. Their
worth is the mean gain of those cases. Source: Raiffa and Schlaifer (1961), Applied Statistical Decision Theory,
chapter 5 (preposterior analysis of a normal mean); with the rule of this package in place of an expected-value one.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from advisor.cases.schema import Case
from advisor.decision.gain import Family, Gain, widenings
from advisor.decision.stakes import Stakes
from advisor.decision.summary import MIN_ITEMS, Findings
from advisor.economics.drivers import ranges_of
from advisor.formatting import usd
from advisor.records import EvidenceKind, MoreExamples, Purchase
from advisor.statistics.paired import PairedComparison
from advisor.statistics.power import needed_examples, needed_for_non_inferiority

SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Numbers of further examples that are considered."""
MOST = 20
"""At most so many times the examples there are: what lies further off is not planned from here."""
_STANDARD = NormalDist()
_Z = _STANDARD.inv_cdf(0.975)


def worth_of_examples(gain: Gain, n: int, more: int, family: Family = (1, 1)) -> float:
    """What `more` held-out items beside the `n` there are bring in USD, before their cost.

    It is the expected gain of the verdict that they lead to, above that of the verdict now: tuning where its gain is
    sure, else staying with the alternative. A gain that would be shown only with many items is worth little. What is
    sure allows for the `family` that the two were picked from, as the rule does.
    """
    now = gain.likely if gain.low > 0 else 0.0
    if gain.sd == 0:
        return 0.0
    moves = gain.sd * math.sqrt(more / (n + more))
    needed = widenings(family)[0] * _Z * gain.sd * math.sqrt(n / (n + more))
    distance = (needed - gain.likely) / moves
    then = float(gain.likely * _STANDARD.cdf(-distance) + moves * _STANDARD.pdf(distance))
    return max(0.0, then - now)


def offers(gain: Gain, n: int, stakes: Stakes, family: Family = (1, 1)) -> tuple[MoreExamples, ...]:
    """Numbers of further examples, each with its cost and worth."""
    price = None if stakes.example_usd is None else float(stakes.example_usd)
    return tuple(
        MoreExamples(
            examples=m,
            cost_usd=None if price is None else m * price,
            cost_kind=stakes.example_kind,
            worth_usd=worth_of_examples(gain, n, m, family),
        )
        for m in SIZES
        if m <= MOST * n
    )


def best_offer(gain: Gain, n: int, stakes: Stakes, family: Family = (1, 1)) -> MoreExamples | None:
    """The number of further examples that brings most above its cost; None where a cost is unknown."""
    found = [(o.worth_usd - o.cost_usd, o) for o in offers(gain, n, stakes, family) if o.cost_usd is not None]
    return max(found, key=lambda f: (f[0], -f[1].examples))[1] if found else None


def more_examples(
    case: Case,
    pair: PairedComparison,
    stakes: Stakes,
    gain: Gain | None = None,
    *,
    unasked: int = 0,
    family: Family = (1, 1),
) -> Purchase:
    """The held-out examples that would settle the comparison: those that are there and were not asked, if any.

    Where answers have a worth and examples a price, the number that brings most above its cost; else the number that
    shows the difference there is, or the smallest one worth having, with 80 % power.
    """
    if unasked:
        worth = None if gain is None else worth_of_examples(gain, pair.n, unasked, family)
        return _the_rest(unasked, stakes, worth)
    price = None if stakes.example_usd is None else float(stakes.example_usd)
    offer = best_offer(gain, pair.n, stakes, family) if gain is not None else None
    if offer is not None:
        return Purchase(
            what="held_out_examples",
            text=f"About {offer.examples:,} more held-out items.",
            amount=offer.examples,
            cost_usd=offer.cost_usd,
            cost_kind=_kind(offer.cost_usd, stakes),
            worth_usd=offer.worth_usd,
        )
    target = max(abs(pair.difference), case.quality.min_gain) or 0.01
    need = _needed(pair, target, family)
    if need is None or need <= pair.n:
        many = "More held-out items" if need is None else f"More held-out items than the {pair.n:,} there are"
        return Purchase(what="held_out_examples", text=f"{many}.")
    more = need - pair.n
    return Purchase(
        what="held_out_examples",
        text=f"About {more:,} more held-out items, to show a difference of {target * 100:.1f} points "
        "with 80% power.",
        amount=more,
        cost_usd=None if price is None else more * price,
        cost_kind=_kind(price, stakes),
        worth_usd=None if gain is None else worth_of_examples(gain, pair.n, more, family),
    )


def as_good(
    case: Case,
    pair: PairedComparison,
    stakes: Stakes,
    low: float,
    saving: float,
    family: Family = (1, 1),
) -> tuple[Purchase, ...]:
    """What would settle that a cheaper tuned model is as good: items, or what a right answer is worth.

    Args:
        case: The case.
        pair: The comparison of the two.
        stakes: The money at stake.
        low: Lower limit of the difference of quality, below zero.
        saving: USD over the horizon by which the tuned model costs less.
        family: What the two were picked from.
    """
    found: list[Purchase] = []
    need = _needed_as_good(pair, case.quality.min_gain, family)
    if need is not None and need > pair.n:
        more = need - pair.n
        price = None if stakes.example_usd is None else float(stakes.example_usd)
        found.append(
            Purchase(
                what="held_out_examples",
                text=f"About {more:,} more held-out items, to show with 80% power that it is not worse by "
                f"{case.quality.min_gain * 100:.1f} points.",
                amount=more,
                cost_usd=None if price is None else more * price,
                cost_kind=_kind(price, stakes),
            )
        )
    if low < 0 and stakes.requests:
        worth = saving / (float(stakes.requests) * -low)
        text = (
            f"{'Or what' if found else 'What'} a right answer is worth more than a wrong one (the key value): "
            f"below {usd(worth)} the saving outweighs what may be lost."
        )
        found.append(Purchase(what="worth", text=text))
    return tuple(found)


def at_least(more: int, stakes: Stakes, *, unasked: int = 0) -> Purchase:
    """The held-out examples without which there is no verdict at all."""
    if unasked >= more:
        return _the_rest(unasked, stakes)
    price = None if stakes.example_usd is None else float(stakes.example_usd)
    return Purchase(
        what="held_out_examples",
        text=f"At least {more} more held-out items.",
        amount=more,
        cost_usd=None if price is None else more * price,
        cost_kind=_kind(price, stakes),
    )


def _the_rest(unasked: int, stakes: Stakes, worth_usd: float | None = None) -> Purchase:
    """The held-out items that are labelled already: only their answers cost something."""
    price = None if stakes.answers_usd is None else float(stakes.answers_usd)
    return Purchase(
        what="held_out_examples",
        text=f"The {unasked:,} held-out items of the case that were not asked yet: advisor run, without --limit.",
        amount=unasked,
        cost_usd=None if price is None else unasked * price,
        cost_kind=None if price is None else "estimated",
        worth_usd=worth_usd,
    )


def _kind(price: float | None, stakes: Stakes) -> EvidenceKind | None:
    """Whether the price of examples is declared or estimated; None where there is none."""
    return None if price is None else stakes.example_kind


def untried_alternatives(case: Case, findings: Findings) -> tuple[Purchase, ...]:
    """Alternatives of the lesson that must be tried before a go, and were not; what cannot apply is not among them."""
    enough = min(MIN_ITEMS, max((s.n for s in findings.standings), default=0))
    kinds = {s.spec.kind for s in findings.standings if s.n >= enough}
    begun = {
        s.spec.kind: f"{s.name} was asked {s.n} items only: run it on the others." for s in findings.standings
    }
    missing = []
    if not kinds - {"fine_tuned"}:
        missing.append("The same model untuned: add a zero_shot baseline, and run it.")
    if "few_shot" not in kinds:
        add = begun.get("few_shot", "add a few_shot baseline, and run it.")
        missing.append(f"Few-shot prompting: {add}")
    if case.data.documents is not None and "rag" not in kinds and not _retrieval_does_not_help(findings):
        add = begun.get("rag", "there are documents, so add a rag baseline, and run it.")
        missing.append(f"Retrieval: {add}")
    return tuple(Purchase(what="baseline", text=text) for text in missing)


def _retrieval_does_not_help(findings: Findings) -> bool:
    """Whether a tuned model was measured with retrieval and without, and is no better with it."""
    tuned = [s for s in findings.standings if s.tuned and s.value is not None]
    return any(
        (with_it.value or 0.0) <= (without.value or 0.0)
        for with_it in tuned
        if with_it.spec.uses_retrieval
        for without in tuned
        if not without.spec.uses_retrieval and without.spec.model == with_it.spec.model
    )


def surer_assumptions(case: Case) -> tuple[Purchase, ...]:
    """What would help where the ranges of the assumptions decide."""
    keys = sorted(ranges_of(case))
    which = "A narrower range of" if len(keys) == 1 else "A narrower range of one of these:"
    text = f"{which} {', '.join(keys)}."
    return (Purchase(what="assumption", text=text),) if keys else ()


def below_bar(case: Case, stakes: Stakes) -> tuple[Purchase, ...]:
    """What would help where the best so far misses the bar."""
    better = "A tuned model that reaches the bar: more or better training data, or a larger base model."
    found = [Purchase(what="tuned_model", text=better)]
    if not stakes.declared:
        worth = "Or what right and wrong answers are worth (the key value), and a bar that follows from it."
        found.append(Purchase(what="worth", text=worth))
    return tuple(found)


def _needed(pair: PairedComparison, target: float, family: Family) -> int | None:
    """Items that show the target with 80 % power; None where the pairs do not vary."""
    rate, sd = _spread(pair)
    if sd == 0 or rate == 0:
        return None
    return math.ceil(
        _design_effect(pair) * needed_examples(target, discordant_rate=rate, sd=sd, alpha=0.05 / family[0])
    )


def _needed_as_good(pair: PairedComparison, margin: float, family: Family) -> int | None:
    """Items that show, with 80 % power, that it is not worse by the margin; None where no number does."""
    if margin <= 0 or pair.difference <= -margin:
        return None
    rate, sd = _spread(pair)
    if not rate and not sd:
        return None
    # the rule looks at the lower end of a two-sided 95 % interval
    alone = needed_for_non_inferiority(
        margin, true_difference=pair.difference, discordant_rate=rate, sd=sd, alpha=0.025 / family[0]
    )
    return None if alone is None else math.ceil(_design_effect(pair) * alone)


def _design_effect(pair: PairedComparison) -> float:
    """How many right/wrong items in groups tell as much as one alone, from the interval's width; 1 without groups.

    The spread of graded differences is taken from the interval and has the groups in it already.
    """
    if not pair.discordant or not pair.test.startswith("cluster"):
        return 1.0
    alone = sum(pair.discordant) / pair.n - pair.difference**2
    found = ((pair.ci95[1] - pair.ci95[0]) / (2 * _Z)) ** 2 * pair.n
    return max(1.0, found / alone) if alone > 0 else 1.0


def _spread(pair: PairedComparison) -> tuple[float | None, float | None]:
    """(share of items on which exactly one is right, or the standard deviation of graded differences)."""
    if pair.discordant:
        return sum(pair.discordant) / pair.n, None
    # from its own interval: ±1.96 standard errors
    return None, (pair.ci95[1] - pair.ci95[0]) / (2 * _Z) * pair.n**0.5
