"""Figures are told with three figures, unknown is said, and foreign text cannot steer."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import formatting as f

FUNCTIONS = (f.number, f.count, f.usd, f.usd_short, f.percent, f.seconds, f.tokens, f.p_value)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_what_is_not_known_is_said_and_never_a_zero(function, value) -> None:
    assert function(value) == "unknown"


def test_unknown_scores_and_intervals_are_said() -> None:
    assert f.score(None, fraction=True) == "unknown"
    assert f.difference(None, fraction=True) == "unknown"
    assert f.interval(None, fraction=True) == "unknown"
    assert f.interval((0.1, float("nan")), fraction=True) == "unknown"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1,230"),
        (12.345, "12.3"),
        (0.012345, "0.0123"),
        (999.6, "1,000"),
        (-3.14159, "−3.14"),
    ],
)
def test_numbers_have_three_significant_figures(value: float, text: str) -> None:
    assert f.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (1422, "$1,422"),
        (12.3, "$12.30"),
        (0.73, "$0.73"),
        (0.5, "$0.50"),
        (0.00123, "$0.00123"),
        (999.99, "$1,000"),
        (-72_488, "−$72,488"),
    ],
)
def test_dollars(value: float, text: str) -> None:
    assert f.usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (0.000357, "< $0.01"),
        (438, "$438"),
        (4918.4, "$4.92k"),
        (20_000, "$20k"),
        (1_500_000, "$1.5M"),
    ],
)
def test_dollars_where_room_is_scarce(value: float, text: str) -> None:
    assert f.usd_short(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0006, "0.6 ms"),
        (0.32, "320 ms"),
        (1.2, "1.2 s"),
        (1.234, "1.23 s"),
        (192.4, "3 min 12 s"),
        (12_000, "3 h 20 min"),
    ],
)
def test_durations(value: float, text: str) -> None:
    assert f.seconds(value) == text


def test_counts_keep_every_digit() -> None:
    assert f.count(50_000) == "50,000"
    assert f.tokens(1204) == "1,204"
    assert f.tokens(45.25) == "45.2"
    assert f.tokens(61.0) == "61"


def test_small_whole_numbers_have_no_decimals() -> None:
    assert [f.number(v) for v in (24, 2.0, 0.0, -3.0, 2.5, 1234.0)] == ["24", "2", "0", "−3", "2.50", "1,230"]


def test_what_is_counted_is_singular_or_plural() -> None:
    assert [f.plural(n, "month") for n in (0, 1, 12)] == ["0 months", "1 month", "12 months"]
    assert f.plural(2, "retry", "retries") == "2 retries"


def test_points_have_a_sign_unless_they_are_nothing() -> None:
    assert [f.points(x) for x in (0.045, -0.003, -0.00001, 0.0)] == [
        "+4.5 points", "−0.3 points", "0.0 points", "0.0 points",
    ]  # fmt: skip


def test_amounts_and_ranges_are_not_torn_apart_at_the_end_of_a_line() -> None:
    assert f.set_text("−$1,244") == "−\u2060$1,244"
    assert f.set_text("−0.3 points") == "−\u20600.3 points"
    assert f.set_text("93.0–96.5%") == "93.0\u2060–\u206096.5%"
    assert f.set_text("n = 180") == "n\u00a0=\u00a0180"
    assert f.set_text("give `prices`, not `code`") == "give prices, not `code`"


def test_scores_intervals_and_differences() -> None:
    assert f.score(0.862, fraction=True) == "86.2%"
    assert f.score(62.0, fraction=False) == "62.0"
    assert f.interval((0.814, 0.9), fraction=True) == "81.4–90.0%"
    assert f.interval((-0.012, 0.045), fraction=True, signed=True) == "−1.2 to +4.5 points"
    assert f.difference(0.17, fraction=True) == "+17.0 points"
    assert f.difference(-4, fraction=False) == "−4.00 points"


@pytest.mark.parametrize(
    ("value", "text"), [(1e-9, "< 0.001"), (0.0431, "0.043"), (0.36, "0.36"), (1.0, "1.00")]
)
def test_p_values(value: float, text: str) -> None:
    assert f.p_value(value) == text


def test_each_kind_of_evidence_has_its_own_badge() -> None:
    badges = {f.badge(kind) for kind in ("measured", "estimated", "declared")}
    assert len(badges) == 3
    assert len({b[0] for b in badges}) == 3, "told apart by more than the word"


def test_settings_are_shown_as_they_were_given() -> None:
    assert f.settings_text({"examples": 5, "selection": "nearest"}) == "examples = 5, selection = nearest"
    assert f.json_text(0.0005) == "0.0005"
    assert f.json_text(True) == "yes"
    assert f.json_text(None) == "not given"
    assert f.json_text([1, 2.5]) == "1, 2.5"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_can_be_told_and_only_zeros_read_as_zero(value: float) -> None:
    for function in (f.number, f.usd, f.usd_short):
        text = function(value)
        assert text != "unknown"
        assert bool(re.search("[1-9]", text)) == (value != 0)
        assert not text.startswith("−") or value < 0


@given(st.floats(min_value=1e-5, max_value=1e12))
def test_three_figures_are_near_the_value(value: float) -> None:
    assert float(f.number(value).replace(",", "")) == pytest.approx(value, rel=0.006)


@given(st.text())
def test_cleaned_text_has_nothing_that_steers(text: str) -> None:
    cleaned = f.clean(text)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not [
        c
        for c in cleaned
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]
    assert f.clean(cleaned) == cleaned
    cleaned.encode("utf-8")


def test_steering_characters_are_shown_by_name() -> None:
    assert f.clean("a\x1b[31mb\u202ec\x00") == r"a\x1b[31mb\u202ec\x00"
    assert f.clean("Grüße, 你好, שלום 👩‍💻\n\tkept") == "Grüße, 你好, שלום 👩‍💻\n\tkept"


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_shortened_text_is_one_line_of_at_most_its_length(text: str, length: int) -> None:
    short = f.shortened(text, length)
    assert len(short) <= length
    assert "\n" not in short
