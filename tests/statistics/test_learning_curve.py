"""Known curves are recovered, what is not known is not told, and the intervals hold what they promise."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from advisor.statistics.learning_curve import RATES, extrapolate, fit_power_law, quality_at


def law(n: float, ceiling: float, scale: float, rate: float) -> float:
    return ceiling - scale * n**-rate


def drawn(truth: list[float], items: int, seed: int) -> np.ndarray:
    """Right/wrong scores; an item is as hard at one size as at another, for 60 % of the answers."""
    rng = np.random.default_rng(seed)
    shape = (len(truth), items)
    luck = np.where(rng.random(shape) < 0.6, rng.random(items), rng.random(shape))
    return (luck < np.array(truth)[:, None]).astype(float)


@pytest.mark.parametrize(
    ("ceiling", "scale", "rate", "sizes"),
    [
        (0.9, 2.0, 0.5, [50, 100, 200, 400]),
        (0.95, 1.2, 0.3, [25, 50, 100]),
        (1.0, 1.0, 0.2, [10, 40, 160, 640]),
        (0.8, 20.0, 1.0, [40, 80, 160]),
    ],
)
def test_an_exact_curve_is_recovered(ceiling: float, scale: float, rate: float, sizes: list[int]) -> None:
    found = fit_power_law(sizes, [law(n, ceiling, scale, rate) for n in sizes])
    assert found.ceiling == pytest.approx(ceiling, abs=1e-4)
    assert found.scale == pytest.approx(scale, rel=1e-3)
    assert found.rate == pytest.approx(rate, abs=1e-3)
    assert quality_at(found, 2 * sizes[-1]) == pytest.approx(
        law(2 * sizes[-1], ceiling, scale, rate), abs=1e-5
    )


def test_five_points_of_a_published_shape() -> None:
    """Worked by hand: q = 1 - n^(-1/2) at 4, 16, 64, 256 is 1/2, 3/4, 7/8, 15/16; at 1024 it is 31/32."""
    found = fit_power_law([4, 16, 64, 256], [1 / 2, 3 / 4, 7 / 8, 15 / 16])
    assert quality_at(found, 1024) == pytest.approx(31 / 32, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=6),
    weights=st.lists(st.floats(0.01, 0.2), min_size=6, max_size=6),
)
def test_the_fit_is_within_its_bounds_and_as_near_as_scipys_best(
    values: list[float], weights: list[float]
) -> None:
    sizes = [20.0 * 2**k for k in range(len(values))]
    errors = np.array(weights[: len(values)])
    found = fit_power_law(sizes, values, list(errors))
    assert 0 <= found.ceiling <= 1
    assert found.scale >= 0
    assert RATES[0] - 1e-9 <= found.rate <= RATES[1] + 1e-9
    unit = np.array(sizes) / 20.0

    def off(x: np.ndarray) -> np.ndarray:
        return (x[0] - x[1] * unit ** -x[2] - np.array(values)) / errors

    mine = np.sum(off(np.array([found.ceiling, found.scale * 20.0**-found.rate, found.rate])) ** 2)
    best = min(
        2 * least_squares(off, [a, b, c], bounds=([0, 0, RATES[0]], [1, np.inf, RATES[1]])).cost
        for a, b, c in ((0.5, 0.1, 0.1), (0.9, 0.5, 0.5), (0.7, 0.3, 1.5))
    )
    assert mine <= best * (1 + 1e-3) + 1e-4


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4), st.integers(0, 9))
def test_more_data_never_makes_the_law_fall(values: list[float], seed: int) -> None:
    found = extrapolate([10, 20, 40, 80], drawn(values, 40, seed), to=160, seed=1, refits=200)
    assert found.gain >= 0
    assert min(found.gains) >= -1e-12
    assert found.ci95[0] <= found.value <= found.ci95[1]
    assert found.ci95[0] >= 0
    assert found.ci95[1] <= 1
    assert found.gain_ci95[0] <= found.gain <= found.gain_ci95[1]


@pytest.mark.parametrize(
    ("sizes", "values"),
    [([10, 20], [0.5, 0.6]), ([10, 20, 20], [0.5, 0.6, 0.7]), ([0, 10, 20], [0.5, 0.6, 0.7])],
)
def test_fewer_than_three_sizes_tell_nothing(sizes: list[int], values: list[float]) -> None:
    with pytest.raises(ValueError, match="different sizes"):
        fit_power_law(sizes, values)


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ([0.1, 0.0, 0.1], "above 0; leave"),
        ([0.1, float("nan"), 0.1], "above 0; leave"),
        ([0.1, 0.1], "3 sizes, but 2 standard errors"),
    ],
)
def test_standard_errors_that_weigh_nothing_are_refused(errors: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_power_law([10, 20, 40], [0.5, 0.6, 0.65], errors)


def test_the_same_seed_gives_the_same_interval_and_whole_clusters_widen_it() -> None:
    scores = drawn([0.5, 0.6, 0.7], 120, seed=3)
    scores = np.repeat(scores[:, :30], 4, axis=1)  # four items alike in each cluster
    groups = [str(i // 4) for i in range(120)]
    alone = extrapolate([20, 40, 80], scores, to=160, seed=5)
    assert alone == extrapolate([20, 40, 80], scores, to=160, seed=5)
    whole = extrapolate([20, 40, 80], scores, to=160, seed=5, clusters=groups)
    assert whole.ci95[1] - whole.ci95[0] > 1.3 * (alone.ci95[1] - alone.ci95[0])


def test_a_curve_without_an_error_is_not_told_as_certain() -> None:
    found = extrapolate([20, 40, 80], np.ones((3, 60)), to=160, seed=0)
    assert found.value == pytest.approx(1.0)
    assert found.ci95[0] == pytest.approx(0.025 ** (1 / 60))  # 94.0 %: what 60 items could have missed
    assert found.gain == pytest.approx(0.0)
    assert found.gain_ci95 == pytest.approx((0.0, 1 - 0.025 ** (1 / 60)))  # those may all be gained


def test_a_gain_that_no_refit_doubts_is_not_told_as_certain_either() -> None:
    # grades that are alike on all items, so that all resamples are
    scores = np.repeat([[0.5], [0.75], [0.875]], 200, axis=1)
    found = extrapolate([20, 80, 320], scores, to=1280, seed=0)
    unseen = 1 - 0.025 ** (1 / 200)
    assert found.gain == pytest.approx(1 / 16, abs=1e-6)
    assert max(found.gains) - min(found.gains) < 1e-9
    assert found.gain_ci95 == pytest.approx((1 / 16 - unseen * 17 / 16, 1 / 16 + unseen * 15 / 16), abs=1e-6)


def test_the_luck_of_training_widens_the_interval() -> None:
    scores = drawn([0.5, 0.6, 0.7], 200, seed=1)
    calm = extrapolate([20, 40, 80], scores, to=160, seed=0)
    lucky = extrapolate([20, 40, 80], scores, to=160, seed=0, training_sd=0.05)
    assert lucky.ci95[1] - lucky.ci95[0] > 1.2 * (calm.ci95[1] - calm.ci95[0])


def test_a_thousand_refits_are_quick() -> None:
    scores = drawn([0.5, 0.6, 0.7, 0.8], 500, seed=1)
    began = time.monotonic()
    assert len(extrapolate([20, 40, 80, 160], scores, to=320, seed=0).gains) == 1_000
    assert time.monotonic() - began < 3


@pytest.mark.slow
@pytest.mark.parametrize("truth", [(0.95, 1.5, 0.5), (0.9, 2.0, 0.4), (0.85, 5.0, 1.0)])
def test_the_interval_holds_the_true_quality_at_twice_the_data(truth: tuple[float, float, float]) -> None:
    sizes, runs = [20, 40, 80, 160], 300
    expected = law(320, *truth)
    held = 0
    for seed in range(runs):
        scores = drawn([law(n, *truth) for n in sizes], 200, seed)
        found = extrapolate(sizes, scores, to=320, seed=seed, refits=300)
        held += found.ci95[0] <= expected <= found.ci95[1]
    assert held / runs >= 0.90


def test_points_that_luck_moves_far_are_weighed_alike() -> None:
    # the last point is sure by its items alone, all of which are right; by the luck of training it is no surer
    scores = np.array(
        [np.arange(400) < 160, np.arange(400) < 320, np.ones(400), np.arange(400) < 330], dtype=float
    )
    sizes, means = [20, 40, 80, 160], scores.mean(axis=1).tolist()
    lucky = extrapolate(sizes, scores, to=320, seed=0, training_sd=1.0, refits=20)
    alike = fit_power_law(sizes, means)
    assert lucky.value == pytest.approx(quality_at(alike, 320), abs=1e-3)
    calm = extrapolate(sizes, scores, to=320, seed=0, refits=20)
    assert abs(calm.value - lucky.value) > 0.01
