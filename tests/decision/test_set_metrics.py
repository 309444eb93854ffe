"""Metrics of whole sets: every baseline on its own items, every pair on the items that both have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from advisor.decision import set_metrics
from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.decision.summary import summarise_findings
from advisor.records import ItemTable
from tests.decision.evidence import make_case, make_evidence, measured

EXPECTED = {f"h{i}": "ab"[i % 2] for i in range(300)}
OTHER = {"a": "b", "b": "a"}
CASE = make_case(quality={"metric": "macro_f1", "min_gain": 0.02})


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to see what is compared with what; each is a call of scikit-learn."""
    monkeypatch.setattr(set_metrics, "DRAWS", 60)


def evidence_of(
    right: Mapping[str, Mapping[int, float]], *, groups: dict[str, str] | None = None
) -> CaseEvidence:
    """Baselines by the items that each has: the number of an item, and whether it is right."""
    rows = []
    for name, items in right.items():
        row = measured(CASE, name, list(items.values()))
        table = ItemTable(
            item.model_copy(
                update={
                    "id": f"h{k}",
                    "answer": EXPECTED[f"h{k}"] if score else OTHER[EXPECTED[f"h{k}"]],
                    "scores": {"accuracy": score},
                }
            )
            for item, (k, score) in zip(row.items, items.items(), strict=True)
        )
        rows.append(row.model_copy(update={"items": table}))
    evidence = make_evidence(CASE, {"zero_shot": [0.0] * 300}, measured=tuple(rows), expected=EXPECTED)
    return evidence.model_copy(
        update={"data": evidence.data.model_copy(update={"clusters": groups or {}, "n_held_out": 300})}
    )


def scores(share: float, start: int = 0, n: int = 100) -> dict[int, float]:
    """n items from `start` on, a share of them right, evenly spread over both labels."""
    return {start + k: float((k // 2 * 37) % (n // 2) < share * n / 2) for k in range(n)}


def test_a_pair_is_compared_on_the_items_that_both_have_and_says_how_many() -> None:
    """The tuned model's shared items are all right, its others are not: only the shared ones count for the pair."""
    few, tuned = scores(0.6), {88 + k: float(k < 12) for k in range(100)}
    found = summarise_findings(evidence_of({"few_shot": few, "fine_tuned": tuned}))
    pair = found.pair("fine_tuned", "few_shot")
    assert pair is not None
    assert pair.n == 12
    on_shared = np.mean([few[k] for k in range(88, 100)])
    assert pair.difference == pytest.approx(1 - on_shared, abs=0.05)
    assert pair.difference > 0
    assert pair.ci95[0] <= pair.difference <= pair.ci95[1]
    tuned_quality = found.standing("fine_tuned").quality
    assert tuned_quality.value is not None
    assert tuned_quality.value < 0.2, "its own quality is that of all its items"


def test_the_interval_of_a_quality_is_that_of_its_own_items() -> None:
    """All twelve shared items are right; the whole of the baseline is not."""
    tuned = {88 + k: float(k < 12 or k % 20 > 0) for k in range(100)}
    evidence = evidence_of({"few_shot": scores(0.6), "fine_tuned": tuned})
    found = summarise_findings(evidence)
    quality = found.standing("fine_tuned").quality
    assert quality.ci95 is not None
    assert quality.value is not None
    assert quality.ci95[0] < quality.value < quality.ci95[1]
    decision = decide(evidence, found, sensitivity=False)
    (noise,) = [b for b in decision.noise.baselines if b.baseline == "fine_tuned"]  # type: ignore[union-attr]
    assert noise.examples_se == pytest.approx((quality.ci95[1] - quality.ci95[0]) / 3.92, rel=0.2)


@pytest.mark.parametrize("shared", [0, 1])
def test_what_was_measured_on_other_items_is_shown_and_not_compared(shared: int) -> None:
    evidence = evidence_of({"few_shot": scores(0.6), "fine_tuned": scores(0.9, start=100 - shared)})
    found = summarise_findings(evidence)
    assert found.pairs == {}
    assert [s.n for s in found.standings] == [100, 100]
    assert all(s.quality.value is not None and s.quality.ci95 is not None for s in found.standings)
    decision = decide(evidence, found, sensitivity=False)
    assert decision.verdict.decision == "not_yet"
    assert "Nothing was measured" not in " ".join(decision.verdict.reasons)


def test_pairs_with_shared_items_are_compared_though_no_item_is_shared_by_all() -> None:
    evidence = evidence_of(
        {"zero_shot": scores(0.4, start=200), "few_shot": scores(0.6), "fine_tuned": scores(0.9, start=50)}
    )
    found = summarise_findings(evidence)
    pair = found.pair("fine_tuned", "few_shot")
    assert pair is not None
    assert pair.n == 50
    assert {c.reference for c in decide(evidence, found, sensitivity=False).comparisons} == {"few_shot"}


def test_on_the_same_items_a_pair_has_the_draws_of_all_baselines() -> None:
    right = {"zero_shot": scores(0.4), "few_shot": scores(0.6), "fine_tuned": scores(0.9)}
    found = summarise_findings(evidence_of(right))
    alone = summarise_findings(evidence_of({n: right[n] for n in ("few_shot", "fine_tuned")}))
    pair = found.pair("fine_tuned", "few_shot")
    assert pair == alone.pair("fine_tuned", "few_shot")
    drawn = found.resampled_means
    assert pair is not None
    assert pair.ci95 == set_metrics.interval(drawn["fine_tuned"] - drawn["few_shot"])
    assert found.standing("few_shot").quality.ci95 == set_metrics.interval(drawn["few_shot"])


def test_items_that_repeat_within_a_group_widen_the_interval() -> None:
    """Ten items of each group share their fate: they tell no more than one."""
    right = {k: float(k // 10 % 3 > 0) for k in range(200)}
    groups = {f"h{k}": f"g{k // 10}" for k in range(200)}

    def width(groups: dict[str, str]) -> float:
        found = summarise_findings(evidence_of({"few_shot": right}, groups=groups))
        low, high = found.standing("few_shot").quality.ci95 or (0.0, 0.0)
        return high - low

    assert width(groups) > 2 * width({})
