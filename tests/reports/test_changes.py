"""What changed between two decisions: no more is claimed than the intervals say."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from advisor.errors import UsageError
from advisor.records import Decision, Flip, PriceUsed
from advisor.reports.changes import changes, changes_lines, changes_markdown
from tests.reports.decisions import full_decision, hostile_decision, sparse_decision
from tests.reports.test_markdown_report import PARSER, flat


def with_quality(d: Decision, name: str, value: float | None, ci95: tuple[float, float] | None) -> Decision:
    rows = tuple(
        b.model_copy(update={"quality": b.quality.model_copy(update={"value": value, "ci95": ci95})})
        if b.name == name
        else b
        for b in d.baselines
    )
    return d.model_copy(update={"baselines": rows})


def with_verdict(d: Decision, **changed: Any) -> Decision:
    return d.model_copy(update={"verdict": d.verdict.model_copy(update=changed)})


def test_the_same_decision_did_not_change() -> None:
    found = changes(full_decision(), full_decision())
    assert not found.verdict.changed
    assert {q.noise for q in found.qualities} == {"same"}
    assert not (found.assumptions or found.costs or found.prices or found.flips or found.usage)
    assert found.summary == ("The verdict stays: Fine-tune (fine_tuned).", "Nothing else changed.")


def test_a_verdict_that_turned_is_said_first() -> None:
    after = with_verdict(full_decision(), decision="do_not_fine_tune", recommended="few_shot", confidence=0.6)
    found = changes(full_decision(), after)
    assert found.verdict.changed
    assert found.summary[0] == "The verdict changed: Fine-tune (fine_tuned) → Do not fine-tune (few_shot)."
    assert "Confidence: 93% → 60%." in found.summary


def test_another_recommendation_is_another_verdict() -> None:
    assert changes(full_decision(), with_verdict(full_decision(), recommended="rag")).verdict.changed


def test_overlapping_intervals_are_no_difference() -> None:
    after = with_quality(full_decision(), "few_shot", 0.78, (0.72, 0.83))  # was 74.0% (67.5 to 79.6)
    quality = next(q for q in changes(full_decision(), after).qualities if q.baseline == "few_shot")
    assert quality.noise == "within"
    assert "not shown to differ" in quality.text


def test_intervals_apart_are_beyond_noise() -> None:
    after = with_quality(full_decision(), "few_shot", 0.9, (0.85, 0.94))
    found = changes(full_decision(), after)
    quality = next(q for q in found.qualities if q.baseline == "few_shot")
    assert quality.noise == "beyond"
    assert any("beyond noise" in line for line in found.summary)


def test_without_an_interval_nothing_is_claimed() -> None:
    after = with_quality(full_decision(), "few_shot", 0.99, None)
    quality = next(q for q in changes(full_decision(), after).qualities if q.baseline == "few_shot")
    assert quality.noise == "unknown"


def test_other_held_out_items_are_said() -> None:
    def hashed(value: str) -> Decision:
        d = full_decision()
        return d.model_copy(
            update={"provenance": d.provenance.model_copy(update={"hashes": {"held-out items": value}})}
        )

    assert changes(hashed("a"), hashed("a")).same_held_out is True
    assert changes(full_decision(), hashed("a")).same_held_out is None
    found = changes(hashed("a"), hashed("b"))
    assert found.same_held_out is False
    assert any("held-out items are other ones" in line for line in found.summary)


def test_baselines_that_came_and_went_are_named() -> None:
    less = full_decision().model_copy(update={"baselines": full_decision().baselines[:-1]})
    name = full_decision().baselines[-1].name
    assert changes(less, full_decision()).added == (name,)
    assert changes(full_decision(), less).removed == (name,)


def test_assumptions_costs_and_flips_are_told_from_and_to() -> None:
    d = full_decision()
    facts = d.facts.model_copy(
        update={"assumptions": {**d.facts.assumptions, "effort": {"hourly_rate_usd": 99}}}
    )
    rows = tuple(
        b.model_copy(update={"cost_usd": b.cost_usd.model_copy(update={"over_horizon": 5000.0})})
        if b.name == "few_shot"
        else b
        for b in d.baselines
    )
    flip = Flip(parameter="effort.data_hours", now=40.0, at=90.0, decision="not_yet", recommended=None)
    after = with_verdict(d.model_copy(update={"facts": facts, "baselines": rows}), flips=(flip,))
    found = changes(d, after)
    rate = next(c for c in found.assumptions if c.name == "Price of an hour of work")
    assert rate.after == "99"
    cost = next(c for c in found.costs if c.name == "few_shot over the horizon")
    assert cost.after == "$5,000"
    assert any(c.name == "Hours for training data" and c.before is None for c in found.flips)


def test_a_price_of_another_day_is_a_change() -> None:
    def priced(usd: float, day: int) -> Decision:
        price = PriceUsed(
            baseline="few_shot",
            model="m",
            input=usd,
            source="a list",
            date=dt.date(2026, 8, day),
            kind="estimated",
        )
        return full_decision().model_copy(update={"prices": (price,)})

    (change,) = changes(priced(0.4, 1), priced(0.5, 9)).prices
    assert "$0.40 in" in str(change.before) and "2026-08-09" in str(change.after)


def test_what_became_known_is_a_change_and_unknown_is_no_zero() -> None:
    d = full_decision()
    known = tuple(
        b.model_copy(update={"cost_usd": b.cost_usd.model_copy(update={"over_horizon": 0.0})})
        if b.name == "classifier"
        else b
        for b in d.baselines
    )
    (change,) = changes(d, d.model_copy(update={"baselines": known})).costs
    assert (change.before, change.after) == ("unknown", "$0")


def test_decisions_of_different_cases_are_not_compared() -> None:
    other = full_decision().model_copy(update={"case": "another"})
    with pytest.raises(UsageError, match="different cases"):
        changes(full_decision(), other)


def test_hostile_text_stays_text_in_every_form() -> None:
    before = hostile_decision()
    after = with_verdict(before.model_copy(update={"baselines": before.baselines[:-1]}), confidence=0.1)
    found = changes(before, after)
    assert not any(c in "".join(changes_lines(found)) for c in "\x1b\x00\u202e")
    types = {t.type for t in flat(PARSER.parse(changes_markdown(found)))}
    assert not types & {"html_block", "html_inline", "link_open", "image"}


def test_a_nearly_empty_decision_can_be_compared() -> None:
    before = sparse_decision().model_copy(update={"case": full_decision().case})
    found = changes(before, full_decision())
    assert set(found.added) == {b.name for b in full_decision().baselines if b.n}
