"""Intervals cover what they say, and tests err no more often than they say: a small version of the benchmark."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.statistics import amount_interval, compare, mean_interval
from advisor.statistics._skewed import unbounded_interval
from advisor.statistics.paired import bounded_difference_interval
from benchmarks.decision import coverage_errors as errors
from benchmarks.decision import coverage_intervals as intervals
from benchmarks.decision import coverage_samples as samples
from benchmarks.decision.coverage import good


@pytest.mark.parametrize("n", [20, 50, 100, 1_000])
def test_proportions_are_covered_in_every_band(n: int) -> None:
    for band in intervals.BANDS:
        assert good(intervals.exact_proportion(n, band)), band


# Lowest and highest coverage in % over bands; the Monte Carlo error of 4,000 samples is 0.35, three of which are
# allowed beyond 93.5 to 96.5. Wider limits are known, and said in docs/method/statistics.md.
CELLS = [
    ("graded mean", 100, 0.0, (92.5, 97.5)),
    ("graded mean", 20, 0.0, (92.5, 98.2)),
    ("graded mean", 300, 0.3, (92.0, 97.5)),
    ("proportion", 100, 0.3, (93.0, 98.5)),
    ("proportion", 20, 0.3, (93.0, 99.0)),
    ("paired difference, right/wrong", 100, 0.0, (92.5, 98.0)),
    ("paired difference, right/wrong", 300, 0.3, (92.5, 98.0)),
    ("paired difference, graded", 100, 0.0, (92.5, 97.5)),
    ("paired difference, graded", 300, 0.3, (92.5, 98.0)),
    ("lognormal mean, sigma 0.5", 20, 0.0, (92.5, 97.5)),
    ("lognormal mean, sigma 1", 100, 0.0, (92.5, 97.5)),
    ("lognormal mean, sigma 0.5", 100, 0.3, (92.5, 97.5)),
    ("difference of lognormal means", 50, 0.0, (92.5, 97.5)),
    ("ratio of lognormal means", 50, 0.0, (92.5, 97.5)),
]


@pytest.mark.parametrize(("kind", "n", "correlation", "limits"), CELLS)
def test_intervals_cover_what_they_say(
    kind: str, n: int, correlation: float, limits: tuple[float, float]
) -> None:
    sizes = samples.cluster_sizes(n) if correlation else np.ones(n)
    banded = kind in intervals.BANDED
    simulate = intervals.BANDED[kind] if banded else intervals.UNBANDED[kind]
    for band in intervals.BANDS if banded else (None,):
        cell = intervals.repeat(simulate, 0, 4_000, n, band, correlation, sizes)
        assert limits[0] <= cell["coverage"] <= limits[1], (band, cell)


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("margin", [0.02, 0.1])
def test_non_inferiority_of_right_wrong_scores_never_errs_more_often_than_5_percent(
    n: int, margin: float
) -> None:
    for rate in (0.02, 0.1, 0.3, 0.5):
        assert errors.non_inferiority_size(n, margin, rate) <= 0.0505  # the maximum is sought on a grid


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_non_inferiority_of_graded_scores_errs_about_as_often_as_it_says(correlation: float) -> None:
    sizes = samples.cluster_sizes(100) if correlation else np.ones(100)
    size = errors.graded_size(np.random.default_rng(0), sizes, correlation, 0.05, 4_000)
    assert size <= 0.062


def test_the_benchmark_measures_what_the_product_does() -> None:
    rng = np.random.default_rng(0)
    for clustered in (False, True):
        sizes = samples.cluster_sizes(50) if clustered else np.ones(50)
        clusters = np.repeat(np.arange(len(sizes)), sizes.astype(int)).tolist()
        scores = samples.graded_scores(rng, np.full((2, 50), 0.3))
        low, high = intervals.mean_iv(scores, sizes)
        assert mean_interval(scores[0], clusters=clusters) == pytest.approx((low[0], high[0]))

        d = scores[:1] - scores[1:]
        ahead, behind, worth = intervals.difference_parts(d, sizes)
        low, high = bounded_difference_interval(ahead, behind, 50, worth, 0.95)
        found = compare(scores[0], scores[1], seed=0, clusters=clusters).ci95
        assert found == pytest.approx((low[0], high[0]))

        values = samples.amounts(rng, 1, 0.5, 0.0, np.ones(50))
        low, high, _, _ = unbounded_interval(samples.units_of(values, sizes), 0.95, skewed=True)
        assert amount_interval(values[0], clusters=clusters) == pytest.approx((low[0], high[0]))
