"""Tuning on this machine with TRL and PEFT, on packed batches; it may be stopped at any moment.

LoRA by default; QLoRA where there is a GPU; all weights where the case says so. The code is the same on a laptop's
CPU and on several GPUs: those are started through accelerate (`processes`), a process each.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.errors import MissingExtraError, TuningError
from advisor.models import _openmp  # noqa: F401 (before torch)
from advisor.records import TuningRecord
from advisor.tuning._local import LocalTuning
from advisor.tuning.base import TrainingExample, TuningJob, TuningProgress, TuningSettings

try:
    import torch

    from advisor.models._chat_format import ChatFormat
    from advisor.models._hardware import cpu_count
    from advisor.models.embedded import EmbeddedProvider
    from advisor.models.huggingface import HuggingFaceProvider
    from advisor.tuning._checkpoints import latest_whole, read_json, write_folder, write_json
    from advisor.tuning._trl_result import keep_merged, write_result
    from advisor.tuning._trl_trainer import PackedTrainer, build_trainer
    from advisor.tuning.packing import EncodedExample
except ImportError as error:
    raise MissingExtraError("Tuning in this process", "local") from error

_PROVIDERS: dict[str, Any] = {"embedded": EmbeddedProvider, "huggingface": HuggingFaceProvider}


class TrlTuning(LocalTuning):
    """Hugging Face TRL, in this process, or in several that accelerate starts."""

    name = "trl"

    def train(self, job: TuningJob, folder: Path, progress: TuningProgress | None) -> TuningRecord:
        """Trains, or goes on, or returns what is there."""
        return tune(job, folder, on_progress=progress)


def tune(job: TuningJob, folder: Path, *, on_progress: TuningProgress | None = None) -> TuningRecord:
    """Tunes a model, or goes on where an earlier call was stopped, or returns what one finished.

    Args:
        job: What to tune, on what.
        folder: The job's own; holds its checkpoints and at the end `adapter/` and `record.json`.
        on_progress: Called after each step.

    Returns:
        The record, whose `settings` say among others which epoch was kept (`chosen_epoch`): the one with the
        lowest loss on the dev examples, or the last one where there are none. `duration_s` counts the steps
        and the dev losses.

    Raises:
        TuningError: The folder is another job's, the model cannot be tuned here, or an example is too long.
        ModelError: The base model cannot be had.
    """
    settings = job.settings
    if not isinstance(settings, TuningSettings):
        raise TuningError("TRL was given the settings of a provider.")
    folder.mkdir(parents=True, exist_ok=True)
    owner = read_json(folder / "job.json").get("fingerprint", job.fingerprint)
    if owner != job.fingerprint:
        raise TuningError(
            f"{folder} belongs to another tuning job ({str(owner)[:16]}, not {job.fingerprint[:16]}).",
            hint="Give every job a folder of its own, or delete this one.",
        )
    write_json(folder / "job.json", {"fingerprint": job.fingerprint, "model_version": job.model_version})
    if not (folder / "record.json").exists():
        if settings.processes > 1:
            _launch(job, folder, settings.processes)
        else:
            train_here(job, settings, folder, on_progress)
    record = TuningRecord.model_validate(read_json(folder / "record.json"))
    if settings.keep_merged:
        keep_merged(folder, _open_base(job), record)
    return record


def _launch(job: TuningJob, folder: Path, processes: int) -> None:
    """Trains in several processes, started and ended together; accelerate joins them, on GPUs as on a CPU."""
    write_json(folder / "plan.json", job.model_dump(mode="json"))
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        str(processes),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, cpu_count() // processes))}
    if not torch.cuda.is_available():
        environment["ACCELERATE_USE_CPU"] = "true"
    with (folder / "training.log").open("w", encoding="utf-8") as log:
        ended = subprocess.run(
            [*command, "-m", "advisor.tuning._trl_worker", str(folder)],
            env=environment, stdout=log, stderr=log, check=False,
        )  # fmt: skip
    if ended.returncode or not (folder / "record.json").exists():
        lines = [x for x in (folder / "training.log").read_text(encoding="utf-8").splitlines() if x.strip()]
        raise TuningError(
            f"The training ended with code {ended.returncode}: {lines[-1] if lines else 'it said nothing'}",
            hint=f"Its whole output is in {folder / 'training.log'}.",
        )


def train_here(
    job: TuningJob, settings: TuningSettings, folder: Path, on_progress: TuningProgress | None
) -> None:
    """Trains in this process, and leaves the result and its record in the folder."""
    base = _open_base(job)
    examples = _encode(job.examples, base.chat, base.context_window)
    dev = _encode(job.dev, base.chat, base.context_window)
    model = base.load_for_tuning(precision=settings.precision, quantised=settings.method == "qlora")
    trainer, course = build_trainer(model, base.chat.tokenizer, settings, examples, dev, folder, on_progress)
    checkpoint = latest_whole(folder)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    trainer.accelerator.wait_for_everyone()
    if not trainer.is_world_process_zero():
        return
    chosen = course.best_epoch()
    write_folder(
        folder / "adapter",
        lambda new: write_result(folder / "epochs" / chosen, new, job, base.chat.tokenizer),
    )
    epochs = min(settings.epochs, float(course.epochs()[-1]["name"]))  # an early stop leaves some out
    record = TuningRecord(
        system="trl",
        base_model=job.base.model,
        model_version=job.model_version,
        n_examples=len(examples),
        epochs=epochs,
        tokens=round(sum(e.tokens for e in examples) * epochs),
        duration_s=course.elapsed_s,
        loss=tuple((e["step"], e["loss"]) for e in trainer.state.log_history if "loss" in e),
        dev_loss=tuple((e["step"], e["dev_loss"]) for e in course.epochs() if e["dev_loss"] is not None),
        trainable_parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        settings={
            **settings.model_dump(),
            "chosen_epoch": float(chosen),
            "chosen_by": "dev loss" if dev else "last epoch",
            "n_dev": len(dev),
            "fingerprint": job.fingerprint,
        },
        hardware=base.hardware,
    )
    write_json(folder / "record.json", record.model_dump(mode="json"))
    for leftover in [*folder.glob("checkpoint-*"), folder / "epochs"]:
        shutil.rmtree(leftover, ignore_errors=True)
    # A trainer and its callbacks hold one another; without this the weights would stay beside those of the
    # tuned model that is opened next.
    course.trainer = None
    del trainer
    gc.collect()


def packed_trainer(job: TuningJob, folder: Path) -> PackedTrainer:
    """The trainer of a job by itself, for measurements; `tune` is what runs one."""
    base = _open_base(job)
    examples = _encode(job.examples, base.chat, base.context_window)
    assert isinstance(job.settings, TuningSettings)
    return build_trainer(
        base.load_for_tuning(), base.chat.tokenizer, job.settings, examples, [], folder, None
    )[0]


def _open_base(job: TuningJob) -> Any:
    if job.base.provider not in _PROVIDERS:
        raise TuningError(
            f"TRL tunes models in this process; {job.base.provider!r} runs them elsewhere.",
            hint=f"Use a model whose provider is one of: {', '.join(sorted(_PROVIDERS))}.",
        )
    base = _PROVIDERS[job.base.provider]().open(job.base)
    if base.version != job.base_version:
        raise TuningError(
            f"The job was planned for {job.base_version}, but the model here is {base.version}.",
            hint="Plan the job again.",
        )
    return base


def _encode(
    examples: Sequence[TrainingExample], chat: ChatFormat, window: int | None
) -> list[EncodedExample]:
    encoded = [EncodedExample(tuple(chat.prompt(m)), tuple(chat.answer(c))) for m, c in examples]
    longest = max((e.tokens for e in encoded), default=0)
    if window is not None and longest > window:
        raise TuningError(
            f"The longest example has {longest} tokens; the model's context window holds {window}.",
            hint="Shorten the example, or leave it out.",
        )
    return encoded
