"""A value of a case file is changed where it stands; all other text stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.cases.edit import edited
from advisor.errors import UsageError

TEXT = """\
# head
use_case:
  description: >-
    Some long
    description.   
  aspect: tone   # aspect
traffic: {requests_per_month: 10, horizon_months: 12}   # how much
effort:
  # people
  data_hours: 3   # hours
  hourly_rate_usd:
    low: 1
    likely: 2
    high: 3
value: {}   # worth
declared: {}                # own words
"""  # noqa: W291


def test_each_kind_of_place_can_be_changed() -> None:
    text = edited(
        TEXT,
        {
            ("use_case", "aspect"): "cost",
            ("traffic", "requests_per_month"): 20,
            ("traffic", "monthly_growth"): 0.1,
            ("effort", "hourly_rate_usd"): 80,
            ("value", "correct_usd"): 0.5,
            ("declared", "use_case"): "own words",
            ("costs", "discount_rate"): 0.08,
        },
    )
    assert "  aspect: cost   # aspect\n" in text
    assert "traffic: {requests_per_month: 20, horizon_months: 12, monthly_growth: 0.1}   # how much\n" in text
    assert (
        "  # people\n  data_hours: 3   # hours\n  hourly_rate_usd: 80\nvalue: {correct_usd: 0.5}   # worth\n"
        in text
    )
    assert text.endswith('# own words\n  use_case: "own words"\ncosts: {discount_rate: 0.08}\n')


def test_the_same_value_changes_nothing() -> None:
    assert edited(TEXT, {("traffic", "requests_per_month"): 10.0, ("effort", "none"): None}) == TEXT


def test_what_is_taken_out_leaves_no_gap() -> None:
    assert "traffic: {horizon_months: 12}   # how much" in edited(
        TEXT, {("traffic", "requests_per_month"): None}
    )
    text = edited(TEXT, {("effort", "data_hours"): None, ("effort", "hourly_rate_usd"): None})
    assert "effort: {}\nvalue" in text


def test_windows_line_ends_are_kept() -> None:
    text = edited(TEXT.replace("\n", "\r\n"), {("declared", "use_case"): "w " * 90 + "w", ("effort", "x"): 1})
    assert "\n" not in text.replace("\r\n", "")


def test_an_alias_is_left_to_the_user() -> None:
    with pytest.raises(UsageError, match="cannot be changed here"):
        edited("a: &x {n: 1}\nb: *x\n", {("b", "n"): 2})
    with pytest.raises(UsageError, match="cannot be changed here"):
        edited("a: {n: &x 1}\nb: *x\n", {("a", "n"): 2})


@pytest.mark.parametrize("text", ["\x85", "a\u2028b", "\u2029", "\ufeff", "a\x00b", "a\x85" * 60])
def test_odd_characters_stay_what_they_are(text: str) -> None:
    changed = edited(TEXT, {("declared", "use_case"): text, ("effort", "hourly_rate_usd"): text})
    found = yaml.safe_load(changed)
    assert found["declared"]["use_case"] == found["effort"]["hourly_rate_usd"] == text


values: Any = (
    st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
    | st.fixed_dictionaries({"low": st.integers(), "likely": st.integers(), "high": st.integers()})
)
paths = st.sampled_from(
    [("use_case", "description"), ("use_case", "aspect"), ("traffic", "requests_per_month"), ("traffic", "peak"),
     ("effort", "data_hours"), ("effort", "hourly_rate_usd"), ("value", "a"), ("declared", "costs.data"),
     ("declared", "use_case"), ("costs", "b"), ("constraints", "c")]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(paths, values, max_size=6))
def test_what_is_said_is_what_is_read_and_comments_stay(changes: dict[tuple[str, ...], Any]) -> None:
    text = edited(TEXT, changes)
    found = yaml.safe_load(text)
    for path, value in changes.items():
        got: Any = found
        for key in path:
            got = got.get(key) if isinstance(got, dict) else None
        assert got == value
    assert all(comment in text for comment in ("# head", "# how much", "# worth", "# own words"))
