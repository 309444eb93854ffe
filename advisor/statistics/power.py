"""How small a difference a held-out set can show, and how many examples a given difference needs.

For a two-sided test of paired scores, or a one-sided one that a baseline is not worse by a margin. The formulas
are for the large-sample tests; the exact tests are a little more careful and need a few more examples, and so does
a p-value that is adjusted for several comparisons. Items in clusters tell less: `design_effect` says how many of
them are worth one that stands alone.

Sources: Connor (1987), Sample size for testing differences in proportions for the paired-sample design,
Biometrics 43(1), for right/wrong scores; Lachin (1981), Introduction to sample size determination and power
analysis for clinical trials, Controlled Clinical Trials 2(2), with t quantiles in place of normal ones, for
graded scores; Lu and Bean (1995), On the sample size for one-sided equivalence of sensitivities based upon McNemar's
test, Statistics in Medicine 14, with Tango's variance at the margin, for non-inferiority; Eldridge, Ashby and Kerry
(2006), Sample size for cluster randomized trials: effect of coefficient of variation of cluster size, International
Journal of Epidemiology 35, for clusters of unequal size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.optimize import brentq
from scipy.stats import norm, t

from advisor.statistics._score import tango_variance

UNKNOWN_DISCORDANT_RATE = 0.5
"""Share of items that exactly one of two baselines gets right, where nothing is known: what two unrelated
baselines have that are each right on every second item. Real ones agree more often, which makes a difference
easier to show."""


def design_effect(cluster_sizes: Sequence[int], correlation: float) -> float:
    """How many items in such clusters tell as much as one that stands alone; 1 where all stand alone.

    Args:
        cluster_sizes: Items in each cluster, e.g. questions per document.
        correlation: How alike the items of a cluster are: their intraclass correlation, 0..1. Of differences
            between two baselines it is mostly smaller than of either one's scores.

    Raises:
        ValueError: There is no cluster, one is empty, or the correlation is out of its range.
    """
    if not cluster_sizes or min(cluster_sizes) < 1:
        raise ValueError("`cluster_sizes` must be at least one positive number")
    if not 0 <= correlation <= 1:
        raise ValueError(f"`correlation` must be between 0 and 1, not {correlation}")
    return 1 + (sum(s * s for s in cluster_sizes) / sum(cluster_sizes) - 1) * correlation


def detectable_difference(
    n: float,
    *,
    discordant_rate: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> float | None:
    """The smallest true difference of mean scores that `n` paired items show with this power.

    Give `discordant_rate` for right/wrong scores, `sd` for graded ones, or neither for right/wrong scores of
    which nothing is known yet.

    Args:
        n: Items that both baselines answered; the effective number where they come in clusters.
        discordant_rate: Share of items that exactly one of the two gets right, 0..1. A difference larger than
            this rate is impossible; where one is needed, the rate is taken to be as large as the difference.
        sd: Standard deviation of the paired differences of graded scores.
        power: Probability of showing it.
        alpha: Level of the two-sided test.
        design_effect: How many of the items are worth one that stands alone, where they come in clusters.

    Returns:
        The difference; None where there are too few items for any, or where the graded scores do not vary.

    Raises:
        ValueError: Both rates are given, or one is out of its range.
    """
    _check(discordant_rate, sd, power, alpha, design_effect)
    n = n / design_effect
    if sd is not None:
        if n <= 1 or sd == 0:
            return None
        return float((t.ppf(1 - alpha / 2, n - 1) + t.ppf(power, n - 1)) * sd / math.sqrt(n))
    rate = UNKNOWN_DISCORDANT_RATE if discordant_rate is None else discordant_rate
    if n < 1 or _paired_proportion_n(1.0, rate, power, alpha) > n:
        return None
    return float(brentq(lambda d: _paired_proportion_n(d, rate, power, alpha) - n, 1e-9, 1.0, xtol=1e-9))


def needed_examples(
    difference: float,
    *,
    discordant_rate: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> int:
    """The number of paired items that shows a true difference of mean scores with this power.

    Args:
        difference: The difference to show; its sign does not matter.
        discordant_rate: As in `detectable_difference`.
        sd: As in `detectable_difference`.
        power: Probability of showing it.
        alpha: Level of the two-sided test.
        design_effect: As in `detectable_difference`.

    Raises:
        ValueError: The difference is zero (no number of items shows it), or an argument is out of its range.
    """
    _check(discordant_rate, sd, power, alpha, design_effect)
    size = abs(difference)
    if size == 0 or (sd is None and size > 1):
        raise ValueError(f"no number of items shows a difference of {difference}")
    if sd is None:
        rate = UNKNOWN_DISCORDANT_RATE if discordant_rate is None else discordant_rate
        return math.ceil(_paired_proportion_n(size, rate, power, alpha) * design_effect - 1e-9)
    # The t quantiles depend on n; they only shrink, so counting up from the normal answer ends soon.
    n = max(2, int(((norm.ppf(1 - alpha / 2) + norm.ppf(power)) * sd / size) ** 2))
    while (detectable_difference(n, sd=sd, power=power, alpha=alpha) or 0.0) > size:
        n += 1
    return math.ceil(n * design_effect - 1e-9)


def needed_for_non_inferiority(
    margin: float,
    *,
    true_difference: float = 0.0,
    discordant_rate: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> int:
    """The number of paired items that shows with this power that a baseline is not worse by the margin.

    Args:
        margin: How much worse is still as good, above 0.
        true_difference: What the difference really is; 0 where both are alike, and above -margin.
        discordant_rate: As in `detectable_difference`.
        sd: As in `detectable_difference`.
        power: Probability of showing it.
        alpha: Level of the one-sided test.
        design_effect: As in `detectable_difference`.

    Raises:
        ValueError: The true difference is not above -margin (no number of items shows what is not so), or an
            argument is out of its range.
    """
    _check(discordant_rate, sd, power, alpha, design_effect)
    distance = true_difference + margin
    if margin <= 0 or distance <= 0:
        raise ValueError(f"no number of items shows that {true_difference} is not worse by {margin}")
    if sd is None:
        if margin >= 1 or abs(true_difference) > 1:
            raise ValueError("right/wrong scores differ by less than 1")
        rate = UNKNOWN_DISCORDANT_RATE if discordant_rate is None else discordant_rate
        rate = max(rate, abs(true_difference))
        ahead, behind = (rate + true_difference) / 2, (rate - true_difference) / 2
        at_margin = math.sqrt(float(tango_variance(ahead, behind, -margin)))
        spread = math.sqrt(max(rate - true_difference**2, 0.0))
        n = ((norm.ppf(1 - alpha) * at_margin + norm.ppf(power) * spread) / distance) ** 2
        return math.ceil(float(n) * design_effect - 1e-9)
    items = max(2, int(((norm.ppf(1 - alpha) + norm.ppf(power)) * sd / distance) ** 2))
    while (t.ppf(1 - alpha, items - 1) + t.ppf(power, items - 1)) * sd / math.sqrt(items) > distance:
        items += 1
    return math.ceil(items * design_effect - 1e-9)


def _paired_proportion_n(difference: float, rate: float, power: float, alpha: float) -> float:
    rate = max(rate, difference)
    spread = math.sqrt(max(rate - difference**2, 0.0))
    return float(((norm.ppf(1 - alpha / 2) * math.sqrt(rate) + norm.ppf(power) * spread) / difference) ** 2)


def _check(
    discordant_rate: float | None, sd: float | None, power: float, alpha: float, design_effect: float
) -> None:
    if not design_effect >= 1:
        raise ValueError(f"`design_effect` must be at least 1, not {design_effect}")
    if discordant_rate is not None and sd is not None:
        raise ValueError("give `discordant_rate` for right/wrong scores or `sd` for graded ones, not both")
    if discordant_rate is not None and not 0 <= discordant_rate <= 1:
        raise ValueError(f"`discordant_rate` must be between 0 and 1, not {discordant_rate}")
    if sd is not None and sd < 0:
        raise ValueError(f"`sd` cannot be negative: {sd}")
    if not (0.5 <= power < 1 and 0 < alpha < 1):
        raise ValueError("`power` must be at least 0.5 and below 1, `alpha` between 0 and 1")
