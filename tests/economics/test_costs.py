"""Costs: golden values from published pages, units, and what is unknown stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.cases.schema import Case
from advisor.catalogue.prices import Price
from advisor.economics.costs import CostModel, cost_model
from advisor.economics.drivers import drivers_of
from advisor.economics.horizon import horizon_costs, requests_by_month
from advisor.economics.resources import resources_of
from advisor.economics.serving import capacity_per_month, full_use_usd, marginal_usd, month_usd
from advisor.economics.summary import summarise
from advisor.records import Cost, ItemTable, LoadPoint, LoadTest, Measured, SettingTrial
from tests.decision.evidence import hits, make_case, measured


def costs(case: Case, name: str, m: Measured | None = None, price: Price | None = None) -> CostModel:
    return cost_model(case, next(b for b in case.baselines if b.name == name), resources_of(m), price)


def month(case: Case, model: CostModel, requests: float) -> float:
    found = month_usd(model, drivers_of(case), requests)
    assert found is not None
    return found


def summary(case: Case, model: CostModel, quality: float | None = None) -> Cost:
    return summarise(model, drivers_of(case), case.traffic.horizon_months, quality)


def test_tokens_are_priced_with_their_cached_part() -> None:
    # gpt-4.1-mini's list: 0.40 in, 0.10 cached, 1.60 out, USD per million tokens.
    prices = {"input": 0.40, "cached_input": 0.10, "output": 1.60}
    case = make_case(models={"m": {"provider": "openai", "model": "x", "prices": prices}})
    m = measured(case, "few_shot", [1.0] * 3)
    items = tuple(
        i.model_copy(update={"usage": i.usage.model_copy(update={"cached_input": 300})}) for i in m.items
    )
    model = costs(case, "few_shot", m.model_copy(update={"items": ItemTable(items)}))
    # 100 fresh, 300 cached, 5 out
    assert marginal_usd(model, drivers_of(case)) == pytest.approx((100 * 0.40 + 300 * 0.10 + 5 * 1.60) / 1e6)


def test_a_machine_that_is_always_on_costs_730_hours_a_month_used_or_not() -> None:
    serving = {"usd_per_hour": 1.70, "always_on": True}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    assert month(case, model, 0) == month(case, model, 10) == pytest.approx(1.70 * 730)


def test_the_hosting_of_a_published_monthly_bill() -> None:
    # Azure's page on the cost of fine-tuning: 1.70 × 24 × 30 hosting + 22 input + 176 output = 1,422 USD a month,
    # with a month of 30 days; ours has 730 hours.
    price = Price(
        provider="azure_openai", model="x", tuned=True, input=0.55, output=88.0, source="a page", date=None,
        hosting_usd_per_hour=1.70 * 720 / 730, kind="estimated",
    )  # fmt: skip
    case = make_case(
        models={"m": {"provider": "azure_openai", "model": "x"}}, traffic={"requests_per_month": 400_000}
    )
    model = costs(case, "fine_tuned", measured(case, "fine_tuned", [1.0]), price)  # 100 tokens in, 5 out
    parts = horizon_costs(model, drivers_of(case), 1).serving
    assert {k: v[1] for k, v in parts.items() if v is not None} == pytest.approx(
        {"fresh input": 22, "reused input": 0, "output": 176, "hosting": 1224}
    )
    assert month(case, model, 400_000) == pytest.approx(1422)


def test_more_requests_than_one_machine_carries_need_another() -> None:
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 1.0}}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))  # 0.1 s each: 10 a second
    capacity = 730 * 3600 * 10
    assert capacity_per_month(model, drivers_of(case)) == pytest.approx(capacity)
    assert month(case, model, capacity * 1.01) == pytest.approx(2 * 730)


def test_declared_throughput_counts_over_the_measured_one() -> None:
    # 0.526 USD an hour at 14.4 requests a second.
    serving = {"usd_per_hour": 0.526, "always_on": True, "requests_per_s": 14.4}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    assert full_use_usd(model, drivers_of(case)) == pytest.approx(0.526 / 3600 / 14.4)
    assert capacity_per_month(model, drivers_of(case)) == pytest.approx(14.4 * 730 * 3600)


def test_a_machine_that_is_not_always_on_costs_the_hours_it_works() -> None:
    serving = {"usd_per_hour": 3.6, "always_on": False}
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": serving}})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    assert month(case, model, 1000) == pytest.approx(1000 * 0.1 / 3600 * 3.6)


def test_tuning_costs_hours_training_and_retraining() -> None:
    hours = {"data_hours": 24, "evaluation_hours": 8, "refinement_hours": 8}
    case = make_case(effort={**hours, "hourly_rate_usd": 80, "retrains_per_year": 2})
    model = costs(case, "fine_tuned", measured(case, "fine_tuned", [1.0]))
    training = 360 / 3600 * 0.5
    cost = summary(case, model)
    assert cost.one_off == pytest.approx(40 * 80 + training)
    assert cost.parts["retraining"] == pytest.approx(2 * (8 * 80 + training))
    assert cost.over_horizon == pytest.approx((cost.one_off or 0) + 12 * (cost.per_month or 0))
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
    assert summary(case, costs(case, "fine_tuned")).parts["training"] == 0.0


def test_prompting_is_charged_no_hours_and_a_classifier_its_labels() -> None:
    case = make_case(("few_shot", "classifier", "fine_tuned"))
    for name, usd in (("few_shot", 0), ("classifier", 10 * 100)):
        assert summary(case, costs(case, name, measured(case, name, [1.0]))).one_off == usd


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
    cost = summary(case, found)
    assert (cost.per_1k_requests, cost.per_month, cost.over_horizon) == (None, None, None)
    assert found.notes


def test_traffic_grows_month_by_month() -> None:
    case = make_case(traffic={"requests_per_month": 100, "monthly_growth": 0.1, "horizon_months": 3})
    assert requests_by_month(drivers_of(case), 3) == pytest.approx([0, 100, 110, 121])


def test_failed_answers_are_no_free_tokens() -> None:
    case = make_case(models={"m": {"provider": "openai", "model": "x", "prices": {"input": 1, "output": 1}}})
    m = measured(case, "zero_shot", hits(0.5, 10))
    bare = m.items[0].model_copy(update={"usage": m.items[0].usage.model_copy(update={"input": None})})
    model = costs(case, "zero_shot", m.model_copy(update={"items": ItemTable((bare, *m.items[1:]))}))
    assert marginal_usd(model, drivers_of(case)) == pytest.approx(105 / 1e6), (
        "unknown usage is left out of the mean, not counted as zero"
    )


def test_the_peak_decides_how_many_machines_are_on() -> None:
    # 0.1 s a request: one machine carries 10 a second; 20 million requests a month are 7.6 a second on the mean
    case = make_case(models={"m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 1.0}}})
    for traffic, machines in (
        ({}, 1),
        ({"peak_factor": 3}, 3),  # 22.8 a second at the peak
        ({"peak_factor": 3, "batch_share": 0.5}, 2),  # half of them wait for the hours beside it: 11.4
        ({"peak_factor": 3, "batch_share": 1.0}, 1),
    ):
        case = make_case(models=dict(case.models), traffic={"requests_per_month": 2e7, **traffic})
        model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
        assert month(case, model, 2e7) == pytest.approx(machines * 730)


def test_what_may_wait_costs_the_batch_price_where_there_is_one() -> None:
    price = Price(
        provider="openai", model="x", tuned=False, input=2.0, cached_input=0.5, output=8.0, batch_input=1.0,
        batch_output=4.0, source="a list", date=None, kind="estimated",
    )  # fmt: skip
    case = make_case(models={"m": {"provider": "openai", "model": "x"}}, traffic={"batch_share": 0.25})
    m = measured(case, "zero_shot", [1.0])  # 100 tokens in, 5 out
    full = (100 * 2 + 5 * 8) / 1e6
    usd = marginal_usd(costs(case, "zero_shot", m, price), drivers_of(case))
    assert usd == pytest.approx(full * (0.75 + 0.25 / 2))
    bare = costs(case, "zero_shot", m, price.model_copy(update={"batch_input": None}))
    assert marginal_usd(bare, drivers_of(case)) == pytest.approx(full)
    assert any("batch" in n for n in bare.notes)


def test_throughput_under_load_counts_over_that_of_this_process() -> None:
    points = tuple(
        LoadPoint(concurrency=c, requests=100, failed=f, requests_per_s=r, p50_s=p / 2, p95_s=p)
        for c, r, p, f in ((1, 2.0, 0.5, 0), (8, 9.0, 0.9, 0), (32, 12.0, 3.0, 0), (64, 99.0, 0.1, 50))
    )
    load = LoadTest(points=points, on="2026-11-01")
    for constraints, rate in (({}, 12.0), ({"latency_p95_s": 1.0}, 9.0), ({"latency_p95_s": 0.1}, 10.0)):
        case = make_case(constraints=constraints)
        m = measured(case, "zero_shot", [1.0], load=load)
        model = costs(case, "zero_shot", m)
        assert model.machine_s == pytest.approx(1 / rate)
        # no load keeps 0.1 s: the machine time of this process (0.1 s a request) counts
        assert ("no tested load" in " ".join(model.notes)) == (rate == 10.0)


def test_what_measuring_cost_is_shown_and_enters_no_sum() -> None:
    case = make_case()
    m = measured(case, "zero_shot", hits(0.5, 10))
    paid = m.model_copy(update={"items": ItemTable(i.model_copy(update={"cost_usd": 0.5}) for i in m.items)})
    tried = SettingTrial(setting={"examples": 3}, metric="accuracy", value=0.5, n=9, cost_usd=2.0)
    chosen = paid.model_copy(update={"trials": (tried, tried.model_copy(update={"cost_usd": None}))})
    free, sunk, with_dev = (summary(case, costs(case, "zero_shot", x)) for x in (m, paid, chosen))
    assert (free.measuring, sunk.measuring, with_dev.measuring) == (None, 5.0, 7.0)
    assert sunk.over_horizon == free.over_horizon


def test_right_answers_share_all_costs() -> None:
    case = make_case(traffic={"requests_per_month": 1000, "horizon_months": 10})
    model = costs(case, "zero_shot", measured(case, "zero_shot", [1.0]))
    cost = summary(case, model, 0.8)
    assert cost.per_1k_correct == pytest.approx(0.5 * 730 * 10 / 8)
    assert summary(case, model, 0.0).per_1k_correct is None
    assert summary(case, model).per_1k_correct is None


def test_months_add_up() -> None:
    case = make_case(traffic={"requests_per_month": 1000, "monthly_growth": 0.1, "horizon_months": 6})
    cost = summary(case, costs(case, "fine_tuned", measured(case, "fine_tuned", [1.0])))
    assert [m.month for m in cost.months] == list(range(7))
    assert cost.months[0].total == pytest.approx(cost.one_off)
    assert cost.months[-1].cumulative == pytest.approx(cost.over_horizon)
    assert cost.months[2].requests == pytest.approx(1100)
