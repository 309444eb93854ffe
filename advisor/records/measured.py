"""What was measured on the held-out set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import JsonValue

from advisor.records.base import BaselineKind, Record
from advisor.records.items import ItemTable
from advisor.records.judge import JudgeRecord


class PromptParts(Record):
    """Mean tokens of a request, split by what they are for."""

    instructions: float = 0.0
    examples: float = 0.0
    passages: float = 0.0
    question: float = 0.0


class SettingTrial(Record):
    """One setting tried on the dev split, and what it scored there."""

    setting: dict[str, JsonValue]
    metric: str
    value: float
    n: int
    cost_usd: float | None = None
    """What its calls cost, as far as it is known."""


class TuningRecord(Record):
    """A tuning job that ended well."""

    system: str
    base_model: str
    model_version: str
    n_examples: int
    epochs: float
    tokens: int
    duration_s: float
    """Seconds of training itself, over all starts, without loading."""
    cost_usd: float | None = None
    loss: tuple[tuple[int, float], ...] = ()
    """(step, training loss)."""
    dev_loss: tuple[tuple[int, float], ...] = ()
    trainable_parameters: int | None = None
    settings: dict[str, JsonValue] = {}
    hardware: str | None = None


class RetrievalQuality(Record):
    """How often the relevant document was among those shown, where it is known."""

    recall: float
    mean_reciprocal_rank: float
    n: int
    passages: int


class Tokens(Record):
    """Mean tokens per request."""

    input: float | None
    cached_input: float | None
    output: float | None


class SeedRun(Record):
    """The same tuning once more, under another seed."""

    seed: int
    scores: dict[str, float]
    """The case's metric by held-out item (accuracy where only a set has the metric); a failed item scores 0."""
    tuning: TuningRecord | None = None


class CurvePoint(Record):
    """The same tuning on a part of the training data; the parts are nested."""

    n_examples: int
    scores: dict[str, float]
    """The case's metric by held-out item (accuracy where only a set has the metric); a failed item scores 0."""
    tuning: TuningRecord | None = None


class Elsewhere(Record):
    """The tuned model and its base on the held-out set of another case."""

    case: str
    metric: str
    tuned: dict[str, float]
    base: dict[str, float]
    """Scores by item; a failed item scores 0."""
    min_gain: float = 0.0
    """The smallest difference that matters in that case."""
    groups: dict[str, str] = {}
    """Group of an item, where it has one: such items are not independent."""
    fingerprint: str | None = None
    """A hash of what was asked and how it was scored; another one is measured anew."""


class StoppedEarly(Record):
    """A run that ended before the held-out set did, because the verdict was settled."""

    asked: int
    of: int
    reason: str


class LoadPoint(Record):
    """A served model under one number of requests at a time."""

    concurrency: int
    requests: int
    """Those counted, failed ones included; warm-up excluded."""
    failed: int
    requests_per_s: float
    """Answered ones."""
    p50_s: float | None
    p95_s: float | None
    """Latencies of the answered ones; None where none was."""
    output_tokens_per_s: float | None = None
    first_token_p50_s: float | None = None


class LoadTest(Record):
    """Throughput and latency of a served model by concurrency."""

    points: tuple[LoadPoint, ...]
    on: str
    """Day of the test."""
    where: str | None = None
    """The endpoint, or the hardware of this process."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures should know: prompts that came again, a load generator at its own limit."""


class Measured(Record):
    """Everything measured of one baseline."""

    name: str
    kind: BaselineKind
    model: str | None
    provider: str | None = None
    items: ItemTable
    """In the order of the held-out set; items without a result yet are absent."""
    setting: dict[str, JsonValue] = {}
    trials: tuple[SettingTrial, ...] = ()
    tuning: TuningRecord | None = None
    retrieval: RetrievalQuality | None = None
    uses_retrieval: bool = False
    prompt_parts: PromptParts | None = None
    latency_probe_s: tuple[float, ...] | None = None
    """Seconds of requests sent one at a time, for models that run in this process and answer in batches."""
    imported: bool = False
    notes: tuple[str, ...] = ()
    """What a reader of the results should know: how the model was asked, whether it changed meanwhile."""
    estimated_tokens: Tokens | None = None
    """Tokens per request as estimated beforehand, where the provider reports its own."""
    seeds: tuple[SeedRun, ...] = ()
    """Further trainings under other seeds; `items` are of the first."""
    learning_curve: tuple[CurvePoint, ...] = ()
    """Trainings on parts of the data, the smallest first; `items` are of the whole."""
    elsewhere: tuple[Elsewhere, ...] = ()
    stopped_early: StoppedEarly | None = None
    load: LoadTest | None = None
    judge: JudgeRecord | None = None
    """How its answers were judged, where the metric is `judge`."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields replaced; items may be given as any iterable of results."""
        changes = dict(update or {})
        if "items" in changes and not isinstance(changes["items"], ItemTable):
            changes["items"] = ItemTable(changes["items"])
        return super().model_copy(update=changes, deep=deep)
