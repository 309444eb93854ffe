from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advisor.statistics import amount_interval, compare_resources, mean_interval

amounts = st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=2, max_size=40)


def test_fewer_tokens_are_found_and_measured() -> None:
    rng = np.random.default_rng(0)
    prompt = rng.lognormal(5, 0.4, 200)
    result = compare_resources(prompt, prompt + rng.normal(600, 20, 200), seed=0)  # examples cost 600 tokens
    assert result.difference == pytest.approx(-600, abs=5)
    assert result.ci95[0] < -600 + 3
    assert result.ci95[1] > -600 - 3
    assert result.p_value < 0.001
    assert result.ratio is not None
    assert result.ratio_ci95 is not None
    assert result.ratio_ci95[0] < result.ratio < result.ratio_ci95[1] < 0.3


def test_a_constant_difference_is_known_for_sure() -> None:
    result = compare_resources([110.0, 220.0, 330.0], [100.0, 210.0, 320.0], seed=0)
    assert result.ci95 == pytest.approx((10, 10))


def test_the_interval_of_an_almost_symmetric_difference_is_students() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.uniform(1, 2, (2, 50))
    expected = stats.ttest_rel(ours, theirs).confidence_interval()
    assert compare_resources(ours, theirs, seed=0).ci95 == pytest.approx((expected.low, expected.high))


def test_a_ratio_that_does_not_exist_is_none() -> None:
    nothing = compare_resources([1.0, 2.0], [0.0, 0.0], seed=0)
    assert nothing.ratio is None
    assert nothing.ratio_ci95 is None
    free = compare_resources([0.0, 0.0], [1.0, 2.0], seed=0)
    assert free.ratio == 0
    assert free.ratio_ci95 is None


def test_repeated_clusters_widen_both_intervals() -> None:
    rng = np.random.default_rng(2)
    ours, theirs = (np.repeat(x, 10) for x in rng.lognormal(0, 0.5, (2, 30)))
    clusters = np.repeat(np.arange(30), 10).tolist()
    alone = compare_resources(ours, theirs, seed=0)
    clustered = compare_resources(ours, theirs, seed=0, clusters=clusters)
    assert clustered.test == "cluster permutation"
    assert clustered.ci95[1] - clustered.ci95[0] > 2.5 * (alone.ci95[1] - alone.ci95[0])
    assert alone.ratio_ci95 is not None
    assert clustered.ratio_ci95 is not None
    assert clustered.ratio_ci95[1] - clustered.ratio_ci95[0] > 2.5 * (
        alone.ratio_ci95[1] - alone.ratio_ci95[0]
    )


@settings(max_examples=40, deadline=None)
@given(amounts)
def test_swapping_baselines_mirrors_the_difference_and_inverts_the_ratio(
    pairs: list[tuple[float, float]],
) -> None:
    ours, theirs = map(np.array, zip(*pairs, strict=True))
    there = compare_resources(ours, theirs, seed=0, resamples=200)
    back = compare_resources(theirs, ours, seed=0, resamples=200)
    assert back.ci95 == pytest.approx((-there.ci95[1], -there.ci95[0]), rel=1e-6, abs=1e-6)
    assert there.ci95[0] <= there.difference <= there.ci95[1]
    if there.ratio_ci95 and back.ratio_ci95:
        assert back.ratio_ci95 == pytest.approx((1 / there.ratio_ci95[1], 1 / there.ratio_ci95[0]), rel=1e-6)


def test_amounts_whose_squares_vanish_still_have_an_interval() -> None:
    found = compare_resources([0.0, 0.0], [0.0, 2.5e-144], seed=0)
    assert found.ci95[0] <= found.difference <= found.ci95[1]
    assert found.ratio == 0.0


def test_the_unit_of_an_amount_does_not_matter() -> None:
    seconds = np.random.default_rng(3).lognormal(-1, 0.6, 40)
    low, high = amount_interval(seconds)
    assert amount_interval(1_000 * seconds) == pytest.approx((1_000 * low, 1_000 * high))
    assert (low, high) != pytest.approx(mean_interval(np.clip(seconds, 0, 1)), abs=1e-6)


def test_a_long_tail_reaches_further_up_than_down() -> None:
    seconds = np.random.default_rng(4).lognormal(0, 1, 50)
    low, high = amount_interval(seconds)
    assert high - seconds.mean() > 1.3 * (seconds.mean() - low)


def test_negative_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        compare_resources([-1.0, 2.0], [1.0, 2.0], seed=0)
