"""How many independent right/wrong items the observed ones are worth: the effective sample size.

Graded scores vary less than right/wrong scores of the same mean, so n of them tell as much as more than n
right/wrong ones; items in clusters repeat each other, so they tell as much as fewer. Both are one factor, by
which n is divided before the score intervals of a proportion or of a paired difference are applied:

    n_effective = n / (dispersion · design effect)

- dispersion: the variance of the scores divided by that of right/wrong scores of the same mean. It is 1 for
  right/wrong scores. Rare large values may not have been seen yet where most scores stand at an end of the
  scale, so up to three quarters of a right/wrong item are added to it, by the share of such scores.
- design effect (Kish 1965): the variance of the mean over clusters, divided by what it would be for
  independent items. The variance is the bias-reduced one of Bell and McCaffrey (2002, CR2), under a working
  intraclass correlation. Few degrees of freedom say little about the design effect, so it is drawn towards that of
  the working correlation, which counts as half a degree (as in the moderated t statistic, Smyth 2004).

How many degrees of freedom the design effect has depends on what errs with it:

- of a difference it errs by itself, so they are its own, from its variance as that of a ratio of two sums over
  clusters. Where every cluster holds at most one discordant item both sums are the same, and little is left to err.
- a mean near 0 or 1 errs together with it: where the clusters that hold the rare values were missed, both are too
  small. So its degrees of freedom are those of the variance between clusters (Satterthwaite's, by Bell and
  McCaffrey), and fewer where the sums have heavy tails: if only j of many clusters hold a rare value, they are worth
  about 3j, whatever their number.

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
TAIL_DF = 3.0
"""As many degrees of freedom are had for each of the few clusters that hold what is rare, of a mean."""
RATIO_DF = 3.0
"""By this the degrees of freedom of the variance between clusters bound those of a difference's design effect."""
FEW_CLUSTERS = 10
"""Below so many clusters the interval leans on the working correlation."""


@dataclass(frozen=True)
class Units:
    """Independent units of one or more items."""

    sums: Floats
    """Sum of the values of each, shape (..., k)."""
    sizes: Floats
    """Number of items of each, shape (k,)."""
    squares: Floats
    """Sum of the squared values of each, shape (..., k)."""

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
    errs_together: bool
    """Whether mean and design effect err in the same direction."""


OF_A_MEAN = Assumed(dispersion=0.75, errs_together=True)
"""A mean near 0 or 1 is skewed: missing the rare values makes both the mean and its spread too small."""
OF_A_DIFFERENCE = Assumed(dispersion=0.5, errs_together=False)
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
        ordered = np.sort(values)
        return Units(ordered, np.ones(len(values)), ordered**2)
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values, but {len(clusters)} clusters")
    positions = _positions(clusters)
    sums, squares = (np.bincount(positions, weights=w).astype(np.float64) for w in (values, values**2))
    sizes = np.bincount(positions).astype(np.float64)
    # In a fixed order, so that sums and draws do not depend on the order of the items.
    order = np.lexsort((squares, sums, sizes))
    return Units(sums[order], sizes[order], squares[order])


def effective(units: Units, *, ceiling: Floats, at_ends: Floats, assumed: Assumed) -> Effective:
    """What the items are worth, as of independent right/wrong ones.

    Args:
        units: The values, summed by unit.
        ceiling: What the sum of squared deviations would be if the values were right/wrong, shape (...).
        at_ends: Share of the values that right/wrong items could have, shape (...).
        assumed: What is assumed as far as the values cannot tell.
    """
    n, k = units.n, len(units.sizes)
    squares = units.squares.sum(axis=-1)
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
    total, between_df = robust_total(units)
    varies = deviations > 0
    observed = np.where(varies, total * (n - 1) / n / np.where(varies, deviations, 1.0), 0.0)
    if assumed.errs_together:
        own_df = between_df * np.minimum(1.0, TAIL_DF / (kurtosis(units) - 1))
    else:
        own_df = np.minimum(ratio_df(units, deviations), RATIO_DF * between_df)
    told = np.where(varies, own_df, 0.0)
    prior = 1 + (float(units.sizes @ units.sizes) / n - 1) * WORKING_CORRELATION
    share = told / (told + ASSUMED_DF)
    design = share * observed + (1 - share) * prior
    certain = share * observed <= 1e-9 * design
    df = np.where(certain, np.inf, told * (design / np.where(certain, 1.0, share * observed)) ** 2)
    return Effective(dispersion * design, np.maximum(df, 1.0))


def ratio_df(units: Units, deviations: Floats) -> Floats:
    """Degrees of freedom of the design effect itself, shape (...): two by its relative variance.

    The design effect is the variance between clusters by that between items, both sums over clusters. A ratio's
    relative variance is, to first order, the sum of the squared differences of what each cluster adds to either
    (linearisation: Cochran 1977, Sampling Techniques, chapter 6).

    Args:
        units: The values, summed by unit.
        deviations: Sum of the squared deviations of the items from their mean, shape (...).
    """
    k, mean = len(units.sizes), np.asarray(units.mean)[..., None]
    between = (units.sums - mean * units.sizes) ** 2 / (1 - units.sizes / units.n)
    within = units.squares - 2 * mean * units.sums + mean**2 * units.sizes
    apart = between / np.maximum(between.sum(axis=-1, keepdims=True), 1e-300)
    apart = apart - within / np.maximum(deviations[..., None], 1e-300)
    variance = (apart**2).sum(axis=-1) * k / (k - 1)
    found: Floats = 2 / np.maximum(variance, 1e-300)
    return found


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
