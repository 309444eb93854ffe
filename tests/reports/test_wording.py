"""Comparisons, break-evens and flips are said in words that mean what the figures mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records import BreakEven, Comparison, Decision, Flip
from advisor.reports import wording
from tests.reports.decisions import full_decision

DECISION = full_decision()  # the smallest gain worth having is 2 points


def comparison(low: float, high: float, p: float, **changes: Any) -> Comparison:
    values: dict[str, Any] = {
        "baseline": "tuned",
        "reference": "prompted",
        "n": 200,
        "difference": (low + high) / 2,
        "ci95": (low, high),
        "test": "exact McNemar",
        "p_value": p,
        "adjusted_p_value": p,
        "discordant": (30, 10),
        "detectable_difference": 0.07,
    }
    return Comparison(**{**values, **changes})


@pytest.mark.parametrize(
    ("low", "high", "p", "begins", "holds"),
    [
        (0.10, 0.20, 0.001, "tuned is better than prompted", "by more than the smallest gain"),
        (0.01, 0.09, 0.01, "tuned is better than prompted", "though perhaps by less"),
        (0.001, 0.015, 0.04, "tuned is better than prompted", "but by less than the smallest gain"),
        (-0.20, -0.10, 0.001, "prompted is better than tuned", "by more than the smallest gain"),
        (-0.02, 0.07, 0.36, "No difference was shown", "not the same as none"),
        (0.002, 0.15, 0.13, "Leans towards tuned", "several comparisons"),
        (-0.15, -0.002, 0.13, "Leans towards prompted", "several comparisons"),
    ],
)
def test_a_comparison_reads_as_its_interval_says(
    low: float, high: float, p: float, begins: str, holds: str
) -> None:
    text = wording.reading(comparison(low, high, p), DECISION)
    assert text.startswith(begins)
    assert holds in text


def test_no_difference_shown_says_what_would_have_been_seen() -> None:
    assert "200 items, a true difference of 7.0 points" in wording.reading(
        comparison(-0.02, 0.07, 0.4), DECISION
    )
    unknown = wording.reading(comparison(-0.02, 0.07, 0.4, detectable_difference=None), DECISION)
    assert "true difference" not in unknown


def test_discordant_pairs_are_counted_only_where_answers_are_right_or_wrong() -> None:
    assert wording.discordant(comparison(0, 1, 0.1)) == "30 : 10"
    assert wording.discordant(comparison(0, 1, 0.1, discordant=None)) == "graded scores"


def test_a_break_even_that_never_comes_is_said() -> None:
    never = BreakEven(baseline="tuned", against="prompted", requests_per_month=None, within_capacity=None)
    assert "never" in wording.break_even(never)
    beyond = BreakEven(baseline="tuned", against="prompted", requests_per_month=95_400, within_capacity=False)
    assert "95,400 requests a month" in wording.break_even(beyond)
    assert "more than one server carries" in wording.break_even(beyond)
    assert wording.break_even(beyond.model_copy(update={"text": "Own words."})) == "Own words."


def flip(parameter: str, now: float | None, at: float | None, until: float | None = None) -> str:
    item = Flip(
        parameter=parameter, now=now, at=at, until=until, decision="do_not_fine_tune", recommended="few_shot"
    )
    return wording.flip(item, DECISION)


def test_a_flip_says_where_it_ends_and_what_a_range_hides() -> None:
    assert "(now 70.0%): at 80.1% to 90.0%, Do" in flip("quality.bar", 0.70, 0.80004, 0.90004)
    assert "(now $80.00): at $40.00 to $70.00, Do" in flip("effort.hourly_rate_usd", 80, 70.0, 40.0)
    assert "(now a range): were it surely $0.35, Do" in flip("value.correct_usd", 0.35, 0.35)


def test_a_flip_says_its_direction_and_unit() -> None:
    assert flip("traffic.requests_per_month", 50_000, 5_480) == (
        "Requests per month (now 50,000): at 5,480 or less, Do not fine-tune (few_shot)."
    )
    assert "now $80.00): at $240 or more" in flip("effort.hourly_rate_usd", 80, 240)
    assert "now 85.0%): at 92.1% or more" in flip("quality.bar", 0.85, 0.921)
    assert "small's machine (now $0.05)" in flip("models.small.serving.usd_per_hour", 0.05, 1.0)
    assert "no value turns the verdict" in flip("effort.data_hours", 24, None)


@given(
    parameter=st.sampled_from(
        [
            "quality.bar",
            "quality.min_gain",
            "traffic.requests_per_month",
            "effort.hourly_rate_usd",
            "effort.data_hours",
        ]
    ),
    at=st.floats(min_value=1e-4, max_value=0.999) | st.floats(min_value=1.0, max_value=1e7),
    up=st.booleans(),
)
def test_the_value_that_is_read_turns_the_verdict_too(parameter: str, at: float, up: bool) -> None:
    if parameter.startswith("quality"):
        at = min(at, 0.999)
    item = Flip(parameter=parameter, now=0.0 if up else 1e9, at=at, decision="not_yet", recommended=None)
    shown = wording.turns_at(item, DECISION)
    value, side = shown.rsplit(" or ", 1)
    read = float(value.replace("$", "").replace(",", "").replace("%", "").replace(" points", ""))
    read = read / 100 if parameter.startswith("quality") else read
    assert side == ("more" if up else "less")
    # dividing by 100 may itself move the last bit
    assert read >= at - 1e-12 if up else read <= at + 1e-12
    assert read == pytest.approx(at, rel=0.011, abs=0.001 if parameter.startswith("quality") else 0.0)
    assert read > 0


def test_a_border_next_to_a_round_value_is_not_told_as_that_value() -> None:
    assert "at 80.8% or less" in flip("quality.bar", 0.85, 0.80880)
    assert "at 80.9% or more" in flip("quality.bar", 0.75, 0.80880)
    assert "at $71.00 or less" in flip("effort.hourly_rate_usd", 80, 71.0)
    assert "at −$11.72 or less" in flip("value.wrong_usd", -10, -11.7123)
    assert "at 0.04 points or less" in flip("quality.min_gain", 0.02, 0.00041)


def decided(value: float | None, sure: float | None, word: str = "do_not_fine_tune") -> Decision:
    """A recommended alternative of that quality; the bar is 85%, which the tuned model reaches."""
    few = next(b for b in DECISION.baselines if b.name == "few_shot")
    others = [b for b in DECISION.baselines if b.name != "few_shot"]
    few = few.model_copy(update={"quality": few.quality.model_copy(update={"value": value})})
    verdict = DECISION.verdict.model_copy(
        update={"decision": word, "recommended": "few_shot", "confidence": sure}
    )
    return DECISION.model_copy(update={"baselines": (few, *others), "verdict": verdict})


def test_an_alternative_below_the_bar_is_not_praised() -> None:
    assert wording.verdict_sentence(decided(0.9, 0.95)) == "An alternative serves you better. Use few_shot."
    said = wording.verdict_sentence(decided(0.74, 0.95))
    assert "though with 74.0% it does not reach the bar of 85.0%, as fine_tuned does" in said


def test_a_verdict_is_worded_as_surely_as_it_is_known() -> None:
    assert "probably serves" in wording.verdict_sentence(decided(0.9, 0.59))
    assert "probably" not in wording.verdict_sentence(decided(0.9, None))
    assert "probably outweigh" in wording.verdict_sentence(decided(0.9, 0.7, "fine_tune"))


def test_no_number_of_draws_makes_certain() -> None:
    assert [wording.confidence(v) for v in (1.0, 0.0, 0.996, 0.87, None)] == [
        "over 99.9%", "under 0.1%", "over 99%", "87%", "unknown",
    ]  # fmt: skip


def test_what_is_said_of_several_baselines_alike_is_said_once() -> None:
    warnings = (
        "few_shot: scored elsewhere, not here.",
        "One thing.",
        "fine_tuned: scored elsewhere, not here.",
    )
    found = wording.warnings(DECISION.model_copy(update={"warnings": warnings}))
    assert found == ["few_shot, fine_tuned: scored elsewhere, not here.", "One thing."]


def test_scores_beyond_one_are_no_percentages() -> None:
    assert wording.is_fraction(DECISION)
    b = DECISION.baselines[0]
    bleu = b.model_copy(
        update={"quality": b.quality.model_copy(update={"value": 62.0, "ci95": (58.0, 66.0)})}
    )
    assert not wording.is_fraction(DECISION.model_copy(update={"baselines": (bleu,)}))


def test_assumptions_are_listed_one_by_one_with_their_ranges() -> None:
    found = dict(wording.assumptions(DECISION.facts.assumptions))
    assert found["traffic.requests_per_month"] == "50,000"
    assert found["effort.evaluation_hours"] == "8 (between 6 and 16)"
    assert found["effort.refinement_hours"] == "not given"
