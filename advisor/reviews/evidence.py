"""What a sign-off is tied to: the evidence of a decision, as one hash, and what of it changed since.

The clock is no part of it, nor are figures that follow from the rest: the same evidence has the same hash on another
day. If the date alone changes the verdict (a service that ends, say), that is a change, as the verdict is part of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from advisor.formatting import UNKNOWN
from advisor.records import Decision
from advisor.reports.changes import FigureChange, changes
from advisor.reports.wording import is_fraction, parameter_name, parameter_value

PARTS = {
    "training examples": "the training examples",
    "held-out items": "the held-out items",
    "results": "the measured results",
    "task": "the task or its instructions",
    "goal": "the metric, the bar or the smallest gain worth having",
    "assumptions": "the assumptions",
    "declared": "what the case declares in its own words",
    "baselines": "the baselines",
    "prices": "the prices",
    "services": "when the service of a model ends",
    "human labels": "the scores that people gave",
    "verdict": "the verdict",
}
"""The parts of the evidence, in words."""
HOW_REACHED = frozenset({"concurrency", "api_key_env", "auth", "api_version"})
"""What of a model is no evidence."""


def evidence_parts(decision: Decision) -> dict[str, str]:
    """A hash for each part of the evidence that a decision rests on."""
    facts = decision.facts
    contents: dict[str, Any] = {
        "task": [facts.task_kind, facts.instructions, facts.use_case, facts.aspect],
        "goal": [facts.metric, facts.bar, facts.min_gain],
        "assumptions": {**facts.assumptions, "models": _models(facts.assumptions.get("models"))},
        "baselines": [
            [
                b.name,
                b.kind,
                b.model,
                b.n,
                b.failed,
                b.setting,
                b.tokens.model_dump(),
                b.latency_s.model_dump(),
            ]
            for b in decision.baselines
        ],
        # whether a price is stale depends on the day
        "prices": [p.model_dump(mode="json", exclude={"notes", "stale"}) for p in decision.prices],
        "verdict": [decision.verdict.decision, decision.verdict.recommended],
    }
    own = {name: _hash(content) for name, content in contents.items()}
    return {name: {**decision.provenance.hashes, **own}.get(name, "unknown") for name in PARTS}


def evidence_hash(parts: dict[str, str]) -> str:
    """One hash of all parts."""
    return _hash(parts)


def changed_parts(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """The names of the parts that are others now."""
    return tuple(name for name in PARTS if before.get(name) != after.get(name))


def what_changed(before: Decision, after: Decision) -> tuple[str, ...]:
    """What of the evidence is another one now, in words; empty where nothing is."""
    parts = changed_parts(evidence_parts(before), evidence_parts(after))
    if not parts:
        return ()
    found = changes(before, after)
    told: dict[str, list[str]] = {
        "verdict": [f"The verdict was {found.verdict.before}, and is {found.verdict.after}."],
        "assumptions": [_from_to(c) for c in found.assumptions],
        "goal": _goal(before, after),
        "results": [q.text for q in found.qualities if q.before != q.after],
        "baselines": [
            *(f"{name} was added." for name in found.added),
            *(f"{name} is gone." for name in found.removed),
            *(_from_to(c) for c in found.usage),
        ],
        "prices": [_from_to(c) for c in found.prices],
    }
    lines = []
    for part in sorted(parts, key=lambda p: p != "verdict"):
        lines += told.get(part) or [f"Changed: {PARTS[part]}."]
    return tuple(lines)


def _goal(before: Decision, after: Decision) -> list[str]:
    """Metric, bar and smallest gain, from what to what."""
    fraction = is_fraction(before) and is_fraction(after)
    told = [
        (
            ("Metric", facts.metric),
            (parameter_name("quality.bar"), parameter_value("quality.bar", facts.bar, fraction=fraction)),
            (
                parameter_name("quality.min_gain"),
                parameter_value("quality.min_gain", facts.min_gain, fraction=fraction),
            ),
        )
        for facts in (before.facts, after.facts)
    ]
    return [f"{name}: {was} → {now}" for (name, was), (_, now) in zip(*told, strict=True) if was != now]


def _models(models: Any) -> Any:
    """The case's models without how they are reached, which changes no figure and no answer."""
    if not isinstance(models, dict):
        return models
    return {
        name: {k: v for k, v in model.items() if k not in HOW_REACHED} if isinstance(model, dict) else model
        for name, model in models.items()
    }


def _from_to(change: FigureChange) -> str:
    return f"{change.name}: {change.before or UNKNOWN} → {change.after or UNKNOWN}"


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
