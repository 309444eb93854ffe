"""What more data would bring, and what is luck: said with intervals, priced, and not said where it cannot be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.decision.summary import summarise_findings
from advisor.records import CurvePoint, Decision, SeedRun
from tests.decision.evidence import EFFORT, hits, make_case, make_evidence
from tests.decision.test_judged_quality import world
from tests.decision.test_stopping import early

N = 200


def by_item(scores: Sequence[float]) -> dict[str, float]:
    return {f"h{i}": s for i, s in enumerate(scores)}


def with_further(
    evidence: CaseEvidence, *, parts: dict[int, float] | None = None, seeds: dict[int, float] | None = None
) -> CaseEvidence:
    further: dict[str, Any] = {
        "learning_curve": tuple(
            CurvePoint(n_examples=n, scores=by_item(hits(share, N))) for n, share in (parts or {}).items()
        ),
        "seeds": tuple(
            SeedRun(seed=s, scores=by_item(hits(share, N, shift=s))) for s, share in (seeds or {}).items()
        ),
    }
    measured = tuple(m.model_copy(update=further) if m.kind == "fine_tuned" else m for m in evidence.measured)
    return evidence.model_copy(update={"measured": measured})


def decided(
    *, parts: dict[int, float] | None = None, seeds: dict[int, float] | None = None, **changes: Any
) -> Decision:
    """The whole is 100 examples, with which the tuned model gets 85 % right."""
    case = make_case(**changes)
    shares = {"zero_shot": hits(0.5, N), "few_shot": hits(0.7, N), "fine_tuned": hits(0.85, N)}
    return decide(with_further(make_evidence(case, shares), parts=parts, seeds=seeds))


def data_question(decision: Decision) -> Any:
    return {q.id: q for q in decision.questions}["costs.data"]


LABELS: dict[str, Any] = {"effort": {**EFFORT, "label_minutes_per_example": 3}}


def test_a_rising_curve_says_what_twice_the_data_would_bring_and_cost() -> None:
    decision = decided(parts={25: 0.6, 50: 0.75}, **LABELS)
    curve = decision.learning_curve
    assert curve is not None
    assert [(p.n_examples, p.what) for p in curve.points] == [
        (0, "untuned"), (25, "part"), (50, "part"), (100, "whole"),
    ]  # fmt: skip
    assert [round(s.difference, 3) for s in curve.steps] == [0.1, 0.15, 0.1]
    at = curve.at_double
    assert at is not None
    assert at.n_examples == 200
    assert 0.85 < at.value < 1.0
    assert at.gain_ci95[0] <= at.gain <= at.gain_ci95[1]
    assert at.p_min_gain > 0.8
    # 100 labels of 3 minutes at $100 an hour; 360 s of training at $0.50 an hour, twice
    assert at.labelling_usd == pytest.approx(500.0)
    assert at.training_usd == pytest.approx(2 * 360 / 3600 * 0.5)
    assert at.price_usd == pytest.approx(500.1)
    question = data_question(decision)
    assert "Twice the data (200 examples)" in question.summary
    assert {e.kind for e in question.evidence} == {"measured", "estimated"}
    assert not decision.warnings or not any("misbehaves" in w for w in decision.warnings)


def test_a_flat_curve_says_that_more_is_not_worth_it() -> None:
    at = decided(parts={25: 0.85, 50: 0.85}, **LABELS).learning_curve.at_double  # type: ignore[union-attr]
    assert at is not None
    assert at.gain == pytest.approx(0.0, abs=1e-6)
    assert at.p_min_gain <= 0.2


def test_an_unknown_price_is_not_zero() -> None:
    at = decided(parts={25: 0.6, 50: 0.75}).learning_curve.at_double  # type: ignore[union-attr]
    assert at is not None
    assert (at.labelling_usd, at.price_usd) == (None, None)
    assert at.missing == ("effort.label_minutes_per_example",)


def test_two_sizes_are_told_without_a_look_ahead() -> None:
    decision = decided(parts={50: 0.75})
    curve = decision.learning_curve
    assert curve is not None
    assert (curve.fit, curve.at_double) == (None, None)
    assert [(s.from_examples, s.to_examples) for s in curve.steps] == [(0, 50), (50, 100)]
    assert "not told" in curve.text
    assert "Twice" not in data_question(decision).summary


def test_a_falling_curve_is_warned_of() -> None:
    decision = decided(parts={25: 0.6, 50: 0.95})
    assert any("misbehaves" in w and "from 50 to 100" in w for w in decision.warnings)


def test_without_a_curve_the_answer_says_how_to_get_one() -> None:
    decision = decided()
    assert decision.learning_curve is None
    assert "tuning.learning_curve" in data_question(decision).would_change


def test_seeds_tell_how_much_is_luck() -> None:
    decision = decided(seeds={1: 0.80, 2: 0.90})
    spread = decision.seed_spread
    assert spread is not None
    assert [(r.seed, r.value) for r in spread.runs] == [(0, 0.85), (1, 0.8), (2, 0.9)]
    assert spread.reference == "few_shot"
    assert spread.mean == pytest.approx(0.85)
    assert spread.sd == pytest.approx(0.05)
    assert "ahead of few_shot under 3 of 3" in spread.text
    quality = {q.id: q for q in decision.questions}["benefits.quality"]
    assert any("3 seeds" in e.text for e in quality.evidence)
    assert not any("The seed decides" in w for w in decision.warnings)


def test_a_win_that_another_seed_would_lose_is_warned_of() -> None:
    assert any("The seed decides" in w for w in decided(seeds={1: 0.6}).warnings)


def test_the_spread_over_seeds_widens_what_is_said_of_more_data() -> None:
    calm = decided(parts={25: 0.6, 50: 0.75}).learning_curve
    lucky = decided(parts={25: 0.6, 50: 0.75}, seeds={1: 0.80, 2: 0.90}).learning_curve
    assert calm is not None
    assert lucky is not None
    assert calm.at_double is not None
    assert lucky.at_double is not None
    assert (calm.training_sd, lucky.training_sd) == (None, pytest.approx(0.05))
    assert lucky.at_double.ci95[1] - lucky.at_double.ci95[0] > calm.at_double.ci95[1] - calm.at_double.ci95[0]


def test_trainings_that_the_case_names_and_nobody_ran_are_warned_of() -> None:
    tuned = {"name": "fine_tuned", "kind": "fine_tuned", "model": "m"}
    tuned["tuning"] = {"system": "trl", "seeds": [1, 2], "learning_curve": [0.25]}  # type: ignore[assignment]
    case = make_case(baselines=[{"name": "zero_shot", "kind": "zero_shot", "model": "m"}, tuned])
    evidence = make_evidence(case, {"zero_shot": hits(0.5, N), "fine_tuned": hits(0.85, N)})
    (warning,) = [
        w for w in decide(with_further(evidence, seeds={1: 0.8})).warnings if "not measured yet" in w
    ]
    assert "seed 2" in warning
    assert "0.25 of the data" in warning
    assert "seed 1" not in warning


def test_a_what_if_does_not_fit_the_curve_again() -> None:
    case = make_case(**LABELS)
    shares = {"zero_shot": hits(0.5, N), "few_shot": hits(0.7, N), "fine_tuned": hits(0.85, N)}
    evidence = with_further(make_evidence(case, shares), parts={25: 0.6, 50: 0.75})
    findings = summarise_findings(evidence)
    first = decide(evidence, findings)
    assert first == decide(evidence, findings)
    assert first == decide(evidence)
    began = time.monotonic()
    summarise_findings(evidence)
    assert time.monotonic() - began < 5


def test_without_a_smallest_gain_a_flat_curve_still_has_none() -> None:
    at = decided(
        parts={25: 0.85, 50: 0.85}, quality={"metric": "accuracy", "min_gain": 0.0}, **LABELS
    ).learning_curve
    assert at is not None
    assert at.at_double is not None
    assert at.at_double.p_min_gain <= 0.2
    assert "not likely worth having (any gain in" in at.text


def test_a_part_as_large_as_the_whole_adds_no_point() -> None:
    curve = decided(parts={25: 0.6, 100: 0.8}).learning_curve
    assert curve is not None
    assert [p.n_examples for p in curve.points] == [0, 25, 100]
    assert curve.points[-1].value == pytest.approx(0.85)
    assert decided(parts={100: 0.8}).learning_curve is None


def test_labels_that_take_no_time_cost_nothing_whatever_the_rate() -> None:
    effort = {k: v for k, v in EFFORT.items() if k != "hourly_rate_usd"}
    decision = decided(parts={25: 0.6, 50: 0.75}, effort={**effort, "label_minutes_per_example": 0})
    at = decision.learning_curve.at_double  # type: ignore[union-attr]
    assert at is not None
    assert at.labelling_usd == 0


def test_seeds_of_judged_answers_are_compared_with_nothing_that_people_correct() -> None:
    evidence = world(120)
    tuned = next(m for m in evidence.measured if m.name == "fine_tuned")
    run = SeedRun(seed=1, scores={i.id: i.scores["judge"] for i in tuned.items})
    measured = tuple(m.model_copy(update={"seeds": (run,)}) if m is tuned else m for m in evidence.measured)
    decision = decide(evidence.model_copy(update={"measured": measured}))
    spread = decision.seed_spread
    assert spread is not None
    assert [(r.difference, r.ci95) for r in spread.runs] == [(None, None)] * 2
    assert "ahead of" not in spread.text
    assert "the judge's own scores" in spread.text
    assert not any("The seed decides" in w for w in decision.warnings)


def test_after_an_early_stop_the_first_seed_has_the_interval_of_the_comparison() -> None:
    case = make_case(quality={"metric": "accuracy", "min_gain": 0.02})
    shares = {"zero_shot": hits(0.5, N), "few_shot": hits(0.7, N), "fine_tuned": hits(0.85, N)}
    decision = decide(with_further(early(case, shares), seeds={1: 0.8}))
    pair = next(c for c in decision.comparisons if (c.baseline, c.reference) == ("fine_tuned", "few_shot"))
    assert decision.seed_spread is not None
    assert decision.seed_spread.runs[0].ci95 == pair.ci95
