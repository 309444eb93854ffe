"""Intervals of a mean that has no scale: tokens, cost, latency, and differences of them; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.statistics._effective import Units, robust_total
from advisor.statistics._score import quantile

Floats = NDArray[np.float64]

SMALL_SAMPLE = 2.0
"""By this over sqrt(k) the skewness of k units is raised."""


def unbounded_interval(
    units: Units, confidence: float, *, skewed: Any
) -> tuple[Floats, Floats, Floats, Floats]:
    """(low, high, standard error, degrees of freedom) of the mean over all items, each of shape (...).

    Student's t; where `skewed`, the statistic is first made symmetric by Hall's monotone cubic transformation,
    which gets right what makes t miss: with a long tail to the right, a sample whose mean is too low also has
    too small a spread. A small sample shows too little of its skewness a, so that is raised by 1 + 2 / sqrt(k), and
    too little of its spread, so the squared error is raised by 1 + a²; simulation chose both. A single unit, or
    units that do not vary, have no width to give.

    Source: Hall (1992), On the removal of skewness by transformation, Journal of the Royal Statistical Society B
    54(1). It needs no resampling and covers as well as the bootstrap-t, and clearly better than BCa, for
    lognormal values: see benchmarks/decision/coverage.py.

    Args:
        units: The values, summed by unit.
        confidence: Coverage, e.g. 0.95.
        skewed: Whether to correct for skewness, shape (...).
    """
    mean = np.asarray(units.mean, dtype=float)
    k = len(units.sizes)
    if k == 1:
        return mean, mean, np.zeros_like(mean), np.ones_like(mean)
    total, df = robust_total(units)
    error = np.sqrt(total) / units.n
    residuals = units.sums - mean[..., None] * units.sizes
    squares = (residuals**2).sum(axis=-1)
    varies = squares > 1e-24 * np.maximum((units.sums**2).sum(axis=-1), 1e-300)
    error = np.where(varies, error, 0.0)
    skewness = (residuals**3).sum(axis=-1) / np.where(varies, squares, 1.0) ** 1.5
    skewness = skewness * (1 + SMALL_SAMPLE / np.sqrt(k))
    skewness = np.where(np.asarray(skewed) & varies, skewness, 0.0)
    error = error * np.sqrt(1 + skewness**2)
    q = quantile(confidence, df)
    low, high = mean - error * _untransformed(q, skewness), mean - error * _untransformed(-q, skewness)
    return low, high, error, np.full_like(mean, df)


def _untransformed(x: Any, a: Floats) -> Floats:
    """The value T for which g(T) = T + a T² / 3 + a² T³ / 27 + a / 6 is `x`."""
    plain = np.abs(a) < 1e-6
    safe = np.where(plain, 1.0, a)
    found: Floats = np.where(plain, x, 3 / safe * (np.cbrt(1 + safe * (x - safe / 6)) - 1))
    return found
