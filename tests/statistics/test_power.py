from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from advisor.statistics import (
    compare,
    design_effect,
    detectable_difference,
    needed_examples,
    needed_for_non_inferiority,
)

rates = st.floats(0.02, 1)
sizes = st.integers(10, 100_000)


def test_paired_proportions_match_connors_formula() -> None:
    # Connor (1987): 20 % discordant, difference 0.10, 80 % power:
    # (1.95996·sqrt(0.2) + 0.84162·sqrt(0.2 - 0.01))² / 0.01 = 154.6.
    assert needed_examples(0.10, discordant_rate=0.2) == 155
    assert detectable_difference(155, discordant_rate=0.2) == pytest.approx(0.10, abs=0.0005)


def test_graded_scores_match_statsmodels() -> None:
    # statsmodels' TTestPower (exact, by the noncentral t): 33.367 pairs for half a standard deviation.
    exact = TTestPower().solve_power(effect_size=0.5, alpha=0.05, power=0.8)
    assert exact == pytest.approx(33.367, abs=0.001)
    assert needed_examples(0.5, sd=1.0) == 34
    for n in (20, 100, 1_000):
        theirs = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
        assert detectable_difference(n, sd=1.0) == pytest.approx(theirs, rel=0.01)


def test_promised_power_is_roughly_what_the_test_has() -> None:
    difference = detectable_difference(200, discordant_rate=0.2)
    assert difference is not None
    rng = np.random.default_rng(0)
    only_ours, only_theirs = (0.2 + difference) / 2, (0.2 - difference) / 2
    shown = 0
    for _ in range(300):
        item = rng.choice(3, p=[only_ours, only_theirs, 1 - only_ours - only_theirs], size=200)
        shown += compare(item == 0, item == 1, seed=0).p_value <= 0.05
    assert 0.68 <= shown / 300 <= 0.88  # the exact test has a little less than the formula promises


@settings(deadline=None)
@given(sizes, rates)
def test_more_items_show_smaller_differences(n: int, rate: float) -> None:
    few, many = (
        detectable_difference(n, discordant_rate=rate),
        detectable_difference(2 * n, discordant_rate=rate),
    )
    assert few is not None
    assert many is not None
    assert 0 < many < few <= 1


@settings(deadline=None)
@given(sizes, rates)
def test_more_power_needs_a_larger_difference(n: int, rate: float) -> None:
    strong = detectable_difference(n, discordant_rate=rate, power=0.9)
    usual = detectable_difference(n, discordant_rate=rate)
    assert strong is not None
    assert usual is not None
    assert strong > usual


@settings(deadline=None)
@given(st.floats(0.01, 0.9), rates)
def test_needed_examples_and_detectable_difference_agree(difference: float, rate: float) -> None:
    n = needed_examples(difference, discordant_rate=rate)
    shown = detectable_difference(n, discordant_rate=rate)
    assert shown is None or shown <= difference + 1e-6
    with_fewer = detectable_difference(n - 1, discordant_rate=rate)
    assert with_fewer is None or with_fewer >= difference - 1e-6


@settings(deadline=None)
@given(st.floats(0.02, 0.5), st.floats(0.05, 0.6))
def test_needed_graded_examples_are_the_fewest(difference: float, sd: float) -> None:
    n = needed_examples(difference, sd=sd)
    assert (detectable_difference(n, sd=sd) or 0) <= difference
    with_fewer = detectable_difference(n - 1, sd=sd)
    assert with_fewer is None or with_fewer > difference or n == 2


def test_an_unknown_discordant_rate_is_taken_cautiously() -> None:
    unknown, usual = detectable_difference(200), detectable_difference(200, discordant_rate=0.2)
    assert unknown is not None
    assert usual is not None
    assert unknown > usual


def test_too_few_items_show_nothing() -> None:
    assert detectable_difference(2) is None
    assert detectable_difference(1, sd=0.3) is None


@pytest.mark.parametrize(
    "arguments",
    [{"discordant_rate": 0.2, "sd": 0.1}, {"discordant_rate": 1.2}, {"sd": -1}, {"power": 1.0}, {"alpha": 0}],
)
def test_impossible_arguments_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"`(sd|discordant_rate|power)`"):
        detectable_difference(100, **arguments)


def test_no_number_of_examples_shows_no_difference() -> None:
    with pytest.raises(ValueError, match="no number of items"):
        needed_examples(0.0)


def test_non_inferiority_matches_the_formula_for_large_samples() -> None:
    # By hand: at the margin q = (sqrt(0.3² - 8 · 0.00525) + 0.3) / 4 = 0.12977, so the variance is 0.20704, and
    # ((1.64485 · sqrt(0.20704) + 0.84162 · sqrt(0.2)) / 0.05)² = 506.1.
    assert needed_for_non_inferiority(0.05, discordant_rate=0.2) == 507
    # Graded: ((1.64485 + 0.84162) · 0.3 / 0.05)² = 222.6, and t quantiles in place of normal ones.
    assert needed_for_non_inferiority(0.05, sd=0.3) == pytest.approx(223, abs=3)


def test_a_baseline_that_is_really_better_is_shown_non_inferior_with_fewer_items() -> None:
    alike = needed_for_non_inferiority(0.03, discordant_rate=0.2)
    better = needed_for_non_inferiority(0.03, discordant_rate=0.2, true_difference=0.02)
    worse = needed_for_non_inferiority(0.03, discordant_rate=0.2, true_difference=-0.01)
    assert better < alike < worse


@pytest.mark.parametrize(
    "arguments",
    [{"margin": 0.0}, {"margin": 0.02, "true_difference": -0.02}, {"margin": 0.02, "true_difference": -0.1}],
)
def test_no_number_of_examples_shows_what_is_not_so(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no number of items"):
        needed_for_non_inferiority(**arguments)


def test_design_effect_of_equal_and_unequal_clusters() -> None:
    assert design_effect([1] * 10, 0.5) == 1.0
    assert design_effect([5] * 10, 0.3) == pytest.approx(1 + 4 * 0.3)  # Kish (1965)
    # Eldridge, Ashby and Kerry (2006): 1 + ((cv² + 1) · mean - 1) · ICC, here mean 5 and cv² = 8 / 25.
    assert design_effect([1, 3, 5, 7, 9], 0.3) == pytest.approx(1 + ((8 / 25 + 1) * 5 - 1) * 0.3)


def test_clusters_need_more_items_and_show_less() -> None:
    effect = design_effect([5] * 40, 0.3)
    assert needed_examples(0.1, discordant_rate=0.2, design_effect=effect) == pytest.approx(155 * 2.2, abs=2)
    alone, clustered = (
        detectable_difference(200, discordant_rate=0.2, design_effect=e) for e in (1.0, effect)
    )
    assert alone is not None
    assert clustered is not None
    assert clustered > 1.4 * alone


@pytest.mark.parametrize("wrong", [{"cluster_sizes": []}, {"cluster_sizes": [0, 2]}, {"correlation": 1.5}])
def test_impossible_clusters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"`(cluster_sizes|correlation)`"):
        design_effect(**{"cluster_sizes": [2, 3], "correlation": 0.1, **wrong})
    with pytest.raises(ValueError, match="design_effect"):
        detectable_difference(100, design_effect=0.5)
