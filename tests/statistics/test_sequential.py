"""Sequential inference: valid at every time at once, whatever makes one stop."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.statistics.intervals import proportion_interval
from advisor.statistics.sequential import (
    compare_sequentially,
    confidence_sequence,
    log_capital,
    observations,
    sequential_interval,
    sequential_p_value,
)

differences = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=2, max_size=60)


def ever_outside(
    values: np.ndarray, mean: float, alpha: float, clusters: Any = None, largest: int = 1
) -> bool:
    """Whether the sequence leaves the mean out at any time: by duality, whether a bet against it ever pays."""
    units = observations(values, clusters=clusters, largest=largest)
    m = (mean + 1) / 2
    won = max(log_capital(units, m).max(), log_capital(units.mirrored(), 1 - m).max())
    return bool(won >= np.log(2 / alpha))


RIGHT_WRONG = {
    "no difference, few differ": ((0.02, 0.96, 0.02), 0.0),
    "no difference, many differ": ((0.3, 0.4, 0.3), 0.0),
    "better": ((0.05, 0.7, 0.25), 0.2),
    "far better": ((0.0, 0.1, 0.9), 0.9),
    "worse, skewed": ((0.06, 0.94, 0.0), -0.06),
}


@pytest.mark.parametrize(("shares", "mean"), RIGHT_WRONG.values(), ids=RIGHT_WRONG)
def test_the_sequence_holds_the_true_difference_at_all_times(
    shares: tuple[float, float, float], mean: float
) -> None:
    rng = np.random.default_rng(7)
    runs, alpha = 400, 0.1
    outside = sum(ever_outside(rng.choice([-1.0, 0.0, 1.0], 600, p=shares), mean, alpha) for _ in range(runs))
    # 400 runs of a rate of 10 % give at most 52 with 97.5 %
    assert outside <= 52


def test_it_holds_for_graded_differences_and_clusters_of_unequal_size() -> None:
    """Larger clusters differ more, so that the mean over items is not the mean over clusters."""
    rng = np.random.default_rng(11)
    alpha, runs, outside, graded = 0.1, 300, 0, 0
    for _ in range(runs):
        sizes = rng.integers(1, 6, size=150)
        clusters = np.repeat(np.arange(150), sizes)
        shift = np.repeat(np.where(rng.random(150) < 0.05 + 0.06 * sizes, 1.0, 0.0), sizes)
        # E[sum] / E[size] = Σ s (0.05 + 0.06 s) / Σ s
        mean = sum(s * (0.05 + 0.06 * s) for s in range(1, 6)) / 15
        outside += ever_outside(shift, mean, alpha, list(clusters), 5)
        graded += ever_outside(np.clip(rng.normal(0.1, 0.2, 300), -0.5, 0.7), 0.1, alpha)
    assert outside <= 41
    assert graded <= 41


def test_a_fixed_n_test_at_every_look_is_wrong_far_more_often_than_it_says() -> None:
    """Why all this: the same looks, with the exact McNemar test, reject a true null many times as often."""
    from advisor.statistics.paired import exact_mcnemar

    rng = np.random.default_rng(3)
    looks = [30, 50, 70, 90, 112, 140, 175, 219, 274, 342, 428, 535, 669, 836]
    naive = sequential = 0
    for _ in range(200):
        d = rng.choice([-1.0, 0.0, 1.0], 836, p=[0.2, 0.6, 0.2])
        naive += any(exact_mcnemar(int((d[:n] > 0).sum()), int((d[:n] < 0).sum())) < 0.05 for n in looks)
        low, high = confidence_sequence(d, looks=looks)
        sequential += bool((low > 0).any() or (high < 0).any())
    assert naive >= 0.12 * 200
    assert sequential <= 0.05 * 200


def test_limits_are_never_given_back_and_each_look_may_be_taken_alone() -> None:
    rng = np.random.default_rng(5)
    d = rng.choice([-1.0, 0.0, 1.0], 400, p=[0.1, 0.6, 0.3])
    low, high = confidence_sequence(d)
    assert low.shape == high.shape == (400,)
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    assert (low < high).all()
    looks = [30, 77, 400]
    some = confidence_sequence(d, looks=looks, running=False)
    for k, n in enumerate(looks):
        assert (some[0][k], some[1][k]) == pytest.approx(sequential_interval(d[:n]))
        assert low[n - 1] >= some[0][k]
    many = confidence_sequence(d + 1e-3 * np.linspace(-0.5, 0.5, 400) * (d == 0), looks=looks, running=False)
    assert np.allclose(many, some, atol=0.002), "graded scores take another way to the same limits"


@settings(max_examples=60, deadline=None)
@given(differences, st.randoms(use_true_random=False))
def test_the_interval_does_not_depend_on_the_order_and_mirrors_with_the_sides(
    values: list[float], rng: Any
) -> None:
    shuffled = values[:]
    rng.shuffle(shuffled)
    low, high = sequential_interval(values)
    assert sequential_interval(shuffled) == pytest.approx((low, high))
    assert sequential_interval([-v for v in values]) == pytest.approx((-high, -low))
    assert -1 <= low <= np.mean(values) <= high <= 1


@settings(max_examples=60, deadline=None)
@given(differences, st.sampled_from([0.01, 0.05, 0.2]))
def test_interval_and_p_value_say_the_same(values: list[float], alpha: float) -> None:
    low, high = sequential_interval(values, alpha=alpha)
    p = sequential_p_value(values)
    if abs(p - alpha) > 1e-6:
        assert (low > 0 or high < 0) == (p < alpha)


@settings(max_examples=40, deadline=None)
@given(differences)
def test_a_smaller_alpha_gives_a_wider_interval(values: list[float]) -> None:
    narrow, wide = sequential_interval(values, alpha=0.1), sequential_interval(values, alpha=0.01)
    assert wide[0] <= narrow[0] + 1e-7
    assert wide[1] >= narrow[1] - 1e-7


def test_golden_values_of_a_bet_that_can_be_worked_out_by_hand() -> None:
    """All of n differences are 1: stake g has grown to (1 + g (1 - m) / m)^n; here n = 2, m = 1/2."""
    units = observations([1.0, 1.0])
    stakes = [0.99 * 2 ** (-k / 2) for k in range(12)]
    by_hand = sum((1 + g) ** 2 for g in stakes) / 12
    assert np.exp(log_capital(units, 0.5)[-1]) == pytest.approx(by_hand)
    assert sequential_p_value([1.0, 1.0]) == pytest.approx(min(1.0, 2 / by_hand))
    # no item differs: the best stake wins 0.0202 an item against a gain of 2 points, so about 300 rule it out
    assert sequential_interval(np.zeros(200))[1] > 0.02
    assert sequential_interval(np.zeros(320))[1] < 0.02


def test_it_is_wider_than_a_fixed_n_interval_but_of_the_same_order() -> None:
    scores = [1.0] * 240 + [0.0] * 60
    low, high = sequential_interval(scores, bounds=(0.0, 1.0))
    fixed = proportion_interval(240, 300)
    assert low < fixed[0] < fixed[1] < high
    assert high - low < 2 * (fixed[1] - fixed[0])


def test_clusters_count_as_one_observation_each() -> None:
    rng = np.random.default_rng(2)
    one = rng.choice([-1.0, 0.0, 1.0], 100, p=[0.1, 0.5, 0.4])
    five = np.repeat(one, 5)
    clusters = list(np.repeat(np.arange(100), 5))
    assert sequential_interval(five, clusters=clusters) == pytest.approx(sequential_interval(one))
    assert sequential_interval(one, clusters=[None] * 100) == pytest.approx(sequential_interval(one))
    # a larger cluster may still come
    wide = sequential_interval(five, clusters=clusters, largest=20)
    assert wide[0] < sequential_interval(one)[0]


def test_the_comparison_of_a_run_that_was_looked_at() -> None:
    ours, theirs = [1.0] * 90 + [0.0] * 10, [1.0] * 60 + [0.0] * 40
    found = compare_sequentially(ours, theirs, alpha=(0.025, 0.0125))
    assert (found.n, found.discordant) == (100, (30, 0))
    assert found.difference == pytest.approx(0.3)
    assert found.detectable_difference is None
    assert found.p_value < 0.001
    assert found.ci95[0] > 0.1
    assert found.ci95 == pytest.approx(sequential_interval(np.array(ours) - theirs, alpha=(0.025, 0.0125)))
    assert compare_sequentially([0.5, 0.2], [0.4, 0.3]).discordant is None
    same = compare_sequentially([1.0] * 40, [1.0] * 40)
    assert same.p_value == 1.0
    assert same.ci95[0] == pytest.approx(-same.ci95[1])


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, "at least one"),
        ([0.5, float("nan")], {}, "finite"),
        ([0.5, 1.5], {}, "between -1 and 1"),
        ([-0.5], {"bounds": (0.0, 1.0)}, "between 0 and 1"),
        ([0.5, 0.5], {"clusters": ["a"]}, "1 clusters"),
        ([0.5, 0.5], {"clusters": ["a", "a"], "largest": 1}, "2 items"),
        ([0.5], {"looks": [2]}, "between 1 and 1"),
        ([0.5], {"alpha": 0.0}, "alpha"),
    ],
)
def test_wrong_values_are_refused(values: list[float], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confidence_sequence(values, **options)


def test_every_time_of_three_thousand_observations_of_eight_comparisons_takes_about_half_a_second() -> None:
    rng = np.random.default_rng(1)
    columns = [rng.choice([-1.0, 0.0, 1.0], 3000, p=[0.1, 0.7, 0.2]) for _ in range(8)]
    began = time.process_time()
    for d in columns:
        confidence_sequence(d)
    assert time.process_time() - began < 2.0  # a machine may be slow or busy


def test_a_mean_at_a_bound_is_possible_only_where_all_values_are_there() -> None:
    assert sequential_p_value([-1.0, -1.0], mean=-1.0) == 1.0
    assert sequential_p_value([1.0, 1.0, 1.0], mean=1.0, clusters=["a", "a", "b"]) == 1.0
    assert sequential_p_value([-1.0, -0.9], mean=-1.0) == 0.0
    assert sequential_p_value([0.0, 1.0], mean=1.0, bounds=(0.0, 1.0)) == 0.0
    for outside in (-1.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="`mean` must lie between -1 and 1"):
            sequential_p_value([0.0, 0.5], mean=outside)


def test_copies_of_an_item_in_a_cluster_prove_no_more_than_one() -> None:
    one = np.array([1.0] * 12 + [0.0] * 6 + [-1.0] * 2)
    five, clusters = np.repeat(one, 5), list(np.repeat(np.arange(20), 5))
    alone = compare_sequentially(np.maximum(one, 0), np.maximum(-one, 0))
    copied = compare_sequentially(np.maximum(five, 0), np.maximum(-five, 0), clusters=clusters)
    assert copied.p_value == pytest.approx(alone.p_value)
    assert copied.ci95 == pytest.approx(alone.ci95)
    assert compare_sequentially(np.maximum(five, 0), np.maximum(-five, 0)).p_value < 0.1 * alone.p_value
