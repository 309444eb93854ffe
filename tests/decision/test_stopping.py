"""When a run may stop: only where the verdict's own rule is settled by intervals that hold at any time."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from advisor.cases.schema import Case
from advisor.decision.anytime import anytime_inference, stopped_early
from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.decision.stopping import settled
from advisor.decision.summary import summarise_findings
from advisor.records import StoppedEarly
from tests.decision.evidence import hits, make_case, make_evidence

NO_BAR = {"metric": "accuracy", "min_gain": 0.02}
ENDED = StoppedEarly(asked=200, of=1000, reason="because")


def early(case: Case, right: Mapping[str, Sequence[float]], **changes: Any) -> CaseEvidence:
    """Evidence of a run that was looked at here."""
    evidence = make_evidence(case, right, **changes)
    return evidence.model_copy(
        update={
            "measured": tuple(m.model_copy(update={"stopped_early": ENDED}) for m in evidence.measured),
            "data": evidence.data.model_copy(update={"n_held_out": ENDED.of}),
        }
    )


def reason(evidence: CaseEvidence) -> str | None:
    return settled(evidence, summarise_findings(evidence))


def nested(share: float, n: int = 200) -> list[float]:
    """Right on the first share of the items, so that whoever is better is right wherever the other is."""
    return [float(i < share * n) for i in range(n)]


def test_a_clear_gain_and_a_clear_loss_are_settled() -> None:
    case = make_case(quality=NO_BAR)
    gain = {"zero_shot": nested(0.5), "few_shot": nested(0.6), "fine_tuned": nested(0.9)}
    loss = {"zero_shot": nested(0.5), "few_shot": nested(0.9), "fine_tuned": nested(0.6)}
    assert "gain worth having" in str(reason(early(case, gain)))
    assert "worse" in str(reason(early(case, loss)))


@pytest.mark.parametrize("tuned", [0.62, 0.65, 0.58])
def test_what_lies_within_the_noise_is_open(tuned: float) -> None:
    right = {"zero_shot": hits(0.5), "few_shot": hits(0.6), "fine_tuned": hits(tuned, shift=70)}
    assert reason(early(make_case(quality=NO_BAR), right)) is None


def test_no_gain_worth_having_is_settled_once_enough_items_agree() -> None:
    case = make_case(quality={"metric": "accuracy", "min_gain": 0.05})
    few = {n: nested(0.7, 60) for n in ("zero_shot", "few_shot", "fine_tuned")}
    many = {n: nested(0.7, 250) for n in ("zero_shot", "few_shot", "fine_tuned")}
    assert reason(early(case, few)) is None
    assert "no gain worth having" in str(reason(early(case, many)))


def test_a_go_must_hold_against_every_alternative_not_only_the_leading_one() -> None:
    """Against the leading one, right on a part of the same items, it is settled; the other disagrees widely."""
    case = make_case(quality=NO_BAR)
    leading = [1.0] * 150 + [0.0] * 50
    tuned = [1.0] * 170 + [0.0] * 30
    contrary = [0.0] * 52 + [1.0] * 148
    apart = {"zero_shot": leading, "few_shot": leading, "fine_tuned": tuned}
    assert reason(early(case, apart)) is not None
    evidence = early(case, {**apart, "zero_shot": contrary})
    pair = summarise_findings(evidence).pair("fine_tuned", "zero_shot")
    assert pair is not None
    assert pair.ci95[0] < 0
    assert reason(evidence) is None


def test_a_bar_that_a_quality_may_still_cross_keeps_it_open() -> None:
    right = {"zero_shot": nested(0.5), "few_shot": nested(0.7), "fine_tuned": nested(0.99)}
    assert reason(early(make_case(quality={**NO_BAR, "bar": 0.72}), right)) is None
    assert reason(early(make_case(quality={**NO_BAR, "bar": 0.9}), right)) is not None


def test_declared_worth_compares_the_difference_with_the_one_that_pays() -> None:
    """40 points for sure; tuning costs some 2,000 USD more, 120,000 answers a year are bought with it."""
    right = {"zero_shot": nested(0.5), "few_shot": nested(0.55), "fine_tuned": nested(0.95)}

    def at(usd: float) -> str | None:
        return reason(early(make_case(quality=NO_BAR, value={"correct_usd": usd}), right))

    assert "outweighs" in str(at(1.0))
    assert at(0.045) is None, "the interval of the difference holds the one that just pays"
    assert "does not pay" in str(at(0.001))


def test_without_few_shot_nothing_is_settled_in_favour_of_tuning() -> None:
    case = make_case(("zero_shot", "fine_tuned"), quality=NO_BAR)
    assert reason(early(case, {"zero_shot": nested(0.3), "fine_tuned": nested(0.9)})) is None


def test_too_few_items_settle_nothing() -> None:
    case = make_case(quality=NO_BAR)
    right = {"zero_shot": nested(0, 29), "few_shot": nested(0, 29), "fine_tuned": nested(1, 29)}
    assert reason(early(case, right)) is None


def test_one_baseline_that_stopped_early_makes_all_inference_sequential() -> None:
    case = make_case(quality=NO_BAR)
    right = {"zero_shot": nested(0.5), "few_shot": nested(0.6), "fine_tuned": nested(0.9)}
    evidence = make_evidence(case, right)
    assert anytime_inference(evidence) is None
    first, *others = evidence.measured
    partly = evidence.model_copy(
        update={"measured": (first.model_copy(update={"stopped_early": ENDED}), *others)}
    )
    assert stopped_early(partly) == ENDED
    decision, full = decide(partly), decide(evidence)
    assert {c.test for c in decision.comparisons} == {"betting, valid at any time"}
    for ours, fixed in zip(decision.comparisons, full.comparisons, strict=True):
        assert ours.difference == fixed.difference
        assert ours.ci95[0] < fixed.ci95[0]
        assert ours.p_value > fixed.p_value
    assert decision.stopped_early == ENDED
    assert full.stopped_early is None


def test_the_five_per_cent_are_split_over_tuned_models_and_alternatives() -> None:
    """More alternatives widen what a stop rests on; more tuned models, what a go rests on."""
    right = {n: nested(0.6) for n in ("zero_shot", "few_shot", "rag", "classifier", "fine_tuned")}

    def interval(case: Case) -> tuple[float, float]:
        pair = summarise_findings(early(case, right)).pair("fine_tuned", "few_shot")
        assert pair is not None
        return pair.ci95

    two = interval(make_case(quality=NO_BAR))
    four = interval(make_case(("zero_shot", "few_shot", "rag", "classifier", "fine_tuned"), quality=NO_BAR))
    assert four[0] == pytest.approx(two[0])
    assert four[1] > two[1]


def test_the_intervals_of_all_qualities_hold_together() -> None:
    """Each baseline more takes a part of the 5 % from every one of them."""
    right = {n: nested(0.6) for n in ("zero_shot", "few_shot", "rag", "classifier", "fine_tuned")}

    def width(*names: str) -> float:
        found = summarise_findings(early(make_case(names, quality=NO_BAR), {n: right[n] for n in names}))
        low, high = found.standing("few_shot").quality.ci95 or (0.0, 0.0)
        return high - low

    assert width(*right) > width("few_shot", "fine_tuned") + 0.005


def test_clusters_are_one_observation_each() -> None:
    case = make_case(quality=NO_BAR)
    right = {"zero_shot": nested(0.5), "few_shot": nested(0.6), "fine_tuned": nested(0.9)}
    evidence = early(case, right)
    groups = {f"h{i}": f"g{i // 10}" for i in range(200)}
    clustered = evidence.model_copy(update={"data": evidence.data.model_copy(update={"clusters": groups})})
    assert reason(evidence) is not None
    assert reason(clustered) is None, "20 groups settle less than 200 items"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "decision" / "early_stopping.py"
    spec = importlib.util.spec_from_file_location("early_stopping", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["early_stopping"] = module
    spec.loader.exec_module(module)
    return module


def test_in_simulation_clear_cases_save_half_and_verdicts_at_a_stop_hold(benchmark: ModuleType) -> None:
    """A small version of the benchmark: naive looks at the same data are wrong many times as often."""
    truths = {t.name: t for t in benchmark.TRUTHS}

    def cell(name: str, n: int, k: int, *, clusters: bool = False, repetitions: int) -> dict[str, Any]:
        found: dict[str, Any] = benchmark.simulate(
            benchmark.Cell(truths[name], n, k, clusters), repetitions, seed=n + k
        )
        return found

    clear = [
        cell("better by 15 points", 1000, 2, repetitions=15),
        cell("worse by 15 points", 1000, 4, repetitions=15),
        cell("no gain, 1 item in 200 differs", 1000, 1, repetitions=15),
        cell("better by 25 points", 1000, 1, clusters=True, repetitions=15),
    ]
    assert all(row["saved"] >= 0.4 for row in clear)
    assert sum(row["saved"] for row in clear) / len(clear) >= 0.5
    assert all(row["wrong"]["early"] == 0 for row in clear)

    null = [
        cell("no difference", 600, 1, repetitions=120),
        cell("just worth having", 600, 3, repetitions=120),
    ]
    # 120 cases of a rate of 2.5 % give at most 7 with 98 %
    assert all(row["wrong"]["early"] <= 7 / 120 for row in null)
    assert max(row["wrong"]["naive"] for row in null) >= 0.08
