"""Costs: golden values from published pages, units, and what is unknown stays unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cases.schema import Case
from advisor.economics.break_even import break_even
from advisor.economics.costs import CostModel, cost_model, monthly_volumes, summarise
from tests.decision.evidence import hits, make_case, measured


def costs(case: Case, name: str, m: Any = None) -> CostModel:
    return cost_model(case, next(b for b in case.baselines if b.name == name), m)


def test_tokens_are_priced_with_their_cached_part() -> None:
    # gpt-4.1-mini's list: 0.40 in, 0.10 cached, 1.60 out, USD per million tokens.
    prices = {"input": 0.40, "cached_input": 0.10, "output": 1.60}
    case = make_case(models={"m": {"provider": "openai", "model": "x", "prices": prices}})
    m = measured(case, "few_shot", [1.0] * 3)
    items = tuple(
        i.model_copy(update={"usage": i.usage.model_copy(update={"cached_input": 300})}) for i in m.items
    )
    model = costs(case, "few_shot", m.model_copy(update={"items": items}))
    # 100 fresh, 300 cached, 5 out
    assert model.per_request == pytest.approx((100 * 0.40 + 300 * 0.10 + 5 * 1.60) / 1e6)


def test_a_machine_that_is_always_on_costs_730_hours_a_month_used_or_not() -> None:
    serving = {"usd_per_hour": 1.70, "always_on": True}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    assert model.serving_usd(0) == model.serving_usd(10) == pytest.approx(1.70 * 730)


def test_the_hosting_of_a_published_monthly_bill() -> None:
    # Azure's page on the cost of fine-tuning: 1.70 × 24 × 30 hosting + 22 input + 176 output = 1,422 USD a month,
    # with a month of 30 days; ours has 730 hours.
    serving = {"usd_per_hour": 1.70 * 720 / 730, "always_on": True}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    hosting = costs(case, "zero_shot", measured(case, "zero_shot", [1.0])).serving_usd(1)
    assert hosting is not None
    assert hosting + 22 + 176 == pytest.approx(1422, abs=0.5)


def test_more_requests_than_one_machine_carries_need_another() -> None:
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 1.0}}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))  # 0.1 s each: 10 a second
    capacity = 730 * 3600 * 10
    assert model.capacity_per_month == pytest.approx(capacity)
    assert model.serving_usd(capacity * 1.01) == pytest.approx(2 * 730)


def test_declared_throughput_counts_over_the_measured_one() -> None:
    # 0.526 USD an hour at 14.4 requests a second.
    serving = {"usd_per_hour": 0.526, "always_on": True, "requests_per_s": 14.4}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    assert model.per_1k_requests == pytest.approx(0.526 / 3600 / 14.4 * 1000)
    assert model.capacity_per_month == pytest.approx(14.4 * 730 * 3600)


def test_a_machine_that_is_not_always_on_costs_the_hours_it_works() -> None:
    serving = {"usd_per_hour": 3.6, "always_on": False}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    assert model.serving_usd(1000) == pytest.approx(1000 * 0.1 / 3600 * 3.6)


def test_tuning_costs_hours_training_and_retraining() -> None:
    hours = {"data_hours": 24, "evaluation_hours": 8, "refinement_hours": 8}
    case = make_case(effort={**hours, "hourly_rate_usd": 80, "retrains_per_year": 2})
    model = costs(case, "fine_tuned", measured(case, "fine_tuned", [1.0]))
    training = 360 / 3600 * 0.5
    assert model.one_off_usd == pytest.approx(40 * 80 + training)
    assert model.retraining_per_year == pytest.approx(2 * (8 * 80 + training))
    cost = summarise(model, monthly_volumes(case))
    assert cost.over_horizon == pytest.approx((model.one_off_usd or 0) + 12 * (cost.per_month or 0))
    assert cost.over_horizon == pytest.approx(sum(v or 0 for v in cost.parts.values()))


def test_existing_tuning_has_no_training_cost_of_its_own() -> None:
    baselines = [
        {
            "name": "fine_tuned",
            "kind": "fine_tuned",
            "model": "m",
            "tuning": {"system": "existing", "model": "x"},
        }
    ]
    case = make_case(("fine_tuned",), baselines=baselines)
    assert costs(case, "fine_tuned").one_off["training"] == 0.0


def test_prompting_is_charged_no_hours_and_a_classifier_its_labels() -> None:
    case = make_case(("few_shot", "classifier", "fine_tuned"))
    assert costs(case, "few_shot", measured(case, "few_shot", [1.0])).one_off_usd == 0
    assert costs(case, "classifier", measured(case, "classifier", [1.0])).one_off_usd == 10 * 100


@pytest.mark.parametrize(
    "model",
    [
        {"provider": "openai", "model": "x"},
        {"provider": "openai", "model": "x", "prices": {"input": 1, "output": 1}},
    ],
)
def test_what_is_not_known_is_null_and_never_zero(model: dict[str, Any]) -> None:
    case = make_case(models={"m": model})
    found = costs(case, "zero_shot", None)
    cost = summarise(found, monthly_volumes(case))
    assert (cost.per_1k_requests, cost.per_month, cost.over_horizon) == (None, None, None)
    assert found.notes


def test_traffic_grows_month_by_month() -> None:
    case = make_case(traffic={"requests_per_month": 100, "monthly_growth": 0.1, "horizon_months": 3})
    assert monthly_volumes(case) == pytest.approx([100, 110, 121])


def line(
    fixed: float, per_request: float, *, machine: float = 0.0, seconds: float | None = None
) -> CostModel:
    return CostModel(
        one_off={"all": fixed}, retraining_per_year=0.0, per_request=per_request, machine_per_month=machine,
        machine_seconds_per_request=seconds, per_1k_requests=per_request * 1000,
    )  # fmt: skip


@given(st.floats(1, 1e5), st.floats(1e-5, 1e-2), st.integers(1, 36))
def test_at_the_break_even_both_cost_the_same(fixed: float, price: float, months: int) -> None:
    tuned, other = line(fixed, price / 3), line(0.0, price)
    found = break_even("tuned", tuned, "other", other, horizon_months=months, now=0)
    volumes = [found.requests_per_month or 0.0] * months
    assert summarise(tuned, volumes).over_horizon == pytest.approx(summarise(other, volumes).over_horizon)


def test_a_break_even_beyond_one_machine_is_said() -> None:
    # 383.98 USD a month for the machine against 0.001 USD a request: equal at 383,980 requests, which a machine
    # of 14.4 requests a second carries, and one of 0.1 a second does not.
    other = line(0.0, 0.001)
    for seconds, within in ((1 / 14.4, True), (10.0, False), (None, None)):
        tuned = line(0.0, 0.0, machine=0.526 * 730, seconds=seconds)
        found = break_even("tuned", tuned, "other", other, horizon_months=12, now=0)
        assert found.requests_per_month == pytest.approx(383_980, rel=1e-4)
        assert found.within_capacity is within


def test_no_break_even_where_tuning_is_dearer_throughout_or_unknown() -> None:
    assert break_even("t", line(10, 2), "o", line(0, 1), horizon_months=12, now=0).requests_per_month is None
    assert break_even("t", line(0, 1), "o", line(10, 2), horizon_months=12, now=0).requests_per_month == 0
    unknown = line(0, 1).model_copy(update={"per_request": None})
    found = break_even("t", unknown, "o", line(0, 1), horizon_months=12, now=0)
    assert (found.requests_per_month, found.within_capacity) == (None, None)
    assert "not known" in found.text


def test_failed_answers_are_no_free_tokens() -> None:
    case = make_case(models={"m": {"provider": "openai", "model": "x", "prices": {"input": 1, "output": 1}}})
    m = measured(case, "zero_shot", hits(0.5, 10))
    bare = m.items[0].model_copy(update={"usage": m.items[0].usage.model_copy(update={"input": None})})
    model = costs(case, "zero_shot", m.model_copy(update={"items": (bare, *m.items[1:])}))
    assert model.per_request == pytest.approx(105 / 1e6), (
        "unknown usage is left out of the mean, not counted as zero"
    )
