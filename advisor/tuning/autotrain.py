"""AutoTrain Advanced as a tuning system: its configuration is written, it runs isolated, its adapter is taken in."""

from __future__ import annotations

from pathlib import Path

from advisor.catalogue.lifecycle import system_note
from advisor.errors import TuningError
from advisor.models.base import open_model
from advisor.records import TuningRecord
from advisor.tuning._autotrain_runner import end_training, is_training, train, unsupported
from advisor.tuning._checkpoints import read_json, write_json
from advisor.tuning._local import ASSUMED_TRAINING_SPEED, LocalTuning
from advisor.tuning._trl_result import keep_merged
from advisor.tuning.base import (
    Estimate,
    Finding,
    JobState,
    Ledger,
    TuningJob,
    TuningProgress,
    TuningSettings,
)

AUTOTRAIN_SPEED = 230.0
"""Tokens a second, measured with SmolLM2-135M on two cores: it computes the filling of each block as well."""


class AutoTrainTuning(LocalTuning):
    """AutoTrain Advanced, in an environment of its own."""

    name = "autotrain"

    def check(self, job: TuningJob) -> tuple[Finding, ...]:
        """What any training here needs; and that AutoTrain is no longer maintained, and what it cannot do."""
        more = []
        if isinstance(job.settings, TuningSettings):
            refused = unsupported(job.settings)
            more = [
                Finding(severity="error", code="unsupported", text=f"{text} {hint}") for text, hint in refused
            ]
        note = system_note(self.name)
        if note:
            more.append(Finding(severity="warning", code="not_maintained", text=note.text))
        more.append(
            Finding(
                severity="warning",
                code="no_dev_loss",
                text="AutoTrain measures no loss on dev examples and ignores the seed: the last epoch is kept, and two "
                "trainings differ.",
            )
        )
        return (*super().check(job), *more)

    def estimate(self, job: TuningJob) -> Estimate:
        """As for any training here, at AutoTrain's own speed."""
        found = super().estimate(job)
        longer = ASSUMED_TRAINING_SPEED / AUTOTRAIN_SPEED
        return found.model_copy(
            update={
                "seconds": None if found.seconds is None else longer * found.seconds,
                "usd": None if found.usd is None else longer * found.usd,
                "notes": (
                    f"assumes {AUTOTRAIN_SPEED:g} tokens a second, as SmolLM2-135M on two cores",
                    *found.notes[1:],
                ),
            }
        )

    def train(self, job: TuningJob, folder: Path, progress: TuningProgress | None) -> TuningRecord:
        """Trains, or follows a training whose caller was killed, or returns what is there."""
        settings = job.settings
        if not isinstance(settings, TuningSettings):
            raise TuningError("AutoTrain was given the settings of a provider.")
        finished = read_json(folder / "record.json")
        if finished and (folder / "adapter").is_dir():
            record = TuningRecord.model_validate(finished)
        else:
            record = self._train(job, settings, folder, progress)
        if settings.keep_merged:
            base = open_model(job.base)
            keep_merged(folder, base, record)
            base.close()
        return record

    def status(self, ledger: Ledger) -> JobState:
        """Where the job stands; a training goes on when its caller is killed, and counts as running."""
        if ledger.state.word == "running" and is_training(ledger.folder):
            return ledger.state
        return super().status(ledger)

    def cancel(self, ledger: Ledger) -> JobState:
        """Ends the training, also one whose caller was killed."""
        state = super().cancel(ledger)
        end_training(ledger.folder)
        return state

    def _train(
        self, job: TuningJob, settings: TuningSettings, folder: Path, progress: TuningProgress | None
    ) -> TuningRecord:
        base = open_model(job.base)
        source = getattr(base, "weights_folder", None)
        if source is None:
            raise TuningError(
                f"AutoTrain tunes models with open weights; {job.base.provider!r} has none to give.",
                hint="Use a model of the provider embedded or huggingface.",
            )
        if base.version != job.base_version:
            raise TuningError(
                f"The job was planned for {job.base_version}, but the model here is {base.version}.",
                hint="Plan the job again.",
            )
        done = train(
            source(),
            job.examples,
            settings,
            folder,
            base_version=job.base_version,
            model_version=job.model_version,
            on_progress=progress,
        )
        record = TuningRecord(
            system=self.name,
            base_model=job.base.model,
            model_version=job.model_version,
            n_examples=len(job.examples),
            epochs=settings.epochs,
            tokens=done.tokens,
            duration_s=done.duration_s,
            loss=done.loss,
            trainable_parameters=done.trainable_parameters,
            settings={
                **settings.model_dump(),
                "chosen_by": "last epoch",
                "loss_is_over": "prompts and answers",
            },
            hardware=getattr(base, "hardware", None),
        )
        base.close()
        write_json(folder / "record.json", record.model_dump(mode="json"))
        return record
