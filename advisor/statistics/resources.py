"""What two baselines use up on the same items: tokens, cost or latency, compared item by item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.records import Record
from advisor.statistics._effective import Clusters, Units, gather, robust_total
from advisor.statistics._resampling import sign_flip_p_value
from advisor.statistics._score import quantile
from advisor.statistics._skewed import unbounded_interval
from advisor.statistics.intervals import few_clusters_note, finite
from advisor.statistics.paired import Scores, interval_of, paired


class ResourceComparison(Record):
    """A baseline against a reference on the same items; positive means that the baseline uses more.

    Units are those of the amounts: tokens, USD, seconds.
    """

    n: int
    baseline_mean: float
    reference_mean: float
    difference: float
    ci95: tuple[float, float]
    test: str
    p_value: float
    ratio: float | None
    """Mean of the baseline divided by mean of the reference; None where the latter is zero."""
    ratio_ci95: tuple[float, float] | None
    """None where the ratio is, where the baseline uses nothing, or where all items are one cluster."""
    note: str | None = None
    """What to know before trusting it, such as that there are few clusters."""


def compare_resources(
    baseline: Scores,
    reference: Scores,
    *,
    seed: int,
    resamples: int = 10_000,
    clusters: Clusters | None = None,
) -> ResourceComparison:
    """Compares what two baselines use up, item by item.

    The difference has Student's t interval (after Hall's correction for skewness where one baseline never uses
    more than the other) and a sign-flip permutation test; the ratio of means has an interval on the log scale, by
    linearisation of the ratio, over whole clusters where there are any.

    Source of the ratio's variance: Cochran (1977), Sampling Techniques, section 6.4.

    Args:
        baseline: Amounts per item, none negative, shape (n,). Leave out items for which either amount is not known.
        reference: Amounts of the same items in the same order, shape (n,).
        seed: Decides the permutations drawn.
        resamples: Number of permutations.
        clusters: For each item what it belongs to, None where it stands alone.

    Raises:
        ValueError: The lists are empty or differ in length, or an amount is negative or not finite.
    """
    # in units of the largest amount, so that squares of very small ones do not vanish
    unit = float(max(np.max(np.abs(baseline), initial=0.0), np.max(np.abs(reference), initial=0.0))) or 1.0
    if not np.isfinite(unit):
        unit = 1.0
    pairs = paired(np.asarray(baseline) / unit, np.asarray(reference) / unit, binary=False, clusters=clusters)
    if min(pairs.ours.min(), pairs.theirs.min()) < 0:
        raise ValueError("an amount used cannot be negative")
    ours, theirs = float(pairs.ours.mean()), float(pairs.theirs.mean())
    low, high = interval_of(replace(pairs, scaled=False), 0.95)
    difference = (ours - theirs) * unit
    ci95 = (min(low * unit, difference), max(high * unit, difference))  # rounding may part them
    ratio_ci95 = None
    if ours > 0 and theirs > 0 and len(pairs.units.sizes) > 1:
        errors = gather(pairs.ours / ours - pairs.theirs / theirs, clusters)
        ends = ratio_interval(errors, ours / theirs, 0.95)
        ratio_ci95 = float(ends[0]), float(ends[1])
    return ResourceComparison(
        n=len(pairs.ours),
        baseline_mean=ours * unit,
        reference_mean=theirs * unit,
        difference=difference,
        ci95=ci95,
        test="cluster permutation" if pairs.units.clustered else "paired permutation",
        p_value=sign_flip_p_value(pairs.units, resamples=resamples, seed=seed),
        ratio=ours / theirs if theirs > 0 else None,
        ratio_ci95=ratio_ci95,
        note=few_clusters_note(clusters),
    )


def amount_interval(
    amounts: Scores, *, clusters: Clusters | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of tokens, cost or latency: Student's t after Hall's correction for skewness.

    Unlike `mean_interval` it does not take amounts that happen to lie between 0 and 1 for scores. Amounts that do
    not vary have no width to give.

    Args:
        amounts: Tokens, USD or seconds per item, shape (n,).
        clusters: For each item what it belongs to, None where it stands alone.
        confidence: Coverage.

    Raises:
        ValueError: There are no amounts, one is not finite, or the confidence is not between 0 and 1.
    """
    units = gather(finite(amounts, "amounts"), clusters)
    low, high, _, _ = unbounded_interval(units, confidence, skewed=True)
    mean = float(units.mean)
    return min(float(low), mean), max(float(high), mean)


def ratio_interval(
    errors: Units, ratio: Any, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a ratio of two means on the log scale, for many samples at once.

    Args:
        errors: What each of at least two units adds to the ratio's relative error, shape (..., k).
        ratio: The ratio, shape (...).
        confidence: Coverage.
    """
    total, df = robust_total(errors)
    # The linear terms alone leave out a little, which shows below about a hundred items; simulation chose the 3.
    width = quantile(confidence, df) * np.sqrt(total * (1 + 3 / errors.n)) / errors.n
    return ratio * np.exp(-width), ratio * np.exp(width)
