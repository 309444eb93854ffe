"""What a tuning job is, and what every system that runs one can do: one protocol, found by the system's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Literal, Protocol, runtime_checkable

from pydantic import Field, JsonValue

from advisor.cases.baseline_spec import TuningSpec
from advisor.cases.model_spec import ModelSpec
from advisor.errors import TuningError
from advisor.records import Message, Record, TuningRecord

TrainingExample = tuple[tuple[Message, ...], str]
"""Prompt messages, and the completion to learn; see `advisor.prompts.build_training_example`."""


class TuningSettings(Record):
    """How a model is tuned on a machine of one's own; the defaults were measured on small data sets."""

    epochs: Annotated[float, Field(gt=0)] = 4.0
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    rank: Annotated[int, Field(gt=0)] = 16
    alpha: Annotated[int, Field(gt=0)] = 32
    batch_size: Annotated[int, Field(gt=0)] = 8
    seed: int = 0
    method: Literal["lora", "qlora", "full"] = "lora"
    packing: bool = True
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    early_stopping: Annotated[int, Field(gt=0)] | None = None
    keep_merged: bool = False
    processes: Annotated[int, Field(gt=0)] = 1

    @classmethod
    def from_spec(cls, spec: TuningSpec) -> TuningSettings:
        """The case's settings, with the defaults where it is silent; alpha stays at twice the rank."""
        given = spec.model_dump(include=set(cls.model_fields), exclude_none=True)
        if spec.rank is not None:
            given["alpha"] = 2 * spec.rank
        return cls(**given)


class HostedSettings(Record):
    """How a provider tunes a model; what is None is left to the provider."""

    epochs: Annotated[int, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(gt=0)] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None = None
    seed: int = 0
    suffix: str = "advisor"
    training_tier: Literal["Standard", "GlobalStandard", "Developer"] | None = None
    """Azure alone."""

    @classmethod
    def from_spec(cls, spec: TuningSpec, *, suffix: str) -> HostedSettings:
        """The case's settings; `suffix` where it names none."""
        given = spec.model_dump(
            include={"batch_size", "learning_rate_multiplier", "seed", "suffix"}, exclude_none=True
        )
        given = {"suffix": suffix, **given}
        if spec.epochs is not None:
            if spec.epochs != int(spec.epochs):
                raise TuningError(
                    f"{spec.system} trains whole epochs, not {spec.epochs:g}.", hint="Give a whole number."
                )
            given["epochs"] = int(spec.epochs)
        if spec.system == "azure_openai":
            given["training_tier"] = spec.training_tier
        return cls(**given)


_ADDED_LATER: dict[str, JsonValue] = {
    "method": "lora", "packing": True, "precision": "auto", "gradient_checkpointing": False,
    "early_stopping": None, "keep_merged": False, "processes": 1,
}  # fmt: skip
"""Settings that jobs of earlier versions did not have: at these values a job is the same as it was then."""


class TuningJob(Record):
    """A model to tune, with the examples to learn and those to choose the best epoch by.

    Held-out examples have no place in it.
    """

    base: ModelSpec
    base_version: str
    """The base model's `version`; a job does not run on other weights than those it was planned for."""
    examples: Annotated[tuple[TrainingExample, ...], Field(min_length=1)]
    dev: tuple[TrainingExample, ...] = ()
    settings: TuningSettings | HostedSettings = TuningSettings()
    system: str = "trl"

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of all that decides the result; prices and hosting of the base model do not."""
        content = self.model_dump(mode="json", exclude={"base"})
        if content["system"] == "trl":
            del content["system"]
        # jobs that are the same as in an earlier version keep their name; and how much is kept, or by how
        # many processes it is computed, makes no other model
        content["settings"] = {
            k: v
            for k, v in content["settings"].items()
            if k not in ("keep_merged", "processes") and not (k in _ADDED_LATER and _ADDED_LATER[k] == v)
        }
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def model_version(self) -> str:
        """The version of the tuned model."""
        return f"{self.base_version}+{self.fingerprint[:16]}"


@runtime_checkable
class TuningProgress(Protocol):
    """Hears how far a job is."""

    def __call__(self, step: int, total_steps: int, loss: float | None, elapsed_s: float, /) -> None:
        """After each step; `elapsed_s` is the training time over all starts."""


JobWord = Literal["new", "prepared", "queued", "running", "paused", "succeeded", "failed", "cancelled"]


class JobEvent(Record):
    """Something that a job told of itself."""

    at: datetime
    text: str
    id: str | None = None


class Checkpoint(Record):
    """A model that a job kept on its way, with what it measured of it."""

    name: str
    step: int
    metrics: dict[str, float] = {}


class JobState(Record):
    """Where a job stands; it is in the store before anything is done because of it.

    The names of what stands at a provider are here, so that nothing that costs money is forgotten.
    """

    fingerprint: str
    system: str
    word: JobWord = "new"
    training_file: str | None = None
    validation_file: str | None = None
    job_id: str | None = None
    creating_since: datetime | None = None
    """A creation was begun and its answer is not known yet: the job is looked for before another is made."""
    model: str | None = None
    """The tuned model: the provider's name for it, or an adapter's folder."""
    trained_tokens: int | None = None
    epochs: float | None = None
    events: tuple[JobEvent, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None
    deployment: str | None = None
    deployed_at: datetime | None = None
    """When the deployment that stands now was begun; None where none stands."""
    hosted_hours: float = 0.0
    """Hours of deployments that were removed again."""
    error: str | None = None
    pid: int | None = None
    """The process that trains, for systems of this machine."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.word in ("succeeded", "failed", "cancelled")


class Ledger(Protocol):
    """A job's page in the store, and its folder."""

    @property
    def state(self) -> JobState:
        """Where the job stands, as it was kept last."""

    @property
    def folder(self) -> Path:
        """The job's own folder."""

    def keep(self, **changes: object) -> JobState:
        """Changes the state and keeps it, before anything else is done."""


class Estimate(Record):
    """What a job will take, before it is started; None where unknown."""

    n_examples: int
    epochs: float
    tokens_per_epoch: int
    trained_tokens: int
    """Tokens that count as trained: epochs times tokens, as the system bills them."""
    usd: float | None
    seconds: float | None = None
    notes: tuple[str, ...] = ()


class Finding(Record):
    """Something wrong with a training file, or worth knowing of it."""

    severity: Literal["error", "warning"]
    code: str
    text: str
    lines: tuple[int, ...] = ()


@runtime_checkable
class TuningSystem(Protocol):
    """One way of tuning a model; registered as an entry point of the group `advisor.tuning`.

    Every step may be interrupted and asked again: it finds what is there and goes on.
    """

    def prepare(self, job: TuningJob, ledger: Ledger) -> tuple[Path, ...]:
        """Writes the training file, and the validation file where there are dev examples, into the job's folder."""

    def check(self, job: TuningJob) -> tuple[Finding, ...]:
        """What the system would refuse, and what it would not like."""

    def estimate(self, job: TuningJob) -> Estimate:
        """Tokens, money and time, before anything is started."""

    def start(self, job: TuningJob, ledger: Ledger, progress: TuningProgress | None = None) -> JobState:
        """Starts the job, or finds the one that was started. Systems of this machine train here, until the end."""

    def status(self, ledger: Ledger) -> JobState:
        """Where the job stands now, with new events and checkpoints."""

    def cancel(self, ledger: Ledger) -> JobState:
        """Ends the job; what it did until then may be billed."""

    def result(self, job: TuningJob, ledger: Ledger) -> TuningRecord:
        """The record of a job that ended well.

        Raises:
            TuningError: It has not.
        """

    def deploy(self, job: TuningJob, ledger: Ledger) -> str:
        """Makes the tuned model answer; returns the name to ask it by. Where nothing is to be done, just the name."""

    def undeploy(self, ledger: Ledger) -> JobState:
        """Removes what `deploy` set up, so that it costs nothing any more; the tuned model stays."""


Open = Callable[[ModelSpec], TuningSystem]


def open_system(name: str, spec: ModelSpec) -> TuningSystem:
    """The tuning system of a name, for one model of a case.

    Raises:
        TuningError: There is no such system, or it cannot tune this model.
    """
    found = entry_points(group="advisor.tuning", name=name)
    if not found:
        known = ", ".join(sorted({e.name for e in entry_points(group="advisor.tuning")} | {"existing"}))
        raise TuningError(f"There is no tuning system {name!r}.", hint=f"There are: {known}.")
    opened: Open = next(iter(found)).load()
    return opened(spec)
