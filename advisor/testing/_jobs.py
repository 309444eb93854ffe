"""A fine-tuning job: its states, events and checkpoints, all of them functions of how much time it ran."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from advisor.testing._course import Course
from advisor.testing._training_data import TrainingData

# The share of a job's time at which each state is over.
_VALIDATED = 0.1
_STARTED = 0.2

_KEPT_CHECKPOINTS = 3

ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass
class FineTuningJob:
    """A job on the server; times are seconds since 1970."""

    id: str
    model: str
    training_file: str
    validation_file: str | None
    training: TrainingData
    validation: TrainingData | None
    body: dict[str, Any]
    """The request that created it."""
    seed: int
    duration_s: float
    created_at: float
    tuned_id: str
    """The name its model will have."""
    result_file: str
    clock: Callable[[], float]
    azure: bool = False
    settled: bool = False
    """Whether its end has been booked: model, result file, bill."""
    _ran_s: float = 0.0
    _running_since: float | None = None
    _cancelled_at: float | None = None
    _interventions: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A job's clock runs from its creation."""
        self._running_since = self.created_at

    # ── states ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def progress(self) -> float:
        """The share of its time that it ran, 0 to 1."""
        ran = self._ran_s
        if self._running_since is not None:
            ran += self.clock() - self._running_since
        return min(1.0, ran / self.duration_s) if self.duration_s > 0 else 1.0

    @property
    def status(self) -> str:
        """The state now, in the service's words."""
        if self._cancelled_at is not None:
            return "cancelled"
        progress = self.progress
        if progress >= _VALIDATED and self.data_error is not None:
            return "failed"
        if progress >= 1:
            return "succeeded"
        if self._running_since is None:
            return "paused"
        if progress < _VALIDATED:
            return "validating_files"
        return "queued" if progress < _STARTED else "running"

    @property
    def metadata(self) -> dict[str, str] | None:
        """The caller's own pairs."""
        return self.body.get("metadata")

    @property
    def training_type(self) -> str | None:
        """Azure's tier of training."""
        return self.body.get("trainingType")

    @property
    def fine_tuned_model(self) -> str | None:
        """The model, once there is one."""
        return self.tuned_id if self.status == "succeeded" else None

    @property
    def trained_tokens(self) -> int | None:
        """Billable tokens; null until the job has succeeded."""
        return self.total_tokens if self.status == "succeeded" else None

    @property
    def billed_tokens(self) -> int:
        """What an ended job costs: a cancelled one the work done, a failed one nothing."""
        if self.status == "failed":
            return 0
        return round(self.total_tokens * self._trained_share)

    @cached_property
    def total_tokens(self) -> int:
        """Tokens of the whole training: those of one epoch, times the epochs."""
        return self.training.tokens * self.course.n_epochs

    @property
    def data_error(self) -> dict[str, str] | None:
        """Why its files fail it, in the form of a job's `error`."""
        for data, param in ((self.training, "training_file"), (self.validation, "validation_file")):
            if data is not None and data.error is not None:
                return {"code": data.error.code, "message": data.error.message, "param": param}
        return None

    def cancel(self) -> None:
        """Ends it; what it has done stays paid for."""
        self._stop()
        self._cancelled_at = self.clock()
        self._interventions.append((self.clock(), "The job was cancelled"))

    def pause(self) -> None:
        """Holds it where it is."""
        self._stop()
        self._interventions.append((self.clock(), "The job was paused"))

    def resume(self) -> None:
        """Lets it go on."""
        self._running_since = self.clock()
        self._interventions.append((self.clock(), "The job was resumed"))

    def _stop(self) -> None:
        if self._running_since is not None:
            self._ran_s += self.clock() - self._running_since
            self._running_since = None

    # ── training ─────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def asked_hyperparameters(self) -> dict[str, Any]:
        """What the request says, from `method` or from the older field; `auto` where it is silent."""
        method = self.body.get("method") or {}
        given = (method.get("supervised") or {}).get("hyperparameters") or {}
        given = {**(self.body.get("hyperparameters") or {}), **given}
        names = ("n_epochs", "batch_size", "learning_rate_multiplier")
        return {name: given.get(name, "auto") for name in names}

    @cached_property
    def course(self) -> Course:
        """Its steps and losses."""
        n = len(self.training.examples)
        return Course(n, self.asked_hyperparameters, self.seed, self.validation is not None)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What was asked for, with `auto` resolved to numbers."""
        return self.course.hyperparameters

    @property
    def _trained_share(self) -> float:
        return max(0.0, (self.progress - _STARTED) / (1 - _STARTED))

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────────

    def to_wire(self) -> dict[str, Any]:
        """The job as the API shows it."""
        status = self.status
        running = status in ("running", "succeeded")
        hyperparameters = self.hyperparameters if running else self.asked_hyperparameters
        ended = self._ended_at() if status in ENDED else None
        remaining = (1 - self.progress) * self.duration_s
        wire = {
            "object": "fine_tuning.job",
            "id": self.id,
            "model": self.model,
            "created_at": int(self.created_at),
            "finished_at": None if ended is None else int(ended),
            "fine_tuned_model": self.fine_tuned_model,
            "organization_id": "org-rehearsal",
            "result_files": [self.result_file] if status == "succeeded" else [],
            "status": status,
            "validation_file": self.validation_file,
            "training_file": self.training_file,
            "hyperparameters": hyperparameters,
            "trained_tokens": self.trained_tokens,
            "error": self.data_error if status == "failed" else None,
            "user_provided_suffix": self.body.get("suffix"),
            "seed": self.seed,
            "estimated_finish": math.ceil(self.clock() + remaining) if status == "running" else None,
            "integrations": [],
            "metadata": self.metadata,
            "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        }
        if self.azure:
            wire["trainingType"] = self.training_type or "Standard"
        return wire

    def events(self) -> list[dict[str, Any]]:
        """What happened so far, newest first."""
        failed = self.data_error is not None
        happened: list[tuple[float, str, str, dict[str, Any] | None]] = []
        progress = self.progress
        for share, level, message, data in self._script():
            if share > progress or (failed and share > _VALIDATED):
                break
            happened.append((self._time_at(share), level, message, data))
        happened += [(at, "info", message, None) for at, message in self._interventions]
        happened.sort(key=lambda event: event[0])
        return [
            {
                "object": "fine_tuning.job.event",
                "id": f"ftevent-{self.id[-12:]}{number:06d}",
                "created_at": int(at),
                "level": level,
                "message": message,
                "type": "message" if data is None else "metrics",
                "data": data or {},
            }
            for number, (at, level, message, data) in enumerate(happened)
        ][::-1]

    def checkpoints(self) -> list[dict[str, Any]]:
        """The last three epochs' models so far, newest first; the last epoch's is the result itself."""
        if self.data_error is not None:
            return []
        epochs = self.course.n_epochs
        found = []
        for epoch in range(1, epochs + 1):
            step = epoch * self.course.steps_per_epoch
            share = self._share_of(step)
            if share <= self.progress:
                last = epoch == epochs
                found.append(
                    {
                        "object": "fine_tuning.job.checkpoint",
                        "id": f"ftckpt_{self.id[-12:]}{epoch:04d}",
                        "created_at": int(self._time_at(share)),
                        "fine_tuned_model_checkpoint": self.tuned_id if last else self.checkpoint_id(step),
                        "fine_tuning_job_id": self.id,
                        "metrics": self.course.metrics(step),
                        "step_number": step,
                    }
                )
        return found[-_KEPT_CHECKPOINTS:][::-1]

    def checkpoint_id(self, step: int) -> str:
        """The name of the model as it was after a step."""
        return f"{self.tuned_id}:ckpt-step-{step}"

    def _script(self) -> Iterator[tuple[float, str, str, dict[str, Any] | None]]:
        files = f"training file: {self.training_file}"
        if self.validation_file:
            files += f" and validation file: {self.validation_file}"
        yield 0.0, "info", f"Created fine-tuning job: {self.id}", None
        yield 0.0, "info", f"Validating {files}", None
        if error := self.data_error:
            yield _VALIDATED, "error", error["message"], None
            return
        yield _VALIDATED, "info", "Files validated, moving job to queued state", None
        yield _STARTED, "info", "Fine-tuning job started", None
        for step in self.course.reported_steps():
            metrics = self.course.metrics(step)
            message = f"Step {step}/{self.course.n_steps}: training loss={metrics['train_loss']:.2f}"
            if "valid_loss" in metrics:
                message += f", validation loss={metrics['valid_loss']:.2f}"
            data = {**metrics, "step": step, "total_steps": self.course.n_steps}
            yield self._share_of(step), "info", message, data
        yield 1.0, "info", f"New fine-tuned model created: {self.tuned_id}", None
        yield 1.0, "info", "The job has successfully completed", None

    def _share_of(self, step: int) -> float:
        # Rounding must not put the last step beyond the end.
        return min(1.0, _STARTED + (1 - _STARTED) * step / self.course.n_steps)

    def _time_at(self, share: float) -> float:
        # Pauses are not traced back: after one, earlier events would seem later than they were, so all that is
        # past is dated at the latest now.
        return min(self.created_at + share * self.duration_s, self.clock())

    def _ended_at(self) -> float:
        if self._cancelled_at is not None:
            return self._cancelled_at
        share = _VALIDATED if self.data_error is not None else 1.0
        if self._running_since is None:
            return self.clock()
        return self._running_since + max(0.0, share * self.duration_s - self._ran_s)
