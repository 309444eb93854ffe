"""Whether a tuned model is worth anything elsewhere: yes without a loss that matters, no with one, else unclear."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.decision.decide import decide
from advisor.records import Decision, Elsewhere, TuningRecord
from tests.decision.evidence import hits, make_case, make_evidence

N = 200


def elsewhere(
    name: str, tuned: float, base: float, *, n: int = N, min_gain: float = 0.05, shift: int = 0
) -> Elsewhere:
    return Elsewhere(
        case=name,
        metric="accuracy",
        tuned={f"x{i}": s for i, s in enumerate(hits(tuned, n))},
        base={f"x{i}": s for i, s in enumerate(hits(base, n, shift=shift))},
        min_gain=min_gain,
    )


def decided(*others: Elsewhere, method: str = "lora", system: str = "trl") -> Decision:
    case = make_case(("zero_shot", "few_shot", "fine_tuned"))
    shares = {"zero_shot": hits(0.5, N), "few_shot": hits(0.7, N), "fine_tuned": hits(0.85, N)}
    evidence = make_evidence(case, shares)
    record = TuningRecord(
        system=system, base_model="x", model_version="x+1", n_examples=100, epochs=3, tokens=50_000,
        duration_s=360, trainable_parameters=4_900_000, settings={"method": method},
    )  # fmt: skip
    measured = tuple(
        m.model_copy(update={"elsewhere": others, "tuning": record}) if m.kind == "fine_tuned" else m
        for m in evidence.measured
    )
    return decide(evidence.model_copy(update={"measured": measured}))


def question(decision: Decision) -> Any:
    return {q.id: q for q in decision.questions}["benefits.extensibility"]


@pytest.mark.parametrize(
    ("others", "answer"),
    [
        ([elsewhere("a", 0.8, 0.8)], "yes"),
        ([elsewhere("a", 0.79, 0.8)], "yes"),  # a loss, but not one that matters there
        ([elsewhere("a", 0.9, 0.8)], "yes"),
        ([elsewhere("a", 0.5, 0.8)], "no"),
        ([elsewhere("a", 0.8, 0.8), elsewhere("b", 0.5, 0.8)], "no"),
        ([elsewhere("a", 0.8, 0.8, n=20, shift=7)], "unclear"),  # too few items to tell
        ([elsewhere("a", 0.8, 0.8), elsewhere("b", 0.8, 0.8, n=20, shift=7)], "unclear"),
    ],
)
def test_the_answer_is_what_was_shown(others: list[Elsewhere], answer: str) -> None:
    decision = decided(*others)
    found = decision.extensibility
    assert found is not None
    assert found.answer == answer == question(decision).answer
    assert len(found.cases) == len(others)
    for case in found.cases:
        assert case.ci95[0] <= case.difference <= case.ci95[1]
        assert case.text in {e.text for e in question(decision).evidence if e.kind == "measured"}


def test_what_was_gained_here_stands_beside_what_was_lost_there() -> None:
    found = decided(elsewhere("b", 0.5, 0.8)).extensibility
    assert found is not None
    assert found.here == pytest.approx(0.35)
    assert "b (\u221230.0 points)" in found.text
    assert "+35.0 points over its base" in found.text


def test_both_readings_are_said() -> None:
    """The base, which takes an adapter for each domain; and the tuned model itself."""
    summary = question(decided(elsewhere("b", 0.5, 0.8))).summary
    assert "The tuned model itself lost elsewhere" in summary
    assert "base model is unchanged" in summary
    assert "unchanged" not in question(decided(elsewhere("b", 0.5, 0.8), method="full")).summary


def test_without_another_case_it_stays_an_estimate() -> None:
    decision = decided()
    assert decision.extensibility is None
    asked = question(decision)
    assert asked.answer == "unclear"
    assert [e.kind for e in asked.evidence] == ["estimated"]
    assert "extensibility" in asked.would_change


def test_several_cases_do_not_make_a_loss_out_of_chance() -> None:
    """Of twenty cases without a loss one looks like it at the 5 % level; adjusted for their number it does not."""
    others = [elsewhere(f"c{k}", 0.8, 0.8, n=60, min_gain=0.0, shift=k * 7) for k in range(19)]
    others.append(elsewhere("worse", 0.72, 0.80, n=75, min_gain=0.0))  # p = 0.03 alone
    found = decided(*others).extensibility
    assert found is not None
    assert {c.case: c.outcome for c in found.cases}["worse"] == "unclear"
    (alone,) = decided(others[-1]).extensibility.cases  # type: ignore[union-attr]
    assert alone.outcome == "lost"
