"""What one run hides: each source of luck apart, what was not measured unknown, and warnings where it may matter."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.records import Decision, ItemTable, SeedRun
from tests.decision.evidence import hits, make_case, make_evidence
from tests.decision.test_judged_quality import world
from tests.decision.test_stopping import early

RIGHT = {"zero_shot": hits(0.4), "few_shot": hits(0.6, shift=3), "fine_tuned": hits(0.75)}


def changed(evidence: CaseEvidence, name: str, **update: Any) -> CaseEvidence:
    measured = tuple(m.model_copy(update=update) if m.name == name else m for m in evidence.measured)
    return evidence.model_copy(update={"measured": measured})


def seeds(*values: list[float]) -> tuple[SeedRun, ...]:
    return tuple(
        SeedRun(seed=k, scores={f"h{i}": v for i, v in enumerate(row)})
        for k, row in enumerate(values, start=1)
    )


def noise(decision: Decision) -> Any:
    return decision.noise


def of(decision: Decision, name: str) -> Any:
    return next(b for b in noise(decision).baselines if b.baseline == name)


def test_one_training_is_not_known_to_be_lucky_or_not() -> None:
    decision = decide(make_evidence(make_case(), RIGHT))
    found = of(decision, "fine_tuned")
    assert (found.trainings_sd, found.answers_se, found.trainings) == (None, None, ())
    assert "one training was run" in found.text
    assert found.examples_se == pytest.approx((0.75 * 0.25 / 199) ** 0.5, rel=1e-3)
    difference = noise(decision).difference
    assert (difference.trainings_se, difference.total_ci95, difference.turns) == (None, None, None)
    assert "training" not in of(decision, "few_shot").text


def test_trainings_that_agree_leave_the_verdict_alone() -> None:
    evidence = changed(make_evidence(make_case(), RIGHT), "fine_tuned", seeds=seeds(hits(0.75), hits(0.755)))
    decision = decide(evidence)
    found = of(decision, "fine_tuned")
    assert found.trainings == pytest.approx((0.75, 0.75, 0.755))
    assert found.trainings_sd == pytest.approx(0.005 / 3**0.5)
    assert found.trainings_sd_ci95[0] < found.trainings_sd < found.trainings_sd_ci95[1]
    assert noise(decision).difference.turns is False
    assert not any("another training" in w for w in decision.warnings)


def test_trainings_that_lie_far_apart_are_warned_of() -> None:
    evidence = changed(make_evidence(make_case(), RIGHT), "fine_tuned", seeds=seeds(hits(0.5), hits(0.6)))
    decision = decide(evidence)
    difference = noise(decision).difference
    assert difference.ci95[0] > 0 > difference.total_ci95[0]
    assert difference.total_se > difference.sampling_se
    assert difference.turns is True
    assert sum("another training might turn the verdict" in w for w in decision.warnings) == 1


def test_several_answers_an_item_tell_their_luck_from_that_of_the_items() -> None:
    evidence = make_evidence(make_case(), RIGHT)
    few = next(m for m in evidence.measured if m.name == "few_shot")
    items = tuple(
        i.model_copy(update={"scores": {"accuracy": 0.5}, "repeat_scores": {"accuracy": (1.0, 0.0)}})
        for i in few.items
    )
    found = of(decide(changed(evidence, "few_shot", items=items)), "few_shot")
    # all of the variance is within items: 0.5 / 2 answers / 200 items
    assert found.answers_se == pytest.approx((0.25 / 200) ** 0.5)
    assert found.examples_se == 0.0
    assert found.answers_per_item == 2
    assert "sampling of answers (2 an item)" in found.text


def test_sampled_answers_asked_once_are_said_to_be_unknown() -> None:
    hosted = {"provider": "openai", "model": "x", "prices": {"input": 1, "output": 1}}
    case = make_case(models={"m": hosted})
    sampled = [b.model_copy(update={"temperature": 0.7}) for b in case.baselines]
    evidence = make_evidence(case.model_copy(update={"baselines": tuple(sampled)}), RIGHT)
    found = of(decide(evidence), "few_shot")
    assert found.answers_se is None
    assert "how much they vary is not known" in found.text


def leaked(evidence: CaseEvidence, ids: set[str]) -> CaseEvidence:
    return evidence.model_copy(update={"data": evidence.data.model_copy(update={"leaked": frozenset(ids)})})


def test_a_gain_that_comes_from_leaked_items_is_warned_of() -> None:
    # right on all 40 leaked items and no better elsewhere
    few = hits(0.5)
    tuned = [1.0] * 40 + few[40:]
    evidence = make_evidence(make_case(), {"zero_shot": hits(0.4), "few_shot": few, "fine_tuned": tuned})
    decision = decide(leaked(evidence, {f"h{i}" for i in range(40)}))
    found = noise(decision).without_duplicates
    assert found is not None
    assert (found.left_out, found.n) == (40, 160)
    assert found.difference > 0.05
    assert found.difference_without == 0
    assert found.turns
    assert any("depends on them" in w for w in decision.warnings)


def test_leaked_items_that_change_nothing_are_told_without_a_warning() -> None:
    decision = decide(leaked(make_evidence(make_case(), RIGHT), {"h1", "h2"}))
    found = noise(decision).without_duplicates
    assert found is not None and not found.turns
    assert not any("depends on them" in w for w in decision.warnings)
    assert noise(decide(make_evidence(make_case(), RIGHT))).without_duplicates is None


def versioned(evidence: CaseEvidence, first: int, right: list[float]) -> CaseEvidence:
    few = next(m for m in evidence.measured if m.name == "few_shot")
    items = tuple(
        i.model_copy(
            update={"model_version": "a (fp1)" if k < first else "b (fp2)", "scores": {"accuracy": right[k]}}
        )
        for k, i in enumerate(few.items)
    )
    return changed(evidence, "few_shot", items=items)


def test_versions_that_answer_differently_well_are_flagged() -> None:
    right = hits(0.8, 120) + hits(0.3, 80)
    decision = decide(versioned(make_evidence(make_case(), RIGHT), 120, right))
    (found,) = noise(decision).versions
    assert [(v.version, v.n, v.share) for v in found.versions] == [
        ("a (fp1)", 120, 0.6),
        ("b (fp2)", 80, 0.4),
    ]
    assert found.difference == pytest.approx(0.5)
    assert (found.test, found.differs) == ("Fisher exact", True)
    assert any("measure it again" in w for w in decision.warnings)


def test_versions_with_too_few_items_are_not_compared() -> None:
    right = hits(0.8, 190) + [0.0] * 10
    decision = decide(versioned(make_evidence(make_case(), RIGHT), 190, right))
    (found,) = noise(decision).versions
    assert (found.p_value, found.differs) == (None, None)
    assert not any("measure it again" in w for w in decision.warnings)


def test_one_version_is_no_change() -> None:
    decision = decide(versioned(make_evidence(make_case(), RIGHT), 200, hits(0.6)))
    assert noise(decision).versions == ()


def test_a_metric_of_whole_sets_has_the_luck_of_examples_alone() -> None:
    case = make_case(quality={"metric": "macro_f1"})
    evidence = make_evidence(case, {k: v[:60] for k, v in RIGHT.items()})
    measured = tuple(
        m.model_copy(
            update={
                "items": ItemTable(
                    i.model_copy(update={"scores": {"accuracy": i.scores["macro_f1"]}}) for i in m.items
                )
            }
        )
        for m in evidence.measured
    )
    evidence = evidence.model_copy(
        update={"measured": measured, "expected": {f"h{i}": "ab"[i % 2] for i in range(60)}}
    )
    found = of(decide(evidence), "fine_tuned")
    assert found.examples_se > 0
    assert (found.answers_se, found.trainings_sd) == (None, None)


def test_after_an_early_stop_the_items_left_out_are_not_blamed_for_another_interval() -> None:
    """With 200 of 1,000 items the sequential interval holds zero; a fixed-n one without one item would not."""
    right = {"zero_shot": hits(0.4), "few_shot": hits(0.6, shift=3), "fine_tuned": hits(0.72)}
    case = make_case(quality={"metric": "accuracy", "min_gain": 0.02})
    found = noise(decide(leaked(early(case, right), {"h0"}))).without_duplicates
    assert found is not None
    assert found.ci95[0] < 0
    assert found.ci95_without[0] == pytest.approx(found.ci95[0], abs=0.02)
    assert not found.turns
    assert noise(decide(leaked(make_evidence(case, right), {"h0"}))).without_duplicates.ci95_without[0] > 0


def test_where_people_correct_the_judge_they_do_so_without_duplicates_too() -> None:
    evidence = world(120)
    decision = decide(leaked(evidence, {"h0", "h1"}))
    found = noise(decision).without_duplicates
    assert found.difference > 0
    assert found.difference_without == pytest.approx(found.difference, abs=0.02)
    assert not found.turns
    few_left = leaked(evidence, {label.id for label in evidence.human_labels[:100]})
    unknown = noise(decide(few_left)).without_duplicates
    assert (unknown.difference_without, unknown.turns) == (None, False)
    assert "is not known, as people scored fewer than 30" in unknown.text


def test_the_luck_of_the_examples_is_that_of_the_quality_shown() -> None:
    decision = decide(world(60))
    for baseline in decision.baselines:
        low, high = baseline.quality.ci95  # type: ignore[misc]
        assert of(decision, baseline.name).examples_se == pytest.approx((high - low) / 3.96, rel=0.05)


def test_other_trainings_that_nobody_scored_do_not_widen_a_corrected_difference() -> None:
    evidence = world(120)
    judged = [i.scores["judge"] for i in next(m for m in evidence.measured if m.name == "fine_tuned").items]
    decision = decide(changed(evidence, "fine_tuned", seeds=seeds(judged[::-1], [0.0] * len(judged))))
    difference = noise(decision).difference
    assert (difference.trainings_se, difference.total_ci95, difference.turns) == (None, None, None)
    assert "by the scores of the judge alone" in of(decision, "fine_tuned").text
    assert not any("another training" in w for w in decision.warnings)


def test_a_side_is_sure_only_where_both_interval_and_p_value_say_so() -> None:
    """McNemar's exact test is more careful than Tango's interval: 6 of 6 discordant items (p = 0.03), 5 of 5 (0.06)."""
    case = make_case(quality={"metric": "accuracy"})
    few = [0.0] * 6 + hits(0.5, 94)
    tuned = [1.0] * 6 + few[6:]
    decision = decide(leaked(make_evidence(case, {"few_shot": few, "fine_tuned": tuned}), {"h0"}))
    found = noise(decision).without_duplicates
    assert found.ci95[0] > 0
    assert found.ci95_without[0] > 0, "the interval alone would see no change"
    assert found.turns


def test_figures_have_a_proper_minus_and_no_negative_zero() -> None:
    right = {"zero_shot": hits(0.4), "few_shot": hits(0.75), "fine_tuned": hits(0.6, shift=3)}
    text = noise(decide(leaked(make_evidence(make_case(), right), {"h0"}))).without_duplicates.text
    assert "\u221215.0 points" in text
    assert " -" not in text
    assert "1 of 200 items held out has" in text
