"""LoRA tuning in this process, with TRL and PEFT, on packed batches; it may be stopped at any moment."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.errors import MissingExtraError, TuningError
from advisor.models import _openmp  # noqa: F401 (before torch)
from advisor.records import TuningRecord
from advisor.tuning.base import TrainingExample, TuningJob, TuningProgress

try:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PrinterCallback, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from advisor.models._chat_format import ChatFormat
    from advisor.models._weights import write_adapter_manifest
    from advisor.models.embedded import EmbeddedProvider
    from advisor.models.huggingface import HuggingFaceProvider
    from advisor.tuning._checkpoints import latest_whole, read_json, seal, write_folder, write_json
    from advisor.tuning.packing import EncodedExample, PackedRow, pack, summed_loss
except ImportError as error:
    raise MissingExtraError("Tuning in this process", "local") from error

TOKENS_PER_ROW = 1024
"""Longest packed row: bounds the memory of a step; a batch that needs more becomes several rows."""
CHECKPOINT_EVERY_S = 30.0
WARM_UP = 0.05
"""Share of the steps during which the learning rate rises."""

_PROVIDERS: dict[str, Any] = {"embedded": EmbeddedProvider, "huggingface": HuggingFaceProvider}


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
    folder.mkdir(parents=True, exist_ok=True)
    owner = read_json(folder / "job.json").get("fingerprint", job.fingerprint)
    if owner != job.fingerprint:
        raise TuningError(
            f"{folder} belongs to another tuning job ({str(owner)[:16]}, not {job.fingerprint[:16]}).",
            hint="Give every job a folder of its own, or delete this one.",
        )
    write_json(folder / "job.json", {"fingerprint": job.fingerprint, "model_version": job.model_version})
    finished = read_json(folder / "record.json")
    if finished:
        return TuningRecord.model_validate(finished)

    base = _open_base(job)
    examples = _encode(job.examples, base.chat, base.context_window)
    dev = _encode(job.dev, base.chat, base.context_window)
    trainer, course = _trainer(
        job, base.load_for_tuning(), base.chat.tokenizer, examples, dev, folder, on_progress
    )
    checkpoint = latest_whole(folder)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    chosen = course.best_epoch()
    write_folder(folder / "adapter", lambda new: _copy_adapter(folder / "epochs" / chosen, new, job))
    record = TuningRecord(
        system="trl",
        base_model=job.base.model,
        model_version=job.model_version,
        n_examples=len(examples),
        epochs=job.settings.epochs,
        tokens=round(sum(e.tokens for e in examples) * job.settings.epochs),
        duration_s=course.elapsed_s,
        loss=tuple((e["step"], e["loss"]) for e in trainer.state.log_history if "loss" in e),
        dev_loss=tuple((e["step"], e["dev_loss"]) for e in course.epochs() if e["dev_loss"] is not None),
        trainable_parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        settings={
            **job.settings.model_dump(),
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
    return record


class PackedTrainer(SFTTrainer):  # type: ignore[misc]
    """TRL's trainer on packed rows; the loss is the mean over the completion tokens of the batch."""

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """One optimizer batch: a backward pass per packed row, weighted by its tokens to learn."""
        model.train()
        rows: list[PackedRow] = inputs["rows"]
        targets = sum(len(row.targets) for row in rows)
        total = torch.zeros((), device=self.args.device)
        for row in rows:
            with self.compute_loss_context_manager():
                loss = summed_loss(model, row) / targets
            self.accelerator.backward(loss)
            total += loss.detach()
        self.last_loss = total.item()
        return total

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None is written: a checkpoint is not a publication."""


class _Course(TrainerCallback):  # type: ignore[misc]
    """Follows a training: time, progress, dev loss at the end of each epoch, checkpoints."""

    def __init__(
        self,
        folder: Path,
        dev: Sequence[EncodedExample],
        steps_per_epoch: int,
        on_progress: TuningProgress | None,
    ) -> None:
        self.trainer: Any = None
        self._folder, self._dev, self._on_progress = folder, dev, on_progress
        self._steps_per_epoch = steps_per_epoch
        self._file = folder / "progress.json"
        self.elapsed_s = float(str(read_json(self._file).get("duration_s", 0.0)))
        self._mark = self._saved = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._mark = self._saved = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # Runs before the trainer saves this step: where a checkpoint is, its epoch's adapter is too.
        if state.global_step % self._steps_per_epoch == 0 or state.global_step == state.max_steps:
            self._finish_epoch(state.global_step)
        now = time.perf_counter()
        self.elapsed_s += now - self._mark
        self._mark = now
        write_json(self._file, {"duration_s": self.elapsed_s, "step": state.global_step})
        if now - self._saved >= CHECKPOINT_EVERY_S and state.global_step < state.max_steps:
            control.should_save = True
            self._saved = now
        if self._on_progress is not None:
            self._on_progress(state.global_step, state.max_steps, self.trainer.last_loss, self.elapsed_s)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        seal(self._folder / f"checkpoint-{state.global_step}")

    def epochs(self) -> list[dict[str, Any]]:
        """Of each epoch kept: its `name`, its last `step` and its `dev_loss`, in order."""
        found = [read_json(p) for p in (self._folder / "epochs").glob("*/epoch.json")]
        return sorted(found, key=lambda e: int(str(e["step"])))

    def best_epoch(self) -> str:
        """The epoch with the lowest dev loss, the earliest of equals; the last one without dev data."""
        epochs = self.epochs()
        best = min(epochs, key=lambda e: e["dev_loss"]) if self._dev else epochs[-1]
        return str(best["name"])

    def _finish_epoch(self, step: int) -> None:
        trainer = self.trainer
        loss = None
        if self._dev:
            trainer.model.eval()
            rows = pack(self._dev, max_tokens=TOKENS_PER_ROW)
            with torch.no_grad(), trainer.compute_loss_context_manager():
                loss = sum(summed_loss(trainer.model, row).item() for row in rows)
            loss /= sum(len(row.targets) for row in rows)
        name = f"{step / self._steps_per_epoch:g}"

        def fill(new: Path) -> None:
            trainer.model.save_pretrained(new)
            write_json(new / "epoch.json", {"name": name, "step": step, "dev_loss": loss})

        write_folder(self._folder / "epochs" / name, fill)


def packed_trainer(job: TuningJob, folder: Path) -> PackedTrainer:
    """The trainer of a job by itself, for measurements; `tune` is what runs one."""
    base = _open_base(job)
    examples = _encode(job.examples, base.chat, base.context_window)
    return _trainer(job, base.load_for_tuning(), base.chat.tokenizer, examples, [], folder, None)[0]


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


def _trainer(
    job: TuningJob,
    model: Any,
    tokenizer: Any,
    examples: Sequence[EncodedExample],
    dev: Sequence[EncodedExample],
    folder: Path,
    on_progress: TuningProgress | None,
) -> tuple[PackedTrainer, _Course]:
    settings = job.settings
    steps_per_epoch = -(-len(examples) // settings.batch_size)
    course = _Course(folder, dev, steps_per_epoch, on_progress)

    def collate(batch: list[dict[str, int]]) -> dict[str, Any]:
        return {"rows": pack([examples[item["index"]] for item in batch], max_tokens=TOKENS_PER_ROW)}

    trainer = PackedTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, round(WARM_UP * settings.epochs * steps_per_epoch)),
            optim="adamw_torch",
            seed=settings.seed,
            data_seed=settings.seed,
            bf16=model.dtype == torch.bfloat16,
            use_cpu=model.device.type == "cpu",
            gradient_checkpointing=False,
            save_strategy="no",  # the callback says when
            save_total_limit=2,
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"index": list(range(len(examples)))}),
        data_collator=collate,
        callbacks=[course],
        peft_config=LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    trainer.remove_callback(PrinterCallback)
    course.trainer = trainer
    return trainer, course


def _copy_adapter(source: Path, target: Path, job: TuningJob) -> None:
    for file in source.glob("adapter_*"):
        shutil.copy2(file, target / file.name)
    write_adapter_manifest(target, base_version=job.base_version, model_version=job.model_version)
