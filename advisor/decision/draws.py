"""All baselines on the same items: aligned, and drawn again together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def clusters_of(ids: Sequence[str], groups: Mapping[str, str]) -> list[str] | None:
    """What each item belongs to, an item without a group to itself; None where no item has a group."""
    return [f"group:{groups[i]}" if i in groups else f"id:{i}" for i in ids] if groups else None


def resampled_means(standings: Sequence[Scored], groups: Mapping[str, str]) -> dict[str, Scores]:
    """Bootstrap means of all baselines, each over those of its items that a resample holds.

    All see the same resamples of the items that any of them answered; whole clusters are drawn where there are any. A
    baseline of fewer than two items has none.
    """
    # by name, so that the order of baselines decides no draw; that of items does not, since equal units are counted
    standings = sorted((s for s in standings if len(s.ids) > 1), key=lambda s: s.name)
    if not standings:
        return {}
    items = standings[0].ids
    alike = all(s.ids == items for s in standings)
    if not alike:
        items = tuple(sorted(set().union(*(s.ids for s in standings))))
    position = {item: k for k, item in enumerate(items)}
    names = clusters_of(items, groups)
    units = np.arange(len(items))
    if names is not None:
        _, units = np.unique(np.array(names), return_inverse=True)
    count = int(units.max()) + 1
    sums, sizes = np.zeros((2, len(standings), count))
    for k, s in enumerate(standings):
        of = units if s.ids == items else units[[position[i] for i in s.ids]]
        sums[k] = np.bincount(of, weights=s.scores, minlength=count)
        sizes[k] = np.bincount(of, minlength=count)
    means = _joint_draws(sums, sizes[:1] if alike else sizes)
    return {s.name: means[:, k] for k, s in enumerate(standings)}


def resampled_pair(first: Scored, second: Scored, groups: Mapping[str, str]) -> tuple[Scores, Scores] | None:
    """Bootstrap means of two baselines over the items that both answered; None where these are fewer than two."""
    shared, rows = aligned([first, second])
    both = [_Named(s.name, shared, row) for s, row in zip((first, second), rows, strict=True)]
    drawn = resampled_means(both, groups)
    return (drawn[first.name], drawn[second.name]) if drawn else None


@dataclass(frozen=True)
class _Named:
    """A baseline on some of its items."""

    name: str
    ids: tuple[str, ...]
    scores: Scores


def _joint_draws(sums: Scores, sizes: Scores) -> Scores:
    """Means of all baselines in the same resamples of units, shape (draws, baselines).

    Equal units are counted, not listed. Many distinct ones are not resampled: their means are drawn from the normal
    distribution that the central limit theorem gives, with the variance of a ratio (Cochran 1977, section 6.3).

    Args:
        sums: Sum of the scores in each unit, shape (baselines, units).
        sizes: Number of the items in each unit, shape (baselines, units), or (1, units) where all have the same.
    """
    rng = np.random.default_rng(SEED)
    totals = sizes.sum(axis=1)
    mean = sums.sum(axis=1) / totals
    # sums of clusters may differ in their last digits by the order of their items
    distinct, counts = np.unique(np.vstack([sums, sizes]).round(9), axis=1, return_counts=True)
    k = sums.shape[1]
    if len(counts) > MANY_UNITS:
        residuals = (sums - mean[:, None] * sizes) / totals[:, None]
        return rng.multivariate_normal(mean, residuals @ residuals.T, size=QUALITY_DRAWS, method="eigh")
    drawn = []
    of_sums, of_sizes = distinct[: len(sums)].T, distinct[len(sums) :].T
    for start in range(0, QUALITY_DRAWS, 500):  # by chunks: memory stays small
        size = min(500, QUALITY_DRAWS - start)
        times = rng.multinomial(k, counts / k, size=size).astype(float)
        items = times @ of_sizes
        # a resample without any item of a baseline says nothing of it
        drawn.append(np.where(items > 0, times @ of_sums / np.maximum(items, 1.0), mean))
    return np.concatenate(drawn)
