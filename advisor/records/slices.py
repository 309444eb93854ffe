"""Parts of the held-out set, each compared by itself."""

from __future__ import annotations

from typing import Literal

from advisor.records.base import Record

SliceDimension = Literal["label", "group", "input length", "answer length", "documents"]


class Slice(Record):
    """One part of the held-out set: how each baseline does on it, and the verdict's pair compared on it."""

    dimension: SliceDimension
    value: str
    n: int
    quality: dict[str, float]
    """Mean score by baseline, of those that answered any of it (accuracy, where only a set has the case's metric)."""
    difference: float | None = None
    """Tuned less alternative; null where the slice is too small to be tested, or there is no pair."""
    ci95: tuple[float, float] | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    """Held over all slices: of those below 0.05 one in twenty is expected to be false (Benjamini-Hochberg)."""
    flag: Literal["better", "worse", "too_small", "open"] = "open"
    """Whether the tuned model is surely better or worse on it."""
