"""Evidence made up for tests: a case, and baselines that get given items right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from advisor.cases.schema import Case
from advisor.decision.evidence import CaseEvidence, DataFacts
from advisor.records import ItemResult, Measured, Provenance, TuningRecord, Usage

SPECS: dict[str, dict[str, Any]] = {
    "zero_shot": {"kind": "zero_shot", "model": "m"},
    "few_shot": {"kind": "few_shot", "model": "m", "examples": 3},
    "rag": {"kind": "rag", "model": "m", "passages": 2},
    "classifier": {"kind": "classifier"},
    "fine_tuned": {"kind": "fine_tuned", "model": "m", "tuning": {"system": "trl"}},
}
EFFORT = {"data_hours": 10, "evaluation_hours": 5, "refinement_hours": 5, "hourly_rate_usd": 100}


def make_case(names: Sequence[str] = ("zero_shot", "few_shot", "fine_tuned"), **changes: Any) -> Case:
    values: dict[str, Any] = {
        "schema_version": 1,
        "name": "made_up",
        "use_case": {"description": "Tests.", "aspect": "accuracy"},
        "task": {"kind": "classification", "instructions": "x", "labels": ["a", "b"]},
        "quality": {"metric": "accuracy", "bar": 0.8, "min_gain": 0.02},
        "models": {"m": {"provider": "embedded", "model": "x", "serving": {"usd_per_hour": 0.5}}},
        "baselines": [{"name": n, **SPECS[n]} for n in names],
        "traffic": {"requests_per_month": 10_000},
        "effort": EFFORT,
    }
    if "rag" in names:
        values["data"] = {"documents": "documents/"}
    return Case.model_validate({**values, **changes})


def measured(case: Case, name: str, scores: Sequence[float], **changes: Any) -> Measured:
    spec = next(b for b in case.baselines if b.name == name)
    tokens = {"few_shot": 400, "rag": 700}.get(name, 100)
    items = tuple(
        ItemResult(
            id=f"h{i}",
            answer="a" if s else "b",
            scores={case.quality.metric: float(s)},
            usage=Usage(input=tokens, cached_input=0, output=5),
            latency_s=0.2,
            compute_s=0.1,
        )
        for i, s in enumerate(scores)
    )
    tuning = None
    if spec.kind == "fine_tuned":
        tuning = TuningRecord(
            system="trl",
            base_model="x",
            model_version="x+1",
            n_examples=100,
            epochs=3,
            tokens=50_000,
            duration_s=360,
        )
    return Measured(
        **{"name": name, "kind": spec.kind, "model": spec.model, "items": items, "tuning": tuning, **changes}
    )


def make_evidence(case: Case, right: Mapping[str, Sequence[float]], **changes: Any) -> CaseEvidence:
    """Evidence in which each baseline has the given scores, item by item."""
    n = max(len(s) for s in right.values())
    values: dict[str, Any] = {
        "case": case,
        "data": DataFacts(
            n_learn=80, n_dev=20, n_held_out=n, n_documents=0, leaked=frozenset(), clusters={}, findings=()
        ),
        "measured": tuple(measured(case, b.name, right[b.name]) for b in case.baselines if b.name in right),
        "run": "r1",
        "now": datetime(2026, 11, 1, tzinfo=UTC),
        "provenance": Provenance(advisor_version="1"),
    }
    return CaseEvidence(**{**values, **changes})


def hits(share: float, n: int = 200, *, shift: int = 0) -> list[float]:
    """n scores of which a share is right, spread evenly; shifted against one another they disagree more."""
    return [float(((i + shift) * 7919) % n < share * n) for i in range(n)]
