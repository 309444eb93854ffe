"""The gain of tuning, what more evidence is worth, odds, tornado, flips and map."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.cases.numbers import Range
from advisor.decision.decide import decide
from advisor.decision.gain import Gain
from advisor.decision.shopping import worth_of_examples
from advisor.decision.stakes import range_draws, triangular
from advisor.records import ItemTable
from advisor.statistics.power import needed_for_non_inferiority
from tests.decision.evidence import EFFORT, hits, make_case, make_evidence

RIGHT = {"zero_shot": hits(0.4), "few_shot": hits(0.70, shift=13), "fine_tuned": hits(0.80)}
RANK = {"do_not_fine_tune": 0, "not_yet": 1, "fine_tune": 2}


def decided(right: dict[str, list[float]] = RIGHT, **changes: Any) -> Any:
    changes.setdefault("quality", {"metric": "accuracy", "min_gain": 0.02})
    return decide(make_evidence(make_case(tuple(right), **changes), right))


def gain(likely: float, sd: float) -> Gain:
    low, high = likely - 1.96 * sd, likely + 1.96 * sd
    return Gain(likely, low, high, sd, 0.5, low, high, (low, high))


def test_triangular_quantiles_are_those_of_the_distribution() -> None:
    # Median of the triangular distribution (0, 1, 4): 4 - sqrt(4 * 3 / 2), since the mode lies below the middle.
    r = Range(low=0, likely=1, high=4)
    assert triangular(r, np.array([0.0, 0.25, 0.5, 1.0])) == pytest.approx([0, 1, 4 - 6**0.5, 4])
    draws = range_draws({"x": r}, 1024)["x"]
    assert draws.mean() == pytest.approx(5 / 3, abs=0.01)  # (low + likely + high) / 3


def test_more_items_are_worth_most_where_the_verdict_hangs_on_them() -> None:
    open_, settled, hopeless = gain(100, 100), gain(1000, 100), gain(-1000, 100)
    assert worth_of_examples(open_, 100, 100) > 10
    assert worth_of_examples(settled, 100, 100) == 0
    assert worth_of_examples(hopeless, 100, 100) < 1e-6


@given(st.floats(-500, 500), st.floats(1, 500))
def test_more_items_are_never_worth_less_than_fewer(likely: float, sd: float) -> None:
    worths = [worth_of_examples(gain(likely, sd), 100, m) for m in (50, 100, 400, 2000)]
    assert all(b >= a - 1e-6 for a, b in pairwise(worths))


def test_worth_of_items_agrees_with_a_simulation() -> None:
    # Raiffa and Schlaifer's preposterior mean, simulated: the mean after m more items, tuned where it is sure.
    n, more, likely, sd = 200, 400, 150.0, 100.0
    rng = np.random.default_rng(1)
    after = likely + sd * np.sqrt(more / (n + more)) * rng.standard_normal(400_000)
    sure = after > 1.959964 * sd * np.sqrt(n / (n + more))
    assert worth_of_examples(gain(likely, sd), n, more) == pytest.approx(np.mean(after * sure), rel=0.01)
    # of seven tuned models the best one's gain must be sure at 2.5 % / 7, as the rule has it
    surer = after > 2.690110 * sd * np.sqrt(n / (n + more))
    assert worth_of_examples(gain(likely, sd), n, more, (7, 1)) == pytest.approx(
        np.mean(after * surer), rel=0.01
    )


def test_the_number_of_items_that_shows_as_good_is_that_of_the_rule() -> None:
    right = {"few_shot": hits(0.82, 300, shift=3), "fine_tuned": hits(0.815, 300)}
    models = {
        "dear": {"provider": "openai", "model": "x", "prices": {"input": 1000, "output": 1000}},
        "m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 0.5}},
    }
    baselines = [
        {"name": "few_shot", "kind": "few_shot", "model": "dear", "examples": 3},
        {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}},
    ]
    quality = {"metric": "accuracy", "min_gain": 0.02}
    found = decide(make_evidence(make_case(models=models, baselines=baselines, quality=quality), right))
    assert found.verdict.decision == "not_yet"
    only, other = found.comparisons[0].discordant or (0, 0)
    need = needed_for_non_inferiority(
        0.02,
        true_difference=found.comparisons[0].difference,
        discordant_rate=(only + other) / 300,
        alpha=0.025,
    )
    offer = next(p for p in found.verdict.shopping_list if p.what == "held_out_examples")
    assert need is not None and offer.amount == need - 300


def test_an_open_question_of_little_value_is_a_no_and_of_much_value_a_purchase() -> None:
    effort = {**EFFORT, "label_minutes_per_example": 6}
    small = decided(value={"correct_usd": 0.12}, effort=effort).verdict
    large = decided(value={"correct_usd": 0.4}, effort={**EFFORT, "label_minutes_per_example": 0.5}).verdict
    assert small.decision == "do_not_fine_tune"
    assert large.decision == "not_yet"
    offer = large.shopping_list[0]
    assert offer.what == "held_out_examples"
    assert offer.worth_usd > offer.cost_usd > 0
    assert large.meanwhile == "few_shot"


def test_an_item_costs_its_label_and_all_answers() -> None:
    found = decided(value={"correct_usd": 0.2}, effort={**EFFORT, "label_minutes_per_example": 3})
    more = found.uncertainty.more_examples[0]
    # 3 minutes at 100 USD an hour; three answers of 0.1 s on a machine of 0.5 USD an hour
    assert more.cost_usd / more.examples == pytest.approx(5.0 + 3 * 0.1 / 3600 * 0.5)
    assert more.cost_kind == "declared"


def test_wide_ranges_hold_back_a_go_that_the_likely_values_give() -> None:
    right = {"zero_shot": hits(0.3), "few_shot": hits(0.5, shift=13), "fine_tuned": hits(0.9)}
    value = {"correct_usd": 0.2}
    sure = decided(right, value=value, traffic={"requests_per_month": 4_000})
    unsure = decided(
        right, value=value, traffic={"requests_per_month": {"low": 10, "likely": 4_000, "high": 4_200}}
    )
    assert sure.verdict.decision == "fine_tune"
    assert unsure.verdict.decision == "not_yet"
    assert any(i.what == "traffic.requests_per_month" for i in unsure.uncertainty.information)


def test_odds_add_up_and_the_best_choice_has_the_least_regret() -> None:
    found = decided(value={"correct_usd": 0.2}).uncertainty
    assert sum(o.p_best for o in found.odds) == pytest.approx(1.0)
    best = max(found.odds, key=lambda o: o.net_benefit_usd)
    assert best.regret_usd == min(o.regret_usd for o in found.odds)
    assert best.regret_usd == pytest.approx(found.perfect_information_usd)
    assert all(o.net_benefit_ci95[0] <= o.net_benefit_usd <= o.net_benefit_ci95[1] for o in found.odds)
    assert all(i.worth_usd <= found.perfect_information_usd + 1e-6 for i in found.information)


def test_knowing_one_thing_is_worth_no_more_than_knowing_all() -> None:
    right = {"zero_shot": hits(0.3), "few_shot": hits(0.5, shift=13), "fine_tuned": hits(0.6)}
    # at the likely value the choice is closer than on average over the range
    requests = {"low": 10_000, "likely": 10_000, "high": 30_000}
    found = decided(right, value={"correct_usd": 0.2}, traffic={"requests_per_month": requests}).uncertainty
    by_input = {i.what: i.worth_usd for i in found.information}
    assert by_input["held-out sampling"] > 0
    assert max(by_input.values()) <= found.perfect_information_usd


def test_nothing_is_said_in_money_where_nothing_has_a_worth() -> None:
    found = decided().uncertainty
    assert found.perfect_information_usd is None
    assert all(o.net_benefit_usd is None and o.regret_usd is None for o in found.odds)


def test_the_tornado_shows_what_decide_shows() -> None:
    found = decided(value={"correct_usd": 0.2})
    bar = next(b for b in found.tornado if b.parameter == "effort.data_hours")
    assert (bar.low, bar.high, bar.basis) == (5, 20, "assumed")
    # ten hours more at 100 USD
    assert bar.gain_at_low - bar.gain_at_high == pytest.approx(15 * 100)
    widths = [abs(b.gain_at_high - b.gain_at_low) for b in found.tornado]
    assert widths == sorted(widths, reverse=True)


def test_every_flip_turns_the_verdict_just_there_and_not_before() -> None:
    case = make_case(tuple(RIGHT), value={"correct_usd": 0.3}, quality={"metric": "accuracy", "bar": 0.75})
    before = decide(make_evidence(case, RIGHT))
    assert before.verdict.flips
    for flip in before.verdict.flips:
        for share, turned in ((1.0, True), (0.999, False)):
            at = flip.now + (flip.at - flip.now) * share
            part, _, name = flip.parameter.partition(".")
            if part == "models":
                continue
            changed = case.model_copy(update={part: getattr(case, part).model_copy(update={name: at})})
            found = decide(make_evidence(changed, RIGHT)).verdict.decision
            assert (found != before.verdict.decision) is turned, (flip, share)


def test_the_map_agrees_with_the_verdict_at_each_of_its_points() -> None:
    found = decided(value={"correct_usd": 0.2})
    assert len(found.verdict_map) == 81
    for point in found.verdict_map[::17]:
        at = decided(
            value={"correct_usd": point.usd_per_right_answer},
            traffic={"requests_per_month": point.requests_per_month},
        )
        assert (point.decision, point.recommended) == (at.verdict.decision, at.verdict.recommended)


shares = st.floats(0.05, 0.95)


@settings(max_examples=20, deadline=None)
@given(shares, shares, st.floats(0.01, 1.0), st.randoms(use_true_random=False))
def test_renamed_ids_and_reordered_items_change_nothing(
    a: float, b: float, worth: float, random: Any
) -> None:
    right = {"zero_shot": hits(0.3, 80), "few_shot": hits(a, 80, shift=5), "fine_tuned": hits(b, 80)}
    evidence = make_evidence(make_case(value={"correct_usd": worth}), right)
    names = [f"n{k}" for k in range(80)]
    random.shuffle(names)
    other = []
    for m in evidence.measured:
        items = [i.model_copy(update={"id": names[int(i.id[1:])]}) for i in m.items]
        random.shuffle(items)
        other.append(m.model_copy(update={"items": ItemTable(items)}))
    random.shuffle(other)
    first, second = decide(evidence), decide(evidence.model_copy(update={"measured": tuple(other)}))
    assert second.verdict.decision == first.verdict.decision
    assert second.verdict.recommended == first.verdict.recommended
    assert second.verdict.confidence == first.verdict.confidence
    assert second.verdict.reasons == first.verdict.reasons


@settings(max_examples=20, deadline=None)
@given(shares, shares, st.floats(0, 300), st.floats(1, 300), st.sampled_from([0.02, 0.1, 0.5]), st.booleans())
def test_dearer_tuning_is_never_more_attractive_whatever_an_item_costs(
    a: float, b: float, hours: float, more: float, worth: float, labelled: bool
) -> None:
    right = {"zero_shot": hits(0.3, 80), "few_shot": hits(a, 80, shift=5), "fine_tuned": hits(b, 80)}
    label = {"label_minutes_per_example": 2} if labelled else {}
    found = [
        RANK[decided(right, effort={**EFFORT, "refinement_hours": h, **label}, value={"correct_usd": worth})
             .verdict.decision]
        for h in (hours, hours + more)
    ]  # fmt: skip
    assert found[1] <= found[0]
