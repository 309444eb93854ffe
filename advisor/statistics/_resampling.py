"""Resampling of independent units: the bootstrap of a mean, and the sign-flip test.

A unit is what is drawn as a whole: an item, or a cluster of items (all questions about one document, say). It
enters as the sum of its values and their number. Equal units are counted rather than listed, so one resample
is one multinomial draw over the distinct units, and 100,000 right/wrong items cost no more than a hundred.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

Floats = NDArray[np.float64]
Clusters = Sequence[Hashable | None]

MAX_DISTINCT = 400
"""More distinct units than this are gathered into levels."""
LEVELS = 256
"""Levels per unit size. A level is the mean of its units, so the overall mean is kept exactly; the variance
loses at most 1 / (4 · 256²) of the squared range of the unit sums."""
CELLS_AT_ONCE = 4_000_000
"""Random numbers held in memory at a time (32 MB)."""


@dataclass(frozen=True)
class Units:
    """Independent units: the sums of their values and their numbers of items, both of shape (k,)."""

    sums: Floats
    sizes: Floats

    @property
    def mean(self) -> float:
        """The mean over all items."""
        return float(self.sums.sum() / self.sizes.sum())


def gather(values: Floats, clusters: Clusters | None) -> Units:
    """The units of values of shape (n,); an item whose cluster is None is a unit of its own.

    Raises:
        ValueError: There are not as many clusters as values.
    """
    sums: Floats = values
    sizes: Floats = np.ones(len(values))
    if clusters is not None:
        if len(clusters) != len(values):
            raise ValueError(f"{len(values)} values, but {len(clusters)} clusters")
        number: dict[Hashable, int] = {}
        keys = [("item", i) if c is None else ("cluster", c) for i, c in enumerate(clusters)]
        positions = np.array([number.setdefault(key, len(number)) for key in keys])
        sums = np.bincount(positions, weights=values).astype(np.float64)
        sizes = np.bincount(positions).astype(np.float64)
    order = np.lexsort((sums, sizes))
    return Units(sums[order], sizes[order])


def bootstrap_mean_interval(
    units: Units, *, confidence: float, resamples: int, seed: int, bounds: tuple[float, float] | None
) -> tuple[float, float]:
    """BCa bootstrap interval of the mean over all items, drawing whole units.

    The levels are taken from Student's t and widened by sqrt(k / (k - 1)), because a bootstrap of few units
    is too narrow by about that much. Where the units do not vary at all, nothing can be resampled; the
    interval then allows for the unit that was not seen yet (see `unseen_unit_interval`).

    Sources: Efron and Tibshirani (1993), An Introduction to the Bootstrap, section 14.3 (BCa); Hesterberg
    (2015), What Teachers Should Know About the Bootstrap, The American Statistician 69(4) (expanded levels).

    Args:
        units: At least one.
        confidence: Coverage, e.g. 0.95.
        resamples: Number of bootstrap samples.
        seed: Decides the draws.
        bounds: Lowest and highest value an item can have; None where unknown.
    """
    mean = units.mean
    residuals = units.sums - mean * units.sizes
    k = len(units.sums)
    if k == 1 or float(np.abs(residuals).max()) <= 1e-12 * max(1.0, float(np.abs(units.sums).max())):
        return unseen_unit_interval(mean, k, confidence=confidence, bounds=bounds)

    sums, sizes, counts = _distinct(units)
    replicates = _bootstrap_means(sums, sizes, counts, resamples=resamples, seed=seed)
    close = np.abs(replicates - mean) <= 1e-12 * max(1.0, abs(mean))
    below = float(np.mean((replicates < mean) & ~close) + 0.5 * np.mean(close))
    bias = float(norm.ppf(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples)))

    # The jackknife: the mean without one unit, for every distinct unit.
    left_out = (units.sums.sum() - sums) / (units.sizes.sum() - sizes)
    influence = np.average(left_out, weights=counts) - left_out
    spread = float(counts @ influence**2)
    acceleration = float(counts @ influence**3) / (6 * spread**1.5) if spread > 0 else 0.0

    z = float(t.ppf((1 + confidence) / 2, k - 1)) * np.sqrt(k / (k - 1))
    levels = [_bca_level(edge, bias, acceleration) for edge in (-z, z)]
    low, high = np.quantile(replicates, levels)
    return min(float(low), mean), max(float(high), mean)


def unseen_unit_interval(
    mean: float, k: int, *, confidence: float, bounds: tuple[float, float] | None
) -> tuple[float, float]:
    """Interval for the mean of `k` units that are all alike, where a resample can only repeat them.

    With k units alike, a share of up to p = 1 - (alpha / 2)^(1 / k) of other units may have gone unseen (the
    exact binomial limit of Clopper and Pearson, 1934, for no event in k), and each may lie as far off as the
    bounds allow. Without bounds nothing can be said, and the interval is the point itself.
    """
    if bounds is None:
        return mean, mean
    unseen = 1 - ((1 - confidence) / 2) ** (1 / k)
    low, high = bounds
    return mean - unseen * (mean - low), mean + unseen * (high - mean)


def sign_flip_p_value(units: Units, *, resamples: int, seed: int) -> float:
    """Two-sided p-value that the mean is zero, if each unit might as well have had the opposite sign.

    All sign patterns are counted where there are no more than `resamples` of them; otherwise that many are
    drawn, and the observed one is counted among them, so the p-value is never zero.

    Source: Ernst (2004), Permutation Methods: A Basis for Exact Inference, Statistical Science 19(4).
    """
    magnitudes = np.abs(units.sums[units.sums != 0])
    if len(magnitudes) == 0:
        return 1.0
    observed = abs(float(units.sums.sum())) - 1e-9 * float(
        magnitudes.sum()
    )  # equal sums may differ by rounding
    k = len(magnitudes)
    if 2**k <= resamples:
        patterns = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        return float(np.mean(np.abs((2 * patterns - 1) @ magnitudes) >= observed))

    sums, _, counts = _distinct(Units(magnitudes, np.ones(k)))
    rng = np.random.default_rng(seed)
    as_far = 0
    for size in _chunks(resamples, len(sums)):
        positive = rng.binomial(counts, 0.5, size=(size, len(sums)))
        as_far += int(np.sum(np.abs((2 * positive - counts) @ sums) >= observed))
    return (as_far + 1) / (resamples + 1)


def _distinct(units: Units) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """(sums, sizes, counts) of the distinct units, or of their levels where there are too many to list."""
    rows = np.column_stack([units.sizes, units.sums])
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    if len(distinct) > MAX_DISTINCT:
        span = float(np.ptp(units.sums))
        levels = np.minimum((units.sums - units.sums.min()) / span * LEVELS, LEVELS - 1).astype(np.int64)
        keys = np.column_stack([units.sizes, levels])
        distinct, which, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        sums = np.bincount(which.ravel(), weights=units.sums) / counts
        return sums, distinct[:, 0], counts
    return distinct[:, 1], distinct[:, 0], counts


def _bootstrap_means(
    sums: Floats, sizes: Floats, counts: NDArray[np.int64], *, resamples: int, seed: int
) -> Floats:
    rng = np.random.default_rng(seed)
    total = int(counts.sum())
    shares = counts / total
    means = []
    for size in _chunks(resamples, len(sums)):
        drawn = rng.multinomial(total, shares, size=size)
        means.append((drawn @ sums) / (drawn @ sizes))
    return np.concatenate(means)


def _chunks(resamples: int, width: int) -> list[int]:
    largest = max(1, CELLS_AT_ONCE // width)
    full, rest = divmod(resamples, largest)
    return [largest] * full + ([rest] if rest else [])


def _bca_level(edge: float, bias: float, acceleration: float) -> float:
    """The bootstrap distribution's quantile at which the interval ends, from the normal quantile `edge`."""
    shifted = bias + edge
    return float(norm.cdf(bias + shifted / max(1 - acceleration * shifted, 1e-6)))
