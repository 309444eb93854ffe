"""Where one baseline becomes cheaper than another: with one machine each, and with as many as it takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.economics.break_even import break_even
from advisor.economics.costs import CostModel
from advisor.economics.drivers import Drivers
from advisor.economics.horizon import horizon_costs
from advisor.economics.serving import SECONDS_PER_MONTH
from tests.economics.shapes import line


def over(model: CostModel, volume: float, months: int, drivers: Drivers | None = None) -> float:
    npv = horizon_costs(model, replace(drivers or Drivers(), requests_per_month=volume), months).npv
    assert isinstance(npv, float)
    return npv


@given(st.floats(1, 1e5), st.floats(1e-5, 1e-2), st.integers(1, 36))
def test_at_the_break_even_both_cost_the_same(fixed: float, price: float, months: int) -> None:
    tuned, other = line(fixed, price / 3), line(0.0, price)
    found = break_even("tuned", tuned, "other", other, horizon_months=months, drivers=Drivers())
    volume = found.requests_per_month or 0.0
    assert over(tuned, volume, months) == pytest.approx(over(other, volume, months))


def test_a_break_even_beyond_one_machine_is_said() -> None:
    # 383.98 USD a month for the machine against 0.001 USD a request: equal at 383,980 requests, which a machine
    # of 14.4 requests a second carries, and one of 0.1 a second does not.
    other = line(0.0, 0.001)
    for seconds, within in ((1 / 14.4, True), (10.0, False), (None, None)):
        tuned = line(0.0, 0.0, machine=0.526 * 730, seconds=seconds)
        found = break_even("tuned", tuned, "other", other, horizon_months=12, drivers=Drivers())
        assert found.requests_per_month == pytest.approx(383_980, rel=1e-4)
        assert found.within_capacity is within


def test_no_break_even_where_tuning_is_dearer_throughout_or_unknown() -> None:
    assert (
        break_even("t", line(10, 2), "o", line(0, 1), horizon_months=12, drivers=Drivers()).requests_per_month
        is None
    )
    assert (
        break_even("t", line(0, 1), "o", line(10, 2), horizon_months=12, drivers=Drivers()).requests_per_month
        == 0
    )
    unknown = line(0, 1).model_copy(update={"usd_per_call": None})
    found = break_even("t", unknown, "o", line(0, 1), horizon_months=12, drivers=Drivers())
    assert (found.requests_per_month, found.within_capacity) == (None, None)
    assert "not known" in found.text


def test_discounted_and_retrained_both_cost_the_same_there_too() -> None:
    drivers = Drivers(discount_rate=0.1, retrains_per_year=2, evaluation_hours=3, hourly_rate_usd=10)
    tuned, other = line(500.0, 0.001), line(0.0, 0.01)
    volume = break_even("t", tuned, "o", other, drivers=drivers, horizon_months=12).requests_per_month
    assert volume is not None
    assert over(tuned, volume, 12, drivers) == pytest.approx(over(other, volume, 12, drivers))


@given(st.floats(50, 2000), st.floats(1e-4, 1e-2), st.floats(0.5, 200), st.sampled_from([0.0, 300.0]))
def test_with_machines_it_stays_cheaper_from_there_on(
    machine: float, price: float, seconds: float, theirs: float
) -> None:
    tuned = line(1000.0, 0.0, machine=machine, seconds=seconds)
    other = line(0.0, price if not theirs else 0.0, machine=theirs, seconds=seconds * 1.7)
    found = break_even("t", tuned, "o", other, drivers=Drivers(), horizon_months=12)
    if found.within_capacity is not False:
        return
    capacity = SECONDS_PER_MONTH / seconds
    tests = np.concatenate([capacity * np.arange(1, 40) * f for f in (0.5, 0.999, 1.001)])
    if found.with_machines is None:
        # never for good: beyond every volume there is one at which it is dearer
        assert over(tuned, capacity * 1e6 * 1.000001, 12) > over(other, capacity * 1e6 * 1.000001, 12)
        return
    volume = found.with_machines
    for x in volume + tests:
        assert over(tuned, x, 12) <= over(other, x, 12) + 1e-6
    if volume > 0:
        assert over(tuned, volume * (1 - 1e-6), 12) > over(other, volume * (1 - 1e-6), 12) - 0.01 * machine


def test_a_second_machine_that_turns_it_over_again_is_said() -> None:
    # 365 USD a machine that carries 1,000,000 requests, against 0.00036 USD a request: equal at 1,013,889 a month
    # with one, which carries 1,051,200; the second one makes it dearer up to 2,027,778
    tuned = line(0.0, 0.0, machine=365.0, seconds=2.5)
    other = line(0.0, 0.00036)
    found = break_even("t", tuned, "o", other, drivers=Drivers(), horizon_months=12)
    assert found.requests_per_month == pytest.approx(1_013_889, rel=1e-5)
    assert found.within_capacity is True
    assert found.with_machines is not None and found.with_machines > SECONDS_PER_MONTH / 2.5
    assert "one machine carries; with as many as are needed" in found.text
    assert over(tuned, 1.03e6, 12) < over(other, 1.03e6, 12)
    assert over(tuned, 1.2e6, 12) > over(other, 1.2e6, 12)
    above = found.with_machines * 1.001
    assert over(tuned, above, 12) < over(other, above, 12)


def test_a_faster_model_is_cheaper_once_the_other_needs_more_machines() -> None:
    # Half the machine time, and 1,300 USD once; a machine costs 1,200 over the horizon. Beyond three machines of the
    # slow one, it needs two more than the quick one for good.
    quick, slow = line(1300.0, 0.0, machine=100.0, seconds=5.0), line(0.0, 0.0, machine=100.0, seconds=10.0)
    found = break_even("quick", quick, "slow", slow, drivers=Drivers(), horizon_months=12)
    assert (found.requests_per_month, found.within_capacity) == (None, None)
    assert found.with_machines == pytest.approx(3 * SECONDS_PER_MONTH / 10)
    assert "as many as are needed (2 against 4)" in found.text
    assert "With one machine each quick never becomes cheaper" in found.text
    back = break_even("slow", slow, "quick", quick, drivers=Drivers(), horizon_months=12)
    assert back.requests_per_month == 0
    assert "that one machine carries" in back.text


@pytest.mark.parametrize(
    ("price", "fixed", "cheaper_from", "words"),
    [
        # 1,000 USD a machine that carries 50,000 requests is at least 0.02 USD a request
        (0.01, 0.0, 0.0, "cheaper than other at any volume, with as many machines as are needed"),
        (0.018, 0.0, 0.0, "with one machine each, up to about 55,556 requests a month"),
        # 600 USD a month more: dearer at the end of the first machine, ahead from the second on
        (0.0125, 7200.0, 50_000.0, "With one machine each tuned is cheaper than other up to about 32,000"),
    ],
)
def test_a_price_by_the_request_stays_cheaper_where_the_other_needs_more_machines(
    price: float, fixed: float, cheaper_from: float, words: str
) -> None:
    tuned, other = line(fixed, price), line(0.0, 0.0, machine=1000.0, seconds=SECONDS_PER_MONTH / 50_000)
    found = break_even("tuned", tuned, "other", other, drivers=Drivers(), horizon_months=12)
    assert words in found.text
    assert found.with_machines == pytest.approx(cheaper_from)
    assert (found.requests_per_month, found.within_capacity) == (
        (0.0, True) if cheaper_from == 0 else (None, None)
    )
    for volume in (cheaper_from + 1, cheaper_from + 60_000, 1e6):
        assert over(tuned, volume, 12) < over(other, volume, 12)
    if cheaper_from:
        assert "(none against 2) it stays cheaper from about 50,000" in found.text
        assert over(tuned, cheaper_from - 1, 12) > over(other, cheaper_from - 1, 12)


def test_a_price_that_machines_undercut_in_the_end_says_from_where() -> None:
    # 550 USD a month cheaper to begin with; 0.025 USD × 302,000 requests are those and seven machines of 1,000 USD
    tuned = line(0.0, 0.025)
    other = line(6600.0, 0.0, machine=1000.0, seconds=SECONDS_PER_MONTH / 50_000)
    found = break_even("tuned", tuned, "other", other, drivers=Drivers(), horizon_months=12)
    assert (found.requests_per_month, found.with_machines) == (None, None)
    assert (
        "With one machine each tuned is cheaper than other up to about 62,000 requests a month" in found.text
    )
    assert "with as many as are needed it stays dearer from about 302,000" in found.text
    for volume in np.linspace(302_001, 3e6, 200):
        assert over(tuned, volume, 12) > over(other, volume, 12)
    assert over(tuned, 301_999, 12) < over(other, 301_999, 12)


@given(
    st.floats(0, 3000), st.floats(1e-3, 0.05), st.floats(0, 3000), st.floats(100, 2000), st.floats(1e4, 1e6)
)
def test_whatever_the_prices_what_is_said_to_stay_cheaper_does(
    mine: float, price: float, theirs: float, machine: float, capacity: float
) -> None:
    tuned = line(mine, price)
    other = line(theirs, 0.0, machine=machine, seconds=SECONDS_PER_MONTH / capacity)
    found = break_even("tuned", tuned, "other", other, drivers=Drivers(), horizon_months=12)
    if found.with_machines is None:
        return
    for volume in found.with_machines + capacity * np.array([0.001, 0.4, 0.999, 1.001, 3.7, 30.2]):
        assert over(tuned, volume, 12) <= over(other, volume, 12) * (1 + 1e-9)


def test_a_machine_of_unknown_throughput_is_not_said_to_carry_any_volume() -> None:
    other = line(100.0, 0.001, machine=0.0)
    tuned = line(0.0, 0.0, machine=5.0)
    found = break_even("t", tuned, "o", other, drivers=Drivers(), horizon_months=12)
    assert (found.requests_per_month, found.within_capacity) == (0.0, None)
    assert "that one machine carries, however many those are" in found.text
    known = line(0.0, 0.0, machine=5.0, seconds=1.0)
    found = break_even("t", known, "o", other, drivers=Drivers(), horizon_months=12)
    assert found.within_capacity is True


def test_cheaper_with_one_machine_and_for_good_only_from_a_later_volume_on() -> None:
    # 100 USD for 1,000 requests against 110 USD for 1,050: ahead with one each, behind from 1,000 to 1,050, and so on
    tuned = line(0.0, 0.0, machine=100.0, seconds=SECONDS_PER_MONTH / 1000)
    other = line(0.0, 0.0, machine=110.0, seconds=SECONDS_PER_MONTH / 1050)
    found = break_even("t", tuned, "o", other, drivers=Drivers(), horizon_months=12)
    assert (found.requests_per_month, found.within_capacity) == (0.0, True)
    assert "at any volume that one machine carries (1,000 requests); with as many as are needed" in found.text
    assert over(tuned, 1020, 12) > over(other, 1020, 12)
    assert found.with_machines is not None
    assert over(tuned, found.with_machines - 1, 12) > over(other, found.with_machines - 1, 12)
    for volume in found.with_machines + np.arange(1, 60_000, 25):
        assert over(tuned, volume, 12) <= over(other, volume, 12)
    # a machine that is cheaper and carries more is ahead with any number of them
    cheap = line(0.0, 0.0, machine=100.0, seconds=SECONDS_PER_MONTH / 1100)
    found = break_even("t", cheap, "o", other, drivers=Drivers(), horizon_months=12)
    assert found.text == "t is cheaper at any volume."


def test_equal_costs_with_one_machine_are_not_said_to_be_equal_with_more() -> None:
    quick, slow = line(0.0, 0.0, machine=100.0, seconds=5.0), line(0.0, 0.0, machine=100.0, seconds=10.0)
    for a, b in ((quick, slow), (slow, quick)):
        found = break_even("a", a, "b", b, drivers=Drivers(), horizon_months=12)
        assert found.text == "a and b cost the same with one machine each."
    same = break_even("a", quick, "b", quick, drivers=Drivers(), horizon_months=12)
    assert same.text == "a and b cost the same."
