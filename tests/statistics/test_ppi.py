"""A judge corrected by people: between people alone and the judge alone, and right either way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from advisor.statistics import corrected_difference, corrected_mean

Labels = list[float | None]


def made_up(
    seed: int, n: int, labelled: int, *, right: float = 0.7, agrees: float = 0.8, says_yes: float = 0.9
) -> tuple[np.ndarray, Labels]:
    """(judge's scores, people's): the judge agrees, or says yes whatever the answer is."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < right).astype(float)
    judge = np.where(rng.random(n) < agrees, truth, (rng.random(n) < says_yes).astype(float))
    human: Labels = [None] * n
    for i in rng.choice(n, labelled, replace=False):
        human[i] = float(truth[i])
    return judge, human


def classical(values: np.ndarray) -> tuple[float, float]:
    reach = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - reach), float(values.mean() + reach)


def test_a_judge_that_always_agrees_gives_its_own_classical_interval() -> None:
    judge, human = made_up(1, 400, 60, agrees=1.0)
    found = corrected_mean(judge, human)
    assert found.estimate == pytest.approx(judge.mean())
    assert found.tuning == pytest.approx(340 / 400)
    assert found.ci == pytest.approx(classical(judge), abs=0.002)


def test_a_judge_that_knows_nothing_gives_about_peoples_interval() -> None:
    widths = []
    for seed in range(30):
        judge, human = made_up(seed, 400, 60, agrees=0.0, says_yes=0.5)
        alone = classical(np.array([h for h in human if h is not None]))
        found = corrected_mean(judge, human)
        widths.append((found.ci[1] - found.ci[0]) / (alone[1] - alone[0]))
    assert np.mean(widths) == pytest.approx(1.0, abs=0.03)


def test_a_judge_with_one_score_for_all_leaves_peoples_mean() -> None:
    _, human = made_up(3, 200, 50)
    known = np.array([h for h in human if h is not None])
    found = corrected_mean(np.full(200, 0.75), human)
    assert found.tuning == 0
    assert found.estimate == pytest.approx(known.mean())
    assert found.ci == pytest.approx(classical(known))


def test_where_people_scored_all_the_judge_plays_no_part() -> None:
    judge, _ = made_up(4, 80, 2)
    human: Labels = [float(i % 3 == 0) for i in range(80)]
    found = corrected_mean(judge, human)
    assert (found.tuning, found.n_human) == (0, 80)
    assert found.estimate == pytest.approx(27 / 80)
    assert found.ci == pytest.approx(classical(np.array(human, dtype=float)))


def test_by_hand() -> None:
    # Labelled: Y = 1, 1, 0, 0 and f = 1, 1, 1, 0: Cov = 1/8, Var f = 3/16, slope 2/3; four further items, f = 1, 1,
    # 1, 0: n = N halves the slope, lambda = 1/3; theta = 1/2 + 1/3 (3/4 - 3/4) = 1/2.
    judge = np.array([1.0, 1, 1, 0, 1, 1, 1, 0])
    human: Labels = [1.0, 1.0, 0.0, 0.0, None, None, None, None]
    found = corrected_mean(judge, human)
    assert found.tuning == pytest.approx(1 / 3)
    assert found.estimate == pytest.approx(0.5)
    # Residuals Y - f/3: 2/3, 2/3, -1/3, 0 around 1/4; sum of squares 3/4; over n (n - 2) = 8. Of the others: f/3 has
    # sum of squares 1/9 * 3/4, over N (N - 1) = 12.
    assert found.standard_error**2 == pytest.approx(0.75 / 8 + 0.75 / 9 / 12)


def test_the_interval_holds_the_truth_as_often_as_it_says_and_the_biased_judge_does_not() -> None:
    held, judge_held, narrower = 0, 0, 0
    repeats = 400
    for seed in range(repeats):
        judge, human = made_up(seed, 300, 60)
        found = corrected_mean(judge, human)
        alone = classical(np.array([h for h in human if h is not None]))
        own = classical(judge)
        held += found.ci[0] <= 0.7 <= found.ci[1]
        judge_held += own[0] <= 0.7 <= own[1]
        narrower += found.ci[1] - found.ci[0] < alone[1] - alone[0]
    assert 0.915 <= held / repeats <= 0.98
    assert judge_held / repeats < 0.8
    assert narrower / repeats > 0.95


def test_differences_hold_the_truth_whether_or_not_the_same_items_were_labelled() -> None:
    for same in (True, False):
        held, repeats = 0, 300
        for seed in range(repeats):
            a, human_a = made_up(2 * seed, 250, 60, right=0.75)
            b, human_b = made_up(2 * seed + 1, 250, 60, right=0.6, says_yes=0.4)
            if same:
                b, human_b = made_up_on(b, seed, human_a)
            found = corrected_difference((a, b), (human_a, human_b))
            held += found.ci[0] <= 0.15 <= found.ci[1]
        assert 0.91 <= held / repeats <= 0.985


def made_up_on(_: np.ndarray, seed: int, like: Labels) -> tuple[np.ndarray, Labels]:
    rng = np.random.default_rng(10_000 + seed)
    truth = (rng.random(len(like)) < 0.6).astype(float)
    judge = np.where(rng.random(len(like)) < 0.8, truth, (rng.random(len(like)) < 0.4).astype(float))
    return judge, [None if h is None else float(y) for h, y in zip(like, truth, strict=True)]


def test_a_difference_is_that_of_the_corrected_means_and_turns_its_sign() -> None:
    a, human_a = made_up(5, 200, 50)
    b, human_b = made_up(6, 200, 50, right=0.5)
    found = corrected_difference((a, b), (human_a, human_b))
    back = corrected_difference((b, a), (human_b, human_a))
    assert found.estimate == pytest.approx(
        corrected_mean(a, human_a).estimate - corrected_mean(b, human_b).estimate
    )
    assert back.estimate == pytest.approx(-found.estimate)
    assert back.ci == pytest.approx((-found.ci[1], -found.ci[0]))
    assert back.p_value == pytest.approx(found.p_value)
    assert (found.p_value < 0.05) == (found.ci[0] > 0 or found.ci[1] < 0)


def test_two_equal_systems_do_not_differ_and_keep_an_interval() -> None:
    judge, human = made_up(7, 100, 40)
    found = corrected_difference((judge, judge), (human, human))
    assert found.estimate == 0
    assert found.ci[0] < 0 < found.ci[1]
    assert found.p_value == 1


def test_where_people_always_prefer_one_the_p_value_is_that_of_the_sign_test() -> None:
    ones: Labels = [1.0] * 40
    zeros: Labels = [0.0] * 40
    found = corrected_difference((np.ones(40), np.zeros(40)), (ones, zeros))
    assert found.standard_error == 0
    assert found.ci == pytest.approx((1 - 2 * (1 - 0.025 ** (1 / 40)), 1.0))
    assert found.p_value == pytest.approx(2.0**-39)
    back = corrected_difference((np.zeros(40), np.ones(40)), (zeros, ones))
    assert back.p_value == pytest.approx(found.p_value)


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 80))
def test_where_nothing_varies_the_p_value_says_what_the_interval_says(
    ours: float, theirs: float, n: int
) -> None:
    first: Labels = [ours] * n
    second: Labels = [theirs] * n
    found = corrected_difference((np.full(n, 0.5), np.full(n, 0.5)), (first, second))
    assert found.standard_error == 0
    assert 0 < found.p_value <= 1
    if abs(found.p_value - 0.05) > 1e-9:
        assert (found.ci[0] > 0 or found.ci[1] < 0) == (found.p_value < 0.05)


def test_groups_widen_the_interval() -> None:
    judge, human = made_up(8, 40, 20)
    tenfold = [h for h in human for _ in range(10)]
    groups = [f"g{i}" for i in range(40) for _ in range(10)]
    alone = corrected_mean(np.repeat(judge, 10), tenfold)
    grouped = corrected_mean(np.repeat(judge, 10), tenfold, clusters=groups)
    single = corrected_mean(judge, human)
    assert grouped.standard_error == pytest.approx(single.standard_error)
    assert grouped.standard_error > 2.5 * alone.standard_error


def test_the_values_for_resampling_have_the_mean_and_the_spread_of_the_estimate() -> None:
    judge, human = made_up(9, 400, 80)
    found = corrected_mean(judge, human)
    values = np.array(found.values)
    assert values.mean() == pytest.approx(found.estimate)
    assert values.std() / 400**0.5 == pytest.approx(found.standard_error, rel=0.03)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_the_scores_the_interval_holds_the_estimate_and_stays_within_bounds(
    data: st.DataObject,
) -> None:
    n = data.draw(st.integers(2, 40))
    scores = st.floats(0, 1, allow_nan=False)
    judge = data.draw(st.lists(scores, min_size=n, max_size=n))
    human: Labels = data.draw(st.lists(st.one_of(st.none(), scores), min_size=n, max_size=n))
    if sum(h is not None for h in human) < 2:
        with pytest.raises(ValueError, match="at least two"):
            corrected_mean(judge, human)
        return
    found = corrected_mean(judge, human)
    assert 0 <= found.ci[0] <= found.estimate <= found.ci[1] <= 1
    assert found.tuning is not None
    assert 0 <= found.tuning <= 1


def test_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="3 scores of the judge, but 2"):
        corrected_mean([0.1, 0.2, 0.3], [0.1, 0.2])
    with pytest.raises(ValueError, match="2 items of the first system, but 3"):
        corrected_difference(([0, 1], [0, 1, 1]), ([0, 1], [0, 1, 1]))
