"""The decision: the JSON of the outside, whose names are fixed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, JsonValue

from advisor.records.base import AnswerWord, BaselineKind, DecisionWord, EvidenceKind, Record
from advisor.records.costs import CostsOverTime, MonthCost, PriceUsed
from advisor.records.diagnosis import Finding
from advisor.records.extensibility import Extensibility
from advisor.records.judge import JudgeSummary
from advisor.records.learning import LearningCurve, SeedSpread
from advisor.records.measured import (
    PromptParts,
    RetrievalQuality,
    SettingTrial,
    StoppedEarly,
    Tokens,
    TuningRecord,
)
from advisor.records.noise import Noise
from advisor.records.serving import ServingCapacity
from advisor.records.slices import Slice
from advisor.records.uncertainty import MapPoint, Purchase, TornadoBar, Uncertainty

SCHEMA_VERSION = 1


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
    """USD over the horizon by what they are for: data, evaluation, refinement, training, indexing; serving, retrieval,
    retraining, moving."""
    serving: dict[str, float | None] = {}
    """USD over the horizon of the part serving: tokens by class, hosting, machines."""
    npv: float | None = None
    """Present value of all costs over the horizon, at the case's discount rate."""
    per_1k_correct: float | None = None
    """USD of 1,000 right answers over the horizon: all costs, shared among the right answers alone."""
    months: tuple[MonthCost, ...] = ()
    measuring: float | None = None
    """USD that measuring it cost: spent, whatever is decided, and in no other figure."""
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


class ResourceDifference(Record):
    """What one baseline uses up more than another, per request on the same items."""

    what: Literal["input_tokens", "output_tokens", "latency_s", "cost_usd"]
    n: int
    baseline_mean: float
    reference_mean: float
    difference: float
    ci95: tuple[float, float]
    p_value: float
    ratio: float | None
    ratio_ci95: tuple[float, float] | None


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
    wilcoxon_p_value: float | None = None
    """Of Wilcoxon's signed-rank test, for information."""
    shown: Literal["equivalent", "inferior", "worse", "better", "non_inferior", "undecided"] | None = None
    """What was shown, with `margin` as the smallest difference that matters; "undecided" is not "equivalent"."""
    margin: float | None = None
    p_non_inferior: float | None = None
    """One-sided p-value of "worse by the margin or more"."""
    p_equivalent: float | None = None
    """The larger of both one-sided p-values of "differs by the margin or more"."""
    resources: tuple[ResourceDifference, ...] = ()
    note: str | None = None
    """What to know before trusting it, such as that there are few groups."""


class BreakEven(Record):
    """The monthly volume from which `baseline` is cheaper than `against`; null where it never is, or unknown."""

    baseline: str
    against: str
    requests_per_month: float | None
    within_capacity: bool | None
    """Whether one machine carries that volume."""
    with_machines: float | None = None
    """Where one does not, or never is cheaper: the volume from which it stays so with as many as both need."""
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
    """Where another verdict begins; `now`, where the case gives a range and its likely value alone turns it."""
    decision: str
    recommended: str | None
    until: float | None = None
    """The last value of that verdict, where yet another one follows; None where it holds to the end."""


class Verdict(Record):
    """The recommendation."""

    decision: DecisionWord
    recommended: str | None
    confidence: float | None = Field(ge=0, le=1)
    reasons: tuple[str, ...] = Field(min_length=1)
    missing: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    shopping_list: tuple[Purchase, ...] = ()
    """What is missing, with how much of it, what it costs and what it is worth."""
    meanwhile: str | None = None
    """The alternative to use until there is a verdict."""
    meanwhile_pays: bool | None = None
    """Whether its answers are worth more than it costs, at the case's own assumptions; null where that is not known."""


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
    hashes: dict[str, str] = {}
    """SHA-256 of the training examples, of the held-out items, and of the results: equal ones are the same."""


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
    uncertainty: Uncertainty | None = None
    tornado: tuple[TornadoBar, ...] = ()
    """What each assumption could change, the most powerful first."""
    verdict_map: tuple[MapPoint, ...] = ()
    stopped_early: StoppedEarly | None = None
    """That the run ended before the held-out set did; all intervals and p-values are then valid at any time."""
    judge: JudgeSummary | None = None
    """The judge, where the metric is `judge`."""
    costs_over_time: CostsOverTime | None = None
    noise: Noise | None = None
    """How far luck may have moved the scores; null where nothing was measured."""
    slices: tuple[Slice, ...] = ()
    """Parts of the held-out set, each compared by itself."""
    diagnosis: tuple[Finding, ...] = ()
    """What looks wrong with tuned models."""
    learning_curve: LearningCurve | None = None
    """Quality by the amount of training data, where it was measured."""
    seed_spread: SeedSpread | None = None
    """Quality under several seeds, where they were trained."""
    extensibility: Extensibility | None = None
    """The tuned model on other cases, where it was asked."""
    load_tests: tuple[ServingCapacity, ...] = ()
    """What served baselines carry, where a load test was made."""
    prices: tuple[PriceUsed, ...] = ()
    """The prices that the costs rest on, each with its source and day."""

    def to_json(self) -> str:
        """The document as the outside knows it, indented."""
        return self.model_dump_json(indent=2)

    def to_dict(self) -> dict[str, Any]:
        """The document as plain JSON values."""
        return self.model_dump(mode="json")
