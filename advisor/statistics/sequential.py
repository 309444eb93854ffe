"""Inference that may be looked at as often as one likes: intervals of a mean that hold at every time at once.

A fixed-n interval or p-value is valid for one look at a number of items chosen beforehand. Whoever looks again and
again, and stops when it looks good, is wrong far more often than it says. Here the intervals hold for all times
together, so that the moment to stop may depend on the data.

**Testing by betting.** Is the mean m? Bet on it: start with 1, and multiply by 1 + λ (x - m) at each observation x.
If m is right the capital is a nonnegative martingale, and reaches 2/α with probability α/2 at most, ever (Ville's
inequality). The lower limit is the largest m against which a bet on larger values has won that much; the upper limit
is the mirror image.

The stake is a share g of what may be lost, λ = g / m, so a factor is 1 - g + g x / m. Which g wins most depends on
what is not known beforehand, so the capital is spread evenly over a grid of them ("grid Kelly"). This has three
useful properties: each factor falls with m, so that what is not rejected is an interval, found by bisection; no
setting has to be tuned to the effect; and the capital depends on what was observed, not on the order of it.

Where items belong together (questions on one document), an observation is a whole cluster: with sum X and size N its
factor is 1 + g (X / m - N) / N_max. Its expectation is 1 where m is the mean over all items, because E[X] = m E[N];
clusters may differ in size, and N_max, the size of the largest, has to be known before.

Observations are taken as independent draws from the population, as everywhere in this product: the target is the mean
over the population, not over the held-out set, so nothing is gained from that set being finite.

Sources: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, Journal of the Royal
Statistical Society B 86(1) (hedged capital; section 4 and the grid-Kelly bets of its appendix); Ville (1939), Étude
critique de la notion de collectif; for p-values at any time, Ramdas, Grünwald, Vovk and Shafer (2023), Game-theoretic
statistics and safe anytime-valid inference, Statistical Science 38(4).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.statistics._effective import Clusters
from advisor.statistics.intervals import finite
from advisor.statistics.paired import PairedComparison

Floats = NDArray[np.float64]
Limits = tuple[Floats, Floats]

STAKES: Floats = 0.99 * 2.0 ** (-np.arange(12) / 2)
"""Shares of what may be lost: from nearly all of it to 1/50, so that one is within a fifth of the best."""
_BISECTIONS = 26
_FEW = 64
"""So many distinct observations or fewer are counted rather than listed, for all looks at once."""


@dataclass(frozen=True)
class Observations:
    """What is bet on, in order: sums and sizes of independent units, both of shape (k,), values in 0 to 1."""

    sums: Floats
    sizes: Floats
    largest: float
    """The largest size there can be, known beforehand."""

    def mirrored(self) -> Observations:
        """The same with every value x as 1 - x; a lower limit of it is an upper one of this."""
        return Observations(self.sizes - self.sums, self.sizes, self.largest)


def observations(
    values: Sequence[float] | Floats,
    *,
    bounds: tuple[float, float] = (-1.0, 1.0),
    clusters: Clusters | None = None,
    largest: int | None = None,
) -> Observations:
    """Values as units, in the order in which the first item of each unit stands.

    Args:
        values: Shape (n,), each within the bounds.
        bounds: Lowest and highest possible value: -1 to 1 for differences of scores, 0 to 1 for scores.
        clusters: For each value what it belongs to, None where it stands alone.
        largest: Items of the largest cluster there can be; None: the largest there is, which is right only
            where all of the held-out set is given.

    Raises:
        ValueError: A value is outside the bounds, or a cluster is larger than `largest`.
    """
    array = finite(values, "values")
    low, high = bounds
    if array.min() < low - 1e-9 or array.max() > high + 1e-9:
        raise ValueError(f"values must lie between {low:g} and {high:g}")
    scaled = np.clip((array - low) / (high - low), 0.0, 1.0)
    sums, sizes = scaled, np.ones(len(scaled))
    if clusters is not None:
        if len(clusters) != len(array):
            raise ValueError(f"{len(array)} values, but {len(clusters)} clusters")
        number: dict[Hashable, int] = {}
        keys = [("item", i) if c is None else ("cluster", c) for i, c in enumerate(clusters)]
        positions = np.array([number.setdefault(key, len(number)) for key in keys])
        sums = np.bincount(positions, weights=scaled).astype(np.float64)
        sizes = np.bincount(positions).astype(np.float64)
    most = float(largest if largest is not None else sizes.max())
    if sizes.max() > most:
        raise ValueError(f"a cluster has {sizes.max():g} items, but `largest` is {most:g}")
    return Observations(sums, sizes, most)


def confidence_sequence(
    values: Sequence[float] | Floats,
    *,
    alpha: float | tuple[float, float] = 0.05,
    bounds: tuple[float, float] = (-1.0, 1.0),
    clusters: Clusters | None = None,
    largest: int | None = None,
    looks: Sequence[int] | None = None,
    running: bool = True,
) -> Limits:
    """(low, high) of the mean after each look, each of shape (looks,): all of them hold at once with 1 - alpha.

    Args:
        values: Shape (n,), in the order of observation.
        alpha: Probability that the mean is ever outside; a pair gives the lower and the upper limit's part.
        bounds: Lowest and highest possible value.
        clusters: For each value what it belongs to.
        largest: Items of the largest cluster there can be.
        looks: After how many units (items, or clusters where there are any) it is looked at; None: after each.
        running: Whether limits are never given back: each look's interval is cut with those before it.

    Raises:
        ValueError: The values are not what they must be, or a look is out of range.
    """
    units = observations(values, bounds=bounds, clusters=clusters, largest=largest)
    k = len(units.sums)
    at = np.arange(1, k + 1) if looks is None else np.asarray(looks, dtype=np.int64)
    if len(at) == 0 or at.min() < 1 or at.max() > k or (np.diff(at) < 0).any():
        raise ValueError(f"looks must be an increasing list of numbers between 1 and {k}")
    below, above = _split(alpha)
    low = _lower_limits(units, at, below)
    high = 1.0 - _lower_limits(units.mirrored(), at, above)
    if running:
        low, high = np.maximum.accumulate(low), np.minimum.accumulate(high)
    start, width = bounds[0], bounds[1] - bounds[0]
    return start + width * low, start + width * high


def sequential_interval(
    values: Sequence[float] | Floats,
    *,
    alpha: float | tuple[float, float] = 0.05,
    bounds: tuple[float, float] = (-1.0, 1.0),
    clusters: Clusters | None = None,
    largest: int | None = None,
) -> tuple[float, float]:
    """The interval of the confidence sequence at the last value; the order of the values does not matter.

    It is valid whatever made one stop here. Arguments and errors are those of `confidence_sequence`.
    """
    units = observations(values, bounds=bounds, clusters=clusters, largest=largest)
    low, high = confidence_sequence(
        values,
        alpha=alpha,
        bounds=bounds,
        clusters=clusters,
        largest=largest,
        looks=[len(units.sums)],
        running=False,
    )
    return float(low[0]), float(high[0])


def sequential_p_value(
    values: Sequence[float] | Floats,
    *,
    mean: float = 0.0,
    bounds: tuple[float, float] = (-1.0, 1.0),
    clusters: Clusters | None = None,
    largest: int | None = None,
) -> float:
    """Two-sided p-value of "the mean is `mean`" that is valid at whatever time one stops.

    It is at most alpha exactly where the interval with that alpha leaves `mean` out. A mean at a bound is possible only
    where every value is: then it is 1, else 0.

    Raises:
        ValueError: `mean` is outside the bounds, or the values are not what they must be.
    """
    if not bounds[0] <= mean <= bounds[1]:
        raise ValueError(f"`mean` must lie between {bounds[0]:g} and {bounds[1]:g}; it is {mean:g}")
    units = observations(values, bounds=bounds, clusters=clusters, largest=largest)
    m = (mean - bounds[0]) / (bounds[1] - bounds[0])
    if m in (0, 1):
        return float(np.all(units.sums == m * units.sizes))
    won = max(log_capital(units, m)[-1], log_capital(units.mirrored(), 1 - m)[-1])
    return float(min(1.0, 2 * math.exp(-won))) if won < 700 else 0.0


def log_capital(units: Observations, mean: float, looks: Sequence[int] | None = None) -> Floats:
    """Log capital of a bet that the true mean is above `mean` (0 to 1), after so many units; None: after each."""
    steps = _log_factors(units.sums, units.sizes, units.largest, np.array([mean]))[0]
    grown = np.cumsum(steps, axis=1)
    return _log_mean_exp(grown.T if looks is None else grown.T[np.asarray(looks) - 1])


def compare_sequentially(
    baseline: Sequence[float] | Floats,
    reference: Sequence[float] | Floats,
    *,
    alpha: float | tuple[float, float] = 0.05,
    clusters: Clusters | None = None,
    largest: int | None = None,
) -> PairedComparison:
    """Compares scores between 0 and 1 item by item, for a run that was looked at before it ended.

    What `advisor.statistics.paired.compare` is for a number of items fixed beforehand. A detectable difference
    is not given: it depends on when one stops.

    Args:
        baseline: Scores, shape (n,).
        reference: Scores of the same items in the same order, shape (n,).
        alpha: Of the interval; a pair gives the lower and the upper limit's part. The p-value does not depend on it.
        clusters: For each item what it belongs to.
        largest: Items of the largest cluster there can be.

    Raises:
        ValueError: The scores are not such, or differ in number.
    """
    ours, theirs = finite(baseline, "baseline"), finite(reference, "reference")
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} scores of the baseline, but {len(theirs)} of the reference")
    differences = ours - theirs
    binary = bool(np.isin(ours, (0.0, 1.0)).all() and np.isin(theirs, (0.0, 1.0)).all())
    return PairedComparison(
        n=len(ours),
        difference=float(differences.mean()),
        ci95=sequential_interval(differences, alpha=alpha, clusters=clusters, largest=largest),
        test="betting, valid at any time",
        p_value=sequential_p_value(differences, clusters=clusters, largest=largest),
        discordant=(int(np.sum(differences > 0)), int(np.sum(differences < 0))) if binary else None,
        detectable_difference=None,
    )


def _split(alpha: float | tuple[float, float]) -> tuple[float, float]:
    below, above = alpha if isinstance(alpha, tuple) else (alpha / 2, alpha / 2)
    if not (0 < below < 1 and 0 < above < 1):
        raise ValueError("alpha must lie between 0 and 1")
    return below, above


def _lower_limits(units: Observations, at: NDArray[np.int64], alpha: float) -> Floats:
    """Lower limits (0 to 1) after so many units each, found by bisection; never above the exact ones."""
    kinds = np.unique(units.sums + 1j * units.sizes)  # pairs as one number each, which sorts faster than rows
    if len(kinds) > _FEW:
        parts = [
            _bisected(units.sums[:n], units.sizes[:n], units.largest, np.ones((1, n)), alpha) for n in at
        ]
        return np.concatenate(parts)
    kind_of = np.searchsorted(kinds, units.sums + 1j * units.sizes)
    counts = np.stack([np.cumsum(kind_of == kind)[at - 1] for kind in range(len(kinds))], axis=1)
    return _bisected(kinds.real, kinds.imag, units.largest, counts.astype(np.float64), alpha)


def _bisected(sums: Floats, sizes: Floats, largest: float, counts: Floats, alpha: float) -> Floats:
    """Lower limits for each row of counts, shape (looks, distinct units)."""
    needed = -math.log(alpha)
    low, high = np.zeros(len(counts)), np.ones(len(counts))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        capital = np.einsum("lsd,ld->ls", _log_factors(sums, sizes, largest, middle), counts)
        won = _log_mean_exp(capital) >= needed
        low, high = np.where(won, middle, low), np.where(won, high, middle)
    return low


def _log_factors(sums: Floats, sizes: Floats, largest: float, means: Floats) -> Floats:
    """Log of what an observation multiplies each stake's capital by, shape (means, stakes, observations)."""
    found: Floats = np.log1p(STAKES[:, None] * (sums / means[:, None, None] - sizes) / largest)
    return found


def _log_mean_exp(values: Floats) -> Floats:
    """Log of the mean of exp over the last axis."""
    most = values.max(axis=-1, keepdims=True)
    found: Floats = np.log(np.exp(values - most).mean(axis=-1)) + most[..., 0]
    return found
