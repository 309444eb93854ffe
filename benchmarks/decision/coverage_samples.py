"""Simulated results whose truth is known, thousands of samples at once, for `coverage.py`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.statistics._effective import Units

Floats = NDArray[np.float64]


def cluster_sizes(n: int) -> Floats:
    """Items of each cluster, five on average."""
    return np.array([2.0, 4, 6, 8]) if n == 20 else np.tile([1.0, 3, 5, 7, 9], n // 25)


def units_of(values: Floats, sizes: Floats) -> Units:
    """Values of shape (r, n), in the order of the clusters, as units of shape (r, k)."""
    if sizes.max() == 1:
        return Units(values, sizes, values**2)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)
    return Units(np.add.reduceat(values, starts, axis=1), sizes, np.add.reduceat(values**2, starts, axis=1))


def spread_rates(rng: np.random.Generator, mean: Floats, correlation: float, sizes: Floats) -> Floats:
    """The rate of each item, shape (r, n): the same within a cluster, beta distributed between them."""
    if sizes.max() == 1:
        return np.broadcast_to(mean[:, None], (len(mean), len(sizes)))
    f = (1 - correlation) / correlation
    rates = rng.beta(mean[:, None] * f, (1 - mean[:, None]) * f, size=(len(mean), len(sizes)))
    return np.repeat(rates, sizes.astype(int), axis=1)


def graded_scores(rng: np.random.Generator, rates: Floats) -> Floats:
    """Scores like token F1: half of them are right or wrong, half lie between; the mean is the rate."""
    between = rng.integers(0, 2, rates.shape, dtype=bool)
    scores = np.empty(rates.shape)
    inner, outer = rates[between], rates[~between]
    scores[between] = rng.beta(np.maximum(3 * inner, 1e-9), np.maximum(3 * (1 - inner), 1e-9))
    scores[~between] = rng.random(len(outer)) < outer
    return scores


def amounts(rng: np.random.Generator, r: int, sigma: float, correlation: float, sizes: Floats) -> Floats:
    """Lognormal amounts of mean 1, shape (r, n), with a correlation of their logarithms within clusters."""
    n = int(sizes.sum())
    z = rng.normal(size=(r, n)) * np.sqrt(1 - correlation)
    if correlation:
        z += np.repeat(rng.normal(size=(r, len(sizes))), sizes.astype(int), axis=1) * np.sqrt(correlation)
    return np.exp(sigma * z - sigma**2 / 2)


def paired_rates(rng: np.random.Generator, r: int, band: tuple[float, float], alike: bool) -> Floats:
    """Probabilities of (only baseline, only reference, both, none right), shape (r, 4).

    The reference's rate is from the band; the baseline's too if they are alike, else up to 15 points off.
    """
    reference = rng.uniform(*band, r)
    ours = rng.uniform(*band, r) if alike else np.abs(reference + rng.uniform(-0.15, 0.15, r)) + 0.005
    phi = rng.uniform(0.0, 0.6, r)
    both = ours * reference + phi * np.sqrt(ours * (1 - ours) * reference * (1 - reference))
    both = np.minimum(both, 0.98 * np.minimum(ours, reference))
    return np.stack([ours - both, reference - both, both, 1 - ours - reference + both], axis=1)


def paired_counts(
    rng: np.random.Generator, p: Floats, correlation: float, sizes: Floats
) -> NDArray[np.float64]:
    """Counts of the four outcomes by unit, shape (r, k, 4)."""
    if sizes.max() == 1:
        raise ValueError("independent items are counted as a whole")
    f = (1 - correlation) / correlation
    shares = rng.gamma(np.maximum(p[:, None, :] * f, 1e-6), size=(len(p), len(sizes), 4))
    shares /= np.maximum(shares.sum(axis=2, keepdims=True), 1e-300)
    return rng.multinomial(sizes.astype(int), shares).astype(float)


def graded_pairs(
    rng: np.random.Generator, ours: Floats, theirs: Floats, correlation: float, sizes: Floats
) -> Floats:
    """Differences of graded scores, shape (r, n): on 40 % of the items both have the same answer."""
    n = int(sizes.sum())
    reference = graded_scores(rng, spread_rates(rng, theirs, correlation, sizes))
    baseline = graded_scores(rng, spread_rates(rng, ours, correlation, sizes))
    return np.where(rng.random((len(ours), n)) < 0.4, 0.0, baseline - reference)


def unequal_sizes(n: int) -> Floats:
    """Items of each cluster: one holds a fifth of all, others fewer and fewer, many one."""
    sizes, left = [], n
    while left:
        sizes.append(max(1, round(left * 0.2)) if len(sizes) < 12 else 1)
        left -= sizes[-1]
    return np.array(sizes, dtype=float)


def two_amounts(rng: np.random.Generator, r: int, correlation: float, sizes: Floats) -> tuple[Floats, Floats]:
    """Amounts of a baseline (mean 0.7) and a reference (mean 1) that share half of what makes an item long."""
    shared = amounts(rng, r, 0.5, correlation, sizes)
    return 0.7 * shared * amounts(rng, r, 0.5, correlation, sizes), shared * amounts(
        rng, r, 0.5, correlation, sizes
    )
