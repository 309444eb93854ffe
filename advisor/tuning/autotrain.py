"""AutoTrain Advanced as a tuning system: its configuration is written, it runs isolated, its adapter is taken in."""

from __future__ import annotations

from pathlib import Path

from advisor.catalogue.lifecycle import system_note
from advisor.errors import TuningError
from advisor.models.base import open_model
from advisor.records import TuningRecord
from advisor.tuning._autotrain_runner import train
from advisor.tuning._checkpoints import read_json, write_json
from advisor.tuning._local import LocalTuning
from advisor.tuning.base import Finding, TuningJob, TuningProgress, TuningSettings


class AutoTrainTuning(LocalTuning):
    """AutoTrain Advanced, in an environment of its own."""

    name = "autotrain"

    def check(self, job: TuningJob) -> tuple[Finding, ...]:
        """What any training here needs; and that AutoTrain is no longer maintained, and what it cannot do."""
        note = system_note(self.name)
        more = [Finding(severity="warning", code="not_maintained", text=note.text)] if note else []
        more.append(
            Finding(
                severity="warning",
                code="no_dev_loss",
                text="AutoTrain measures no loss on dev examples and ignores the seed: the last epoch is kept, and two "
                "trainings differ.",
            )
        )
        return (*super().check(job), *more)

    def train(self, job: TuningJob, folder: Path, progress: TuningProgress | None) -> TuningRecord:
        """Trains, or follows a training whose caller was killed, or returns what is there."""
        finished = read_json(folder / "record.json")
        if finished:
            return TuningRecord.model_validate(finished)
        settings = job.settings
        if not isinstance(settings, TuningSettings):
            raise TuningError("AutoTrain was given the settings of a provider.")
        base = open_model(job.base)
        source = getattr(base, "weights_folder", None)
        if source is None:
            raise TuningError(
                f"AutoTrain tunes models with open weights; {job.base.provider!r} has none to give.",
                hint="Use a model of the provider embedded or huggingface.",
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
