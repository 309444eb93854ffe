"""Where a mean score's variance comes from: items, answers, trainings.

The model is the two-way random one: score = mean + item + training + the two together, and under it the answers of one
item. Its components are estimated from mean squares (the ANOVA method), and a negative estimate is set to zero; sums of
them have Satterthwaite's degrees of freedom.

Sources: Searle, Casella and McCulloch (1992), Variance Components, chapters 3 and 4; Satterthwaite (1946), An
approximate distribution of estimates of variance components, Biometrics Bulletin 2; for evaluations of language models
Miller (2024), Adding Error Bars to Evals, arXiv 2411.00640.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, t

from advisor.records import Record
from advisor.statistics._effective import Clusters, gather


class BetweenTrainings(Record):
    """How far trainings that differ in their seed alone lie apart."""

    sd: float
    """Of their mean scores on the same items."""
    sd_ci95: tuple[float, float]
    component: float
    """Variance of the training itself: that of the means, less what items answered differently make of it."""
    n: int


def standard_error(values: Sequence[float] | NDArray[np.float64], clusters: Clusters | None) -> float | None:
    """Standard error of a mean over items, or over clusters of items that belong together; None for fewer than two."""
    scores = np.asarray(values, dtype=np.float64)
    if len(scores) < 2:
        return None
    units = gather(scores, clusters)
    k = len(units.sums)
    if k < 2:
        return None
    residuals = units.sums - units.mean * units.sizes
    return float(math.sqrt(k / (k - 1) * float(np.sum(residuals**2))) / len(scores))


def answers_standard_error(repeats: Sequence[Sequence[float]]) -> float | None:
    """Standard error that sampling answers adds to a mean over items of mean scores.

    The variance within items, over the answers of an item and over the items.

    Args:
        repeats: The scores of each item's answers; None is returned where an item has fewer than two.
    """
    if not repeats or any(len(r) < 2 for r in repeats):
        return None
    variances = [float(np.var(r, ddof=1)) / len(r) for r in repeats]
    return math.sqrt(sum(variances)) / len(repeats)


def between_trainings(scores: NDArray[np.float64]) -> BetweenTrainings | None:
    """The spread between trainings from scores of shape (trainings, items), on the same items; None below two of each.

    The interval of the standard deviation is the chi-squared one of normal means; with few trainings it is wide.
    """
    trainings, items = scores.shape
    if trainings < 2 or items < 2:
        return None
    means = scores.mean(axis=1)
    variance = float(means.var(ddof=1))
    residuals = scores - scores.mean(axis=0) - means[:, None] + scores.mean()
    together = float(np.sum(residuals**2)) / ((items - 1) * (trainings - 1))
    low, high = chi2.ppf([0.975, 0.025], trainings - 1)
    sd = math.sqrt(variance)
    return BetweenTrainings(
        sd=sd,
        sd_ci95=(sd * math.sqrt((trainings - 1) / low), sd * math.sqrt((trainings - 1) / high)),
        component=max(0.0, variance - together / items),
        n=trainings,
    )


def total_interval(
    difference: float, sampling_se: float, units: int, between: BetweenTrainings
) -> tuple[float, tuple[float, float]]:
    """(standard error, 95 % interval) of a difference of one training, as another training might have given it.

    Args:
        difference: As measured.
        sampling_se: Its standard error from the choice of items.
        units: Independent units behind that, at least two.
        between: The spread between trainings.

    Raises:
        ValueError: There are fewer than two units.
    """
    if units < 2:
        raise ValueError(f"{units} unit has no standard error; at least two are needed")
    sampling, training = sampling_se**2, between.component
    total = sampling + training
    if total == 0:
        return 0.0, (difference, difference)
    freedom = total**2 / (sampling**2 / (units - 1) + training**2 / (between.n - 1))
    half = float(t.ppf(0.975, freedom)) * math.sqrt(total)
    return math.sqrt(total), (difference - half, difference + half)
