"""Prediction-powered inference: few human scores correct the many of a judge.

A judge scores every item, people score some of them. People alone are right, but their interval is wide; the judge
alone has a narrow interval around a biased mean. Prediction-powered inference takes the judge's mean and subtracts
its mean error, as measured where both scored:

    theta = mean(Y, labelled) + lambda * (mean(f, unlabelled) - mean(f, labelled))

with people's scores Y and the judge's f. `lambda`, between 0 and 1, says how far the judge is trusted: the value of
smallest variance, Cov(Y, f) / ((1 + n / N) Var(f)) for n labelled and N further items ("power tuning"). A judge that
knows nothing gets 0, which leaves people's mean; one that always agrees with people gets N / (n + N), which is the
judge's mean over all items.

The labelled items must be a random sample of all: whoever picks those that look interesting to label biases the
correction.

Sources: Angelopoulos, Bates, Fannjiang, Jordan and Zrnic (2023), Prediction-powered inference, Science 382;
Angelopoulos, Duchi and Zrnic (2023), PPI++: efficient prediction-powered inference, arXiv 2311.01453 (section 6);
degrees of freedom: Satterthwaite (1946), Biometrics Bulletin 2(6).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import t

from advisor.records import Record
from advisor.statistics._effective import Clusters
from advisor.statistics._score import check_confidence
from advisor.statistics.intervals import finite

Floats = NDArray[np.float64]
Human = Sequence[float | None]
"""People's score of each item; None where nobody scored it."""


class CorrectedEstimate(Record):
    """A mean score, or a difference of two, as people would give it."""

    estimate: float
    ci: tuple[float, float]
    standard_error: float
    """0 where nothing varies; the interval then allows for what was not seen yet."""
    df: float
    """Degrees of freedom of its t distribution."""
    p_value: float
    """Two-sided, of the value zero: meant for differences."""
    tuning: float | None
    """How far the judge is trusted, 0 to 1 (lambda); None for differences, whose two sides have one each."""
    n_human: int
    """Items that people scored (of a difference: on either side)."""
    n: int
    values: tuple[float, ...] = Field(default=(), repr=False)
    """A value for each item whose mean is the estimate and whose spread is its standard error's: for resampling."""

    @property
    def detectable_difference(self) -> float | None:
        """The smallest true value that such data show, two-sided at 5 %, with 80 % power; None without a spread."""
        if self.standard_error == 0:
            return None
        return float((t.ppf(0.975, self.df) + t.ppf(0.8, self.df)) * self.standard_error)


class _Point(NamedTuple):
    estimate: float
    influence: Floats  # of each item on the estimate; sums to 0
    tuning: float
    labelled: NDArray[np.bool_]


def corrected_mean(
    judge: Sequence[float] | Floats,
    human: Human,
    *,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> CorrectedEstimate:
    """The mean score that people would give, from the judge's scores of all items and people's of some.

    Args:
        judge: The judge's scores, shape (n,).
        human: People's scores of the same items; None where there is none. At least two are needed.
        clusters: For each item what it belongs to, None where it stands alone; the interval allows for it.
        confidence: Coverage of the interval.
        bounds: Lowest and highest score; the interval stays within.

    Raises:
        ValueError: The lists differ in length, a score is not finite, there are fewer than two human scores, or the
            confidence does not lie between 0 and 1.
    """
    point = _point(judge, human)
    n = len(point.influence)
    lost = 2 if point.tuning > 0 else 1
    found = _interval(point.estimate, point.influence, point.labelled, lost, clusters, confidence, bounds)
    return found.model_copy(
        update={
            "tuning": point.tuning,
            "values": tuple(float(v) for v in point.estimate + n * point.influence),
        }
    )


def corrected_difference(
    judge: tuple[Sequence[float] | Floats, Sequence[float] | Floats],
    human: tuple[Human, Human],
    *,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> CorrectedEstimate:
    """How much higher people would score the first of two systems than the second, on the same items.

    Both corrected means are computed, and their difference; its interval takes into account that the items are the
    same, whether or not people scored the same items of both. It is narrowest where they did.

    Args:
        judge: The judge's scores of the first and the second system, shape (n,) each, items in the same order.
        human: People's scores of the two.
        clusters: As in `corrected_mean`.
        confidence: Coverage of the interval.
        bounds: Lowest and highest difference.

    Raises:
        ValueError: As in `corrected_mean`, or the two do not have the same items.
    """
    first, second = _point(judge[0], human[0]), _point(judge[1], human[1])
    if len(first.influence) != len(second.influence):
        raise ValueError(
            f"{len(first.influence)} items of the first system, but {len(second.influence)} of the second"
        )
    return _interval(
        first.estimate - second.estimate,
        first.influence - second.influence,
        first.labelled | second.labelled,
        2 if first.tuning > 0 or second.tuning > 0 else 1,
        clusters,
        confidence,
        bounds,
    )


def _point(judge: Sequence[float] | Floats, human: Human) -> _Point:
    f = finite(judge, "judge")
    if len(human) != len(f):
        raise ValueError(f"{len(f)} scores of the judge, but {len(human)} of people")
    y = np.array([np.nan if h is None else h for h in human], dtype=np.float64)
    labelled = ~np.isnan(y)
    n, rest = int(labelled.sum()), int((~labelled).sum())
    if n < 2:
        raise ValueError(f"{n} human scores correct nothing; at least two are needed")
    finite(y[labelled], "human")
    tuning = _tuning(y[labelled], f[labelled], n, rest)
    rectified = y[labelled] - tuning * f[labelled]
    influence = np.zeros(len(f))
    influence[labelled] = (rectified - rectified.mean()) / n
    estimate = float(rectified.mean())
    if rest:
        trusted = tuning * f[~labelled]
        influence[~labelled] = (trusted - trusted.mean()) / rest
        estimate += float(trusted.mean())
    return _Point(estimate, influence, tuning, labelled)


def _tuning(y: Floats, f: Floats, n: int, rest: int) -> float:
    """Power tuning. Both moments are of the labelled items, so that a judge that agrees everywhere has slope 1."""
    spread = float(np.var(f))
    if rest == 0 or spread <= 1e-12:
        return 0.0
    slope = float(np.mean((y - y.mean()) * (f - f.mean()))) / spread
    return min(max(slope / (1 + n / rest), 0.0), 1.0)


def _interval(
    estimate: float,
    influence: Floats,
    labelled: NDArray[np.bool_],
    lost: int,
    clusters: Clusters | None,
    confidence: float,
    bounds: tuple[float, float],
) -> CorrectedEstimate:
    """Student's t interval from the influence of each unit: its variance is the sum of the squares, by labelled or not.

    Labelled units lose a degree of freedom for the mean, and one for lambda where it was fitted to them (`lost`).
    """
    check_confidence(confidence)
    sums, with_label = _units(influence, labelled, clusters)
    parts: list[tuple[float, int]] = []
    for part, fitted in ((sums[with_label], lost), (sums[~with_label], 1)):
        if len(part):
            degrees = max(1, len(part) - fitted)
            parts.append((float(part @ part) * len(part) / degrees, degrees))
    variance = sum(v for v, _ in parts)
    if variance <= 1e-24:  # rounding apart, nothing varies
        k = int(with_label.sum())
        low, high = _unseen_interval(estimate, k, confidence, bounds)
        df, p_value, error = float(max(1, k - 1)), _unseen_p_value(estimate, k, bounds), 0.0
    else:
        df = variance**2 / sum(v**2 / d for v, d in parts if v > 0)
        error = variance**0.5
        reach = float(t.ppf((1 + confidence) / 2, df)) * error
        low, high = estimate - reach, estimate + reach
        p_value = float(2 * t.sf(abs(estimate) / error, df))
    return CorrectedEstimate(
        estimate=min(max(estimate, bounds[0]), bounds[1]),
        ci=(min(max(low, bounds[0]), bounds[1]), min(max(high, bounds[0]), bounds[1])),
        standard_error=error,
        df=df,
        p_value=p_value,
        tuning=None,
        n_human=int(labelled.sum()),
        n=len(influence),
    )


def _units(
    influence: Floats, labelled: NDArray[np.bool_], clusters: Clusters | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """(influence, whether people scored any of it) of each independent unit."""
    if clusters is None:
        return influence, labelled
    if len(clusters) != len(influence):
        raise ValueError(f"{len(influence)} items, but {len(clusters)} clusters")
    number: dict[tuple[str, Hashable], int] = {}
    keys = [("item", i) if c is None else ("cluster", c) for i, c in enumerate(clusters)]
    positions = np.array([number.setdefault(key, len(number)) for key in keys])
    sums = np.bincount(positions, weights=influence).astype(np.float64)
    return sums, np.bincount(positions, weights=labelled) > 0


def _unseen_interval(
    mean: float, k: int, confidence: float, bounds: tuple[float, float]
) -> tuple[float, float]:
    """Interval for the mean of `k` units that are all alike.

    With k units alike, a share of up to 1 - (alpha / 2)^(1 / k) of other units may have gone unseen (the exact binomial
    limit of Clopper and Pearson, 1934, for no event in k), and each may lie as far off as the bounds allow.
    """
    unseen = 1 - ((1 - confidence) / 2) ** (1 / k)
    low, high = bounds
    return mean - unseen * (mean - low), mean + unseen * (high - mean)


def _unseen_p_value(mean: float, k: int, bounds: tuple[float, float]) -> float:
    """Two-sided p-value of the mean zero where `k` units are all alike: what `_unseen_interval` inverts to.

    The mean is zero only where a share of mean / (mean - low) of other units, each as far off as the bounds allow, went
    unseen. For a difference of 1 on a scale from -1 to 1 it is the sign test, 2^(1 - k).
    """
    far = bounds[0] if mean > 0 else bounds[1]
    alike = far / (far - mean) if mean else 1.0
    return float(min(1.0, 2 * max(0.0, alike) ** k))
