"""The tuned model of a fine-tuned baseline: trained once, kept, and found again by what decides its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from advisor.baselines import Baseline, Setting
from advisor.cases.schema import BaselineSpec, Example, ModelSpec
from advisor.errors import TuningError
from advisor.models.base import ChatModel, open_model
from advisor.prompts import render_output
from advisor.records import TuningRecord
from advisor.tuning.base import TrainingExample, TuningJob, TuningSettings

if TYPE_CHECKING:
    from advisor.evaluation.measure import Session

ASSUMED_TRAINING_SPEED = 700.0
"""Tokens a second, assumed for the budget before a training starts: a small model on two cores."""


def tuned_model(
    session: Session, spec: BaselineSpec, baseline: Baseline, setting: Setting
) -> tuple[ChatModel, TuningRecord | None]:
    """The tuned model, opened, with the record of its training; None for one that the user brought.

    Raises:
        TuningError: The system is unknown, or the training failed.
        BudgetExceededError: The training would cost more than what is left.
    """
    assert spec.tuning is not None and spec.model is not None
    model_spec = session.loaded.case.models[spec.model]
    if spec.tuning.system == "existing":
        return _existing(session, spec, model_spec), None
    if spec.tuning.system != "trl":
        raise TuningError(
            f"Baseline {spec.name!r}: tuning by {spec.tuning.system!r} is not available in this version.",
            hint="Use `tuning: {system: trl}`, or `existing` for a tuned model that you have.",
        )
    base = session.model(spec.model)
    job = TuningJob(
        base=model_spec,
        base_version=base.version,
        examples=_training_examples(session, baseline, setting, session.loaded.learn),
        dev=_training_examples(session, baseline, setting, session.loaded.dev),
        settings=TuningSettings.from_spec(spec.tuning),
    )
    folder = session.artefacts / "tuning" / job.fingerprint[:16]
    record = _train(session, spec, base, job, folder, model_spec)
    return open_model(model_spec, adapter=str(folder / "adapter")), record


def _training_examples(
    session: Session, baseline: Baseline, setting: Setting, examples: tuple[Example, ...]
) -> tuple[TrainingExample, ...]:
    """Prompts as evaluation sends them, each with the answer to learn."""
    task = session.loaded.case.task
    return tuple((baseline.ask(e, setting).request.messages, render_output(task, e.output)) for e in examples)


def _train(
    session: Session, spec: BaselineSpec, base: ChatModel, job: TuningJob, folder: Path, model_spec: ModelSpec
) -> TuningRecord:
    from advisor.tuning.trl import tune

    engine = session.engine
    done = engine.store.job(job.fingerprint)
    finished = done is not None and done["state"] == "succeeded" and (folder / "record.json").exists()
    rate = model_spec.serving.usd_per_hour if model_spec.serving else None
    if not finished:
        if engine.budget.limit_usd is not None:
            tokens = sum(base.count_tokens(m) + base.count_text_tokens(t) for m, t in job.examples)
            hours = tokens * job.settings.epochs / ASSUMED_TRAINING_SPEED / 3600
            engine.budget.require(None if rate is None else hours * rate, f"{spec.name} · training")
        engine.store.save_job(
            job.fingerprint, case_name=session.loaded.case.name, system="trl", state="running"
        )
    seen = 0

    def on_progress(step: int, total: int, loss: float | None, elapsed_s: float) -> None:
        nonlocal seen
        if seen == 0:
            engine.progress.start(f"{spec.name} · training", total)
        engine.progress.advance(step - seen, usd=(rate or 0.0) * elapsed_s / 3600 / total)
        seen = step

    try:
        record = tune(job, folder, on_progress=on_progress)
    except TuningError:
        engine.store.save_job(
            job.fingerprint, case_name=session.loaded.case.name, system="trl", state="failed"
        )
        raise
    if not finished:
        if rate is not None:
            engine.budget.spend(record.duration_s / 3600 * rate)
        engine.store.save_job(
            job.fingerprint,
            case_name=session.loaded.case.name,
            system="trl",
            state="succeeded",
            record=record.model_dump(mode="json"),
        )
    return record


def _existing(session: Session, spec: BaselineSpec, model_spec: ModelSpec) -> ChatModel:
    assert spec.tuning is not None
    if spec.tuning.model is None:
        raise TuningError(
            f"Baseline {spec.name!r}: `existing` tuning needs the tuned model's name or adapter folder.",
            hint="Write it as `tuning: {system: existing, model: …}`.",
        )
    folder = session.loaded.folder / spec.tuning.model
    return open_model(model_spec, adapter=str(folder) if folder.is_dir() else spec.tuning.model)
