"""What one run hides: luck of the examples, of the answers and of the training; near-duplicates; changed models."""

from __future__ import annotations

from advisor.records.base import Record


class BaselineNoise(Record):
    """Where a baseline's score may be off by luck, each source apart; null where it was not measured."""

    baseline: str
    n: int
    examples_se: float | None
    """Standard error from the choice of held-out items; where each was asked once, that of its answer is in it."""
    answers_se: float | None
    """Standard error from sampling answers, known where items were asked several times."""
    answers_per_item: int
    trainings: tuple[float, ...] = ()
    """Mean score of each training, the one that is compared first."""
    trainings_sd: float | None = None
    """Standard deviation between trainings that differ in their seed alone."""
    trainings_sd_ci95: tuple[float, float] | None = None
    text: str


class DifferenceNoise(Record):
    """The difference that the verdict rests on, with the luck of the training added to that of the examples."""

    baseline: str
    reference: str
    difference: float
    ci95: tuple[float, float]
    """From the choice of items alone, as in the comparison."""
    sampling_se: float
    trainings_se: float | None
    """Standard error from the seed of one training; null where one training was run."""
    total_se: float | None
    total_ci95: tuple[float, float] | None
    turns: bool | None
    """Whether the interval leaves out zero only as long as the luck of the training is left out."""
    text: str


class WithoutDuplicates(Record):
    """The same difference without the held-out items that have a near-duplicate in the training data."""

    baseline: str
    reference: str
    left_out: int
    n: int
    difference: float
    ci95: tuple[float, float]
    difference_without: float | None
    ci95_without: tuple[float, float] | None
    turns: bool
    """Whether the side that is better, or whether it surely is, depends on those items."""
    text: str


class VersionShare(Record):
    """The items that one version of a model answered."""

    version: str
    n: int
    share: float
    quality: float


class VersionChange(Record):
    """A model that its provider changed while it was measured."""

    baseline: str
    versions: tuple[VersionShare, ...]
    """The one with most items first."""
    difference: float | None
    """Of the two versions with most items, where both have enough."""
    test: str | None
    p_value: float | None
    differs: bool | None
    text: str


class Noise(Record):
    """What one run hides."""

    baselines: tuple[BaselineNoise, ...]
    difference: DifferenceNoise | None = None
    without_duplicates: WithoutDuplicates | None = None
    versions: tuple[VersionChange, ...] = ()
