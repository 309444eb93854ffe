"""How many independent right/wrong items the observed ones are worth: the effective sample size.

Graded scores vary less than right/wrong scores of the same mean, so n of them tell as much as more than n
right/wrong ones; items in clusters repeat each other, so they tell as much as fewer. Both are one factor, by
which n is divided before the score intervals of a proportion or of a paired difference are applied:

    n_effective = n / (dispersion · design effect)

- dispersion: the variance of the scores divided by that of right/wrong scores of the same mean. It is 1 for
  right/wrong scores. Rare large values may not have been seen yet where most scores stand at an end of the
  scale, so up to three quarters of a right/wrong item are added to it, by the share of such scores.
- design effect (Kish 1965): the variance of the mean over clusters, divided by what it would be for
  independent items. The variance is the bias-reduced one (CR2), its degrees of freedom are Satterthwaite's
  (Bell and McCaffrey 2002), both under a working intraclass correlation. For a mean they are fewer where the
  clusters' sums have heavy tails: if only j of many clusters hold a rare value, they are worth about 2j, whatever
  their number. Few degrees of freedom say little about the design effect, so it is drawn towards that of the
  working correlation, which counts as half a degree (as in the moderated t statistic, Smyth 2004).

The quantile is Student's t with the degrees of freedom of whatever was estimated; where all is known (right/wrong
items that are independent), the intervals are Wilson's and Tango's themselves.

Sources: Korn and Graubard (1998), Confidence intervals for proportions with small expected number of positive
counts estimated from survey data, Survey Methodology 24; Franco, Little, Louis and Slud (2019), Comparative study
of confidence intervals for proportions in complex sample surveys, Journal of Survey Statistics and Methodology 7;
Bell and McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples, Survey
Methodology 28; Smyth (2004), Linear models and empirical Bayes methods for assessing differential expression,
Statistical Applications in Genetics and Molecular Biology 3. The constants were chosen by simulation: see
benchmarks/decision/coverage.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Clusters = Sequence[Hashable | None]

WORKING_CORRELATION = 0.4
"""The intraclass correlation that is assumed as far as the data cannot tell: questions about one document."""
ASSUMED_DF = 0.5
"""As many degrees of freedom as the working correlation counts against what the clusters show."""
FEW_CLUSTERS = 10
"""Below so many clusters the interval leans on the working correlation."""


@dataclass(frozen=True)
class Units:
    """Independent units: the sums of their values, shape (..., k), and their numbers of items, shape (k,)."""

    sums: Floats
    sizes: Floats

    @property
    def n(self) -> float:
        """Number of items."""
        return float(self.sizes.sum())

    @property
    def clustered(self) -> bool:
        """Whether a unit holds more than one item."""
        return bool(self.sizes.max() > 1)

    @property
    def mean(self) -> Any:
        """The mean over all items, shape (...)."""
        return self.sums.sum(axis=-1) / self.n


@dataclass(frozen=True)
class Assumed:
    """What is added to the observed spread where most values stand where right/wrong ones could, at the ends."""

    dispersion: float
    """Right/wrong items added to the dispersion, times the share of such values."""
    heavy_tails: bool
    """Whether clusters count for less where few of them hold what varies."""


OF_A_MEAN = Assumed(dispersion=0.75, heavy_tails=True)
"""A mean near 0 or 1 is skewed: missing the rare values makes both the mean and its spread too small."""
OF_A_DIFFERENCE = Assumed(dispersion=0.5, heavy_tails=False)
"""Differences have two tails, so less is missed at once."""


@dataclass(frozen=True)
class Effective:
    """What n items are worth; both of shape (...)."""

    factor: Floats
    """n is divided by it."""
    df: Floats
    """Degrees of freedom of the t quantile; infinite where no variance had to be estimated."""


def gather(values: Floats, clusters: Clusters | None) -> Units:
    """The units of values of shape (n,); an item whose cluster is None is a unit of its own.

    Raises:
        ValueError: There are not as many clusters as values.
    """
    if clusters is None:
        return Units(np.sort(values), np.ones(len(values)))
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values, but {len(clusters)} clusters")
    positions = _positions(clusters)
    sums = np.bincount(positions, weights=values).astype(np.float64)
    sizes = np.bincount(positions).astype(np.float64)
    # In a fixed order, so that sums and draws do not depend on the order of the items.
    order = np.lexsort((sums, sizes))
    return Units(sums[order], sizes[order])


def effective(
    units: Units, *, squares: Floats, ceiling: Floats, at_ends: Floats, assumed: Assumed
) -> Effective:
    """What the items are worth, as of independent right/wrong ones.

    Args:
        units: The values, summed by unit.
        squares: Sum of the squared values over all items, shape (...).
        ceiling: What the sum of squared deviations would be if the values were right/wrong, shape (...).
        at_ends: Share of the values that right/wrong items could have, shape (...).
        assumed: What is assumed as far as the values cannot tell.
    """
    n, k = units.n, len(units.sizes)
    deviations = np.maximum(squares - n * units.mean**2, 0.0)
    deviations = np.where(deviations > 1e-12 * np.maximum(squares, 1e-300), deviations, 0.0)
    unseen = assumed.dispersion * at_ends
    spread = deviations + unseen
    # Values that are all alike, and not at an end, do not tell how they vary: at worst as right/wrong ones do.
    known = (spread > 0) & (ceiling + unseen > 0)
    dispersion = np.where(known, spread / np.where(known, ceiling + unseen, 1.0), 1.0)
    dispersion = np.minimum(dispersion, 1.0)
    if not units.clustered:
        estimated = 1 - dispersion
        df = np.where(estimated > 1e-12, (n - 1) / np.maximum(estimated, 1e-12), np.inf)
        return Effective(dispersion * (1 + estimated / max(n - 1, 1)), np.maximum(df, 1.0))
    if k == 1:
        return Effective(dispersion * n, np.ones_like(dispersion))
    total, robust_df = robust_total(units)
    prior = 1 + (float(units.sizes @ units.sizes) / n - 1) * WORKING_CORRELATION
    told = np.where(deviations > 0, robust_df, 0.0)
    if assumed.heavy_tails:
        told = told * np.minimum(1.0, 2 / (kurtosis(units) - 1))
    share = told / (told + ASSUMED_DF)
    observed = np.where(deviations > 0, total * (n - 1) / n / np.where(deviations > 0, deviations, 1.0), 0.0)
    design = share * observed + (1 - share) * prior
    certain = share * observed <= 1e-9 * design
    df = np.where(certain, np.inf, told * (design / np.where(certain, 1.0, share * observed)) ** 2)
    return Effective(dispersion * design, np.maximum(df, 1.0))


def robust_total(units: Units) -> tuple[Floats, float]:
    """Bias-reduced variance of the sum over at least two units (CR2), shape (...), and its degrees of freedom.

    Both are exact for normal values under the working correlation; with equal sizes the variance is the usual
    one between units, and the degrees of freedom are k - 1. Closed forms of Bell and McCaffrey (2002) for a mean.
    """
    sizes, n = units.sizes, units.n
    residuals = units.sums - np.asarray(units.mean)[..., None] * sizes
    h = sizes / n
    w = 1 / (1 - h)
    v, own = _working_variances(units)
    whole = v.sum()
    trace = (w * own).sum()
    cross = 2 * h * v - h**2 * whole
    squared = (
        2 * (w @ v**2) * (w @ h**2)
        + whole**2 * (w @ h**2) ** 2
        + 2 * (w @ (h * v)) ** 2
        - 4 * whole * (w @ (h * v)) * (w @ h**2)
        - w**2 @ cross**2
        + w**2 @ own**2
    )
    return (residuals**2 @ w) * (whole / trace), float(trace**2 / squared)


def kurtosis(units: Units) -> Floats:
    """Of the units' deviations from the mean, at least 3, that of a normal distribution; shape (...).

    Each deviation is measured by the spread that its unit's size leads to expect, so unequal sizes are no heavy tail.
    """
    residuals = units.sums - np.asarray(units.mean)[..., None] * units.sizes
    _, own = _working_variances(units)
    squares = residuals**2 / own
    total = squares.sum(axis=-1, keepdims=True)
    shares = squares / np.where(total > 0, total, 1.0)
    found: Floats = np.maximum(len(units.sizes) * (shares**2).sum(axis=-1), 3.0)
    return found


def _working_variances(units: Units) -> tuple[Floats, Floats]:
    """Variances of the sums, and of their deviations from the mean, under the working correlation, shape (k,)."""
    sizes = units.sizes
    v = sizes * (1 + (sizes - 1) * WORKING_CORRELATION)
    h = sizes / units.n
    return v, v - 2 * h * v + h**2 * v.sum()


def _positions(clusters: Clusters) -> NDArray[np.int64]:
    """For each item the number of its unit."""
    number: defaultdict[Any, int] = defaultdict(count().__next__)
    keys: Sequence[Any] = clusters
    if None in clusters:
        keys = [(i,) if c is None else c for i, c in enumerate(clusters)]
    return np.fromiter(map(number.__getitem__, keys), dtype=np.int64, count=len(keys))
