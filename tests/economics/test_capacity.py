"""From a load test to what a server carries, and what that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cases.schema import Case
from advisor.economics.capacity import OperatingPoint, capacity_of, operating_point, served_throughput
from advisor.economics.costs import CostModel, cost_model
from advisor.economics.drivers import Drivers, drivers_of
from advisor.economics.resources import resources_of
from advisor.economics.serving import capacity_per_month, full_use_usd, machines
from advisor.records import LoadPoint, LoadTest, Measured


def load(*points: tuple[int, float, float] | tuple[int, float, float, int]) -> LoadTest:
    """Of (concurrency, requests/s, p95, failed of 1,000)."""
    return LoadTest(
        points=tuple(
            LoadPoint(
                concurrency=c,
                requests=1000,
                failed=rest[0] if rest else 0,
                requests_per_s=x,
                p50_s=p95,
                p95_s=p95,
            )
            for c, x, p95, *rest in points
        ),
        on="2026-11-24",
    )


TEST = load((1, 4.0, 0.3), (8, 20.0, 0.8), (32, 25.0, 2.5))


def case(serving: dict[str, Any] | None = None, **more: Any) -> Case:
    return Case.model_validate(
        {
            "schema_version": 1,
            "name": "c",
            "use_case": {"description": "d", "aspect": "cost"},
            "task": {"kind": "generation", "instructions": "i"},
            "quality": {"metric": "exact_match"},
            "models": {
                "m": {
                    "provider": "openai_compatible",
                    "model": "x",
                    "base_url": "http://x",
                    "serving": serving,
                }
            },
            "baselines": [{"name": "b", "kind": "zero_shot", "model": "m"}],
            **more,
        }
    )


@pytest.mark.parametrize(("allowed", "concurrency"), [(None, 32), (2.5, 32), (1.0, 8), (0.3, 1)])
def test_the_fastest_load_within_the_latency_counts(allowed: float | None, concurrency: int) -> None:
    point = operating_point(TEST, allowed)
    assert point is not None and point.concurrency == concurrency


def test_none_counts_where_none_is_fast_enough() -> None:
    assert operating_point(TEST, 0.2) is None
    assert operating_point(load(), None) is None


def test_a_load_at_which_one_percent_fails_is_too_much() -> None:
    assert operating_point(load((1, 4.0, 0.3), (8, 20.0, 0.8, 10)), None).concurrency == 1  # type: ignore[union-attr]
    assert operating_point(load((1, 4.0, 0.3), (8, 20.0, 0.8, 9)), None).concurrency == 8  # type: ignore[union-attr]


def test_of_equal_throughputs_the_lower_load_counts() -> None:
    assert operating_point(load((8, 20.0, 0.8), (4, 20.0, 0.4)), None).concurrency == 4  # type: ignore[union-attr]


def test_capacity_cost_and_servers_by_hand() -> None:
    found = capacity_of(
        case({"usd_per_hour": 0.72}, traffic={"requests_per_month": 60_000_000, "peak_factor": 2.0}),
        case().baselines[0],
        TEST,
    )
    assert found.requests_per_s == 25.0
    assert found.capacity_per_month == 65_700_000  # 730 · 3600 · 25
    assert found.capacity_at_peak_factor == 32_850_000
    assert found.cost_per_1k_usd == pytest.approx(0.008)  # 0.72 / 90,000 · 1,000
    assert found.servers == 2  # 60 million · 2 / 65.7 million
    assert "2 servers carry" in found.text


def test_a_load_whose_latency_is_unknown_is_said_without_it() -> None:
    point = LoadPoint(concurrency=4, requests=100, failed=0, requests_per_s=10.0, p50_s=None, p95_s=None)
    found = capacity_of(
        case({"usd_per_hour": 1}), case().baselines[0], LoadTest(points=(point,), on="2026-11-24")
    )
    assert (found.p95_s, found.requests_per_s) == (None, 10.0)
    assert "10 requests/s, 4 at a time: 26.3 million requests a month" in found.text


@given(st.floats(0.1, 20), st.integers(1, 20), st.sampled_from([1.0, 1.7, 3.0]))
def test_as_many_servers_are_said_as_the_costs_count(rps: float, count: int, peak: float) -> None:
    point = OperatingPoint(requests_per_s=rps, concurrency=1, p50_s=None, p95_s=None)
    model = CostModel(name="b", kind="zero_shot", billing="machine", always_on=True, machine_s=1 / rps)
    drivers = Drivers(peak_factor=peak)
    full = point.capacity_per_month / peak * count
    assert point.servers(full, peak) == count
    for requests in (full, full * 1.001, full * 0.999, full / 3):
        assert point.servers(requests, peak) == machines(model, drivers, np.array([requests]))


def test_growth_counts_until_the_horizon() -> None:
    traffic = {"requests_per_month": 60_000_000, "monthly_growth": 0.1, "horizon_months": 3}
    found = capacity_of(case({"usd_per_hour": 1}, traffic=traffic), case().baselines[0], TEST)
    assert found.servers == 2  # 72.6 million in the third month


@pytest.mark.parametrize(
    ("test", "declared", "allowed", "expected", "words"),
    [
        (TEST, None, None, 25.0, "measured"),
        (TEST, 25.5, None, 25.0, "measured"),
        (TEST, 50.0, None, 25.0, "50 were declared"),
        (TEST, 50.0, 0.1, 50.0, "no tested load"),
        (None, 50.0, None, 50.0, "declared"),
        (None, None, None, None, None),
    ],
)
def test_measured_wins_over_declared_and_the_difference_is_said(
    test: LoadTest | None,
    declared: float | None,
    allowed: float | None,
    expected: float | None,
    words: str | None,
) -> None:
    per_s, note = served_throughput(test, declared, allowed)
    assert per_s == expected
    assert (note is None) == (words is None)
    assert words is None or words in str(note)
    assert ("were declared" in str(note)) == (declared == 50.0 and expected == 25.0)


def test_the_cost_model_counts_with_it() -> None:
    a = case({"usd_per_hour": 0.9, "requests_per_s": 1000.0})
    measured = Measured(name="b", kind="zero_shot", model="m", items=(), load=TEST)
    model, drivers = cost_model(a, a.baselines[0], resources_of(measured)), drivers_of(a)
    assert full_use_usd(model, drivers) == pytest.approx(0.01 / 1000)  # 0.9 / 90,000
    assert capacity_per_month(model, drivers) == pytest.approx(65_700_000)
    assert machines(model, drivers, np.array([66_000_000.0])) == 2


def test_a_model_paid_by_the_token_has_a_capacity_but_no_machine_cost() -> None:
    found = capacity_of(case(None), case().baselines[0], TEST)
    assert found.cost_per_1k_usd is None
    assert found.capacity_per_month == 65_700_000


@given(
    st.lists(
        st.tuples(st.integers(1, 64), st.floats(0.1, 1e3), st.floats(0.001, 10), st.integers(0, 30)),
        max_size=6,
    ),
    st.floats(0.001, 10),
)
def test_a_stricter_latency_never_raises_the_throughput(
    points: list[tuple[int, float, float, int]], allowed: float
) -> None:
    free, strict = operating_point(load(*points), None), operating_point(load(*points), allowed)
    if strict is not None:
        assert free is not None
        assert strict.requests_per_s <= free.requests_per_s
        assert strict.p95_s is not None and strict.p95_s <= allowed
