"""Fine-tuning at OpenAI: upload, create, follow, use. A job is never paid twice.

Creating a job is the one call that must not be repeated blindly: its answer may be lost although the job was
made. So it is noted before it is sent, it carries the job's fingerprint as metadata, and where its answer is
missing the job is looked for by that fingerprint before another one is made.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from openai import AsyncOpenAI

from advisor.cases.model_spec import ModelSpec
from advisor.catalogue.prices import price_of
from advisor.errors import ModelError, TuningError
from advisor.models._hosted_errors import TransientError
from advisor.records import TuningRecord
from advisor.tuning._locking import exclusive
from advisor.tuning._provider_api import UPLOAD_S, ProviderApi
from advisor.tuning.base import (
    Checkpoint,
    Estimate,
    Finding,
    HostedSettings,
    JobEvent,
    JobState,
    JobWord,
    Ledger,
    TuningJob,
    TuningProgress,
)
from advisor.tuning.training_checks import check_training_file
from advisor.tuning.training_estimate import estimate_training
from advisor.tuning.training_file import write_training_file

METADATA_KEY = "advisor_job"
LOOKS = 4
"""How often a job is looked for whose creation was not answered, before another is made."""
FIRST_LOOK_S = 0.5
_WORDS: dict[str, JobWord] = {
    "validating_files": "queued", "queued": "queued", "running": "running", "pausing": "running",
    "paused": "paused", "resuming": "running", "succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled",
}  # fmt: skip
_LOSS = re.compile(r"[Ss]tep (\d+)(?:/\d+)?: training loss=([\d.]+)")


class OpenAITuning:
    """OpenAI's fine-tuning jobs."""

    name: ClassVar[str] = "openai"

    def __init__(self, spec: ModelSpec) -> None:
        if spec.provider != self.name:
            raise TuningError(
                f"Tuning by {self.name} needs a model of that provider, not of {spec.provider!r}.",
                hint=f"Give the baseline a model with `provider: {self.name}`.",
            )
        self.spec = spec
        self.api = ProviderApi.of(spec)

    @property
    def base_model(self) -> str:
        """The model that is tuned, by the provider's name."""
        return self.spec.model

    def prepare(self, job: TuningJob, ledger: Ledger) -> tuple[Path, ...]:
        """Writes the training file and, where there are dev examples, the validation file."""
        stem = f"advisor-{job.fingerprint[:16]}"
        files = [ledger.folder / f"{stem}-train.jsonl"]
        write_training_file(job.examples, files[0])
        if job.dev:
            files.append(ledger.folder / f"{stem}-validation.jsonl")
            write_training_file(job.dev, files[1])
        if ledger.state.word == "new":
            ledger.keep(word="prepared")
        return tuple(files)

    def check(self, job: TuningJob) -> tuple[Finding, ...]:
        """What the provider would refuse, and what makes a poor training file."""
        return check_training_file(job.examples, model=self.base_model, system=self._checked_as()).findings

    def estimate(self, job: TuningJob) -> Estimate:
        """Billed tokens by the published rules, and their price from the catalogue."""
        return estimate_training(
            job.examples,
            model=self.base_model,
            epochs=_settings(job).epochs,
            usd_per_million=self._usd_per_million(datetime.now(UTC), _settings(job)),
        )

    def start(self, job: TuningJob, ledger: Ledger, progress: TuningProgress | None = None) -> JobState:
        """Uploads and creates the job, or finds the one that was created."""
        with exclusive(ledger.folder):
            if ledger.state.job_id is None:
                files = self.prepare(job, ledger)
                self._upload(files, ledger)
                self._create(job, ledger)
        return self.status(ledger)

    def status(self, ledger: Ledger) -> JobState:
        """Asks the provider, and keeps what it says: state, events, checkpoints."""
        if ledger.state.job_id is None and ledger.state.creating_since is not None:
            self._found(ledger, looks=1)  # its creation was not answered, but it may be there
        state = ledger.state
        if state.job_id is None:
            return state
        job_id = state.job_id

        async def look(c: AsyncOpenAI) -> dict[str, Any]:
            return self._told(await c.fine_tuning.jobs.retrieve(job_id))

        changes = self.api.read(look)
        changes["epochs"] = changes["epochs"] or state.epochs
        changes["events"] = self._events(job_id)
        if changes["word"] == "succeeded" and not state.checkpoints:
            changes["checkpoints"] = self._checkpoints(job_id)
        return ledger.keep(**changes)

    def _told(self, found: Any) -> dict[str, Any]:
        """What a job's answer says, as the state holds it; providers leave some members out."""

        def said(name: str) -> Any:
            return getattr(found, name, None)

        error, given = said("error"), said("hyperparameters")
        message = getattr(error, "message", None)
        return {
            "word": _WORDS.get(found.status, "running"),
            "model": said("fine_tuned_model"),
            "trained_tokens": said("trained_tokens"),
            "epochs": _number(getattr(given, "n_epochs", None)),
            "error": self.api.clean(message) if message else None,
            "started_at": datetime.fromtimestamp(found.created_at, UTC),
            "finished_at": datetime.fromtimestamp(said("finished_at"), UTC) if said("finished_at") else None,
        }

    def cancel(self, ledger: Ledger) -> JobState:
        """Ends the job at the provider; what it trained until then may be billed."""
        state = ledger.state
        if state.job_id is None and state.creating_since is not None:
            self._found(ledger)  # a job that may be there is not forgotten
        job_id = ledger.state.job_id
        if job_id is None:
            return ledger.keep(word="cancelled", creating_since=None) if not state.ended else state
        if self.status(ledger).ended:
            return ledger.state
        try:
            self.api.read(lambda c: c.fine_tuning.jobs.cancel(job_id))
        except (TuningError, ModelError):
            # the first of several attempts may have done it, or the job have ended meanwhile
            if not self.status(ledger).ended:
                raise
            return ledger.state
        return self.status(ledger)

    def result(self, job: TuningJob, ledger: Ledger) -> TuningRecord:
        """The record of a job that ended well."""
        state, settings = ledger.state, _settings(job)
        if state.word != "succeeded" or state.model is None:
            raise TuningError(f"The job has not ended well: {state.word}.", hint=state.error)
        rate = self._usd_per_million(state.started_at or datetime.now(UTC), settings)
        tokens = state.trained_tokens
        epochs = state.epochs or settings.epochs or 0.0
        took = (
            (state.finished_at - state.started_at).total_seconds()
            if state.finished_at and state.started_at
            else 0
        )
        return TuningRecord(
            system=self.name,
            base_model=self.base_model,
            model_version=state.model,
            n_examples=len(job.examples),
            epochs=epochs,
            tokens=tokens if tokens is not None else self.estimate(job).trained_tokens,
            duration_s=took,
            cost_usd=None if rate is None or tokens is None else tokens * rate / 1e6,
            loss=tuple((int(m[1]), float(m[2])) for e in state.events if (m := _LOSS.search(e.text))),
            dev_loss=tuple(
                (c.step, c.metrics["full_valid_loss"])
                for c in state.checkpoints
                if "full_valid_loss" in c.metrics
            ),
            settings={
                **{k: v for k, v in settings.model_dump().items() if v is not None},
                "job": state.job_id,
                "usd_per_million_tokens": rate,
                "tokens_are": "billed by the provider" if tokens is not None else "estimated",
            },
        )

    def deploy(self, job: TuningJob, ledger: Ledger) -> str:
        """Nothing is to be done: a tuned model answers by its name."""
        if ledger.state.model is None:
            raise TuningError(
                "There is no tuned model yet.", hint="Wait for the job: advisor tune status CASE"
            )
        return ledger.state.model

    def undeploy(self, ledger: Ledger) -> JobState:
        """Nothing stands that costs by the hour."""
        return ledger.state

    # ── what Azure does otherwise ──

    def _checked_as(self) -> Any:
        return "openai"

    def _extra_body(self, settings: HostedSettings) -> dict[str, Any] | None:
        return None

    def _usd_per_million(self, on: datetime, settings: HostedSettings) -> float | None:
        price = price_of("openai", self.base_model, tuned=True, on=on.date())
        return price.training if price else None

    # ── the steps of a start ──

    def _upload(self, files: tuple[Path, ...], ledger: Ledger) -> None:
        """Uploads what is not there yet; a file is known by its name, which holds the job's fingerprint."""
        for path, field in zip(files, ("training_file", "validation_file"), strict=False):
            if getattr(ledger.state, field) is not None:
                continue
            there = self.api.read(partial(_uploaded, path.name))
            if there is None:
                content = path.read_bytes()

                async def send(c: AsyncOpenAI, name: str = path.name, content: bytes = content) -> str:
                    return (await c.files.create(file=(name, content), purpose="fine-tune")).id

                # an upload costs nothing: at worst a second copy of the file lies there
                there = self.api.read(send, call_s=UPLOAD_S)
            ledger.keep(**{field: there})

    def _create(self, job: TuningJob, ledger: Ledger) -> None:
        state = ledger.state
        if state.creating_since is not None and self._found(ledger):
            return  # an earlier creation was carried out, although its answer never came
        settings = _settings(job)
        given = {
            "n_epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "learning_rate_multiplier": settings.learning_rate_multiplier,
        }
        parameters: dict[str, Any] = {
            "model": self.base_model,
            "training_file": ledger.state.training_file,
            "suffix": settings.suffix,
            "seed": settings.seed,
            "metadata": {METADATA_KEY: job.fingerprint},
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": {k: v for k, v in given.items() if v is not None}},
            },
        }
        if ledger.state.validation_file is not None:
            parameters["validation_file"] = ledger.state.validation_file
        extra = self._extra_body(settings)
        if extra:
            parameters["extra_body"] = extra

        async def create(c: AsyncOpenAI) -> dict[str, Any]:
            return _created(await c.fine_tuning.jobs.create(**parameters))

        ledger.keep(creating_since=datetime.now(UTC))
        try:
            ledger.keep(**self.api.once(create))
        except TransientError as error:
            lost = error.message
        except (TuningError, ModelError):
            # it was refused: there is no job; perhaps because its files are gone, so they are looked for again
            ledger.keep(creating_since=None, training_file=None, validation_file=None)
            raise
        else:
            return
        if not self._found(ledger):
            raise TuningError(
                f"The job's creation was not answered ({lost}), and no such job is to be found yet.",
                hint="Run the same command again: it looks for the job first, and makes another only if there is none.",
            )

    def _found(self, ledger: Ledger, *, looks: int | None = None) -> bool:
        """Looks for the job by its fingerprint, several times: a list may lag behind."""
        wait, fingerprint = FIRST_LOOK_S, ledger.state.fingerprint
        for look in range(LOOKS if looks is None else looks):
            if look:
                time.sleep(wait)
                wait *= 2
            found = self.api.read(lambda c: _job_of(c, fingerprint))
            if found is not None:
                ledger.keep(**found)
                return True
        return False

    def _events(self, job_id: str) -> tuple[JobEvent, ...]:
        async def load(c: AsyncOpenAI) -> list[JobEvent]:
            return [
                JobEvent(
                    at=datetime.fromtimestamp(e.created_at, UTC), text=self.api.clean(e.message), id=e.id
                )
                async for e in c.fine_tuning.jobs.list_events(job_id, limit=100)
            ]

        # newest first, as the provider lists them
        return tuple(reversed(self.api.read(load)))

    def _checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        async def load(c: AsyncOpenAI) -> list[Checkpoint]:
            return [
                Checkpoint(
                    name=p.fine_tuned_model_checkpoint,
                    step=p.step_number,
                    metrics={
                        k: float(v) for k, v in p.metrics.model_dump().items() if isinstance(v, int | float)
                    },
                )
                async for p in c.fine_tuning.jobs.checkpoints.list(job_id)
            ]

        return tuple(sorted(self.api.read(load), key=lambda p: p.step))


def _settings(job: TuningJob) -> HostedSettings:
    assert isinstance(job.settings, HostedSettings)
    return job.settings


async def _uploaded(name: str, client: AsyncOpenAI) -> str | None:
    async for file in client.files.list(purpose="fine-tune"):
        if file.filename == name and file.status != "error":
            return file.id
    return None


def _created(job: Any) -> dict[str, Any]:
    """What is kept of a job that is there.

    Raises:
        AttributeError, TypeError: The answer tells of none.
    """
    if not isinstance(job.id, str):
        raise TypeError("a job has an id")
    return {
        "job_id": job.id,
        "creating_since": None,
        "word": _WORDS.get(job.status, "queued"),
        "error": None,
        "started_at": datetime.fromtimestamp(job.created_at, UTC),
    }


async def _job_of(client: AsyncOpenAI, fingerprint: str) -> dict[str, Any] | None:
    """The newest job of a fingerprint that did not fail; the filter is not trusted, since servers may ignore it."""
    async for job in client.fine_tuning.jobs.list(metadata={METADATA_KEY: fingerprint}):
        theirs = getattr(job, "metadata", None) or {}
        if theirs.get(METADATA_KEY) == fingerprint and job.status not in ("failed", "cancelled"):
            return _created(job)
    return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
