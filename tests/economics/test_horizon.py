"""Costs over time: when what is paid, what it is worth today, and that draws give what single numbers give."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from advisor.decision.stakes import Stakes
from advisor.economics.costs import CostModel, TokenRates
from advisor.economics.drivers import (
    FIELDS,
    Drivers,
    Value,
    drivers_of,
    is_driver,
    ranges_of,
    value_of,
    with_values,
)
from advisor.economics.horizon import HorizonCosts, discounted_requests, horizon_costs
from advisor.economics.serving import machine_usd_per_hour
from advisor.economics.worth import cumulative_net, payback_months
from tests.decision.evidence import make_case
from tests.economics.shapes import line

EFFORT = Drivers(
    requests_per_month=1000, data_hours=10, evaluation_hours=4, refinement_hours=6, hourly_rate_usd=50,
    retrieval_usd_per_month=3, retrieval_indexing_usd=20,
)  # fmt: skip
HOURS = ("data_hours", "evaluation_hours", "refinement_hours")


def by_token(**changes: Any) -> CostModel:
    rates = TokenRates(input=2.0, cached_input=0.5, output=8.0, batch_input=1.0, batch_output=4.0)
    values = {
        "name": "a", "kind": "zero_shot", "model": "m", "billing": "tokens", "rates": rates,
        "fresh_tokens": 100.0, "cached_tokens": 300.0, "output_tokens": 10.0,
    }  # fmt: skip
    return CostModel.model_validate({**values, **changes})


def tuned(**changes: Any) -> CostModel:
    return by_token(**{"kind": "fine_tuned", "hours": HOURS, "training_usd": 30.0, **changes})


def on_machine(**changes: Any) -> CostModel:
    values = {
        "billing": "machine", "machine_usd_per_hour": 0.5, "always_on": True, "machine_s": 1.3,
        "machine_keys": ("models.m.serving.usd_per_hour",),
    }  # fmt: skip
    return tuned(**{**values, **changes})


SHAPES = [
    by_token(),
    by_token(retrieves=True, life_months=2.5),
    tuned(hosting_usd_per_hour=1.7),
    tuned(life_months=4.0),
    on_machine(),
    on_machine(always_on=False, training_usd=None, training_hours=2.0),
    CostModel(name="c", kind="classifier", hours=("data_hours",), billing="calls", usd_per_call=0.01),
]


def part(costs: HorizonCosts, name: str) -> list[float]:
    found = costs.parts[name]
    assert found is not None
    return [round(float(v), 9) for v in found]


def number(value: Value | None) -> float:
    assert value is not None
    return float(value)


def net_benefit(model: CostModel, drivers: Drivers, quality: Value, horizon: int) -> Value | None:
    """Worth less costs, as a decision counts them."""
    costs = {model.name: horizon_costs(model, drivers, horizon).npv}
    requests = discounted_requests(drivers, horizon)
    return Stakes(requests, drivers.correct_usd, drivers.wrong_usd, costs).net_benefit(model.name, quality)


def test_what_is_paid_when() -> None:
    costs = horizon_costs(tuned(retrieves=True), replace(EFFORT, retrains_per_year=4, monthly_growth=0.5), 4)
    per_request = (100 * 2 + 300 * 0.5 + 10 * 8) / 1e6
    assert part(costs, "serving") == pytest.approx([0, *(1000 * 1.5**m * per_request for m in range(4))])
    assert part(costs, "data") == [500, 0, 0, 0, 0]
    assert part(costs, "training") == [30, 0, 0, 0, 0]
    assert part(costs, "indexing") == [20, 0, 0, 0, 0]
    assert part(costs, "retrieval") == [0, 3, 3, 3, 3]
    assert part(costs, "retraining") == [0, 0, 0, 230, 0]


def test_retraining_comes_when_its_time_has_come() -> None:
    for times, months in (
        (1, [12, 24]),
        (2, [6, 12, 18, 24]),
        (0.5, [24]),
        (12, list(range(1, 25))),
        (0, []),
    ):
        costs = horizon_costs(tuned(), replace(EFFORT, retrains_per_year=times), 24)
        assert [m for m, usd in enumerate(part(costs, "retraining")) if usd] == months
    monthly = horizon_costs(tuned(), replace(EFFORT, retrains_per_year=24), 3)
    assert part(monthly, "retraining") == [0, 460, 460, 460]


def test_a_tuned_model_whose_service_ends_is_tuned_anew_in_that_month() -> None:
    assert part(horizon_costs(tuned(life_months=2.5), EFFORT, 4), "moving") == [0, 0, 0, 30 + 10 * 50, 0]
    fixed = replace(EFFORT, moving_hours=7)
    assert part(horizon_costs(tuned(life_months=0.2), fixed, 4), "moving") == [0, 30 + 7 * 50, 0, 0, 0]
    assert "moving" not in horizon_costs(tuned(life_months=4.0), EFFORT, 4).parts


def test_a_retraining_due_in_the_month_of_moving_is_not_paid_as_well() -> None:
    often = replace(EFFORT, retrains_per_year=4)
    costs = horizon_costs(tuned(life_months=5.2), often, 9)
    assert part(costs, "moving") == [0, 0, 0, 0, 0, 0, 530, 0, 0, 0]
    assert part(costs, "retraining") == [0, 0, 0, 230, 0, 0, 0, 0, 0, 230]
    # of two in one month the other is still due
    twice = horizon_costs(tuned(life_months=1.5), replace(EFFORT, retrains_per_year=24), 3)
    assert part(twice, "retraining") == [0, 460, 230, 460]
    draws = horizon_costs(tuned(life_months=5.2), replace(EFFORT, retrains_per_year=np.array([0.0, 4.0])), 9)
    assert draws.by_part["retraining"] == pytest.approx([0, 460])


def test_a_prompt_whose_model_ends_takes_the_moving_hours_where_they_are_given() -> None:
    ends = by_token(life_months=2.0)
    assert part(horizon_costs(ends, EFFORT, 3), "moving") == [0, 0, 0, 0]
    assert part(horizon_costs(ends, replace(EFFORT, moving_hours=2), 3), "moving") == [0, 0, 100, 0]


def test_a_service_that_has_ended_has_no_known_cost() -> None:
    for model in (tuned(life_months=0.0), by_token(life_months=-3.0)):
        costs = horizon_costs(model, EFFORT, 4)
        assert (costs.total, costs.npv, costs.over_horizon) == (None, None, None)
        assert costs.by_part["serving"] is not None


@pytest.mark.parametrize(
    ("model", "drivers"),
    [
        (tuned(), replace(EFFORT, data_hours=None)),
        (tuned(), replace(EFFORT, hourly_rate_usd=None)),
        (tuned(training_usd=None), EFFORT),
        (by_token(rates=None), EFFORT),
        (by_token(output_tokens=None), EFFORT),
        (on_machine(always_on=False, machine_s=None), EFFORT),
        (CostModel(name="x", kind="zero_shot"), EFFORT),
    ],
)
def test_a_sum_with_an_unknown_part_is_unknown(model: CostModel, drivers: Drivers) -> None:
    draws = replace(drivers, requests_per_month=np.array([1.0, 2.0]))
    for d in (drivers, draws):
        costs = horizon_costs(model, d, 3)
        assert any(v is None for v in costs.parts.values())
        assert (costs.total, costs.over_horizon, costs.npv) == (None, None, None)
        assert net_benefit(model, d, 0.5, 3) is None


def test_no_hours_cost_nothing_whatever_the_rate() -> None:
    free = Drivers(data_hours=0, evaluation_hours=0, refinement_hours=0)
    assert horizon_costs(tuned(), free, 3).one_off == 30


def test_no_minutes_of_labelling_cost_nothing_whatever_the_rate() -> None:
    assert Drivers(label_minutes_per_example=0.0).label_usd() == 0
    assert Drivers(label_minutes_per_example=np.zeros(3)).label_usd() == 0
    assert Drivers(label_minutes_per_example=3.0).label_usd() is None
    assert Drivers(hourly_rate_usd=50.0).label_usd() is None
    assert Drivers(label_minutes_per_example=3.0, hourly_rate_usd=50.0).label_usd() == pytest.approx(2.5)


def test_the_present_value_of_a_known_series() -> None:
    # As npv(0.01, [500, 100, 100, 100]) of numpy-financial: 500 + 100 × (1 − 1.01⁻³) / 0.01 = 794.0985, where a
    # month's rate of 1 % is a year's of 1.01¹² − 1.
    model = line(500.0, 1.0)
    costs = horizon_costs(model, Drivers(requests_per_month=100, discount_rate=1.01**12 - 1), 3)
    assert number(costs.npv) == pytest.approx(500 + 100 * (1 - 1.01**-3) / 0.01)
    assert number(costs.npv) == pytest.approx(794.0985, abs=1e-4)
    assert costs.over_horizon == 800


def test_the_break_even_accuracy_of_a_published_example() -> None:
    # OpenAI's guide on optimising accuracy: +20 USD a success, −40 USD an escalation; 5 % of the failures are lost
    # customers at −1,000 USD. A failure is worth −(0.95 × 40 + 0.05 × 1000) = −88, so that 88/108 = 81.5 % break even.
    drivers = Drivers(requests_per_month=1000, correct_usd=20, wrong_usd=-(0.95 * 40 + 0.05 * 1000))
    free = line(0.0, 0.0)
    assert number(net_benefit(free, drivers, 88 / 108, 12)) == pytest.approx(0, abs=1e-6)
    assert number(net_benefit(free, drivers, 0.82, 12)) > 0 > number(net_benefit(free, drivers, 0.81, 12))


def test_payback_is_the_month_from_which_it_stays_ahead() -> None:
    drivers = Drivers(requests_per_month=100)
    dear, cheap = horizon_costs(line(250.0, 0.0), drivers, 12), horizon_costs(line(0.0, 1.0), drivers, 12)
    assert payback_months(dear, cheap) == 3
    assert payback_months(cheap, dear) is not None and np.isnan(number(payback_months(cheap, dear)))
    assert np.isnan(number(payback_months(dear, dear)))
    assert payback_months(horizon_costs(line(0.0, 0.0), drivers, 12), cheap) == 1
    assert (
        payback_months(horizon_costs(line(0.0, 1.0), drivers, 12), horizon_costs(line(9.0, 1.0), drivers, 12))
        == 0
    )
    # better answers, worth 2 USD more a request, pay it back sooner
    assert payback_months(dear, cheap, 2.0) == 1
    # a retraining that is dearer than what was gained undoes it
    again = replace(drivers, retrains_per_year=2, evaluation_hours=4, hourly_rate_usd=60)
    tuned_again = horizon_costs(line(250.0, 0.0), again, 12)
    assert cumulative_net(tuned_again, cheap) is not None
    assert np.isnan(number(payback_months(tuned_again, cheap)))
    assert payback_months(horizon_costs(CostModel(name="x", kind="zero_shot"), drivers, 12), cheap) is None


def test_keys_are_those_of_the_case() -> None:
    case = make_case(
        traffic={"requests_per_month": {"low": 1, "likely": 5, "high": 9}, "peak_factor": 3},
        value={"correct_usd": {"low": 0, "likely": 0.5, "high": 1}},
        costs={"discount_rate": 0.08},
    )
    drivers = drivers_of(case)
    assert (drivers.requests_per_month, drivers.peak_factor, drivers.correct_usd) == (5, 3, 0.5)
    assert (drivers.discount_rate, drivers.moving_hours, drivers.data_hours) == (0.08, None, 10)
    assert drivers.prices == {"models.m.serving.usd_per_hour": 0.5}
    assert list(ranges_of(case)) == ["traffic.requests_per_month", "value.correct_usd"]
    changed = with_values(drivers, {"effort.data_hours": 3.0, "models.m.serving.usd_per_hour": 2.0})
    assert (value_of(changed, "effort.data_hours"), value_of(changed, "models.m.serving.usd_per_hour")) == (
        3,
        2,
    )
    assert value_of(drivers, "effort.data_hours") == 10
    assert not is_driver("quality.bar")
    with pytest.raises(KeyError, match="no driver"):
        with_values(drivers, {"quality.bar": 0.5})


def test_prices_among_the_drivers_count() -> None:
    model, key = on_machine(training_usd=None, training_hours=2.0), "models.m.serving.usd_per_hour"
    base, dear = (horizon_costs(model, with_values(EFFORT, {key: p}), 3) for p in (0.5, 1.0))
    assert part(dear, "training")[0] == 2 * part(base, "training")[0] == 2.0
    assert part(dear, "serving")[1] == 2 * part(base, "serving")[1] == 730
    tokens = horizon_costs(by_token(), with_values(EFFORT, {"models.m.prices.output": 80.0}), 3)
    output = tokens.serving["output"]
    assert output is not None and output[1] == pytest.approx(1000 * 10 * 80 / 1e6)


SIZES = {
    "requests_per_month": (0, 1e7), "monthly_growth": (-0.2, 0.3), "peak_factor": (1, 20), "batch_share": (0, 1),
    "data_hours": (0, 100), "evaluation_hours": (0, 100), "refinement_hours": (0, 100), "hourly_rate_usd": (0, 200),
    "retrains_per_year": (0, 14), "moving_hours": (0, 100), "label_minutes_per_example": (0, 9),
    "discount_rate": (0, 0.5), "retrieval_usd_per_month": (0, 100), "retrieval_indexing_usd": (0, 100),
    "correct_usd": (0, 2), "wrong_usd": (-2, 0),
}  # fmt: skip


def any_drivers() -> st.SearchStrategy[Drivers]:
    price = st.fixed_dictionaries({"models.m.serving.usd_per_hour": st.floats(0, 5)})
    return st.builds(Drivers, **{n: st.floats(low, high) for n, (low, high) in SIZES.items()}, prices=price)


models = st.sampled_from(SHAPES)
horizons = st.integers(1, 30)


@given(models, any_drivers(), horizons)
def test_parts_add_up_and_without_discount_the_present_value_is_the_sum(
    model: CostModel, drivers: Drivers, horizon: int
) -> None:
    costs = horizon_costs(model, drivers, horizon)
    parts = [number(v) for v in costs.by_part.values()]
    assert number(costs.over_horizon) == pytest.approx(sum(parts))
    assert number(costs.npv) <= number(costs.over_horizon) * (1 + 1e-9)
    served = [v for v in costs.serving.values() if v is not None]
    assert sum(v.sum() for v in served) == pytest.approx(number(costs.by_part["serving"]))
    plain = horizon_costs(model, replace(drivers, discount_rate=0.0), horizon)
    assert number(plain.npv) == pytest.approx(number(plain.over_horizon))


COSTLY = [
    "requests_per_month", "monthly_growth", "peak_factor", "data_hours", "evaluation_hours", "refinement_hours",
    "hourly_rate_usd", "retrains_per_year", "moving_hours", "retrieval_usd_per_month", "retrieval_indexing_usd",
]  # fmt: skip


@given(models, any_drivers(), horizons, st.sampled_from(COSTLY), st.floats(0, 10))
@settings(max_examples=300)
def test_more_of_anything_is_never_cheaper(
    model: CostModel, drivers: Drivers, horizon: int, name: str, more: float
) -> None:
    # a retraining that comes sooner may meet the month of moving, and is that training then
    assume(name != "retrains_per_year" or model.life_months is None)
    low, high = SIZES[name]
    raised = replace(drivers, **{name: getattr(drivers, name) + more * (high - low)})
    before, after = (horizon_costs(model, d, horizon) for d in (drivers, raised))
    assert number(after.over_horizon) >= number(before.over_horizon) * (1 - 1e-9)
    assert number(after.npv) >= number(before.npv) * (1 - 1e-9)


@given(models, any_drivers(), horizons, st.floats(1, 10))
def test_a_dearer_price_is_never_cheaper(
    model: CostModel, drivers: Drivers, horizon: int, factor: float
) -> None:
    changes: dict[str, Any] = {"hosting_usd_per_hour": model.hosting_usd_per_hour * factor}
    if model.rates is not None:
        raised = {k: v * factor for k, v in model.rates.model_dump(exclude_none=True).items()}
        changes["rates"] = TokenRates(**raised)
    dear = model.model_copy(update=changes)
    prices = {k: v * factor for k, v in drivers.prices.items()}
    before = horizon_costs(model, drivers, horizon)
    after = horizon_costs(dear, replace(drivers, prices=prices), horizon)
    assert number(after.npv) >= number(before.npv) * (1 - 1e-9)


@given(models, st.lists(any_drivers(), min_size=2, max_size=5), horizons, st.floats(0, 1))
def test_draws_give_what_single_numbers_give(
    model: CostModel, each: list[Drivers], horizon: int, quality: float
) -> None:
    draws = {n: np.array([getattr(d, n) for d in each]) for n in SIZES}
    prices = {k: np.array([d.prices[k] for d in each]) for k in each[0].prices}
    together = Drivers(**draws, prices=prices)
    costs, singles = horizon_costs(model, together, horizon), [horizon_costs(model, d, horizon) for d in each]
    for name, value in costs.by_part.items():
        expected = [number(s.by_part[name]) for s in singles]
        assert np.broadcast_to(value, (len(each),)) == pytest.approx(expected), name  # type: ignore[arg-type]
    assert costs.npv == pytest.approx([number(s.npv) for s in singles])
    benefit = net_benefit(model, together, np.full(len(each), quality), horizon)
    assert benefit == pytest.approx([number(net_benefit(model, d, quality, horizon)) for d in each])


def test_ten_thousand_draws_of_eight_baselines_take_no_time() -> None:
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {n: rng.uniform(low, high, 10_000) for n, (low, high) in SIZES.items()}
    draws = Drivers(**values)
    quality = rng.uniform(0, 1, 10_000)
    start = time.perf_counter()
    for model in [*SHAPES, SHAPES[0]]:
        net = net_benefit(model, draws, quality, 12)
        assert isinstance(net, np.ndarray)
        assert net.shape == (10_000,)
    assert time.perf_counter() - start < 2  # 0.04 s on an idle core; the limit allows for a busy machine


def test_every_field_has_a_key() -> None:
    assert set(FIELDS.values()) == set(SIZES)


def test_a_retraining_is_judged_again() -> None:
    costs = horizon_costs(tuned(judging_usd=7.0), replace(EFFORT, retrains_per_year=4), 3)
    assert part(costs, "retraining") == [0, 0, 0, 30 + 4 * 50 + 7]


def test_of_several_machines_the_cheapest_counts_wherever_it_stands() -> None:
    keys = ("models.a.serving.usd_per_hour", "models.b.serving.usd_per_hour", "models.c.serving.usd_per_hour")
    model = on_machine(machine_keys=keys)
    prices = dict(zip(keys, (3.0, 1.0, 2.0), strict=True))
    assert machine_usd_per_hour(model, Drivers(prices=prices)) == 1.0
    draws = {**prices, keys[0]: np.array([0.5, 3.0])}
    assert machine_usd_per_hour(model, Drivers(prices=draws)) == pytest.approx([0.5, 1.0])
