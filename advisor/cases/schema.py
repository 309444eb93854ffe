"""The case file: the decision to take, as `case.yaml` says it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from advisor.records import BaselineKind

Aspect = Literal["accuracy", "format", "knowledge", "tone", "latency", "cost"]
TaskKind = Literal["classification", "extraction", "question_answering", "generation"]
IN_PROCESS = frozenset({"embedded", "huggingface"})
"""Providers whose models run in this process; they answer greedily, so the same question has the same answer."""
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


class Part(BaseModel):
    """A part of the case file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Range(Part):
    """An uncertain number: its low, likely and high value."""

    low: float
    likely: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.likely <= self.high:
            raise ValueError("must have low <= likely <= high")
        return self


def _from(least: float) -> AfterValidator:
    """A range that begins at `least` or above."""

    def checked(found: Range) -> Range:
        if found.low < least:
            raise ValueError(f"must not begin below {least:g}")
        return found

    return AfterValidator(checked)


def _quality(value: float) -> float:
    """A quality, which lies between 0 and 1."""
    if not 0 <= value <= 1:
        hint = f"; {value:g} % is {value / 100:g}" if 1 < value <= 100 else ""
        raise ValueError(f"must lie between 0 and 1, not {value:g}{hint}")
    return value


def _shape(value: object) -> str:
    """Which of the two a number is given as, so that what is wrong with it is said of that one alone."""
    return "range" if isinstance(value, dict | Range) else "number"


SHAPES = ("number", "range")
"""The names of the two in the location of an error, where no key of the case has them."""
_ByShape = Discriminator(_shape)
NonNegative = Annotated[float, Field(ge=0)]
Number = Annotated[Annotated[NonNegative, Tag("number")] | Annotated[Range, _from(0), Tag("range")], _ByShape]
AnyNumber = Annotated[Annotated[float, Tag("number")] | Annotated[Range, Tag("range")], _ByShape]


def likely(number: float | Range) -> float:
    """The likely value of a number that may be given as a range."""
    return number.likely if isinstance(number, Range) else float(number)


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


class Serving(Part):
    """A model on a machine that is paid by the hour."""

    usd_per_hour: NonNegative
    always_on: bool = True
    requests_per_s: Annotated[float, Field(gt=0)] | None = None
    """Declared throughput of one machine; where absent, the measured one counts."""


class TokenPrices(Part):
    """USD per million tokens."""

    input: NonNegative
    cached_input: NonNegative | None = None
    output: NonNegative


class AzureHosting(Part):
    """Where a model tuned on Azure is deployed: the resource's address in Azure Resource Manager."""

    subscription_id: str
    resource_group: str
    account: str
    tier: Literal["Standard", "GlobalStandard", "DeveloperTier"] = "GlobalStandard"
    """The deployment's kind; a developer deployment costs no hosting and is removed after 24 hours."""
    capacity: Annotated[int, Field(gt=0)] = 50
    """Thousands of tokens a minute."""
    usd_per_hour: NonNegative | None = None
    """Hosting of a tuned deployment; absent, the catalogue's price."""


class ModelSpec(Part):
    """A model, and where it runs."""

    provider: str
    model: str
    serving: Serving | None = None
    prices: TokenPrices | None = None
    base_url: str | None = None
    endpoint: str | None = None
    """Azure: the resource's address, `https://NAME.openai.azure.com`."""
    base_model: str | None = None
    """Azure: the model behind the deployment; for tokens, prices and tuning."""
    api_key_env: str | None = None
    """The environment variable that holds the key, where it is not the provider's usual one."""
    api_version: str | None = None
    """Azure: a dated API version; absent, the v1 routes are used."""
    auth: Literal["key", "entra_id"] = "key"
    """Azure: a key from the environment, or Entra ID through azure-identity."""
    concurrency: Annotated[int, Field(gt=0)] = 16
    """Calls under way at once to a hosted model; fewer while the provider says that it is too much."""
    stream: bool = False
    """Stream answers, to measure the time to the first token."""
    structured_outputs: Literal["auto", "off"] = "auto"
    """Have the endpoint enforce labels and schemas; where it cannot, the answer is read as free text."""
    organisation: Literal["never_tuned", "tuned", "active"] | None = None
    """Your organisation's standing with the provider: never tuned a model there, tuned one, or uses a tuned one."""
    hosting: AzureHosting | None = None


class TuningSpec(Part):
    """How the fine-tuned baseline comes about."""

    system: str
    model: str | None = None
    """`existing` tuning: the tuned model's name, or its adapter folder."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None = None
    """Hosted systems: a factor on the rate that the provider chooses."""
    rank: Annotated[int, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(gt=0)] | None = None
    seed: int = 0
    seeds: tuple[int, ...] = ()
    """Further seeds: the same training again under each, to see how much of the result is luck."""
    learning_curve: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Shares of the training data, e.g. [0.25, 0.5]: the same training on each, to see what more data would bring."""
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    """Hosted systems: a part of the tuned model's name; by default the case's name."""
    method: Literal["lora", "qlora", "full"] = "lora"
    """TRL: adapters, adapters on a quantised base (needs a GPU), or all weights."""
    training_tier: Literal["Standard", "GlobalStandard", "Developer"] = "GlobalStandard"
    """Azure: where a training job may run; the developer tier is cheaper and may be interrupted."""
    packing: bool = True
    """TRL: train on packed rows that share the prompt's beginning; off, one row an example."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """TRL: of the weights while training; auto takes bf16 where the hardware has it."""
    gradient_checkpointing: bool = False
    """TRL: less memory for more time."""
    early_stopping: Annotated[int, Field(gt=0)] | None = None
    """TRL: stop after so many epochs without a lower loss on the dev examples."""
    keep_merged: bool = False
    """TRL and AutoTrain: keep the merged model beside the adapter, ready to serve."""
    processes: Annotated[int, Field(gt=0)] = 1
    """TRL: training processes, one a GPU, started through accelerate."""
    keep_deployed: bool = False
    """Azure: leave the deployment standing after the evaluation; it is billed by the hour until it is removed."""

    @model_validator(mode="after")
    def _can_be_repeated(self) -> Self:
        if self.system == "existing" and (self.seeds or self.learning_curve):
            raise ValueError(
                "`existing` tuning cannot be repeated: it takes no `seeds` and no `learning_curve`"
            )
        if len({self.seed, *self.seeds}) <= len(self.seeds):
            raise ValueError(f"`seeds` are further ones: each once, and not {self.seed}, which is `seed`")
        if len(set(self.learning_curve)) < len(self.learning_curve):
            raise ValueError("`learning_curve` names a share twice")
        return self


Counts = Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], ...]


class BaselineSpec(Part):
    """One alternative that is run over the held-out set."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    kind: BaselineKind
    model: str | None = None
    examples: Counts | None = None
    selection: Literal["nearest", "fixed"] | None = None
    passages: Counts | None = None
    tuning: TuningSpec | None = None
    retrieval: bool = False
    repeats: Annotated[int, Field(ge=1, le=20)] = 1
    """How often each held-out question is asked, where answers are sampled."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Of sampling, for models behind an endpoint; 0 asks for the likeliest answer."""
    search: Literal["lexical", "dense", "hybrid"] = "lexical"
    """How passages are found: by words (BM25), by embeddings, or by both."""
    features: Literal["tfidf", "embeddings"] | None = None
    serving: Serving | None = None
    """Where a classifier runs, if it needs a machine of its own."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "classifier":
            if self.model is not None:
                raise ValueError("a classifier takes no `model`")
            if self.repeats > 1 or self.temperature:
                raise ValueError("`repeats` and `temperature` belong to models whose answers are sampled")
        elif self.model is None:
            raise ValueError(f"a {self.kind} baseline needs `model`, one of the case's models")
        if (self.kind == "fine_tuned") != (self.tuning is not None):
            raise ValueError("`tuning` is needed by fine_tuned baselines, and by no other")
        if self.examples is not None and self.kind != "few_shot":
            raise ValueError("`examples` belongs to few_shot")
        if self.selection is not None and self.kind != "few_shot":
            raise ValueError("`selection` belongs to few_shot")
        if self.passages is not None and not self.uses_retrieval:
            raise ValueError("`passages` belongs to rag, or to fine_tuned with `retrieval: true`")
        if self.retrieval and self.kind not in ("fine_tuned", "rag"):
            raise ValueError("`retrieval` belongs to fine_tuned")
        if self.search != "lexical" and not self.uses_retrieval:
            raise ValueError("`search` belongs to rag, or to fine_tuned with `retrieval: true`")
        if self.features is not None and self.kind != "classifier":
            raise ValueError("`features` belongs to classifier")
        if self.serving is not None and self.kind != "classifier":
            raise ValueError("`serving` belongs to classifier; other baselines are served as their model is")
        return self

    @property
    def uses_retrieval(self) -> bool:
        """Whether passages are put into its prompts."""
        return self.kind == "rag" or self.retrieval


class Traffic(Part):
    """How much the answer will be asked for."""

    requests_per_month: Number = 0.0
    monthly_growth: Annotated[
        Annotated[float, Field(ge=-1), Tag("number")] | Annotated[Range, _from(-1), Tag("range")], _ByShape
    ] = 0.0
    """By which share of a month's requests the next month's are more; -1 ends them."""
    peak_factor: Annotated[
        Annotated[float, Field(ge=1), Tag("number")] | Annotated[Range, _from(1), Tag("range")], _ByShape
    ] = 1.0
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
        wrong = []
        names = [b.name for b in self.baselines]
        wrong += [
            f"baseline {n!r} stands there twice" for n in sorted({n for n in names if names.count(n) > 1})
        ]
        for baseline in self.baselines:
            if baseline.model is not None and baseline.model not in self.models:
                wrong.append(
                    f"baseline {baseline.name!r} names model {baseline.model!r}, which is not in `models`"
                )
            elif baseline.temperature and self.models[str(baseline.model)].provider in IN_PROCESS:
                wrong.append(
                    f"baseline {baseline.name!r}: models of this process answer greedily, so `temperature` must be 0"
                )
            if baseline.kind == "classifier" and self.task.kind != "classification":
                wrong.append(f"baseline {baseline.name!r}: a classifier needs a classification task")
            if baseline.uses_retrieval and self.data.documents is None:
                wrong.append(f"baseline {baseline.name!r} retrieves, but `data.documents` is absent")
        if self.quality.metric == "judge" and self.judge is None:
            wrong.append("quality.metric `judge` needs the key `judge`: who judges, and how")
        if self.judge is not None and self.quality.metric != "judge":
            wrong.append(
                f"`judge` belongs to the metric `judge`, and quality.metric is {self.quality.metric!r}"
            )
        if self.judge is not None and self.judge.model not in self.models:
            wrong.append(f"judge.model names {self.judge.model!r}, which is not in `models`")
        if self.judge is not None and self.judge.reference not in (None, *names):
            wrong.append(f"judge.reference names {self.judge.reference!r}, which is no baseline")
        wrong += [
            f"declared.{q}: not one of the lesson's questions, which are {', '.join(QUESTION_IDS)}"
            for q in self.declared
            if q not in QUESTION_IDS
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def judge_reference(self) -> str | None:
        """The baseline that a pairwise judge compares all others with; None where there is none."""
        if self.judge is None or self.judge.mode != "pairwise":
            return None
        return self.judge.reference or self.baselines[0].name


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
