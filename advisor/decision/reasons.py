"""The verdict in words that a manager understands, with the numbers that a statistician accepts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advisor.cases.numbers import likely
from advisor.cases.schema import Case
from advisor.decision.draws import aligned
from advisor.decision.gain import Gain
from advisor.decision.options import ROUNDING, Option
from advisor.formatting import difference, interval, percent, plural, probability, usd
from advisor.records import Purchase
from advisor.scoring import is_per_item
from advisor.statistics.paired import PairedComparison

ONLY_TUNED = "Only fine-tuned models were measured: without an alternative nothing shows that tuning helps."
NO_ALTERNATIVE_ALLOWED = (
    "But no alternative that was measured keeps the constraints, so none can be used instead."
)
ALLOWED_ALTERNATIVE = "An alternative that keeps the constraints: add one, and run it."
NO_TUNED = "No fine-tuned model was measured, and no alternative surely reaches the quality bar."
NOT_ALL_TRIED = "But not everything that must be tried before a go was tried."

WORSE = "The tuned model is worse than the best alternative."
DOES_NOT_PAY = "The benefit of tuning does not pay for its cost."
PAYS = "The benefit of tuning outweighs its cost."
PAYS_BUT_MISSES_BAR = "Tuning would pay, but the tuned model misses the quality bar."
MISSES_BAR = "The tuned model misses the quality bar that an alternative reaches."
WITHIN_NOISE = "Whether tuning pays lies within the noise of this held-out set."
HANGS_ON_ASSUMPTIONS = "Whether tuning pays hangs on assumptions that are given as wide ranges."

GAIN = "The tuned model brings a gain worth having, which no alternative has."
NO_GAIN = "Tuning brings no gain worth having."
GAIN_WITHIN_NOISE = "The gain of tuning lies within the noise of this held-out set."
AS_GOOD_AND_CHEAPER = "The tuned model is as good as the best alternative, and costs less."
CHEAPER_BUT = "The tuned model costs less, but whether it is as good lies within the noise."
ALTERNATIVE_WILL_DO = "An alternative reaches the quality bar without the cost of tuning."
NOTHING_REACHES_NO_GAIN = "Nothing reaches the quality bar, and tuning brings no gain worth having."
NOTHING_REACHES_NOISE = "Nothing reaches the quality bar, and the gain of tuning lies within the noise."
BEST_BUT_BELOW = "The tuned model is the best so far, but misses the quality bar."


def not_worth_finding_out(offer: Purchase) -> str:
    """Why the answer is no although the gain is not settled."""
    return f"Whether tuning pays is not settled, and finding out is not worth it: {_price_and_worth(offer)}."


def not_worth_proving(offer: Purchase, share: float) -> str:
    """Why there is no answer although more items would not be worth their price."""
    return (
        f"Tuning probably pays ({probability(share)}), but that is not shown, and so little is at stake that "
        f"showing it costs more than it brings: {_price_and_worth(offer)}."
    )


def less_likely(why: str, against: float) -> str:
    """Why an answer that the means give is none: over all that is not known, its opposite is likelier."""
    return (
        f"By the means of the held-out set: {why[0].lower()}{why[1:].removesuffix('.')}. But over the noise of "
        f"that set and the ranges of the assumptions the opposite is likelier ({probability(against)})."
    )


def even_at_the_least(challenger: Option) -> str:
    """Why the answer is no although a cost is not known."""
    return (
        f"What {challenger.name} costs is not known in full, but by what is known tuning does not pay, whatever the "
        "rest costs."
    )


def whatever_it_costs(champion: Option) -> str:
    """Why the answer is yes although the alternative's cost is not known."""
    return f"What {champion.name} costs is not known in full, but tuning pays whatever it is."


def which_alternative(rival: Option) -> str:
    """That a no leaves open which alternative to use."""
    return f"Whether {rival.name} is the better alternative hangs on what it costs, which is not known."


def few_in_common(challenger: Option, champion: Option, n: int, least: int) -> str:
    """Two baselines that were asked different items."""
    return (
        f"{challenger.name} and {champion.name} have {n} held-out item{'s' if n != 1 else ''} in common; at least "
        f"{least} carry a verdict."
    )


def none_allowed(broken: Sequence[str]) -> str:
    """Tuned models were measured, and none of them may be used."""
    return f"No fine-tuned model that keeps the constraints was measured: {'; '.join(broken)}."


def comparison(
    case: Case,
    challenger: Option,
    champion: Option,
    pair: PairedComparison,
    saving: float | None,
    gain: Gain | None,
    *,
    ends: tuple[float, float],
) -> tuple[str, ...]:
    """What is known of the two: quality, bar, costs, gain; `ends` are the difference's, as the rule has them."""
    said = [_difference(case, challenger, champion, pair, ends)]
    if case.quality.bar is not None:
        said.append(_bar(case.quality.bar, challenger, champion))
    if saving == 0:
        said.append(
            f"Over {plural(case.traffic.horizon_months, 'month')} both cost the same ({usd(champion.cost_usd)})."
        )
    elif saving is not None:
        discounted = ", in present value" if case.costs.discount_rate else ""
        said.append(
            f"Over {plural(case.traffic.horizon_months, 'month')} {challenger.name} costs {usd(abs(saving))} "
            f"{'more' if saving < 0 else 'less'} than {champion.name} "
            f"({usd(challenger.cost_usd)} against {usd(champion.cost_usd)}{discounted})."
        )
    if gain is not None:
        said.append(
            f"With what answers are worth, tuning brings {usd(gain.likely)} over the horizon "
            f"(95% interval {usd(gain.low)} to {usd(gain.high)})."
        )
        if (gain.low_over_ranges, gain.high_over_ranges) != (gain.low, gain.high):
            said.append(
                f"Over the ranges of the assumptions too it is {usd(gain.low_over_ranges)} to "
                f"{usd(gain.high_over_ranges)}, and positive with a probability of {probability(gain.probability)}."
            )
    return tuple(said)


def losses(case: Case, challenger: Option, champion: Option) -> tuple[str, ...]:
    """That whatever is chosen loses money, where it does."""
    if any(o.worth_usd is None or o.worth_usd >= 0 for o in (challenger, champion)):
        return ()
    if likely(case.value.correct_usd) <= 0:
        return ()  # where only losses are declared nothing can earn, and that says nothing
    return (
        f"At the case's own assumptions both lose money over the horizon: {challenger.name} "
        f"{usd(challenger.worth_usd)}, {champion.name} {usd(champion.worth_usd)}.",
    )


def reaches_without(case: Case, champion: Option) -> str:
    """An alternative that settles the matter without a tuned model."""
    return (
        f"{champion.name} reaches the quality bar without tuning: {percent(champion.quality)}, "
        f"surely above {percent(case.quality.bar)}."
    )


def broken(why: str) -> str:
    """A tuned model that is no finding about tuning."""
    return f"The tuned model looks broken rather than bad: {why}."


def _price_and_worth(offer: Purchase) -> str:
    worth = "less than $1" if (offer.worth_usd or 0) < 1 else usd(offer.worth_usd)
    return (
        f"{offer.amount:,} more held-out items would cost {usd(offer.cost_usd)} and bring {worth} on average"
    )


def _difference(
    case: Case, challenger: Option, champion: Option, pair: PairedComparison, ends: tuple[float, float]
) -> str:
    ours, theirs, start, of = challenger.quality, champion.quality, "", "a difference"
    if pair.n < max(challenger.standing.n, champion.standing.n):
        shared = f"n the {pair.n:,} items that both answered "
        if is_per_item(case.quality.metric) and not pair.test.startswith("prediction-powered"):
            ours, theirs = _on_shared_items(challenger, champion)
            start = f"O{shared}"
        else:  # the difference is of these, and the levels are not
            of = f"o{shared}a difference"
    return (
        f"{start}{challenger.name} has {case.quality.metric} {percent(ours)}, {champion.name} "
        f"{percent(theirs)}: {of} of {difference(pair.difference, fraction=True)} "
        f"(95% interval {interval(ends, fraction=True, signed=True, unit=False)}, n = {pair.n:,}{_picked(pair, ends)})."
    )


def _picked(pair: PairedComparison, ends: tuple[float, float]) -> str:
    """Why the interval is wider than that of the two alone."""
    same = np.allclose(ends, pair.ci95, rtol=0, atol=1e-9)
    return "" if same else "; wider, as they were picked as the best of several"


def _on_shared_items(challenger: Option, champion: Option) -> tuple[float, float]:
    """Mean scores over the items that both have, which the difference is of."""
    ids, (ours, theirs) = aligned([challenger.standing, champion.standing])
    return (float(ours.mean()), float(theirs.mean())) if ids else (challenger.quality, champion.quality)


def _bar(bar: float, challenger: Option, champion: Option) -> str:
    both = (challenger, champion)
    who = [o.name for o in both if o.quality >= bar - ROUNDING]
    reached = " and ".join(who) if who else "Neither"
    said = f"{reached} {'reach' if len(who) == 2 else 'reaches'} the bar of {percent(bar)}"
    # one that looks like the bar when rounded is told apart from it
    close = [o for o in both if o.name not in who and percent(o.quality) == percent(bar)]
    return (
        said + "".join(f"; {o.name} misses it by {(bar - o.quality) * 100:.2g} points" for o in close) + "."
    )
