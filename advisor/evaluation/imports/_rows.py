"""What the formats of other tools have in common: one row for each answer to one item."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from advisor.errors import Problem
from advisor.records import Failure, Usage


@dataclass(frozen=True)
class Row:
    """One answer of one system to one item, asked once."""

    where: str
    """How the file names it, for messages."""
    names: tuple[str, ...]
    """By which the system that answered is known, the most particular name first."""
    ids: tuple[str, ...]
    """What may be the item's id, the most explicit first."""
    texts: tuple[str, ...]
    """What may be the item's input."""
    score: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)
    """Further scores, for information."""
    answer: str | None = None
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None
    cost_usd: float | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Source:
    """A file of results, read."""

    tool: str
    version: str | None
    day: str | None
    """YYYY-MM-DD of the evaluation."""
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader of the results should know."""

    @property
    def environment(self) -> dict[str, object]:
        """As a run keeps it."""
        return {
            "software": {self.tool: self.version or "unknown version"},
            "hardware": None,
            "recorded_at": self.day,
        }

    @property
    def title(self) -> str:
        """The tool and its version."""
        return f"{self.tool} {self.version}" if self.version else self.tool


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def tokens(value: Any) -> int | None:
    """A count of tokens; None for anything else."""
    found = number(value)
    return None if found is None or found < 0 else round(found)


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def texts(*values: Any) -> tuple[str, ...]:
    """Those that are text or a number and not empty, each once, as text."""
    return tuple(
        dict.fromkeys(
            str(v)
            for v in values
            if isinstance(v, str | int | float) and not isinstance(v, bool) and str(v).strip()
        )
    )


def as_text(value: Any) -> str | None:
    """An answer as text; JSON is written out."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
