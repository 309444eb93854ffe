"""What decides a baseline's results, as one hash: while it is the same, what was measured is measured."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import JsonValue

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.loading import LoadedCase
from advisor.cases.model_spec import ModelSpec
from advisor.scoring import is_judged
from advisor.scoring.judge import DEFAULT_RUBRIC, JUDGE_FORMAT

_FORMAT = 3  # of measurements; a change of it measures everything again
_FURTHER = {"tuning": {"seeds", "learning_curve"}}
"""What of a baseline adds to its result and does not change it."""
MATTERS_NOT = {
    "prices",
    "serving",
    "hosting",
    "organisation",
    "concurrency",
    "api_key_env",
    "auth",
    "api_version",
}
"""What of a model changes no answer."""


def measurement_fingerprint(loaded: LoadedCase, spec: BaselineSpec) -> str:
    """A hash of all that decides a baseline's results; prices and assumptions are no part of it."""
    case = loaded.case
    model = _described(case.models[spec.model]) if spec.model else None
    content: dict[str, Any] = {
        "format": _FORMAT,
        "task": case.task.model_dump(mode="json"),
        "metric": case.quality.metric,
        "baseline": spec.model_dump(
            mode="json", exclude={"name": True, "serving": True, **_FURTHER}, exclude_defaults=True
        ),
        "model": model,
        "documents": _documents_digest(loaded) if spec.uses_retrieval else None,
    }
    if is_judged(case.quality.metric):
        content["judge"] = _judge(loaded, spec)
    texts = {name: json.dumps(part, sort_keys=True, ensure_ascii=False) for name, part in content.items()}
    # the examples are the larger part by far, and the same for every baseline
    texts |= loaded.canonical
    whole = ", ".join(f'"{name}": {texts[name]}' for name in sorted(texts))
    return hashlib.sha256(f"{{{whole}}}".encode()).hexdigest()


def _judge(loaded: LoadedCase, spec: BaselineSpec) -> dict[str, JsonValue]:
    """What of the judge decides a baseline's scores, the reference's answers included."""
    case = loaded.case
    judge, reference = case.judge, case.judge_reference
    assert judge is not None  # the case's schema holds metric and judge together
    compared = next((b for b in case.baselines if b.name == reference and b.name != spec.name), None)
    return {
        "format": JUDGE_FORMAT,
        "model": _described(case.models[judge.model]),
        "mode": judge.mode,
        "rubric": judge.rubric or DEFAULT_RUBRIC,
        "is_reference": spec.name == reference,
        "reference": measurement_fingerprint(loaded, compared) if compared else None,
    }


def _described(model: ModelSpec) -> JsonValue:
    """What of a model decides its answers."""
    return model.model_dump(mode="json", exclude=MATTERS_NOT, exclude_defaults=True)


def _documents_digest(loaded: LoadedCase) -> dict[str, JsonValue]:
    assert loaded.documents is not None
    files = sorted(p for p in loaded.documents.rglob("*") if p.is_file())
    return {
        p.relative_to(loaded.documents).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }
