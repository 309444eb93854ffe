"""Parts of the held-out set: what a mean hides is found, and not too much is found where nothing is."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.decision import slices as slices_module
from advisor.decision.decide import decide
from advisor.decision.evidence import CaseEvidence
from advisor.decision.slices import slices_of
from advisor.decision.summary import summarise_findings
from advisor.records import Decision, ItemTable, Slice
from tests.decision.evidence import hits, make_case, make_evidence
from tests.decision.test_judged_quality import N, world
from tests.decision.test_stopping import early

PAIR = ("fine_tuned", "few_shot")


def evidence_of(right: dict[str, list[float]], *, labels: str = "ab", **facts: Any) -> CaseEvidence:
    """Items whose expected label goes round the given ones."""
    task = {"kind": "classification", "instructions": "x", "labels": sorted(set("ab") | set(labels))}
    evidence = make_evidence(make_case(task=task), right)
    expected = {f"h{i}": labels[i % len(labels)] for i in range(len(right["few_shot"]))}
    return evidence.model_copy(update={"expected": expected, "data": evidence.data.model_copy(update=facts)})


def find(slices: tuple[Slice, ...], dimension: str, value: str) -> Slice:
    return next(s for s in slices if (s.dimension, s.value) == (dimension, value))


def test_a_label_on_which_the_tuned_model_is_worse_is_found_behind_a_better_mean() -> None:
    # better on a, c, d; on b it gets all wrong where the alternative has four of five
    n = 200
    few = [(i // 4 % 5) / 5 < 0.8 if i % 4 == 1 else (i // 4) % 5 < 1 for i in range(n)]
    tuned = [i % 4 != 1 for i in range(n)]
    right = {"zero_shot": hits(0.2), "few_shot": list(map(float, few)), "fine_tuned": list(map(float, tuned))}
    decision = decide(evidence_of(right, labels="abcd"))
    worse = find(decision.slices, "label", "b")
    assert (worse.n, worse.flag) == (50, "worse")
    assert worse.difference == pytest.approx(-0.8)
    assert worse.quality["fine_tuned"] == 0.0
    assert worse.adjusted_p_value >= worse.p_value  # type: ignore[operator]
    assert find(decision.slices, "label", "a").flag == "better"
    (warning,) = [w for w in decision.warnings if "label b" in w]
    assert "worse than few_shot" in warning


def test_a_small_slice_is_shown_and_not_tested() -> None:
    groups = {f"h{i}": "small" if i < 9 else "large" for i in range(200)}
    right = {"zero_shot": hits(0.2), "few_shot": hits(0.5), "fine_tuned": hits(0.8)}
    decision = decide(evidence_of(right, clusters=groups))
    small = find(decision.slices, "group", "small")
    assert (small.n, small.flag, small.p_value, small.difference) == (9, "too_small", None, None)
    assert set(small.quality) == set(right)
    assert find(decision.slices, "group", "large").p_value is not None


def test_lengths_are_cut_in_thirds_and_documents_in_two() -> None:
    right = {"zero_shot": hits(0.2, 90), "few_shot": hits(0.5, 90), "fine_tuned": hits(0.8, 90)}
    facts = {
        "input_characters": {f"h{i}": i for i in range(90)},
        "with_documents": frozenset(f"h{i}" for i in range(40)),
    }
    found = decide(evidence_of(right, **facts)).slices
    assert [s.n for s in found if s.dimension == "input length"] == [30, 30, 30]
    assert {s.value: s.n for s in found if s.dimension == "documents"} == {"named": 40, "none named": 50}


def test_every_item_is_in_one_slice_of_each_dimension_it_has() -> None:
    right = {"zero_shot": hits(0.2), "few_shot": hits(0.5), "fine_tuned": hits(0.8)}
    many = "".join(chr(97 + k) for k in range(26))
    found = decide(
        evidence_of(right, labels=many, clusters={f"h{i}": f"g{i % 50}" for i in range(200)})
    ).slices
    for dimension in ("label", "group"):
        parts = [s for s in found if s.dimension == dimension]
        assert sum(s.n for s in parts) == 200
        assert len(parts) == slices_module.MOST_VALUES + 1


def test_without_a_pair_quality_is_shown_and_nothing_tested() -> None:
    right = {"zero_shot": hits(0.2), "few_shot": hits(0.5)}
    found = decide(evidence_of(right)).slices
    assert found and all(s.p_value is None and s.quality for s in found)


def test_graded_scores_and_groups_are_tested_too() -> None:
    rng = np.random.default_rng(1)
    few, tuned = rng.uniform(0, 0.5, 120), rng.uniform(0.4, 1, 120)
    right = {"zero_shot": hits(0.2, 120), "few_shot": list(few), "fine_tuned": list(tuned)}
    for clusters in ({}, {f"h{i}": f"g{i // 2}" for i in range(120)}):
        found = find(decide(evidence_of(right, clusters=clusters)).slices, "label", "a")
        assert found.difference == pytest.approx(float((tuned - few)[::2].mean()))
        low, high = found.ci95  # type: ignore[misc]
        assert low < found.difference < high  # type: ignore[operator]
        assert found.flag == "better"


def test_where_nothing_differs_hardly_any_slice_is_flagged() -> None:
    rng = np.random.default_rng(2)
    flagged = 0
    for _ in range(60):
        right = {name: list((rng.random(200) < 0.6).astype(float)) for name in ("few_shot", "fine_tuned")}
        evidence = evidence_of(
            right,
            labels="abcdefgh",
            clusters={},
            input_characters={f"h{i}": int(rng.integers(99)) for i in range(200)},
        )
        findings = summarise_findings(evidence)
        flagged += any(s.flag in ("better", "worse") for s in slices_of(evidence, findings, PAIR))
    assert flagged / 60 <= 0.1


@pytest.mark.slow
def test_a_hundred_thousand_items_take_less_than_a_second() -> None:
    from advisor.decision.summary import Findings, Standing
    from advisor.records import Latency, Measured, Quality, Tokens

    n, rng = 100_000, np.random.default_rng(0)
    ids = tuple(f"h{i}" for i in range(n))
    evidence = evidence_of({"few_shot": hits(0.5), "fine_tuned": hits(0.5)}).model_copy(
        update={"expected": {i: f"l{k % 40}" for k, i in enumerate(ids)}}
    )
    data = evidence.data.model_copy(
        update={
            "clusters": {i: f"g{k % 3000}" for k, i in enumerate(ids)},
            "input_characters": {i: k % 997 for k, i in enumerate(ids)},
        }
    )
    evidence = evidence.model_copy(update={"data": data})
    unknown = Tokens(input=None, cached_input=None, output=None)
    standings = tuple(
        Standing(
            spec=evidence.case.baselines[0].model_copy(update={"name": f"b{k}"}),
            measured=Measured(name=f"b{k}", kind="zero_shot", model="m", items=ItemTable()),
            scores=rng.random(n),
            ids=ids,
            quality=Quality(metric="accuracy", value=0.5, ci95=None),
            tokens=unknown,
            latency=Latency(p50=None, p95=None),
        )
        for k in range(8)
    )
    findings = Findings(
        standings=standings,
        pairs={},
        best_untuned="b0",
        adjusted_p={},
        artefacts={},
        resources={},
        resampled_means={},
    )
    started = time.perf_counter()
    found = slices_of(evidence, findings, ("b7", "b0"))
    assert time.perf_counter() - started < 1
    assert 40 <= len(found) <= 60


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abc")), min_size=30, max_size=60))
def test_parts_add_up_to_the_whole_whatever_the_order(rows: list[tuple[bool, bool, str]]) -> None:
    right = {"few_shot": [float(a) for a, _, _ in rows], "fine_tuned": [float(b) for _, b, _ in rows]}
    evidence = evidence_of(right, labels="abc").model_copy(
        update={"expected": {f"h{i}": label for i, (_, _, label) in enumerate(rows)}}
    )
    backwards = evidence.model_copy(
        update={"measured": tuple(m.model_copy(update={"items": m.items[::-1]}) for m in evidence.measured)}
    )
    found, other = (slices_of(e, summarise_findings(e), PAIR) for e in (evidence, backwards))
    assert [s.model_dump(exclude={"difference", "ci95"}) for s in found] == [
        s.model_dump(exclude={"difference", "ci95"}) for s in other
    ]
    if found:
        for name, scores in right.items():
            assert sum(s.n * s.quality[name] for s in found) == pytest.approx(sum(scores))


def judged_parts(labelled: int) -> Decision:
    """A judge that flatters the alternative, on items of three lengths."""
    evidence = world(labelled)
    lengths = {f"h{i}": i for i in range(N)}
    return decide(
        evidence.model_copy(update={"data": evidence.data.model_copy(update={"input_characters": lengths})})
    )


def test_parts_of_judged_answers_are_those_of_the_corrected_comparison() -> None:
    decision = judged_parts(160)
    parts = [s for s in decision.slices if s.dimension == "input length"]
    assert all(s.difference is not None for s in parts)
    overall = next(c for c in decision.comparisons if c.baseline == "fine_tuned")
    weighted = sum(s.n * (s.difference or 0.0) for s in parts) / N
    assert weighted == pytest.approx(overall.difference, abs=0.05)
    assert not any("over all" in w for w in decision.warnings)


def test_parts_that_people_scored_too_little_of_are_not_compared() -> None:
    decision = judged_parts(60)
    assert all((s.difference, s.flag, s.quality) == (None, "open", {}) for s in decision.slices)
    assert not any("over all" in w for w in decision.warnings)
    assert any("parts of the held-out set are not compared" in w for w in decision.warnings)


def test_after_an_early_stop_parts_have_intervals_that_hold_at_any_time() -> None:
    right = {"zero_shot": hits(0.2), "few_shot": hits(0.5), "fine_tuned": hits(0.8)}
    fixed = evidence_of(right)
    stopped = early(fixed.case, right).model_copy(update={"expected": fixed.expected})
    for part in decide(stopped).slices:
        narrow = find(decide(fixed).slices, part.dimension, part.value)
        assert part.difference == narrow.difference
        assert part.ci95[0] < narrow.ci95[0]  # type: ignore[index]
        assert part.p_value > narrow.p_value  # type: ignore[operator]


def test_a_part_of_one_group_is_not_tested_however_large() -> None:
    right = {"zero_shot": hits(0.2), "few_shot": hits(0.5), "fine_tuned": hits(0.8)}
    evidence = evidence_of(right, clusters={f"h{i}": "one" if i % 2 else f"g{i}" for i in range(200)})
    assert find(decide(evidence).slices, "label", "b").flag == "too_small"
    assert find(decide(evidence).slices, "label", "a").p_value is not None


def test_thirds_by_length_do_not_overlap() -> None:
    evidence = evidence_of({"few_shot": hits(0.5, 30)}, input_characters={})
    lengths = {f"h{i}": 94 if i < 10 else 95 if i < 19 else 99 for i in range(30)}
    data = evidence.data.model_copy(update={"input_characters": lengths})
    (cut,) = [
        c
        for c in slices_module.cuts_of(evidence.case, data, evidence.expected, list(lengths))
        if c.dimension == "input length"
    ]
    first, *others = cut.names
    assert first.startswith("up to 94 ")
    assert not any(name.startswith("94") for name in others)
