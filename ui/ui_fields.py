"""How a case's inputs are named and shown wherever they are asked for."""

from __future__ import annotations

from advisor.cases.schema import Aspect, TaskKind
from advisor.reports import wording as w

KINDS: dict[TaskKind, str] = {
    "classification": "Sort into labels",
    "extraction": "Pull out fields, as JSON",
    "question_answering": "Answer in a few words",
    "generation": "Write a text",
}
ASPECTS: dict[Aspect, str] = {
    "accuracy": "accuracy: more right answers",
    "format": "format: the form that the next program needs",
    "knowledge": "knowledge: facts that the model does not have",
    "tone": "tone: how it is said",
    "latency": "latency: faster answers",
    "cost": "cost: cheaper answers",
}


def whole(value: float | None) -> float | None:
    """A number without a needless ".0", as somebody would write it."""
    return int(value) if value is not None and float(value).is_integer() else value


def field_label(key: str) -> str:
    """An input's name, with its unit."""
    own = {
        "traffic.horizon_months": "Months to plan for",
        "constraints.latency_p95_s": "Slowest answer that is acceptable (seconds, p95)",
    }
    units = {
        "traffic.monthly_growth": " (fraction, 0.02 = 2%)",
        "costs.discount_rate": " (fraction)",
        "quality.bar": " (0 to 1)",
        "quality.min_gain": " (0 to 1)",
    }
    unit = " (USD)" if "usd" in key else units.get(key, "")
    return own.get(key) or f"{w.parameter_name(key)}{unit}"
