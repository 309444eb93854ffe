"""What the systems that train on this machine have in common."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from advisor.cases.model_spec import ModelSpec
from advisor.errors import AdvisorError, TuningError
from advisor.models.base import ChatModel, open_model
from advisor.records import TuningRecord
from advisor.tuning._locking import exclusive, is_locked
from advisor.tuning.base import Estimate, Finding, JobState, Ledger, TuningJob, TuningProgress, TuningSettings
from advisor.tuning.training_file import write_training_file

ASSUMED_TRAINING_SPEED = 700.0
"""Tokens a second, assumed before a training starts: a small model on two cores."""
FEW_EXAMPLES = 50
_GRACE_S = 10.0


class LocalTuning:
    """A tuning system of this machine: `start` trains until the end; the result is an adapter folder."""

    name: ClassVar[str]

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    def train(self, job: TuningJob, folder: Path, progress: TuningProgress | None) -> TuningRecord:
        """Trains, or goes on, or returns what is there: `folder` then holds `adapter/`."""
        raise TuningError(f"{self.name} cannot train.")

    def prepare(self, job: TuningJob, ledger: Ledger) -> tuple[Path, ...]:
        """Writes the examples as chat messages, for whoever wants to look at them or train elsewhere."""
        files = [ledger.folder / "train.jsonl"]
        write_training_file(job.examples, files[0])
        if job.dev:
            files.append(ledger.folder / "validation.jsonl")
            write_training_file(job.dev, files[1])
        ledger.keep(
            training_file=str(files[0]),
            validation_file=str(files[1]) if job.dev else None,
            word="prepared" if ledger.state.word == "new" else ledger.state.word,
        )
        return tuple(files)

    def check(self, job: TuningJob) -> tuple[Finding, ...]:
        """Examples that do not fit the model's context window, and how few there are."""
        findings = []
        model = open_model(job.base)
        if model.context_window is not None:
            lengths = _lengths(job, model)
            over = tuple(n for n, length in enumerate(lengths, start=1) if length > model.context_window)
            if over:
                findings.append(
                    Finding(
                        severity="error",
                        code="over_context_window",
                        text=f"{len(over)} examples are longer than the context window of "
                        f"{model.context_window} tokens: shorten them, or leave them out.",
                        lines=over,
                    )
                )
        model.close()
        if len(job.examples) < FEW_EXAMPLES:
            findings.append(
                Finding(
                    severity="warning",
                    code="few_examples",
                    text=f"{len(job.examples)} examples: gains are usual from 50 to 100 on.",
                )
            )
        return tuple(findings)

    def estimate(self, job: TuningJob) -> Estimate:
        """Tokens by the model's own tokenizer; time by an assumed speed, money by the machine's price."""
        model = open_model(job.base)
        per_epoch = sum(_lengths(job, model))
        model.close()
        tokens = round(per_epoch * _settings(job).epochs)
        seconds = tokens / ASSUMED_TRAINING_SPEED
        rate = self.spec.serving.usd_per_hour if self.spec.serving else None
        notes = [f"assumes {ASSUMED_TRAINING_SPEED:g} tokens a second, as a small model on two cores"]
        if rate is None:
            notes.append("the model has no `serving`: what the machine costs is not known")
        return Estimate(
            n_examples=len(job.examples),
            epochs=_settings(job).epochs,
            tokens_per_epoch=per_epoch,
            trained_tokens=tokens,
            usd=None if rate is None else seconds / 3600 * rate,
            seconds=seconds,
            notes=tuple(notes),
        )

    def start(self, job: TuningJob, ledger: Ledger, progress: TuningProgress | None = None) -> JobState:
        """Trains here, until the end; killed at any moment, it goes on where it was."""
        with exclusive(ledger.folder):
            ledger.keep(
                word="running",
                error=None,
                pid=os.getpid(),
                started_at=ledger.state.started_at or datetime.now(UTC),
                finished_at=None,
            )
            try:
                record = self.train(job, ledger.folder, progress)
            except AdvisorError as error:
                ledger.keep(word="failed", error=error.message, pid=None, finished_at=datetime.now(UTC))
                raise
            return ledger.keep(
                word="succeeded",
                pid=None,
                model=str(ledger.folder / "adapter"),
                trained_tokens=record.tokens,
                epochs=record.epochs,
                finished_at=datetime.now(UTC),
            )

    def status(self, ledger: Ledger) -> JobState:
        """Where the job stands; one whose process died is paused: started again, it goes on."""
        if ledger.state.word == "running" and not is_locked(ledger.folder):
            return ledger.keep(word="paused", pid=None)
        return ledger.state

    def cancel(self, ledger: Ledger) -> JobState:
        """Ends the process that trains, if there is one."""
        pid = ledger.state.pid
        if pid is not None and pid != os.getpid() and is_locked(ledger.folder):
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + _GRACE_S
            while is_locked(ledger.folder) and time.monotonic() < deadline:
                time.sleep(0.1)
            if is_locked(ledger.folder):
                os.kill(pid, signal.SIGKILL)
        if ledger.state.word == "succeeded":
            return ledger.state
        return ledger.keep(word="cancelled", pid=None, finished_at=datetime.now(UTC))

    def result(self, job: TuningJob, ledger: Ledger) -> TuningRecord:
        """The record that the training left in the job's folder."""
        if ledger.state.word != "succeeded":
            raise TuningError(f"The training has not ended well: {ledger.state.word}.")
        return self.train(job, ledger.folder, None)

    def deploy(self, job: TuningJob, ledger: Ledger) -> str:
        """Nothing is to be done: the adapter's folder is what is opened."""
        return str(ledger.folder / "adapter")

    def undeploy(self, ledger: Ledger) -> JobState:
        """Nothing stands anywhere."""
        return ledger.state


def _settings(job: TuningJob) -> TuningSettings:
    assert isinstance(job.settings, TuningSettings)
    return job.settings


def _lengths(job: TuningJob, model: ChatModel) -> list[int]:
    return [model.count_tokens(m) + model.count_text_tokens(t) + 1 for m, t in job.examples]
