"""Confidence intervals of one baseline's mean score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from advisor.statistics._resampling import Clusters, bootstrap_mean_interval, gather


def proportion_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; it has a width even where all or none of the items are right.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.

    Raises:
        ValueError: There are no items, or more successes than items.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} items is not a proportion")
    low, high = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    # Rounding may leave the limits of 0/n and n/n a hair away from 0 and 1.
    return (0.0 if successes == 0 else float(low), 1.0 if successes == n else float(high))


def mean_interval(
    values: Sequence[float] | NDArray[np.float64],
    *,
    seed: int,
    resamples: int = 10_000,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Interval of a mean score: Wilson's for right/wrong scores, else a BCa bootstrap.

    Scores between 0 and 1 that are all alike still get an interval with a width: that they are alike in a
    small sample does not say that the next one will be.

    Args:
        values: Scores, shape (n,).
        seed: Decides the bootstrap's draws.
        resamples: Number of bootstrap samples.
        clusters: For each value what it belongs to (a customer, a document), None where it stands alone;
            whole clusters are then resampled, because their values are not independent. With few clusters
            (below about ten) the interval is wide and rough.
        confidence: Coverage.

    Raises:
        ValueError: There are no values, or one is not finite.
    """
    scores = finite(values, "values")
    units = gather(scores, clusters)
    if units.sizes.max() == 1 and np.isin(scores, (0.0, 1.0)).all():
        return proportion_interval(int(scores.sum()), len(scores), confidence)
    bounds = (0.0, 1.0) if scores.min() >= 0 and scores.max() <= 1 else None
    return bootstrap_mean_interval(
        units, confidence=confidence, resamples=resamples, seed=seed, bounds=bounds
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
