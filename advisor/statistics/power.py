"""How small a difference a held-out set can show, and how many examples a given difference needs.

Both are for a two-sided test of paired scores. The formulas are for the large-sample tests; the exact McNemar
test is a little more careful and needs a few more examples, and so does a p-value that is adjusted for
several comparisons.

Sources: Connor (1987), Sample size for testing differences in proportions for the paired-sample design,
Biometrics 43(1), for right/wrong scores; Lachin (1981), Introduction to sample size determination and power
analysis for clinical trials, Controlled Clinical Trials 2(2), with t quantiles in place of normal ones, for
graded scores.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.stats import norm, t

UNKNOWN_DISCORDANT_RATE = 0.5
"""Share of items that exactly one of two baselines gets right, where nothing is known: what two unrelated
baselines have that are each right on every second item. Real ones agree more often, which makes a difference
easier to show."""


def detectable_difference(
    n: float,
    *,
    discordant_rate: float | None = None,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
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

    Returns:
        The difference; None where there are too few items for any, or where the graded scores do not vary.

    Raises:
        ValueError: Both rates are given, or one is out of its range.
    """
    _check(discordant_rate, sd, power, alpha)
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
) -> int:
    """The number of paired items that shows a true difference of mean scores with this power.

    Args:
        difference: The difference to show; its sign does not matter.
        discordant_rate: As in `detectable_difference`.
        sd: As in `detectable_difference`.
        power: Probability of showing it.
        alpha: Level of the two-sided test.

    Raises:
        ValueError: The difference is zero (no number of items shows it), or an argument is out of its range.
    """
    _check(discordant_rate, sd, power, alpha)
    size = abs(difference)
    if size == 0 or (sd is None and size > 1):
        raise ValueError(f"no number of items shows a difference of {difference}")
    if sd is None:
        rate = UNKNOWN_DISCORDANT_RATE if discordant_rate is None else discordant_rate
        return math.ceil(_paired_proportion_n(size, rate, power, alpha) - 1e-9)
    # The t quantiles depend on n; they only shrink, so counting up from the normal answer ends soon.
    n = max(2, int(((norm.ppf(1 - alpha / 2) + norm.ppf(power)) * sd / size) ** 2))
    while (detectable_difference(n, sd=sd, power=power, alpha=alpha) or 0.0) > size:
        n += 1
    return n


def _paired_proportion_n(difference: float, rate: float, power: float, alpha: float) -> float:
    rate = max(rate, difference)
    spread = math.sqrt(max(rate - difference**2, 0.0))
    return float(((norm.ppf(1 - alpha / 2) * math.sqrt(rate) + norm.ppf(power) * spread) / difference) ** 2)


def _check(discordant_rate: float | None, sd: float | None, power: float, alpha: float) -> None:
    if discordant_rate is not None and sd is not None:
        raise ValueError("give `discordant_rate` for right/wrong scores or `sd` for graded ones, not both")
    if discordant_rate is not None and not 0 <= discordant_rate <= 1:
        raise ValueError(f"`discordant_rate` must be between 0 and 1, not {discordant_rate}")
    if sd is not None and sd < 0:
        raise ValueError(f"`sd` cannot be negative: {sd}")
    if not (0.5 <= power < 1 and 0 < alpha < 1):
        raise ValueError("`power` must be at least 0.5 and below 1, `alpha` between 0 and 1")
