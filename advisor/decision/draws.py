"""All baselines on the same items: aligned, and drawn again together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SEED = 20_261_123
QUALITY_DRAWS = 4_000
"""Bootstrap draws of all baselines' means at once; for probabilities of being the best."""
MANY_UNITS = 5_000
"""From so many distinct units on a mean is as good as normal, and is drawn as such."""
Scores = NDArray[np.float64]


class Scored(Protocol):
    """A baseline with its scores by item."""

    @property
    def name(self) -> str:
        """The baseline's name."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Held-out items."""

    @property
    def scores(self) -> Scores:
        """Of these items, shape (n,)."""


def aligned(standings: Sequence[Scored]) -> tuple[tuple[str, ...], list[Scores]]:
    """(the items that all of them have, their scores of these items in the same order)."""
    first = standings[0].ids
    if all(s.ids == first for s in standings):
        return first, [s.scores for s in standings]
    in_all = set.intersection(*(set(s.ids) for s in standings))
    shared = tuple(i for i in first if i in in_all)
    rows = []
    for s in standings:
        position = {item: k for k, item in enumerate(s.ids)}
        rows.append(s.scores[[position[i] for i in shared]])
    return shared, rows


def clusters_of(ids: Sequence[str], groups: dict[str, str]) -> list[str] | None:
    """What each item belongs to, an item without a group to itself; None where no item has a group."""
    return [groups.get(i, f"id:{i}") for i in ids] if groups else None


def resampled_means(standings: Sequence[Scored], groups: dict[str, str]) -> dict[str, Scores]:
    """Bootstrap means over the items that all baselines answered; whole clusters are drawn where there are any."""
    if not standings:
        return {}
    # by name, so that the order of baselines decides no draw; that of items does not, since equal units are counted
    standings = sorted(standings, key=lambda s: s.name)
    shared, rows = aligned(standings)
    if len(shared) < 2:
        return {}
    matrix = np.array(rows)
    sizes = np.ones(len(shared))
    names = clusters_of(shared, groups)
    if names is not None:
        _, codes = np.unique(np.array(names), return_inverse=True)
        sizes = np.bincount(codes).astype(float)
        matrix = np.array([np.bincount(codes, weights=row) for row in matrix])
    means = _joint_draws(matrix, sizes)
    return {s.name: means[:, k] for k, s in enumerate(standings)}


def _joint_draws(sums: Scores, sizes: Scores) -> Scores:
    """Means of all baselines in the same resamples, shape (draws, baselines), of units with `sums` (baselines, k).

    Equal units are counted, not listed. Many distinct ones are not resampled: their means are drawn from the normal
    distribution that the central limit theorem gives, with the variance of a ratio (Cochran 1977, section 6.3).
    """
    rng = np.random.default_rng(SEED)
    # sums of clusters may differ in their last digits by the order of their items
    distinct, counts = np.unique(np.vstack([sums, sizes]).round(9), axis=1, return_counts=True)
    k, total = len(sizes), float(sizes.sum())
    if len(counts) > MANY_UNITS:
        mean = sums.sum(axis=1) / total
        residuals = sums - mean[:, None] * sizes
        covariance = residuals @ residuals.T / total**2
        return rng.multivariate_normal(mean, covariance, size=QUALITY_DRAWS, method="eigh")
    drawn = []
    for start in range(0, QUALITY_DRAWS, 500):  # by chunks: memory stays small
        size = min(500, QUALITY_DRAWS - start)
        times = rng.multinomial(k, counts / k, size=size).astype(float)
        drawn.append((times @ distinct[:-1].T) / (times @ distinct[-1])[:, None])
    return np.concatenate(drawn)
