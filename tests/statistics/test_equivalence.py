from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advisor.statistics import compare, equivalence, equivalence_of_draws, needed_for_non_inferiority
from advisor.statistics._score import tango_statistic
from advisor.statistics.equivalence import exact_p_above

pairs_of = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60)
graded = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40)


def right_wrong(only_ours: int, only_theirs: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    ours, theirs = np.ones(n), np.ones(n)
    theirs[:only_ours] = 0
    ours[only_ours : only_ours + only_theirs] = 0
    return ours, theirs


def test_score_statistic_matches_the_value_worked_by_hand() -> None:
    # The example of Tango (1998), Statistics in Medicine 17: 0 and 1 discordant of 44, margin 0.10. Under the
    # margin q = 0.1, the variance is 44 · (2 · 0.1 - 0.1 · 1.1) = 3.96 and the surplus -1 + 4.4: z = 1.709.
    assert tango_statistic(0, 1, 44, -0.10) == pytest.approx(3.4 / 3.96**0.5, abs=1e-9)


def test_exact_p_value_is_the_largest_tail_over_all_rates() -> None:
    # Counted out over all tables of 12 items, on a fine grid of rates.
    n, margin = 12, 0.2
    b, c = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    b, c = b[b + c <= n], c[b + c <= n]
    statistic = tango_statistic(b, c, n, -margin)
    for ours, theirs in ((0, 0), (1, 0), (2, 3), (5, 0)):
        extreme = statistic >= tango_statistic(ours, theirs, n, -margin) - 1e-9
        tails = []
        for rate in np.linspace(margin, 1, 400):
            p = [(rate - margin) / 2, (rate + margin) / 2, 1 - rate]
            tables = np.stack([b, c, n - b - c], axis=1)
            tails.append(stats.multinomial.pmf(tables[extreme], n, p).sum())
        assert exact_p_above(ours, theirs, n, -margin) == pytest.approx(max(tails), abs=2e-3)


def test_no_difference_found_is_not_no_difference() -> None:
    few, many = right_wrong(1, 1, 25), right_wrong(40, 40, 1_000)
    assert compare(*few, seed=0).p_value == compare(*many, seed=0).p_value == 1.0
    assert equivalence(*few, margin=0.03).verdict == "undecided"
    assert equivalence(*many, margin=0.03).verdict == "equivalent"


@pytest.mark.parametrize(
    ("only_ours", "only_theirs", "verdict"),
    [
        (60, 10, "better"),
        (20, 50, "worse"),
        (10, 160, "inferior"),
        (30, 30, "equivalent"),
        (62, 44, "non_inferior"),
        (44, 62, "undecided"),
    ],
)
def test_verdicts_on_a_thousand_items_with_a_margin_of_two_points(
    only_ours: int, only_theirs: int, verdict: str
) -> None:
    assert equivalence(*right_wrong(only_ours, only_theirs, 1_000), margin=0.02).verdict == verdict


def test_a_gain_that_is_sure_but_too_small_to_matter_is_equivalent() -> None:
    result = equivalence(*right_wrong(140, 60, 10_000), margin=0.02)  # + 0.8 points
    assert result.ci95[0] > 0
    assert result.verdict == "equivalent"
    assert result.p_worthwhile > 0.99


def test_a_gain_beyond_the_margin_is_worthwhile() -> None:
    result = equivalence(*right_wrong(120, 20, 1_000), margin=0.02)
    assert result.verdict == "better"
    assert result.p_worthwhile < 0.001


def test_without_a_margin_nothing_is_equivalent() -> None:
    assert equivalence(*right_wrong(1, 1, 5_000), margin=0).verdict == "undecided"
    assert equivalence(*right_wrong(60, 10, 1_000), margin=0).verdict == "better"
    assert equivalence(*right_wrong(10, 60, 1_000), margin=0).verdict == "worse"


def test_graded_scores_that_hardly_differ_need_few_items() -> None:
    rng = np.random.default_rng(0)
    reference = rng.beta(4, 4, 80)
    ours = np.clip(reference + rng.normal(0, 0.03, 80), 0, 1)
    assert equivalence(ours, reference, margin=0.02).verdict == "equivalent"


def test_clusters_that_repeat_themselves_do_not_show_equivalence() -> None:
    ours, theirs = right_wrong(4, 4, 40)
    ten_times = np.repeat(ours, 10), np.repeat(theirs, 10)
    clusters = np.repeat(np.arange(40), 10).tolist()
    assert equivalence(*ten_times, margin=0.06).verdict == "equivalent"
    clustered = equivalence(*ten_times, margin=0.06, clusters=clusters)
    assert clustered.verdict == "undecided"
    assert clustered.p_equivalent > 0.1


def test_amounts_off_the_scale_of_scores_are_compared_too() -> None:
    rng = np.random.default_rng(0)
    reference = rng.uniform(1, 5, 200)
    assert equivalence(reference + rng.normal(0, 0.5, 200), reference, margin=0.3).verdict == "equivalent"


@settings(max_examples=40, deadline=None)
@given(pairs_of, st.floats(0.01, 0.5))
def test_swapping_baselines_swaps_better_and_worse(pairs: list[tuple[int, int]], margin: float) -> None:
    ours, theirs = map(np.array, zip(*pairs, strict=True))
    there, back = equivalence(ours, theirs, margin=margin), equivalence(theirs, ours, margin=margin)
    assert back.p_equivalent == pytest.approx(there.p_equivalent)
    assert back.ci90 == pytest.approx((-there.ci90[1], -there.ci90[0]))
    assert (there.verdict == "equivalent") == (back.verdict == "equivalent")
    assert (there.verdict == "better") <= (back.verdict in ("worse", "inferior"))


@settings(max_examples=40, deadline=None)
@given(graded, st.floats(0.01, 0.4))
def test_graded_p_values_and_the_90_percent_interval_agree(
    pairs: list[tuple[float, float]], margin: float
) -> None:
    ours, theirs = map(np.array, zip(*pairs, strict=True))
    result = equivalence(ours, theirs, margin=margin, binary=False)
    inside = -margin < result.ci90[0] and result.ci90[1] < margin
    edge = min(abs(result.ci90[0] + margin), abs(result.ci90[1] - margin))
    assert edge < 1e-6 or np.isin(ours, (0, 1)).all() or inside == (result.p_equivalent <= 0.05)


@settings(max_examples=40, deadline=None)
@given(pairs_of, st.floats(0.01, 0.3))
def test_a_wider_margin_is_easier(pairs: list[tuple[int, int]], margin: float) -> None:
    ours, theirs = map(np.array, zip(*pairs, strict=True))
    narrow, wide = equivalence(ours, theirs, margin=margin), equivalence(ours, theirs, margin=margin + 0.1)
    assert wide.p_equivalent <= narrow.p_equivalent + 0.02  # the exact p-value may waver a little


def test_draws_of_a_set_metric_are_judged_by_the_same_rule() -> None:
    draws = np.random.default_rng(0).normal(0.001, 0.005, 2_000)
    assert equivalence_of_draws(0.001, draws, margin=0.02).verdict == "equivalent"
    assert equivalence_of_draws(0.031, draws + 0.03, margin=0.02).verdict == "better"
    assert equivalence_of_draws(-0.05, draws - 0.05, margin=0.02).verdict == "inferior"
    assert equivalence_of_draws(0.0, 20 * draws, margin=0.02).verdict == "undecided"


def test_promised_power_to_show_non_inferiority_is_roughly_what_the_test_has() -> None:
    n = needed_for_non_inferiority(0.05, discordant_rate=0.2)
    counts = np.random.default_rng(0).multinomial(n, [0.1, 0.1, 0.8], size=100)
    shown = sum(exact_p_above(int(b), int(c), n, -0.05) <= 0.05 for b, c, _ in counts)
    assert 0.68 <= shown / 100 <= 0.92


@pytest.mark.parametrize("n", [1_000, 100_000])
def test_many_items_take_a_second_at_most(n: int) -> None:
    ours, theirs = np.random.default_rng(0).integers(0, 2, (2, n))
    started = time.perf_counter()
    equivalence(ours, theirs, margin=0.02)
    assert time.perf_counter() - started < 5  # a quarter of a second on a quiet machine


@pytest.mark.parametrize("margin", [-0.1, float("nan")])
def test_impossible_margins_are_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        equivalence([1.0], [0.0], margin=margin)


@pytest.mark.parametrize(
    ("ours", "theirs"), [([2.0], [1.0]), ([2.0, 2.0], [1.0, 1.0]), ([1.0], [2.0]), ([3.0] * 9, [3.0] * 9)]
)
def test_amounts_that_do_not_vary_decide_nothing(ours: list[float], theirs: list[float]) -> None:
    result = equivalence(ours, theirs, margin=0.1)
    assert result.verdict == "undecided"
    assert (result.p_non_inferior, result.p_equivalent, result.p_worthwhile) == (1.0, 1.0, 1.0)


def test_one_group_of_amounts_decides_nothing() -> None:
    assert equivalence([2.0, 3.0], [1.0, 1.0], margin=0.1, clusters=["a", "a"]).verdict == "undecided"
