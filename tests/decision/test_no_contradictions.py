"""One decision never says two things: verdict, confidence, recommendation, shopping list and odds fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.cases.schema import Case
from advisor.decision.decide import decide
from advisor.records import Decision, ItemTable, Purchase
from tests.decision.evidence import EFFORT, hits, make_case, make_evidence, measured

NAMES = ("few_shot", "fine_tuned")
BY_TOKEN = {"provider": "openai", "model": "x", "prices": {"input": 10, "output": 10}}
NO_BAR = {"metric": "accuracy", "min_gain": 0.05}


def decided(right: dict[str, list[float]], names: tuple[str, ...] = NAMES, **changes: Any) -> Decision:
    return decide(make_evidence(make_case(names, **changes), right))


def cheaper_tuned(**changes: Any) -> Case:
    """The alternative is paid by the token and dear, the tuned model by the machine and cheap."""
    return make_case(
        models={
            "dear": {**BY_TOKEN, "prices": {"input": 1000, "output": 1000}},
            "m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 0.5}},
        },
        baselines=[
            {"name": "few_shot", "kind": "few_shot", "model": "dear", "examples": 3},
            {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}},
        ],
        **changes,
    )


def more_items(decision: Decision) -> Purchase:
    return next(p for p in decision.verdict.shopping_list if p.what == "held_out_examples")


shares = st.floats(0.05, 0.95)


@settings(max_examples=60, deadline=None)
@given(
    shares,
    shares,
    st.sampled_from([None, 0.5, 0.8]),
    st.sampled_from([0.0, 0.02, 0.1]),
    st.sampled_from([0.0, 0.02, 0.2, 1.0]),
)
def test_no_verdict_is_less_likely_than_its_opposite(
    a: float, b: float, bar: float | None, min_gain: float, worth: float
) -> None:
    quality = {"metric": "accuracy", "min_gain": min_gain, "bar": bar}
    right = {"few_shot": hits(a, 120, shift=5), "fine_tuned": hits(b, 120)}
    for make in (make_case, cheaper_tuned):
        case = make(quality=quality, value={"correct_usd": worth})
        case = case.model_copy(update={"baselines": tuple(x for x in case.baselines if x.name in right)})
        found = decide(make_evidence(case, right)).verdict
        assert found.decision == "not_yet" or found.confidence is None or found.confidence >= 0.5


def test_confidence_asks_for_the_smallest_gain_worth_having() -> None:
    # two points better for sure, but five are asked for
    right = {"few_shot": hits(0.80, 2000), "fine_tuned": hits(0.82, 2000)}
    found = decided(right, quality=NO_BAR).verdict
    assert found.decision == "do_not_fine_tune"
    assert found.confidence == pytest.approx(1.0)


@pytest.mark.parametrize("behind", [0.008, 0.02])
def test_a_cheaper_model_that_is_as_good_is_a_go_even_where_it_is_a_little_worse(behind: float) -> None:
    right = {"few_shot": hits(0.82, 1000), "fine_tuned": hits(0.82 - behind, 1000)}
    found = decide(make_evidence(cheaper_tuned(quality=NO_BAR), right))
    assert found.comparisons[0].ci95[1] < 0 or behind < 0.01
    # few-shot prompting was tried, so nothing is missing
    assert found.verdict.decision == "fine_tune"
    assert found.verdict.confidence == pytest.approx(1.0, abs=0.01)


def test_what_misses_the_bar_by_a_hair_and_pays_is_not_a_no() -> None:
    rng = np.random.default_rng(3)
    theirs, ours = np.zeros(200), np.zeros(200)
    theirs[rng.choice(200, 160, replace=False)] = 1
    ours[rng.choice(200, 159, replace=False)] = 1
    right = {"few_shot": theirs.tolist(), "fine_tuned": ours.tolist()}
    found = decide(make_evidence(cheaper_tuned(value={"correct_usd": 0.001}), right)).verdict
    assert found.decision == "not_yet"
    assert "the opposite is likelier" in found.reasons[0]


def test_what_breaks_a_constraint_is_never_recommended() -> None:
    case = make_case(
        constraints={"must_stay_local": True},
        models={
            "away": BY_TOKEN,
            "m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 0.5}},
        },
        baselines=[
            {"name": "few_shot", "kind": "few_shot", "model": "away", "examples": 3},
            {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}},
        ],
        value={"correct_usd": 0.1},
    )
    for tuned in (0.3, 0.6, 0.7, 0.72, 0.8):
        right = {"few_shot": hits(0.7, shift=3), "fine_tuned": hits(tuned)}
        found = decide(make_evidence(case, right)).verdict
        assert "few_shot" not in (found.recommended, found.meanwhile)


def test_an_unknown_cost_does_not_make_tuning_lose() -> None:
    models = {
        "unknown": {"provider": "openai", "model": "x"},
        "m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 0.5}},
    }
    baselines = [
        {"name": "few_shot", "kind": "few_shot", "model": "unknown", "examples": 3},
        {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}},
    ]
    right = {"few_shot": hits(0.9, 1000), "fine_tuned": hits(0.9, 1000)}
    found = decided(right, models=models, baselines=baselines).verdict
    assert found.decision == "not_yet"
    assert any(p.what == "cost" for p in found.shopping_list)


def test_a_go_rests_on_items_that_both_answered() -> None:
    case = make_case(NAMES, value={"correct_usd": 1.0})
    evidence = make_evidence(case, {"few_shot": hits(0.3, 60), "fine_tuned": [1.0] * 60})
    few, tuned = evidence.measured
    other = [i.model_copy(update={"id": f"h{52 + k}"}) for k, i in enumerate(tuned.items)]
    tuned = tuned.model_copy(update={"items": ItemTable(other)})
    found = decide(evidence.model_copy(update={"measured": (few, tuned)})).verdict
    assert found.decision == "not_yet"
    assert "8 held-out items in common" in found.reasons[0]


def test_items_that_were_not_asked_yet_are_asked_before_new_ones_are_bought() -> None:
    case = make_case(NAMES, value={"correct_usd": 0.5})
    for n in (10, 40):
        evidence = make_evidence(case, {"few_shot": hits(0.6, n, shift=5), "fine_tuned": hits(0.68, n)})
        data = evidence.data.model_copy(update={"n_held_out": 400})
        offer = more_items(decide(evidence.model_copy(update={"data": data})))
        assert offer.amount == 400 - n
        assert offer.cost_usd is not None
        assert offer.cost_usd < 1  # their answers alone: the labels are there


def test_examples_that_cost_nothing_say_nothing_of_the_price_of_further_ones() -> None:
    right = {"few_shot": hits(0.70, shift=5), "fine_tuned": hits(0.72)}
    found = decided(right, value={"correct_usd": 0.5}, effort={**EFFORT, "data_hours": 0})
    assert more_items(found).cost_usd is None


def test_further_items_are_counted_with_their_groups() -> None:
    # 60 groups of ten items that are all alike: 600 items tell as much as 60
    ours = [float(g % 5 == 0) for g in range(60) for _ in range(10)]
    theirs = [float(g % 20 == 1 or g % 10 == 2) for g in range(60) for _ in range(10)]
    evidence = make_evidence(make_case(NAMES, quality=NO_BAR), {"few_shot": theirs, "fine_tuned": ours})
    alone = more_items(decide(evidence))
    groups = {f"h{i}": f"g{i // 10}" for i in range(600)}
    data = evidence.data.model_copy(update={"clusters": groups})
    grouped = more_items(decide(evidence.model_copy(update={"data": data})))
    assert grouped.amount is not None
    total = 600 + (alone.amount or 0)
    assert (600 + grouped.amount) / total > 5


def test_no_flip_where_no_worth_is_declared_to_be_moved() -> None:
    right = {"few_shot": hits(0.7, 500), "fine_tuned": hits(0.88, 500)}
    assert not [f for f in decided(right).verdict.flips if f.parameter.startswith("value.")]
    declared = decided(right, value={"correct_usd": 0.5}).verdict.flips
    assert [f for f in declared if f.parameter == "value.correct_usd"]


def test_a_metric_of_whole_sets_can_be_drawn_with_ranges() -> None:
    case = make_case(
        NAMES,
        quality={"metric": "macro_f1", "min_gain": 0.02},
        value={"correct_usd": {"low": 0.1, "likely": 0.5, "high": 1.0}},
    )
    evidence = make_evidence(case, {"few_shot": hits(0.7), "fine_tuned": hits(0.9)})
    evidence = evidence.model_copy(update={"expected": {f"h{i}": "a" for i in range(200)}})
    found = decide(evidence).uncertainty
    assert found is not None
    assert found.draws == 500
    assert sum(o.p_best for o in found.odds) == pytest.approx(1.0)


def test_baselines_that_never_differ_share_the_odds() -> None:
    same = hits(0.7)
    found = decided({"few_shot": same, "fine_tuned": same}, quality=NO_BAR).uncertainty
    assert found is not None
    assert {o.name: o.p_best for o in found.odds} == pytest.approx({"few_shot": 0.5, "fine_tuned": 0.5})


def test_ranges_make_no_interval_narrower_where_several_models_were_tried() -> None:
    tuned = [f"ft{k}" for k in range(4)]
    specs = [{"name": n, "kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}} for n in tuned]
    case = make_case(
        baselines=[{"name": "few_shot", "kind": "few_shot", "model": "m", "examples": 3}, *specs],
        value={"correct_usd": {"low": 0.099, "likely": 0.1, "high": 0.101}},
    )
    right = {"few_shot": hits(0.7), **{n: hits(0.8 - k / 50, shift=k) for k, n in enumerate(tuned)}}
    found = decide(make_evidence(case, right))
    line = next(r for r in found.verdict.reasons if r.startswith("Over the ranges"))
    bar = next(b for b in found.tornado if b.parameter == "quality difference")
    assert bar.gain_at_low is not None
    # the ends of the bar are what the gain is at the differences given with it
    assert bar.gain_at_low == pytest.approx(bar.low * 12_000 - 2000, abs=10)
    low = float(line.split(" it is ")[1].split(" to ")[0].replace("−", "-").replace("$", "").replace(",", ""))
    assert low <= bar.gain_at_low * 0.9


def test_a_fleet_with_lower_fixed_costs_is_cheaper_up_to_a_volume() -> None:
    case = make_case(
        models={
            "m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 1.0, "always_on": True}},
            "token": {**BY_TOKEN, "prices": {"input": 1, "output": 1}},
        },
        baselines=[
            {"name": "few_shot", "kind": "few_shot", "model": "m", "examples": 3},
            {"name": "fine_tuned", "kind": "fine_tuned", "model": "token", "tuning": {"system": "openai"}},
        ],
        effort={**EFFORT, "data_hours": 0, "evaluation_hours": 0, "refinement_hours": 0},
    )
    few = measured(case, "few_shot", hits(0.7))
    tuned = measured(case, "fine_tuned", hits(0.9))
    assert tuned.tuning is not None
    tuned = tuned.model_copy(update={"tuning": tuned.tuning.model_copy(update={"cost_usd": 1.0})})
    evidence = make_evidence(case, {"few_shot": hits(0.7), "fine_tuned": hits(0.9)}, measured=(few, tuned))
    text = decide(evidence).break_even[0].text
    assert "cheaper than few_shot up to about" in text
    assert "never" not in text


@pytest.mark.parametrize(
    "traffic",
    [
        {"monthly_growth": -1.5},
        {"monthly_growth": {"low": -2, "likely": 0, "high": 0.1}},
        {"requests_per_month": {"low": -5, "likely": 100, "high": 200}},
        {"peak_factor": {"low": 0.5, "likely": 2, "high": 3}},
    ],
)
def test_impossible_traffic_is_refused(traffic: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"greater than or equal to|must not begin below"):
        make_case(traffic={"requests_per_month": 10_000, **traffic})


def test_a_go_that_loses_less_says_that_it_loses() -> None:
    # a machine that is always on costs more than the right answers bring
    case = make_case(
        NAMES,
        models={
            "m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 2.0, "always_on": True}}
        },
        effort={**EFFORT, "data_hours": 0, "evaluation_hours": 0, "refinement_hours": 0},
        value={"correct_usd": 0.05},
    )
    right = {"few_shot": hits(0.6, 500, shift=3), "fine_tuned": hits(0.9, 500)}
    found = decide(make_evidence(case, right)).verdict
    assert found.decision == "fine_tune"
    assert any("both lose money over the horizon" in r for r in found.reasons)


def test_a_wrong_answer_that_is_worth_more_than_a_right_one_is_warned_of() -> None:
    right = {"few_shot": hits(0.6, shift=3), "fine_tuned": hits(0.9)}
    slipped = decided(right, value={"correct_usd": 0.1, "wrong_usd": 0.2})
    assert any("a loss is negative" in w for w in slipped.warnings)
    assert not any("a loss is negative" in w for w in decided(right, value={"wrong_usd": -0.2}).warnings)


def test_what_hangs_on_assumptions_says_which_ones() -> None:
    wide = {"low": 0.01, "likely": 0.35, "high": 0.5}
    right = {"few_shot": hits(0.60, 1000, shift=3), "fine_tuned": hits(0.70, 1000)}
    found = decided(right, value={"correct_usd": wide}, quality=NO_BAR).verdict
    assert "hangs on assumptions" in found.reasons[0]
    assert found.missing == ("A narrower range of value.correct_usd.",)


def test_a_wide_range_lowers_the_confidence_of_a_verdict() -> None:
    right = {"few_shot": hits(0.60, 1000, shift=3), "fine_tuned": hits(0.70, 1000)}
    sure = decided(right, value={"correct_usd": 0.35}, quality=NO_BAR).verdict
    ranged = {"low": 0.2, "likely": 0.35, "high": 0.6}
    wide = decided(right, value={"correct_usd": ranged}, quality=NO_BAR).verdict
    assert sure.decision == wide.decision == "fine_tune"
    assert sure.confidence is not None and wide.confidence is not None
    assert wide.confidence < sure.confidence


def test_a_tuned_model_that_exists_needs_no_training_environment() -> None:
    existing = {"name": "fine_tuned", "kind": "fine_tuned", "model": "m", "tuning": {"system": "existing"}}
    few_shot = {"name": "few_shot", "kind": "few_shot", "model": "m", "examples": 3}
    case = make_case(baselines=[few_shot, existing], value={"correct_usd": 1.0})
    evidence = make_evidence(case, {"few_shot": hits(0.6, 500, shift=3), "fine_tuned": hits(0.9, 500)})
    tuned = evidence.measured[1].model_copy(update={"tuning": None})
    found = decide(evidence.model_copy(update={"measured": (evidence.measured[0], tuned)}))
    assert found.verdict.decision == "fine_tune"
    status = {item.item: item.status for item in found.readiness}
    assert status["a training environment to run the job"] == "not_needed"
    assert status["a pre-trained model to tune"] == "ready"
    compute = next(q for q in found.questions if q.id == "costs.compute")
    assert "training was done already" in compute.summary and "$0" not in compute.summary
