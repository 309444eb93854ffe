from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advisor.statistics import amount_interval, corrected_mean, mean_interval, proportion_interval

scores = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_wilson_interval_matches_newcombe_1998() -> None:
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, Table I, method 3: 81 of 263,
    # 15 of 148, 0 of 20, 1 of 29.
    assert proportion_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert proportion_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert proportion_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert proportion_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_proportions_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        proportion_interval(successes, n)


def test_right_wrong_scores_get_the_wilson_interval() -> None:
    assert mean_interval([1, 0, 1, 1]) == proportion_interval(3, 4)


def test_it_agrees_with_scipys_bootstrap_where_there_are_many_items() -> None:
    values = np.random.default_rng(1).beta(0.6, 2, 300)
    theirs = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=10_000, rng=2).confidence_interval
    assert mean_interval(values) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_many_values_have_the_interval_of_the_normal_distribution() -> None:
    values = np.random.default_rng(4).beta(0.6, 2, 5_000)
    half_width = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    expected = (values.mean() - half_width, values.mean() + half_width)
    assert mean_interval(values) == pytest.approx(expected, abs=0.0006)


@settings(max_examples=60, deadline=None)
@given(scores)
def test_interval_contains_the_mean_and_stays_within_the_scale(values: list[float]) -> None:
    low, high = mean_interval(values)
    assert low <= np.mean(values) + 1e-9
    assert high >= np.mean(values) - 1e-9
    assert low >= -1e-9
    assert high <= 1 + 1e-9


@settings(max_examples=40, deadline=None)
@given(scores)
def test_order_of_items_does_not_matter(values: list[float]) -> None:
    reordered = sorted(values, reverse=True)
    expected = mean_interval(values)
    assert mean_interval(reordered) == pytest.approx(expected, abs=1e-9)


def test_equal_scores_are_not_certainty() -> None:
    low, high = mean_interval([0.5] * 20)
    assert low < 0.45
    assert high > 0.55
    wider = mean_interval([0.5] * 5)
    assert wider[0] < low
    assert wider[1] > high


def test_equal_values_off_the_scale_of_scores_have_no_width_to_give() -> None:
    assert mean_interval([7.0, 7.0]) == (7.0, 7.0)


def test_clusters_that_repeat_themselves_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.integers(0, 2, 30), 10).astype(float)  # 30 documents, ten equal answers each
    clusters = np.repeat(np.arange(30), 10).tolist()
    alone, clustered = mean_interval(values), mean_interval(values, clusters=clusters)
    assert (clustered[1] - clustered[0]) > 2.5 * (alone[1] - alone[0])


def test_clusters_of_one_change_nothing() -> None:
    values = np.random.default_rng(0).random(30)
    assert mean_interval(values, clusters=[None] * 30) == mean_interval(values)
    assert mean_interval(values, clusters=list(range(30))) == mean_interval(values)


def test_one_cluster_says_little() -> None:
    low, high = mean_interval([0.2, 0.8, 0.5], clusters=["a", "a", "a"])
    assert high - low > 0.9


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [[0.1, 0.2]]])
def test_unusable_values_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values"):
        mean_interval(values)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, 95, float("nan")])
def test_a_confidence_that_no_interval_has_is_refused(confidence: float) -> None:
    human: list[float | None] = [1.0, 0.0, None]
    for asked in (
        lambda: mean_interval([0.1, 0.5], confidence=confidence),
        lambda: proportion_interval(1, 3, confidence),
        lambda: amount_interval([3.0, 4.0], confidence=confidence),
        lambda: corrected_mean([1.0, 0.5, 0.5], human, confidence=confidence),
    ):
        with pytest.raises(ValueError, match="`confidence` must lie between 0 and 1"):
            asked()


def test_clusters_must_fit_the_values() -> None:
    with pytest.raises(ValueError, match="2 values, but 1 clusters"):
        mean_interval([0.1, 0.2], clusters=["a"])


@pytest.mark.parametrize("n", [12, 40])
def test_interval_covers_the_true_mean_about_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(n)
    samples = rng.beta(0.5, 1.5, size=(400, n))  # skewed, true mean 0.25
    covered = 0
    for sample in samples:
        low, high = mean_interval(sample)
        covered += low <= 0.25 <= high
    assert 0.91 <= covered / 400 <= 0.985


def test_clustered_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    clusters = np.repeat(np.arange(15), 4).tolist()
    for _ in range(400):
        values = np.clip(np.repeat(rng.uniform(0.2, 0.8, 15), 4) + rng.uniform(-0.2, 0.2, 60), 0, 1)
        low, high = mean_interval(values, clusters=clusters)
        covered += low <= 0.5 <= high
    assert 0.91 <= covered / 400 <= 0.985


def test_a_hundred_thousand_values_take_seconds_at_most() -> None:
    values = np.random.default_rng(0).random(100_000)
    started = time.perf_counter()
    mean_interval(values)
    assert time.perf_counter() - started < 10  # about half a second on a quiet machine
