"""Confidence intervals of one baseline's mean: its score, or what it uses up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.statistics._effective import FEW_CLUSTERS, OF_A_MEAN, Clusters, Units, effective, gather
from advisor.statistics._score import quantile, wilson
from advisor.statistics._skewed import unbounded_interval


def proportion_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; it has a width even where all or none of the items are right.

    Averaged over bands of rates it covers 94.7 to 96.1 % from 20 items on, where Jeffreys' covers 94.0 to
    97.3 %: see benchmarks/decision/coverage.py.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22; compared
    with others by Brown, Cai and DasGupta (2001), Interval estimation for a binomial proportion, Statistical
    Science 16.

    Raises:
        ValueError: There are no items, more successes than items, or the confidence is not between 0 and 1.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} items is not a proportion")
    low, high = wilson(successes / n, n, quantile(confidence, np.inf))
    return float(low), float(high)


def mean_interval(
    values: Sequence[float] | NDArray[np.float64],
    *,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Interval of a mean. It is computed, not drawn, so the same values always have the same interval.

    | values | interval |
    |---|---|
    | right/wrong | Wilson's score interval |
    | graded, between 0 and 1 | Wilson's with an effective number of items, from the variance of the scores |
    | any other | Student's t; for values all of one sign (tokens, cost, latency) after Hall's correction for skewness |

    In clusters the effective number of items, or the standard error, is that of whole clusters. Scores that
    are all alike still get an interval with a width: that they are alike in a small sample does not say that the
    next one will be.

    Args:
        values: Scores or amounts, shape (n,).
        clusters: For each value what it belongs to (a customer, a document), None where it stands alone. With
            few of them, see `few_clusters_note`.
        confidence: Coverage.

    Raises:
        ValueError: There are no values, one is not finite, or the confidence is not between 0 and 1.
    """
    scores = finite(values, "values")
    units = gather(scores, clusters)
    if scores.min() >= 0 and scores.max() <= 1:
        at_ends = np.mean((scores == 0) | (scores == 1))
        low, high = bounded_mean_interval(units, at_ends=at_ends, confidence=confidence)
    else:
        low, high, _, _ = unbounded_interval(units, confidence, skewed=scores.min() >= 0 or scores.max() <= 0)
    mean = float(units.mean)
    return min(float(low), mean), max(float(high), mean)


def bounded_mean_interval(
    units: Units, *, at_ends: Any, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a mean on the scale from 0 to 1, for many samples at once.

    Args:
        units: Scores summed by unit, shape (..., k).
        at_ends: Share of scores that are exactly 0 or 1, shape (...).
        confidence: Coverage.
    """
    mean = np.clip(units.mean, 0.0, 1.0)
    ceiling = units.n * mean * (1 - mean)
    worth = effective(units, ceiling=ceiling, at_ends=at_ends, assumed=OF_A_MEAN)
    return wilson(mean, units.n / worth.factor, quantile(confidence, worth.df))


def few_clusters_note(clusters: Clusters | None) -> str | None:
    """What to say about intervals and tests over these clusters; None where there is nothing to say.

    With fewer than ten clusters the data hardly tell how alike the items of one are; it is then partly assumed
    (an intraclass correlation of 0.4). If they are less alike the interval is wider than it need be.
    """
    if clusters is None:
        return None
    named = [c for c in clusters if c is not None]
    k = len(set(named)) + len(clusters) - len(named)
    if k >= FEW_CLUSTERS or k == len(clusters):
        return None
    groups = "group" if k == 1 else "groups"
    return (
        f"The {len(clusters)} items come from {k} {groups}: too few to tell how alike the items of a group are, so a "
        "correlation of 0.4 between them is partly assumed. More groups would tell more than more items."
    )


def finite(values: Sequence[float] | NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """The values as an array of shape (n,), n >= 1.

    Raises:
        ValueError: There are none, they have another shape, or one is not a finite number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"`{name}` must be a list of at least one number")
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` holds a value that is not a finite number")
    return array
