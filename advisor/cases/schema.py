"""The case file: the decision to take, as `case.yaml` says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from advisor.cases.baseline_spec import BaselineSpec
from advisor.cases.model_spec import IN_PROCESS, ModelSpec
from advisor.cases.numbers import AnyNumber, Factor, Growth, NonNegative, Number, Part

Aspect = Literal["accuracy", "format", "knowledge", "tone", "latency", "cost"]
TaskKind = Literal["classification", "extraction", "question_answering", "generation"]
Location = tuple[str | int, ...]
"""The keys and positions that lead to a part of the case file."""
INCONSISTENT = "inconsistent"
"""The type of the error that says what does not fit together; its context has each `wrong` with its location."""
QUESTION_IDS = (
    "use_case",
    "alternatives.prompting",
    "alternatives.rag",
    "costs.tunability",
    "costs.effort",
    "costs.compute",
    "costs.data",
    "benefits.quality",
    "benefits.cost",
    "benefits.extensibility",
)


def _quality(value: float) -> float:
    """A quality, which lies between 0 and 1."""
    if not 0 <= value <= 1:
        hint = f"; {value:g} % is {value / 100:g}" if 1 < value <= 100 else ""
        raise ValueError(f"must lie between 0 and 1, not {value:g}{hint}")
    return value


class UseCase(Part):
    """What it is for, and which aspect of the current model should improve."""

    description: str = Field(min_length=1)
    aspect: Aspect


class Task(Part):
    """What a model is told to do."""

    kind: TaskKind
    instructions: str = Field(min_length=1)
    labels: tuple[str, ...] | None = None
    json_schema: dict[str, JsonValue] | None = Field(default=None, alias="schema")
    max_output_tokens: Annotated[int, Field(gt=0)] = 256

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "classification":
            if not self.labels or len(self.labels) < 2:
                raise ValueError("classification needs `labels`, at least two of them")
            if len(set(self.labels)) != len(self.labels):
                raise ValueError("`labels` names a label twice")
        elif self.labels is not None:
            raise ValueError(f"`labels` belongs to classification, not to {self.kind}")
        if self.json_schema is not None and self.kind != "extraction":
            raise ValueError(f"`schema` belongs to extraction, not to {self.kind}")
        return self


class QualityTarget(Part):
    """How quality is measured, what is good enough, and the smallest gain worth having."""

    metric: str
    bar: Annotated[float, AfterValidator(_quality)] | None = None
    min_gain: Annotated[float, AfterValidator(_quality)] = 0.02


ColumnName = Literal["id", "input", "output", "group", "documents"]


class DataFiles(Part):
    """Where the examples and documents are, relative to the case folder."""

    train: str = "train.jsonl"
    held_out: str = "held_out.jsonl"
    documents: str | None = None
    columns: dict[ColumnName, str] = {}
    dev_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: int = 0


class Traffic(Part):
    """How much the answer will be asked for."""

    requests_per_month: Number = 0.0
    monthly_growth: Growth = 0.0
    """By which share of a month's requests the next month's are more; -1 ends them."""
    peak_factor: Factor = 1.0
    """The busiest hour against the mean one; machines that are always on must carry the peak."""
    batch_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the requests that may wait for a batch endpoint's answer, at its price."""
    horizon_months: Annotated[int, Field(gt=0, le=120)] = 12


class Value(Part):
    """What a right and a wrong answer are worth, in USD (a loss is negative)."""

    correct_usd: AnyNumber = 0.0
    wrong_usd: AnyNumber = 0.0


class Effort(Part):
    """What people put in."""

    data_hours: Number | None = None
    evaluation_hours: Number | None = None
    refinement_hours: Number | None = None
    hourly_rate_usd: Number | None = None
    retrains_per_year: Number = 0.0
    label_minutes_per_example: Number | None = None
    """Minutes to label one more example; prices what more held-out or training examples cost."""
    moving_hours: Number | None = None
    """Hours to move off a model whose service ends; absent, those of evaluation and refinement."""


class Costs(Part):
    """Costs that neither a price list nor a measurement knows."""

    discount_rate: NonNegative = 0.0
    """A year's discount rate, e.g. 0.08: what is paid later weighs less."""
    retrieval_usd_per_month: Number = 0.0
    """Storage and search of the documents, for every baseline that retrieves."""
    retrieval_indexing_usd: Number = 0.0
    """Embedding the documents, once."""
    evaluation_usd: NonNegative | None = None
    """What measuring cost, where it was not measured here (imported results)."""


class JudgeSpec(Part):
    """A model that judges open answers (the metric `judge`)."""

    model: str
    """One of the case's models."""
    mode: Literal["rubric", "pairwise"] = "rubric"
    rubric: str | None = None
    """What makes an answer good, in words; by default: correct and complete against the expected answer."""
    reference: str | None = None
    """Pairwise: the baseline that answers are compared with; by default the first of the case."""
    human_labels: str | None = None
    """A file of human judgements, `{"baseline", "id", "score"}` a line; they correct the judge's."""

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.reference is not None and self.mode != "pairwise":
            raise ValueError("`reference` belongs to `mode: pairwise`")
        if self.rubric is not None and not self.rubric.strip():
            raise ValueError("`rubric` is empty; leave it out for the default")
        return self


class Extensibility(Part):
    """Other cases on whose held-out sets tuned and base model are measured too."""

    cases: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    """Case folders, relative to this one."""
    items: Annotated[int, Field(gt=0)] | None = None
    """Only the first so many held-out items of each."""


class Constraints(Part):
    """What must hold whatever the benefit."""

    latency_p95_s: Annotated[float, Field(gt=0)] | None = None
    must_stay_local: bool = False


class ReviewRule(Part):
    """When a go/no-go review is passed."""

    quorum: int = Field(default=1, ge=1, le=50)
    """How many people must approve."""
    roles: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")], Annotated[int, Field(ge=1)]
    ] = {}
    """How many of them must speak for what, e.g. {data: 1, product: 1}."""
    reject_blocks: bool = True
    """Whether one rejection is a no-go; else it takes as many as the quorum."""
    opener_may_sign: bool = True
    """Whether whoever opened the review counts."""


class Case(Part):
    """A decision to take."""

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    title: str = ""
    use_case: UseCase
    task: Task
    quality: QualityTarget
    data: DataFiles = DataFiles()
    models: dict[str, ModelSpec] = {}
    baselines: tuple[BaselineSpec, ...] = Field(min_length=1)
    traffic: Traffic = Traffic()
    value: Value = Value()
    effort: Effort = Effort()
    constraints: Constraints = Constraints()
    costs: Costs = Costs()
    judge: JudgeSpec | None = None
    extensibility: Extensibility | None = None
    review: ReviewRule | None = None
    declared: dict[str, str] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = list(_inconsistencies(self))
        if wrong:
            said = "; ".join(message for _, message in wrong)
            raise PydanticCustomError(INCONSISTENT, "{said}", {"said": said, "wrong": wrong})
        return self

    @property
    def judge_reference(self) -> str | None:
        """The baseline that a pairwise judge compares all others with; None where there is none."""
        if self.judge is None or self.judge.mode != "pairwise":
            return None
        return self.judge.reference or self.baselines[0].name


def _inconsistencies(case: Case) -> Iterator[tuple[Location, str]]:
    """What does not fit together in parts that are right by themselves, and the key where each stands."""
    names = [b.name for b in case.baselines]
    for index, baseline in enumerate(case.baselines):
        at: Location = ("baselines", index)
        if baseline.name in names[:index]:
            yield (*at, "name"), f"baseline {baseline.name!r} stands there twice"
        if baseline.model is not None and baseline.model not in case.models:
            message = f"baseline {baseline.name!r} names model {baseline.model!r}, which is not in `models`"
            yield (*at, "model"), message
        elif baseline.temperature and case.models[str(baseline.model)].provider in IN_PROCESS:
            message = "models of this process answer greedily, so `temperature` must be 0"
            yield (*at, "temperature"), f"baseline {baseline.name!r}: {message}"
        if baseline.kind == "classifier" and case.task.kind != "classification":
            yield (*at, "kind"), f"baseline {baseline.name!r}: a classifier needs a classification task"
        if baseline.uses_retrieval and case.data.documents is None:
            yield at, f"baseline {baseline.name!r} retrieves, but `data.documents` is absent"
    judge = case.judge
    if case.quality.metric == "judge" and judge is None:
        yield ("quality", "metric"), "the metric `judge` needs the key `judge`: who judges, and how"
    if judge is not None:
        if case.quality.metric != "judge":
            other = case.quality.metric
            yield ("judge",), f"`judge` belongs to the metric `judge`, and quality.metric is {other!r}"
        if judge.model not in case.models:
            yield ("judge", "model"), f"names {judge.model!r}, which is not in `models`"
        if judge.reference not in (None, *names):
            yield ("judge", "reference"), f"names {judge.reference!r}, which is no baseline"
    for question in case.declared:
        if question not in QUESTION_IDS:
            message = f"is not one of the lesson's questions, which are {', '.join(QUESTION_IDS)}"
            yield ("declared", question), message


class Example(Part):
    """One example: what comes in, and what should come out."""

    id: str
    input: str | tuple[dict[str, JsonValue], ...]
    output: JsonValue
    group: str | None = None
    documents: tuple[str, ...] | None = None
    """Documents that hold the answer, where known; retrieval is scored against them."""

    @property
    def input_text(self) -> str:
        """The input as one text, for search, similarity and audits."""
        if isinstance(self.input, str):
            return self.input
        return "\n".join(str(m.get("content", "")) for m in self.input)
