"""Is there no difference worth having, or was none found? Two answers that a p-value alone does not tell apart.

A margin says how large a difference must be to matter. The baseline is

- non-inferior, if it is shown not to be worse than the reference by the margin or more;
- equivalent, if it is shown to be neither worse nor better by the margin or more (two one-sided tests);
- undecided, if the items do not tell.

Sources: Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach, Journal of
Pharmacokinetics and Biopharmaceutics 15(6); for right/wrong scores the score statistic of Tango (1998), Statistics in
Medicine 17, with the exact unconditional p-value of Sidik (2003), Exact unconditional tests for testing
non-inferiority in matched-pairs design, Statistics in Medicine 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, t

from advisor.records import Record
from advisor.statistics._effective import Clusters, Effective
from advisor.statistics._score import tango_statistic
from advisor.statistics._skewed import unbounded_interval
from advisor.statistics.paired import Pairs, Scores, interval_of, paired, worth_of

Verdict = Literal["better", "worse", "equivalent", "non_inferior", "inferior", "undecided"]
EXACT_UP_TO = 1_000
"""Items up to which right/wrong scores get the exact p-value; beyond it, the score test is exact enough."""
_RATES = 80
"""Discordant rates at which the exact p-value is looked for its maximum."""


class Equivalence(Record):
    """A baseline against a reference and a margin; positive differences mean that the baseline is better.

    The verdict, the first that holds:

    | verdict | shown | by |
    |---|---|---|
    | `equivalent` | the difference is smaller than the margin, either way | both one-sided tests |
    | `inferior` | worse, by more than the margin | the 90 % interval lies below -margin |
    | `worse` | worse | the 95 % interval lies below 0 |
    | `better` | better | the 95 % interval lies above 0 |
    | `non_inferior` | not worse by the margin or more | the one-sided test |
    | `undecided` | nothing: no difference was found, but there may be one | |
    """

    margin: float
    verdict: Verdict
    p_non_inferior: float
    """One-sided p-value of "worse by the margin or more"; small: not so."""
    p_equivalent: float
    """The larger of both one-sided p-values: of "worse" and of "better by the margin or more"."""
    p_worthwhile: float
    """One-sided p-value of "better by less than the margin, or worse"; small: the gain is worth having."""
    ci90: tuple[float, float]
    """What the one-sided tests at 5 % invert to."""
    ci95: tuple[float, float]


def equivalence(
    baseline: Scores,
    reference: Scores,
    *,
    margin: float,
    binary: bool | None = None,
    clusters: Clusters | None = None,
    alpha: float = 0.05,
) -> Equivalence:
    """Whether the baseline is as good as the reference, within a margin.

    | scores | tests |
    |---|---|
    | right/wrong | exact unconditional, ordered by Tango's score statistic; the score test itself above 1,000 items |
    | graded, or in clusters | Tango's score statistic with the effective number of items and t quantiles |
    | off the scale from 0 to 1 | Student's t; undecided where the differences do not vary |

    Args:
        baseline: Scores, shape (n,).
        reference: Scores of the same items in the same order, shape (n,).
        margin: The smallest difference that matters, on the scale of the scores; with 0 nothing can be equivalent.
        binary: Whether scores are right/wrong; None: they are if all of them are 0 or 1.
        clusters: For each item what it belongs to, None where it stands alone.
        alpha: Level of each one-sided test.

    Raises:
        ValueError: The margin is negative or not finite, or the scores are unusable (see `compare`).
    """
    _check(margin)
    pairs = paired(baseline, reference, binary=binary, clusters=clusters)
    ci90, ci95 = interval_of(pairs, 0.90), interval_of(pairs, 0.95)
    p_non_inferior = _above(pairs, -margin)
    # Swapped, "better by less than the margin" is "worse by less than the margin".
    p_equivalent = max(p_non_inferior, _above(pairs.swapped(), -margin))
    p_worthwhile = _above(pairs, margin)
    found = _tell(margin, p_non_inferior, p_equivalent, p_worthwhile, ci90, ci95, alpha)
    # without a scale, nothing bounds what one unit, or units that are all alike, did not show
    return (
        found if pairs.scaled or _error(pairs)[0] > 0 else found.model_copy(update={"verdict": "undecided"})
    )


def equivalence_of_draws(
    difference: float, draws: Sequence[float] | NDArray[np.float64], *, margin: float, alpha: float = 0.05
) -> Equivalence:
    """The same, from bootstrap draws of the difference: for metrics that only a whole set of items has.

    Args:
        difference: The observed difference.
        draws: Differences on resampled sets, shape (draws,).
        margin: As in `equivalence`.
        alpha: As in `equivalence`.

    Raises:
        ValueError: The margin is negative or not finite, or there are no draws.
    """
    _check(margin)
    drawn = np.asarray(draws, dtype=np.float64)
    if len(drawn) == 0:
        raise ValueError("there are no draws")

    def share(beyond: NDArray[np.bool_]) -> float:
        return float((np.sum(beyond) + 1) / (len(drawn) + 1))

    def interval(confidence: float) -> tuple[float, float]:
        low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
        return min(float(low), difference), max(float(high), difference)

    p_non_inferior = share(drawn <= -margin)
    p_equivalent = max(p_non_inferior, share(drawn >= margin))
    return _tell(
        margin,
        p_non_inferior,
        p_equivalent,
        share(drawn <= margin),
        interval(0.90),
        interval(0.95),
        alpha,
    )


@lru_cache(maxsize=1024)  # a what-if asks for the same ones again and again
def exact_p_above(only_baseline: int, only_reference: int, n: int, bound: float) -> float:
    """One-sided p-value of "the difference of two paired proportions is `bound` or less", exact.

    The largest probability, over all discordant rates, of a table whose score statistic is at least the
    observed one. Given their number, discordant items are binomial, so each rate costs n steps, not n².
    Source: Sidik (2003); see the module.
    """
    observed = float(tango_statistic(only_baseline, only_reference, n, bound)) - 1e-9
    discordant = np.arange(n + 1)
    # For each number of discordant items the fewest right ones that are as extreme: the statistic grows with them.
    low, high = np.zeros(n + 1, dtype=np.int64), discordant + 1
    while (open_ := low < high).any():
        middle = (low + high) // 2
        reached = tango_statistic(middle, discordant - middle, n, bound) >= observed
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle + 1, low)
    size = abs(bound)
    # Denser where items are rarely discordant: there the probability changes fastest.
    rates = size + (1 - size) * np.linspace(0, 1, _RATES) ** 2
    rates = np.maximum(rates, 1e-12)[:, None]
    share = np.clip((rates + bound) / 2 / rates, 0.0, 1.0)
    tails = binom.pmf(discordant, n, rates)
    counts = tails > 1e-13  # of many items most numbers of discordant ones are next to impossible
    fewest, among = (np.broadcast_to(x, tails.shape)[counts] for x in (low - 1, discordant))
    tails[counts] *= binom.sf(fewest, among, np.broadcast_to(share, tails.shape)[counts])
    return float(min(1.0, np.where(counts, tails, 0.0).sum(axis=1).max()))


def score_p_above(ahead: Any, behind: Any, n: float, worth: Effective, bound: float) -> NDArray[np.float64]:
    """One-sided p-values of "the mean difference is `bound` or less", for many samples at once.

    Args:
        ahead: Sum of the positive differences, shape (...).
        behind: Sum of the negative differences, as a positive number, shape (...).
        n: Number of items.
        worth: What they are worth.
        bound: The assumed mean difference, between -1 and 1.
    """
    f = worth.factor
    return np.asarray(t.sf(tango_statistic(ahead / f, behind / f, n / f, bound), worth.df))


def _above(pairs: Pairs, bound: float) -> float:
    """One-sided p-value of "the mean difference is `bound` or less"."""
    n = len(pairs.ours)
    if not pairs.scaled:
        error, df = _error(pairs)
        return float(t.sf((float(pairs.units.mean) - bound) / error, df)) if error > 0 else 1.0
    if abs(bound) >= 1:
        return 0.0 if bound < 0 else 1.0
    if pairs.binary and not pairs.units.clustered and n <= EXACT_UP_TO:
        return exact_p_above(*pairs.discordant, n, bound)
    ahead, behind, worth = worth_of(pairs)
    return float(score_p_above(ahead, behind, n, worth, bound))


def _error(pairs: Pairs) -> tuple[float, float]:
    """(standard error, its degrees of freedom) of a mean difference without a scale; 0 where nothing varies."""
    _, _, error, df = unbounded_interval(pairs.units, 0.95, skewed=False)
    return float(error), float(df)


def _tell(
    margin: float,
    p_non_inferior: float,
    p_equivalent: float,
    p_worthwhile: float,
    ci90: tuple[float, float],
    ci95: tuple[float, float],
    alpha: float,
) -> Equivalence:
    verdict: Verdict = "undecided"
    if p_equivalent <= alpha:
        verdict = "equivalent"
    elif ci90[1] < -margin:
        verdict = "inferior" if margin > 0 else "worse"
    elif ci95[1] < 0:
        verdict = "worse"
    elif ci95[0] > 0:
        verdict = "better"
    elif p_non_inferior <= alpha and margin > 0:
        verdict = "non_inferior"
    return Equivalence(
        margin=margin,
        verdict=verdict,
        p_non_inferior=p_non_inferior,
        p_equivalent=p_equivalent,
        p_worthwhile=p_worthwhile,
        ci90=ci90,
        ci95=ci95,
    )


def _check(margin: float) -> None:
    if not (np.isfinite(margin) and margin >= 0):
        raise ValueError(f"`margin` must be zero or more, not {margin}")
