"""How good an answer is."""

from __future__ import annotations

from advisor.scoring.registry import (
    METRICS,
    RIGHT_FROM,
    Metric,
    aggregate,
    default_metrics,
    is_binary,
    is_judged,
    is_per_item,
    metric,
    score_item,
)

__all__ = [
    "METRICS",
    "RIGHT_FROM",
    "Metric",
    "aggregate",
    "default_metrics",
    "is_binary",
    "is_judged",
    "is_per_item",
    "metric",
    "score_item",
]
