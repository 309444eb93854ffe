"""Score intervals of one mean and of a paired difference on a scale from 0 to 1; arrays in, arrays out.

`n` and counts need not be whole: an effective number of items is as good (see `_effective.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from statsmodels.stats.proportion import proportion_confint

Floats = NDArray[np.float64]


def check_confidence(confidence: float) -> None:
    """Refuses a confidence that no interval has.

    Raises:
        ValueError: It does not lie between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1, such as 0.95; it is {confidence:g}")


def quantile(confidence: float, df: Any) -> Any:
    """Student's two-sided quantile; the normal one for infinite degrees of freedom.

    Raises:
        ValueError: No interval has such a confidence.
    """
    check_confidence(confidence)
    return t.ppf((1 + confidence) / 2, df)


def wilson(mean: Any, n: Any, q: Any) -> tuple[Floats, Floats]:
    """Wilson's score interval of a mean between 0 and 1, with the quantile `q`.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    mean, n = np.asarray(mean, dtype=float), np.asarray(n, dtype=float)
    low, high = proportion_confint(mean * n, n, alpha=2 * norm.sf(q), method="wilson")
    # Rounding may leave the limits at 0 and 1 a hair away from them.
    return np.where(mean <= 0, 0.0, low), np.where(mean >= 1, 1.0, high)


def tango(only_baseline: Any, only_reference: Any, n: Any, q: Any) -> tuple[Floats, Floats]:
    """Tango's score interval of the difference (only_baseline - only_reference) / n, with the quantile `q`.

    It holds the differences that a score test does not reject, and keeps a width of its own where no item is
    discordant: ± q² / (n + q²).

    Source: Tango (1998), Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17. Compared with others by Fagerland, Lydersen and Laake
    (2014), Statistics in Medicine 33.
    """
    b, c, n = (np.asarray(x, dtype=float) for x in (only_baseline, only_reference, n))
    # The lower limit is the mirrored upper limit of the swapped comparison.
    return -_tango_upper(c, b, n, q), _tango_upper(b, c, n, q)


def tango_statistic(only_baseline: Any, only_reference: Any, n: Any, difference: Any) -> Floats:
    """How many standard errors the observed difference lies above an assumed one."""
    b, c, n = (np.asarray(x, dtype=float) for x in (only_baseline, only_reference, n))
    variance = n * tango_variance(b / n, c / n, difference)
    surplus = b - c - n * difference
    near = np.abs(surplus) <= 1e-9 * np.maximum(n, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(near, 0.0, surplus / np.sqrt(np.maximum(variance, 0.0)))


def tango_variance(only_baseline: Any, only_reference: Any, difference: Any) -> Any:
    """Variance of one item's difference under an assumed mean difference, from the shares of discordant items."""
    b, c, d = only_baseline, only_reference, difference
    # q is the likelihood's best probability of "only the reference is right" under the assumed difference.
    linear = -b - c + (2 - b + c) * d
    constant = -c * d * (1 - d)
    q = (np.sqrt(np.maximum(linear**2 - 8 * constant, 0.0)) - linear) / 4
    return 2 * q + d * (1 - d)


def _tango_upper(b: Floats, c: Floats, n: Floats, q: Any) -> Floats:
    low, high = (b - c) / n, np.ones_like((b - c) / n)
    for _ in range(55):  # the statistic falls as the difference grows: halve the bracket
        middle = (low + high) / 2
        inside = tango_statistic(b, c, n, middle) >= -q
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high
