"""The shared words: frozen models that the rooms hand to one another.

Units are in the names: `_s` seconds, `_usd` US dollars; tokens are counts. A figure that is not known is
`None`, never zero.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

SCHEMA_VERSION = 1

BaselineKind = Literal["zero_shot", "few_shot", "rag", "fine_tuned", "classifier"]
EvidenceKind = Literal["measured", "estimated", "declared"]
DecisionWord = Literal["fine_tune", "do_not_fine_tune", "not_yet"]
AnswerWord = Literal["yes", "no", "unclear"]


class Record(BaseModel):
    """A frozen value; unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ── asking a model ───────────────────────────────────────────────────────────────────────────────────────


class Message(Record):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Record):
    """What a model is asked, with everything that decides its answer.

    At most one of `labels` and `json_schema` is set; the model must enforce it.
    """

    messages: tuple[Message, ...]
    labels: tuple[str, ...] | None = None
    json_schema: dict[str, JsonValue] | None = None
    max_tokens: int = 256
    temperature: float = 0.0
    repeat: int = 0


class Usage(Record):
    """Tokens of one call; `cached_input` is the part of `input` whose computation was reused.

    `reasoning` is the part of `output` that a model thought before it answered.
    """

    input: int | None = None
    cached_input: int | None = None
    output: int | None = None
    reasoning: int | None = None


class Completion(Record):
    """What a model answered.

    `latency_s` is the time until this answer was there, as its caller saw it; where answers are computed in
    batches, that is the batch's time. `compute_s` is this answer's share of the machine's time (batch time
    over batch size), known only for models that run in this process.
    """

    text: str
    usage: Usage = Usage()
    latency_s: float | None = None
    compute_s: float | None = None
    finish_reason: str | None = None
    model_version: str | None = None
    label_scores: dict[str, float] | None = None
    first_token_s: float | None = None
    """Seconds until the first piece of the answer was there, where it was streamed."""
    fingerprint: str | None = None
    """The provider's mark of its configuration (`system_fingerprint`)."""
    enforced: bool | None = None
    """Whether labels or schema were enforced by the endpoint; None where nothing was to be enforced."""
    batched: bool = False
    """Whether it came through a batch endpoint, at batch prices; it then has no latency."""


class Failure(Record):
    """A call that failed for good: a kind of result, not a log line.

    A `transient` one failed for want of time, capacity or network: it is reported, but not kept as an answer,
    and a later run asks again.
    """

    error: str
    message: str
    transient: bool = False


# ── what was measured on the held-out set ────────────────────────────────────────────────────────────────


class ItemResult(Record):
    """One baseline's answer to one held-out item, with its scores by metric name."""

    id: str
    answer: str | None = None
    scores: dict[str, float] = {}
    failure: Failure | None = None
    usage: Usage = Usage()
    latency_s: float | None = None
    compute_s: float | None = None
    cost_usd: float | None = None
    retrieved: tuple[str, ...] | None = None
    """Documents whose passages were shown, best first."""
    call_key: str | None = None


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


class Measured(Record):
    """Everything measured of one baseline."""

    name: str
    kind: BaselineKind
    model: str | None
    provider: str | None = None
    items: tuple[ItemResult, ...]
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


# ── the decision (the JSON of the outside; names are fixed) ──────────────────────────────────────────────


class Quality(Record):
    """A baseline's mean score with its 95 % interval."""

    metric: str
    value: float | None
    ci95: tuple[float, float] | None
    without_leaked: float | None = None
    """The same without the held-out items that also stand in the training data."""
    others: dict[str, float] = {}
    """Further metrics, for information."""


class Latency(Record):
    """Seconds until an answer was there; for models of this process, of requests sent one at a time."""

    p50: float | None
    p95: float | None
    n: int = 0


class Cost(Record):
    """What a baseline costs; null where unknown."""

    per_1k_requests: float | None
    one_off: float | None
    per_month: float | None
    over_horizon: float | None
    per_1k_at_traffic: float | None = None
    """USD of 1,000 requests at the case's volume, idle hours and retraining included."""
    capacity_per_month: float | None = None
    """Requests one server carries in a month at the measured throughput."""
    parts: dict[str, float | None] = {}
    """USD over the horizon by what they are for: serving, training, data, evaluation, refinement, retraining."""
    notes: tuple[str, ...] = ()


class BaselineSummary(Record):
    """One row of the comparison."""

    name: str
    kind: BaselineKind
    model: str | None
    n: int
    failed: int
    quality: Quality
    tokens: Tokens
    latency_s: Latency
    cost_usd: Cost
    setting: dict[str, JsonValue] = {}
    trials: tuple[SettingTrial, ...] = ()
    tuning: TuningRecord | None = None
    retrieval: RetrievalQuality | None = None
    prompt_parts: PromptParts | None = None
    """What the input tokens are for; beside `tokens`, which holds numbers alone."""
    value_usd_over_horizon: float | None = None
    """Worth of right and wrong answers less all costs, where the case says what they are worth."""


class Comparison(Record):
    """`baseline` against `reference` on the items both answered; positive means the baseline is better."""

    baseline: str
    reference: str
    n: int
    difference: float
    ci95: tuple[float, float]
    test: str
    p_value: float
    adjusted_p_value: float
    discordant: tuple[int, int] | None
    """(only the baseline right, only the reference right); null for graded metrics."""
    detectable_difference: float | None
    """The smallest true difference that this n shows with 80 % power."""


class BreakEven(Record):
    """The monthly volume from which `baseline` is cheaper than `against`; null where it never is, or unknown."""

    baseline: str
    against: str
    requests_per_month: float | None
    within_capacity: bool | None
    text: str = ""


class Evidence(Record):
    """One piece of evidence, and what kind it is."""

    kind: EvidenceKind
    text: str


class Question(Record):
    """One of the lesson's ten questions, answered."""

    id: str
    section: str
    question: str
    answer: AnswerWord
    summary: str
    evidence: tuple[Evidence, ...]
    would_change: str


class Flip(Record):
    """The value of an input at which the verdict turns."""

    parameter: str
    now: float | None
    at: float | None
    decision: str
    recommended: str | None


class Verdict(Record):
    """The recommendation."""

    decision: DecisionWord
    recommended: str | None
    confidence: float | None = Field(ge=0, le=1)
    reasons: tuple[str, ...] = Field(min_length=1)
    missing: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()


class ReadinessItem(Record):
    """One thing that tuning needs, and whether it is there."""

    item: str
    status: Literal["ready", "partly", "missing", "not_needed"]
    text: str


class CaseFacts(Record):
    """What the decision needs to know of the case, for whoever reads it."""

    title: str
    use_case: str
    aspect: str
    task_kind: str
    instructions: str
    metric: str
    bar: float | None
    min_gain: float
    n_train: int
    n_dev: int
    n_held_out: int
    n_documents: int
    requests_per_month: float
    horizon_months: int
    assumptions: dict[str, JsonValue] = {}


class Provenance(Record):
    """Where the figures come from."""

    advisor_version: str
    recorded_at: str | None = None
    hardware: str | None = None
    software: dict[str, str] = {}
    source: Literal["measured here", "recorded", "imported", "mixed"] = "measured here"
    held_out_looks: int | None = None
    """How many different configurations were evaluated on the held-out set."""


class Decision(Record):
    """A case, decided: the whole outside JSON."""

    schema_version: Literal[1] = 1
    case: str
    run: str | None
    generated_at: datetime
    verdict: Verdict
    baselines: tuple[BaselineSummary, ...]
    comparisons: tuple[Comparison, ...]
    break_even: tuple[BreakEven, ...]
    questions: tuple[Question, ...]
    readiness: tuple[ReadinessItem, ...]
    warnings: tuple[str, ...]
    facts: CaseFacts
    provenance: Provenance

    def to_json(self) -> str:
        """The document as the outside knows it, indented."""
        return self.model_dump_json(indent=2)

    def to_dict(self) -> dict[str, Any]:
        """The document as plain JSON values."""
        return self.model_dump(mode="json")
