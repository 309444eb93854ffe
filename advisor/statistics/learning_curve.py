"""Quality by the amount of training data: a power law, and how far it can be trusted beyond what was measured.

    quality(n) = ceiling - scale · n^(-rate),   0 ≤ ceiling ≤ 1,   scale ≥ 0,   0.05 ≤ rate ≤ 2

Errors that fall by a power law in the number of examples were found over many tasks (Hestness et al., 2017, Deep
Learning Scaling is Predictable, Empirically, arXiv:1712.00409). Curves may also bend, stall or fall (Viering and
Loog, 2021, The Shape of Learning Curves: a Review, arXiv:2103.10948), so the law is an assumption, and fewer than
three sizes say nothing about what comes next.

The base model, untuned, is no point of the law, which has no value at n = 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from advisor.records import PowerLaw, Record
from advisor.statistics._effective import Clusters

Floats = NDArray[np.float64]

FEWEST_SIZES = 3
"""A law of three parameters needs as many points."""
RATES = (0.05, 2.0)
REFITS = 1_000
_GRID = np.geomspace(*RATES, 160)


class Extrapolation(Record):
    """A fitted law, and what it says of one size, with intervals from refits to resampled items."""

    law: PowerLaw
    n: float
    value: float
    ci95: tuple[float, float]
    gain: float
    """Over the largest size that was measured, both as the law has them."""
    gain_ci95: tuple[float, float]
    """Not below 0, as the law only rises."""
    gains: tuple[float, ...]
    """Of every refit."""


def quality_at(law: PowerLaw, n: float) -> float:
    """What a law says of `n` examples."""
    return float(law.ceiling - law.scale * n**-law.rate)


def fit_power_law(
    sizes: Sequence[float], values: Sequence[float], standard_errors: Sequence[float] | None = None
) -> PowerLaw:
    """The law that is nearest to the values, by weighted least squares.

    For a given rate the law is linear in ceiling and scale, and its best values stand in a formula; so the rates
    are tried on a grid (separable least squares: Golub and Pereyra, 1973, SIAM Journal on Numerical Analysis
    10(2)), and the best one is the start of scipy's `least_squares`. No start has to be guessed, and no local
    optimum can catch it.

    Args:
        sizes: Numbers of examples, above 0 and all different.
        values: Quality at each, between 0 and 1.
        standard_errors: Of the values, all above 0; absent, all alike.

    Raises:
        ValueError: There are fewer than three sizes, or not as many values or standard errors, or one of those is no
            number above 0.
    """
    n, q = _checked(sizes, values)
    errors = np.ones(len(n)) if standard_errors is None else np.asarray(standard_errors, dtype=np.float64)
    if errors.shape != n.shape:
        raise ValueError(f"{len(n)} sizes, but {errors.size} standard errors")
    if not (np.isfinite(errors).all() and (errors > 0).all()):
        raise ValueError(
            "standard errors must be numbers above 0; leave all of them out where one is not known"
        )
    unit = n.min()
    ceilings, slopes, rates = _fits(n / unit, q[None, :], 1 / errors**2)
    start = np.array([ceilings[0], -slopes[0], rates[0]])
    if start[1] > 0:

        def off(x: Floats) -> Floats:
            residuals: Floats = (x[0] - x[1] * (n / unit) ** -x[2] - q) / errors
            return residuals

        inside = np.clip(start, [1e-9, 1e-12, RATES[0] + 1e-9], [1 - 1e-9, np.inf, RATES[1] - 1e-9])
        found = least_squares(
            off, inside, bounds=([0, 0, RATES[0]], [1, np.inf, RATES[1]]), xtol=1e-14, ftol=1e-14, gtol=1e-14
        )
        if found.cost <= 0.5 * np.sum(off(start) ** 2):
            start = found.x
    return PowerLaw(ceiling=float(start[0]), scale=float(start[1] * unit ** start[2]), rate=float(start[2]))


def extrapolate(
    sizes: Sequence[float],
    scores: Sequence[Sequence[float]] | Floats,
    *,
    to: float,
    seed: int,
    clusters: Clusters | None = None,
    training_sd: float = 0.0,
    refits: int = REFITS,
) -> Extrapolation:
    """What the law says of a larger size, with 95 % intervals.

    The held-out items are resampled (whole clusters, where given), the same ones at every size, and the law is
    fitted again to each resample: percentiles of the refits. Neither interval is ever narrower than what so many items
    could have missed (Clopper and Pearson, 1934, for an event that none of them showed): quality lies between 0 and 1
    on such items, and the gain between -1 and 1.

    Args:
        sizes: Numbers of examples, at least three.
        scores: Shape (sizes, items), between 0 and 1, the same items at every size.
        to: The size to say something of, above the largest.
        seed: Decides the resamples.
        clusters: Of the items.
        training_sd: Standard deviation of the quality under other training seeds; each point of each refit is
            moved by so much. 0 leaves the luck of training out.
        refits: How many resamples.

    Raises:
        ValueError: There are fewer than three sizes, or shapes do not fit.
    """
    matrix = np.asarray(scores, dtype=np.float64)
    n, means = _checked(sizes, matrix.mean(axis=1))
    unit, items = n.min(), matrix.shape[1]
    errors = np.sqrt(_variances(matrix) + training_sd**2)
    law = fit_power_law(sizes, list(means), list(errors))
    rng = np.random.default_rng(seed)
    drawn = _resampled(matrix, clusters, rng, refits)
    if training_sd > 0:
        drawn = np.clip(drawn + rng.normal(0.0, training_sd, drawn.shape), 0.0, 1.0)
    ceilings, slopes, rates = _fits(n / unit, drawn, 1 / errors**2)
    there = ceilings + slopes * (to / unit) ** -rates
    now = ceilings + slopes * (n.max() / unit) ** -rates
    value, gain = quality_at(law, to), quality_at(law, to) - quality_at(law, n.max())
    unseen = 1 - 0.025 ** (1 / items)
    low, high = np.quantile(there, [0.025, 0.975])
    gain_low, gain_high = np.quantile(there - now, [0.025, 0.975])
    return Extrapolation(
        law=law,
        n=to,
        value=value,
        ci95=(
            min(float(low), value - unseen * value),
            max(float(high), value + unseen * (1 - value)),
        ),
        gain=gain,
        gain_ci95=(
            min(gain, max(0.0, min(float(gain_low), gain - unseen * (gain + 1)))),
            max(float(gain_high), gain + unseen * (1 - gain)),
        ),
        gains=tuple(float(g) for g in there - now),
    )


def _checked(sizes: Sequence[float], values: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    n, q = np.asarray(sizes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(n) != len(q):
        raise ValueError(f"{len(n)} sizes, but {len(q)} values")
    if len(set(n.tolist())) < max(FEWEST_SIZES, len(n)) or n.min() <= 0:
        raise ValueError(f"a power law needs {FEWEST_SIZES} different sizes above 0")
    if not np.isfinite(q).all() or q.min() < 0 or q.max() > 1:
        raise ValueError("values must be between 0 and 1")
    return n, q


def _fits(n: Floats, q: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """(ceiling, slope, rate) of the best law `ceiling + slope · n^(-rate)` for each row of `q`, on the grid of rates.

    Args:
        n: Sizes in units of the smallest, shape (m,).
        q: Shape (rows, m).
        weights: Shape (m,).
    """
    w = weights / weights.sum()
    mean = q @ w
    rows = len(q)
    best = np.full(rows, np.inf)
    ceilings, slopes, rates = mean.copy(), np.zeros(rows), np.full(rows, _GRID[0])
    for rate in _GRID:
        x = n**-rate
        centred = x - w @ x
        slope = np.minimum(
            (q @ (w * centred)) / (w @ centred**2), 0.0
        )  # quality does not fall with more data
        ceiling = mean - slope * (w @ x)
        # only one bound can be broken at a time: the best value then lies on it
        over = ceiling > 1
        slope = np.where(over, ((q - 1) @ (w * x)) / (w @ x**2), slope)
        ceiling = np.where(over, 1.0, ceiling)
        rest = ((q - ceiling[:, None] - slope[:, None] * x) ** 2) @ w
        better = rest < best - 1e-15
        best = np.where(better, rest, best)
        ceilings, slopes = np.where(better, ceiling, ceilings), np.where(better, slope, slopes)
        rates = np.where(better, rate, rates)
    return ceilings, slopes, rates


def _variances(scores: Floats) -> Floats:
    """Variance of each row's mean, with two items added, one right and one wrong: never zero (Agresti, Coull, 1998)."""
    n = scores.shape[1] + 2
    mean = (scores.sum(axis=1) + 1) / n
    squares = ((scores - mean[:, None]) ** 2).sum(axis=1) + mean**2 + (1 - mean) ** 2
    variances: Floats = squares / n**2
    return variances


def _resampled(scores: Floats, clusters: Clusters | None, rng: np.random.Generator, times: int) -> Floats:
    """Means of resampled items, shape (times, sizes)."""
    items = scores.shape[1]
    keys = [("item", i) if c is None else ("cluster", c) for i, c in enumerate(clusters or [None] * items)]
    if len(keys) != items:
        raise ValueError(f"{items} items, but {len(keys)} clusters")
    number: dict[tuple[str, object], int] = {}
    codes = np.array([number.setdefault(k, len(number)) for k in keys])
    sizes = np.bincount(codes).astype(np.float64)
    sums = np.array([np.bincount(codes, weights=row) for row in scores])
    k = len(sizes)
    drawn = []
    for start in range(0, times, 100):  # by chunks: memory stays small for large held-out sets
        counts = rng.multinomial(k, np.full(k, 1 / k), size=min(100, times - start)).astype(np.float64)
        drawn.append((counts @ sums.T) / (counts @ sizes)[:, None])
    return np.concatenate(drawn)
