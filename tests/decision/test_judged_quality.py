"""The decision on judged answers: people's labels correct all baselines or none, and what is not known is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from advisor.cases.schema import Case
from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.decision.judged import MIN_HUMAN_LABELS
from advisor.decision.summary import summarise_findings
from advisor.records import Decision, HumanLabel, JudgeRecord
from tests.decision.evidence import make_case, make_evidence, measured

N = 240
TRUE = {"zero_shot": 0.5, "few_shot": 0.6, "fine_tuned": 0.75}


def judged_case(**judge: Any) -> Case:
    return make_case(
        task={"kind": "generation", "instructions": "x"},
        quality={"metric": "judge", "bar": 0.7, "min_gain": 0.02},
        judge={"model": "m", **judge},
    )


def world(
    labelled: int, *, lenient: Sequence[str] = ("few_shot",), seed: int = 1, case: Case | None = None
) -> CaseEvidence:
    """Answers that are right as often as TRUE says; the judge says yes to nearly all of the lenient ones."""
    rng = np.random.default_rng(seed)
    scores: dict[str, list[float]] = {}
    labels: list[HumanLabel] = []
    chosen = rng.choice(N, labelled, replace=False)
    for name, share in TRUE.items():
        truth = (rng.permutation(N) < share * N).astype(float)
        generous = np.maximum(truth, (rng.random(N) < 0.8).astype(float))
        scores[name] = (generous if name in lenient else truth).tolist()
        labels += [HumanLabel(baseline=name, id=f"h{i}", score=float(truth[i])) for i in chosen]
    return make_evidence(case or judged_case(), scores, human_labels=tuple(labels))


def values(decision: Decision) -> dict[str, float]:
    return {b.name: b.quality.value or 0.0 for b in decision.baselines}


def test_labels_correct_a_judge_that_flatters_one_baseline() -> None:
    evidence = world(60)
    before = decide(evidence.model_copy(update={"human_labels": ()}))
    after = decide(evidence)
    assert values(before)["few_shot"] > 0.85
    for name, share in TRUE.items():
        assert values(after)[name] == pytest.approx(share, abs=0.13)
        interval = next(b.quality.ci95 for b in after.baselines if b.name == name)
        assert interval is not None
        assert interval[0] <= share <= interval[1]
    assert after.baselines[1].quality.others["judge_uncorrected"] == pytest.approx(values(before)["few_shot"])
    pair = next(c for c in after.comparisons if c.baseline == "fine_tuned")
    assert (pair.reference, pair.test, pair.discordant) == ("few_shot", "prediction-powered t test", None)
    assert pair.difference == pytest.approx(values(after)["fine_tuned"] - values(after)["few_shot"])
    assert pair.difference > 0
    assert "corrected by 180 human labels" in " ".join(after.warnings)


def test_a_flattered_baseline_no_longer_turns_the_verdict() -> None:
    evidence = world(120)
    assert decide(evidence.model_copy(update={"human_labels": ()})).verdict.decision == "do_not_fine_tune"
    assert decide(evidence).verdict.decision == "fine_tune"
    assert decide(evidence).verdict.confidence == pytest.approx(1.0, abs=0.1)


def test_the_bootstrap_of_the_verdict_follows_the_corrected_means() -> None:
    found = summarise_findings(world(60))
    for standing in found.standings:
        drawn = np.array(found.resampled_means[standing.name])
        assert drawn.mean() == pytest.approx(standing.value, abs=0.01)
        assert drawn.std() == pytest.approx(found.corrections[standing.name].standard_error, rel=0.1)


def test_all_baselines_are_corrected_or_none() -> None:
    evidence = world(60)
    kept = tuple(x for x in evidence.human_labels if x.baseline != "zero_shot" or int(x.id[1:]) < 20)
    some = decide(evidence.model_copy(update={"human_labels": kept}))
    none = decide(evidence.model_copy(update={"human_labels": ()}))
    assert values(some) == values(none)
    assert some.judge is not None
    assert not some.judge.corrected
    assert some.judge.agreement is not None
    warning = next(w for w in some.warnings if "not corrected" in w)
    assert f"{MIN_HUMAN_LABELS} human labels of each baseline" in warning
    assert "zero_shot" in warning
    assert "few_shot" not in warning


def test_without_labels_the_agreement_is_said_to_be_unknown() -> None:
    decision = decide(world(60).model_copy(update={"human_labels": ()}))
    assert decision.judge is not None
    assert (decision.judge.agreement, decision.judge.n_human) == (None, 0)
    assert any("how well it agrees with people is not known" in w for w in decision.warnings)


def test_agreement_and_leniency_are_measured_on_the_labelled_answers() -> None:
    decision = decide(world(60, lenient=()))
    assert decision.judge is not None
    perfect = decision.judge.agreement
    assert perfect is not None
    assert (perfect.raw, perfect.kappa, perfect.weighted_kappa) == (1.0, 1.0, 1.0)
    flattered = decide(world(60, lenient=tuple(TRUE))).judge
    assert flattered is not None
    assert flattered.agreement is not None
    assert flattered.agreement.kappa is not None
    assert flattered.agreement.bias > 0.2
    assert flattered.agreement.kappa < 0.5


def test_a_label_of_another_answer_does_not_count() -> None:
    evidence = world(60)
    labels = tuple(
        x.model_copy(update={"answer": "something else" if x.baseline == "fine_tuned" else None})
        for x in evidence.human_labels
    )
    decision = decide(evidence.model_copy(update={"human_labels": labels}))
    assert decision.judge is not None
    assert decision.judge.n_human == 120
    assert any("60 human labels are of other answers" in w for w in decision.warnings)


def test_the_reference_of_a_pairwise_judge_is_half_and_needs_no_labels() -> None:
    evidence = world(60, case=judged_case(mode="pairwise", reference="zero_shot"))
    fixed = measured(evidence.case, "zero_shot", [0.5] * N)
    evidence = evidence.model_copy(
        update={
            "measured": (fixed, *evidence.measured[1:]),
            "human_labels": tuple(x for x in evidence.human_labels if x.baseline != "zero_shot"),
        }
    )
    found = summarise_findings(evidence)
    half = found.standing("zero_shot").quality
    assert (half.value, half.ci95) == (0.5, (0.5, 0.5))
    pair = found.pair("fine_tuned", "zero_shot")
    tuned = found.corrections["fine_tuned"]
    assert pair is not None
    assert pair.difference == pytest.approx(tuned.estimate - 0.5)
    assert pair.ci95 == pytest.approx((tuned.ci[0] - 0.5, tuned.ci[1] - 0.5))


def test_what_judging_cost_is_a_cost_of_the_evaluation() -> None:
    evidence = world(0)
    record = JudgeRecord(model="m", mode="rubric", calls=N, judged=N, usd=7.0)
    with_cost = evidence.model_copy(
        update={"measured": tuple(m.model_copy(update={"judge": record}) for m in evidence.measured)}
    )
    before, after = ({b.name: b.cost_usd for b in decide(e).baselines} for e in (evidence, with_cost))
    assert after["fine_tuned"].measuring == pytest.approx((before["fine_tuned"].measuring or 0) + 7)
    assert after["fine_tuned"].parts["evaluation"] == before["fine_tuned"].parts["evaluation"]
    assert after["fine_tuned"].per_1k_requests == before["fine_tuned"].per_1k_requests
    assert after["zero_shot"].over_horizon == before["zero_shot"].over_horizon
    assert decide(with_cost).judge is not None


def test_the_same_evidence_gives_the_same_decision() -> None:
    assert decide(world(60)) == decide(world(60))
    assert Decision.model_validate_json(decide(world(60)).to_json()) == decide(world(60))


def test_twenty_nine_labels_correct_nothing_and_thirty_do() -> None:
    assert MIN_HUMAN_LABELS == 30
    assert summarise_findings(world(29)).corrections == {}
    assert set(summarise_findings(world(30)).corrections) == set(TRUE)
