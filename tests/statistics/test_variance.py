"""Where the variance of a mean comes from: values computed by hand, and intervals that hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from advisor.statistics.variance import (
    BetweenTrainings,
    answers_standard_error,
    between_trainings,
    standard_error,
    total_interval,
)

grades = st.floats(0, 1, allow_nan=False)


def test_the_standard_error_of_a_mean_is_that_of_the_books() -> None:
    # sd of (1, 2, 3, 4) is sqrt(5/3)
    assert standard_error([1, 2, 3, 4], None) == pytest.approx(math.sqrt(5 / 3 / 4))
    assert standard_error([1.0], None) is None


def test_items_of_one_group_count_together() -> None:
    # two groups of two with means 0 and 1: as uncertain as two items
    assert standard_error([0, 0, 1, 1], ["a", "a", "b", "b"]) == pytest.approx(0.5)
    assert standard_error([0, 0], ["a", "a"]) is None


def test_answers_add_the_variance_within_items() -> None:
    # variances within: 0.5 and 0; each of a mean of two answers; over two items: sqrt(0.25) / 2
    assert answers_standard_error([(0.0, 1.0), (1.0, 1.0)]) == pytest.approx(0.25)
    assert answers_standard_error([(0.0, 1.0), (1.0,)]) is None
    assert answers_standard_error([]) is None


def test_the_spread_between_trainings_by_hand() -> None:
    # means 0.25 and 0.75; their variance is 0.125. Residuals are all ±0.25: their mean square is 4/16 · … / 1
    scores = np.array([[0.0, 0.5], [1.0, 0.5]])
    found = between_trainings(scores)
    assert found is not None
    assert found.sd == pytest.approx(math.sqrt(0.125))
    assert found.component == 0.0  # 0.125 - 0.25 / 2
    shifted = between_trainings(np.array([[0.0, 0.0, 0.0], [0.1, 0.1, 0.1], [0.2, 0.2, 0.2]]))
    assert shifted is not None
    assert shifted.component == pytest.approx(0.01)
    # chi-squared quantiles with 2 degrees of freedom: 7.378, 0.0506
    assert shifted.sd_ci95 == pytest.approx(
        (0.1 * math.sqrt(2 / 7.3778), 0.1 * math.sqrt(2 / 0.050636)), rel=1e-3
    )


def test_one_training_says_nothing_of_its_luck() -> None:
    assert between_trainings(np.zeros((1, 10))) is None
    assert between_trainings(np.zeros((3, 1))) is None


@pytest.mark.parametrize(("trainings", "sd"), [(2, 0.03), (3, 0.0), (3, 0.03), (5, 0.03)])
def test_the_total_interval_holds_the_truth_about_as_often_as_it_says(trainings: int, sd: float) -> None:
    rng = np.random.default_rng(20261124)
    runs, n, held, sampling_only = 600, 150, 0, 0
    for _ in range(runs):
        scores = (
            rng.normal(0, 0.4, n) + rng.normal(0, 0.25, (trainings, n)) + rng.normal(0, sd, (trainings, 1))
        )
        se = standard_error(scores[0], None)
        between = between_trainings(scores)
        assert se is not None and between is not None
        low, high = total_interval(float(scores[0].mean()), se, n, between)[1]
        held += low <= 0 <= high
        sampling_only += abs(scores[0].mean()) <= 1.96 * se
    assert held / runs > 0.92
    if sd:
        assert sampling_only < held


@given(st.lists(st.lists(grades, min_size=3, max_size=3), min_size=2, max_size=5))
def test_no_component_is_negative_and_the_interval_is_around_the_sd(rows: list[list[float]]) -> None:
    found = between_trainings(np.array(rows))
    assert found is not None
    assert found.component >= 0
    assert found.sd_ci95[0] <= found.sd <= found.sd_ci95[1]


def test_one_unit_has_no_interval() -> None:
    between = between_trainings(np.array([[0.0, 0.5], [1.0, 0.7]]))
    assert between is not None
    with pytest.raises(ValueError, match="at least two"):
        total_interval(0.1, 0.05, 1, between)


def test_the_degrees_of_freedom_of_a_total_are_satterthwaites_by_hand() -> None:
    # both parts 0.01, with 4 and 2 degrees of freedom: 0.02² / (0.01² / 4 + 0.01² / 2) = 16/3
    between = BetweenTrainings(sd=0.1, sd_ci95=(0.05, 0.6), component=0.01, n=3)
    error, (low, high) = total_interval(0.3, 0.1, 5, between)
    assert error == pytest.approx(0.02**0.5)
    assert (high - low) / 2 == pytest.approx(t.ppf(0.975, 16 / 3) * 0.02**0.5)
    assert (high + low) / 2 == pytest.approx(0.3)
