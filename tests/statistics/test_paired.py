from __future__ import annotations

import time
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from advisor.statistics import adjust, compare, wilcoxon_signed_rank
from advisor.statistics.paired import exact_mcnemar, tango_interval

right_wrong = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60)
graded = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30)


def discordant_scores(b: int, c: int, n: int) -> tuple[list[float], list[float]]:
    """Scores with b items that only the baseline has right, c that only the reference has right."""
    return [1.0] * b + [0.0] * c + [1.0] * (n - b - c), [0.0] * b + [1.0] * c + [1.0] * (n - b - c)


def test_exact_mcnemar_matches_published_values() -> None:
    # R package exact2x2, help page of mcnemar.exact: [[21, 9], [2, 12]] has p = 0.06543.
    assert exact_mcnemar(9, 2) == pytest.approx(0.06543, abs=5e-6)
    # Fagerland, Lydersen and Laake (2014), Statistics in Medicine 33, 1 and 7 discordant of 21.
    assert exact_mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert exact_mcnemar(0, 0) == 1.0


def test_tango_interval_matches_published_values() -> None:
    # Fagerland, Lydersen and Laake (2014), airway hyper-responsiveness: 1 and 7 discordant of 21.
    assert tango_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)
    # R package PropCIs: scoreci.mp(25, 28, 618, 0.90), which estimates (28 - 25) / 618.
    assert tango_interval(28, 25, 618, confidence=0.90) == pytest.approx((-0.0148, 0.0247), abs=5e-5)


def test_tango_interval_keeps_a_width_without_discordant_items() -> None:
    z2 = stats.norm.ppf(0.975) ** 2
    assert tango_interval(0, 0, 20) == pytest.approx((-z2 / (20 + z2), z2 / (20 + z2)))  # ± 0.161


def test_tango_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    counts = rng.multinomial(60, [0.15, 0.05, 0.8], size=400)
    covered = sum(low <= 0.10 <= high for low, high in (tango_interval(b, c, 60) for b, c, _ in counts))
    assert 0.92 <= covered / 400 <= 0.985


def test_right_wrong_scores_are_compared_by_discordant_items() -> None:
    result = compare(*discordant_scores(12, 4, 100), seed=0)
    assert result.n == 100
    assert result.difference == pytest.approx(0.08)
    assert result.discordant == (12, 4)
    assert result.test == "exact McNemar"
    assert result.p_value == pytest.approx(stats.binomtest(4, 16).pvalue)
    assert result.ci95 == tango_interval(12, 4, 100)
    assert result.detectable_difference is not None


def test_no_discordant_item_among_few_is_not_surely_equal() -> None:
    few, many = compare([1.0] * 20, [1.0] * 20, seed=0), compare([1.0] * 2_000, [1.0] * 2_000, seed=0)
    assert few.ci95[0] < -0.1
    assert few.ci95[1] > 0.1
    assert few.p_value == 1.0
    assert few.discordant == (0, 0)
    assert few.detectable_difference is not None
    assert few.detectable_difference > 0.2
    assert many.ci95 == pytest.approx((0, 0), abs=0.002)


def test_graded_scores_that_never_differ_are_not_surely_equal() -> None:
    result = compare([0.5, 0.25] * 10, [0.5, 0.25] * 10, seed=0)
    assert result.ci95[0] < -0.1
    assert result.ci95[1] > 0.1
    assert result.p_value == 1.0
    assert result.discordant is None
    assert result.detectable_difference is None  # nothing varied: nothing is known of how it varies


def test_graded_scores_are_compared_by_permutation() -> None:
    rng = np.random.default_rng(0)
    reference = rng.uniform(0, 0.7, 60)
    baseline = reference + rng.uniform(-0.1, 0.3, 60)
    result = compare(baseline, reference, seed=0)
    assert result.test == "paired permutation"
    assert result.p_value < 0.001
    assert result.ci95[0] > 0
    theirs = stats.bootstrap((baseline - reference,), np.mean, method="BCa", rng=1).confidence_interval
    assert result.ci95 == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_permutation_test_counts_all_patterns_of_a_small_sample() -> None:
    # Fisher (1935), The Design of Experiments, section 21: Darwin's 15 pairs of maize plants, heights in
    # eighths of an inch; 1,726 of 2^15 sign patterns are as extreme, p = 0.05267.
    darwin = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0]
    exact = compare(darwin, [0.0] * 15, seed=0, resamples=2**15)
    assert exact.p_value == pytest.approx(1726 / 2**15, abs=1e-9)
    drawn = compare(darwin, [0.0] * 15, seed=0, resamples=10_000)
    assert drawn.p_value == pytest.approx(1726 / 2**15, abs=0.008)


def test_permutation_test_holds_its_level() -> None:
    rng = np.random.default_rng(3)
    pairs = rng.beta(0.5, 0.5, size=(400, 2, 25))
    rejected = sum(compare(a, b, seed=i, resamples=500).p_value <= 0.05 for i, (a, b) in enumerate(pairs))
    assert 0.02 <= rejected / 400 <= 0.08


@settings(max_examples=60, deadline=None)
@given(right_wrong)
def test_swapping_right_wrong_baselines_negates(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    there, back = compare(ours, theirs, seed=0), compare(theirs, ours, seed=0)
    assert back.difference == -there.difference
    assert back.ci95 == (-there.ci95[1], -there.ci95[0])
    assert back.p_value == there.p_value
    assert there.ci95[0] <= there.difference <= there.ci95[1]
    assert there.ci95[0] >= -1
    assert there.ci95[1] <= 1


@settings(max_examples=60, deadline=None)
@given(graded)
def test_swapping_graded_baselines_negates(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    there, back = (
        compare(ours, theirs, seed=0, resamples=300, binary=False),
        compare(theirs, ours, seed=0, resamples=300, binary=False),
    )
    assert back.difference == pytest.approx(-there.difference)
    assert back.ci95 == pytest.approx((-there.ci95[1], -there.ci95[0]), abs=1e-9)
    assert back.p_value == pytest.approx(there.p_value)
    assert there.ci95[0] - 1e-9 <= there.difference <= there.ci95[1] + 1e-9


@settings(max_examples=30, deadline=None)
@given(graded, st.randoms(use_true_random=False))
def test_order_of_items_does_not_matter(pairs: list[tuple[float, float]], random: Random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    results = []
    for order in (pairs, shuffled):
        ours, theirs = zip(*order, strict=True)
        results.append(compare(ours, theirs, seed=0, resamples=300))
    assert results[0].ci95 == pytest.approx(results[1].ci95, abs=1e-9)
    assert results[0].p_value == pytest.approx(results[1].p_value)


def test_copies_of_the_same_item_in_a_cluster_are_not_new_evidence() -> None:
    once = discordant_scores(8, 2, 40)
    ten_times = tuple(np.repeat(scores, 10) for scores in once)
    clusters = np.repeat(np.arange(40), 10).tolist()
    naive = compare(*ten_times, seed=0)
    clustered = compare(*ten_times, seed=0, clusters=clusters)
    assert naive.p_value < 1e-6
    assert clustered.test == "cluster permutation"
    assert clustered.p_value == pytest.approx(compare(*once, seed=0).p_value, abs=1e-9)
    assert clustered.discordant == (80, 20)
    assert clustered.detectable_difference == pytest.approx(
        compare(*once, seed=0).detectable_difference, rel=0.15
    )


def test_groups_cost_little_where_none_holds_more_than_one_item_that_differs() -> None:
    ours, theirs = np.zeros(300), np.zeros(300)
    ours[[0, 5, 10, 15, 20, 25]] = 1.0
    theirs[[30, 35]] = 1.0
    groups = [i // 5 for i in range(300)]
    (low, high), (alone_low, alone_high) = (
        compare(ours, theirs, seed=0, clusters=c).ci95 for c in (groups, None)
    )
    assert 1.0 <= (high - low) / (alone_high - alone_low) <= 1.1


def test_groups_whose_items_differ_together_cost_as_much_as_they_repeat_each_other() -> None:
    ours, theirs = np.zeros(300), np.zeros(300)
    ours[:15] = 1.0  # all five items of three groups
    theirs[15:20] = 1.0
    groups = [i // 5 for i in range(300)]
    found = compare(ours, theirs, seed=0, clusters=groups).ci95
    # worth about as much as one item of each group: three gained and one lost of sixty
    low, high = tango_interval(3, 1, 60)
    assert found == pytest.approx((low, high), abs=0.02)


def test_clusters_of_one_are_no_clusters() -> None:
    scores = discordant_scores(8, 2, 40)
    assert compare(*scores, seed=0, clusters=[None] * 40) == compare(*scores, seed=0)


@pytest.mark.parametrize("wrong", [([], []), ([1.0], [1.0, 0.0]), ([float("nan")], [1.0])])
def test_unusable_scores_are_refused(wrong: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match=r"baseline|reference"):
        compare(*wrong, seed=0)


def test_graded_scores_cannot_be_called_right_wrong() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        compare([0.5], [1.0], binary=True, seed=0)


def test_holm_adjusts_as_published() -> None:
    # Worked by hand after Holm (1979): sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, then never falling.
    assert adjust([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust([]) == []
    assert adjust([0.2]) == [0.2]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert adjust(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_false_discovery_rate_adjusts_as_published() -> None:
    # Benjamini and Hochberg (1995), section 4: the fifteen p-values of the myocardial infarction trial; at a rate of
    # 0.05 the first four are found, by Holm's method three.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
                0.6528, 0.7590, 1.0]  # fmt: skip
    assert sum(p <= 0.05 for p in adjust(p_values, method="fdr")) == 4
    assert sum(p <= 0.05 for p in adjust(p_values)) == 3
    assert adjust(p_values, method="fdr")[3] == pytest.approx(0.0095 * 15 / 4)
    assert adjust([], method="fdr") == []


def test_graded_scores_get_a_second_opinion_and_others_do_not() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((2, 60))
    assert compare(ours, theirs, seed=0).wilcoxon_p_value == pytest.approx(wilcoxon_signed_rank(ours, theirs))
    assert compare([1, 0, 1], [0, 0, 1], seed=0).wilcoxon_p_value is None
    assert compare(ours, theirs, seed=0, clusters=[i // 3 for i in range(60)]).wilcoxon_p_value is None


def test_few_clusters_come_with_a_note() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((2, 60))
    few = compare(ours, theirs, seed=0, clusters=[i // 15 for i in range(60)])
    assert few.note is not None
    assert "60 items come from 4 groups" in few.note
    assert compare(ours, theirs, seed=0, clusters=[i // 3 for i in range(60)]).note is None
    assert compare(ours, theirs, seed=0).note is None


def test_large_and_small_units_are_permuted_to_the_same_p_value() -> None:
    # More units than are flipped one by one: the rest are summed up by the central limit.
    d = np.random.default_rng(1).standard_t(4, 900) + 0.07
    p_value = compare(d, np.zeros(900), seed=0).p_value
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(d.sum()) / np.sqrt((d**2).sum())), abs=0.01)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_adjusted_p_values_never_shrink(p_values: list[float]) -> None:
    assert all(p - 1e-12 <= q <= 1 for p, q in zip(p_values, adjust(p_values), strict=True))


def test_wilcoxon_matches_a_published_value() -> None:
    # Darwin's maize again, as in scipy's documentation of `wilcoxon`: p = 0.04126.
    darwin = [6.0, 8.0, 14.0, 16.0, 23.0, 24.0, 28.0, 29.0, 41.0, -48.0, 49.0, 56.0, 60.0, -67.0, 75.0]
    assert wilcoxon_signed_rank(darwin, [0.0] * 15) == pytest.approx(0.04126, abs=5e-6)
    assert wilcoxon_signed_rank([0.5, 0.5], [0.5, 0.5]) == 1.0


@pytest.mark.parametrize("kind", ["right_wrong", "graded"])
def test_a_hundred_thousand_items_take_seconds_at_most(kind: str) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 2, (2, 100_000)) if kind == "right_wrong" else rng.random((2, 100_000))
    clusters = rng.integers(0, 30_000, 100_000).tolist()
    started = time.perf_counter()
    compare(scores[0], scores[1], seed=0)
    compare(scores[0], scores[1], seed=0, clusters=clusters)
    assert time.perf_counter() - started < 20  # about two seconds on a quiet machine


def test_wilcoxon_ties_differences_that_are_equal_but_for_rounding() -> None:
    # 1 - 2/3, 2/3 - 1/3 and 1/3 - 0 are three floats, and one difference
    rng = np.random.default_rng(6)
    reference = rng.integers(0, 4, 40)
    baseline = np.clip(reference + rng.integers(-1, 3, 40), 0, 3)
    in_thirds = wilcoxon_signed_rank(baseline / 3, reference / 3)
    assert in_thirds == pytest.approx(wilcoxon_signed_rank(baseline, reference))
    assert in_thirds == pytest.approx(stats.wilcoxon(baseline - reference).pvalue)


def test_the_detectable_difference_counts_two_more_discordant_items_of_four_more() -> None:
    # 20 of 200 items differ: the rate r is taken as 22/204, and Connor's number of items is 200 at the difference d.
    ours, theirs = np.ones(200), np.ones(200)
    theirs[:10], ours[10:20] = 0, 0
    d = compare(ours, theirs, seed=0).detectable_difference
    assert d is not None
    rate = 22 / 204
    assert (1.959964 * rate**0.5 + 0.841621 * (rate - d**2) ** 0.5) ** 2 / d**2 == pytest.approx(
        200, rel=1e-4
    )


def test_the_detectable_difference_without_a_discordant_item_by_hand() -> None:
    # As many items differ as the difference needs: (1.9600 + 0.8416 sqrt(1 - d))² = 20 d at d = 0.3485
    d = compare([1.0] * 20, [1.0] * 20, seed=0).detectable_difference
    assert d == pytest.approx(0.3485, abs=5e-4)
