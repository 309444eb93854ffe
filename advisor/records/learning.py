"""What further trainings say: how much is luck, and what more data would bring."""

from __future__ import annotations

from typing import Literal

from advisor.records.base import Record


class LearningPoint(Record):
    """Quality after training on so many examples."""

    n_examples: int
    """0 for the base model, untuned."""
    what: Literal["untuned", "part", "whole"]
    value: float
    ci95: tuple[float, float] | None


class LearningStep(Record):
    """What the step from one point to the next brought, on the same held-out items."""

    from_examples: int
    to_examples: int
    difference: float
    ci95: tuple[float, float]


class PowerLaw(Record):
    """quality(n) = ceiling - scale · n^(-rate)."""

    ceiling: float
    """Quality that no amount of such data would pass, if the curve goes on as it began."""
    scale: float
    rate: float


class AtDouble(Record):
    """What twice the data would bring, if the curve goes on as it began."""

    n_examples: int
    value: float
    ci95: tuple[float, float]
    gain: float
    gain_ci95: tuple[float, float]
    p_min_gain: float
    """Share of the refits in which the gain is worth having (`quality.min_gain`)."""
    labelling_usd: float | None = None
    training_usd: float | None = None
    """One training on twice the data."""
    price_usd: float | None = None
    """Both together; None where either is not known."""
    missing: tuple[str, ...] = ()
    """Keys of the case that the price needs."""


class LearningCurve(Record):
    """A fine-tuned baseline by the amount of its training data."""

    baseline: str
    metric: str
    n_items: int
    """Held-out items that all points have answers to."""
    points: tuple[LearningPoint, ...]
    """The smallest first."""
    steps: tuple[LearningStep, ...]
    fit: PowerLaw | None = None
    """None where there are too few points for one."""
    at_double: AtDouble | None = None
    training_sd: float | None = None
    """Standard deviation of the quality under other seeds, where it was measured; the intervals hold it."""
    warnings: tuple[str, ...] = ()
    text: str


class SeedQuality(Record):
    """Quality of a training under one seed."""

    seed: int
    value: float
    difference: float | None = None
    """Against the reference, on the same items."""
    ci95: tuple[float, float] | None = None


class SeedSpread(Record):
    """The same tuning under several seeds: how much of the result is luck."""

    baseline: str
    reference: str | None
    """The best baseline that is not tuned."""
    runs: tuple[SeedQuality, ...]
    """The first one is the baseline's own."""
    mean: float
    sd: float
    text: str
