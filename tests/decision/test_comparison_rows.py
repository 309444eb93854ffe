"""The rows of the comparison say what was shown, and what both baselines use up."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.decision.decide import decide
from tests.decision.evidence import hits, make_case, make_evidence


def row(few: list[float], tuned: list[float], **changes: Any) -> Any:
    case = make_case(quality={"metric": "accuracy", "min_gain": 0.05}, **changes)
    right = {"zero_shot": hits(0.2, len(few)), "few_shot": few, "fine_tuned": tuned}
    return next(c for c in decide(make_evidence(case, right)).comparisons if c.baseline == "fine_tuned")


def test_no_difference_found_is_not_no_difference_shown() -> None:
    few = row(hits(0.6, 60), hits(0.62, 60, shift=11))
    many = row(hits(0.6, 2000), hits(0.601, 2000))
    assert few.shown == "undecided"
    assert many.shown == "equivalent"
    assert many.margin == 0.05
    assert many.p_equivalent < 0.05


def test_what_both_use_up_is_compared_item_by_item() -> None:
    found = {r.what: r for r in row(hits(0.6), hits(0.9)).resources}
    tokens = found["input_tokens"]
    assert (tokens.baseline_mean, tokens.reference_mean) == (100, 400)
    assert tokens.ratio == pytest.approx(0.25)
    assert tokens.ci95[0] <= tokens.difference == -300 <= tokens.ci95[1]
    # latencies of answers that were computed in batches are those of the batch
    assert "latency_s" not in found
