"""TRL's trainer on packed batches, and what is noted and kept while it runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from advisor.tuning._checkpoints import read_json, seal, write_folder, write_json
from advisor.tuning.base import TuningProgress, TuningSettings
from advisor.tuning.packing import EncodedExample, PackedRow, pack, summed_loss

TOKENS_PER_ROW = 1024
"""Longest packed row: bounds the memory of a step; a batch that needs more becomes several rows."""
CHECKPOINT_EVERY_S = 30.0
WARM_UP = 0.05
"""Share of the steps during which the learning rate rises."""


class PackedTrainer(SFTTrainer):  # type: ignore[misc]
    """TRL's trainer on packed rows; the loss is the mean over the completion tokens of the batch."""

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """One optimizer batch: a backward pass per packed row, weighted by its tokens to learn."""
        model.train()
        rows: list[PackedRow] = inputs["rows"]
        targets = torch.tensor(float(sum(len(row.targets) for row in rows)), device=self.args.device)
        # gradients of several processes are averaged: each weighs its tokens by the mean of all
        targets = self.accelerator.reduce(targets, reduction="mean")
        total = torch.zeros((), device=self.args.device)
        for number, row in enumerate(rows, start=1):
            last = number == len(rows)
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    loss = summed_loss(model, row) / targets
                self.accelerator.backward(loss)
            total += loss.detach()
        self.last_loss = self.accelerator.reduce(total.clone(), reduction="mean").item()
        return total

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None is written: a checkpoint is not a publication."""


class Course(TrainerCallback):  # type: ignore[misc]
    """Follows a training: time, progress, dev loss at the end of each epoch, checkpoints, an early stop.

    Of several processes the first writes; all compute the dev loss, so that all stop together.
    """

    def __init__(
        self,
        folder: Path,
        dev: Sequence[EncodedExample],
        steps_per_epoch: int,
        settings: TuningSettings,
        on_progress: TuningProgress | None,
    ) -> None:
        self.trainer: Any = None
        self._folder, self._dev, self._on_progress = folder, dev, on_progress
        self._steps_per_epoch, self._settings = steps_per_epoch, settings
        self._file = folder / "progress.json"
        self.elapsed_s = float(str(read_json(self._file).get("duration_s", 0.0)))
        self._mark = self._saved = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._mark = self._saved = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # Runs before the trainer saves this step: where a checkpoint is, its epoch's adapter is too.
        if state.global_step % self._steps_per_epoch == 0 or state.global_step == state.max_steps:
            self._finish_epoch(state)
            if self._dev and self._no_better_for() >= (self._settings.early_stopping or float("inf")):
                control.should_training_stop = True
        now = time.perf_counter()
        self.elapsed_s += now - self._mark
        self._mark = now
        if state.is_world_process_zero:
            write_json(self._file, {"duration_s": self.elapsed_s, "step": state.global_step})
        # several processes must save at the same step, and their clocks differ
        alone = self.trainer.accelerator.num_processes == 1
        due = (
            now - self._saved >= CHECKPOINT_EVERY_S
            if alone
            else state.global_step % self._steps_per_epoch == 0
        )
        if due and state.global_step < state.max_steps:
            control.should_save = True
            self._saved = now
        if self._on_progress is not None and state.is_world_process_zero:
            self._on_progress(state.global_step, state.max_steps, self.trainer.last_loss, self.elapsed_s)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
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

    def _no_better_for(self) -> int:
        """Epochs since the lowest dev loss."""
        losses = [e["dev_loss"] for e in self.epochs()]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0

    def _finish_epoch(self, state: Any) -> None:
        trainer, step = self.trainer, state.global_step
        model = trainer.accelerator.unwrap_model(trainer.model)
        loss = None
        if self._dev:
            model.eval()
            rows = pack(self._dev, max_tokens=TOKENS_PER_ROW)
            with torch.no_grad(), trainer.compute_loss_context_manager():
                loss = sum(summed_loss(model, row).item() for row in rows)
            loss /= sum(len(row.targets) for row in rows)
        name = f"{step / self._steps_per_epoch:g}"

        def fill(new: Path) -> None:
            model.save_pretrained(new)
            write_json(new / "epoch.json", {"name": name, "step": step, "dev_loss": loss})

        if state.is_world_process_zero:
            write_folder(self._folder / "epochs" / name, fill)
        trainer.accelerator.wait_for_everyone()


def build_trainer(
    model: Any,
    tokenizer: Any,
    settings: TuningSettings,
    examples: Sequence[EncodedExample],
    dev: Sequence[EncodedExample],
    folder: Path,
    on_progress: TuningProgress | None,
) -> tuple[PackedTrainer, Course]:
    """The trainer of a job, and the course that it takes."""
    steps_per_epoch = -(-len(examples) // settings.batch_size)
    course = Course(folder, dev, steps_per_epoch, settings, on_progress)

    def collate(batch: list[dict[str, int]]) -> dict[str, Any]:
        chosen = [examples[item["index"]] for item in batch]
        if settings.packing:
            return {"rows": pack(chosen, max_tokens=TOKENS_PER_ROW)}
        return {"rows": [row for example in chosen for row in pack([example], max_tokens=TOKENS_PER_ROW)]}

    trainer = PackedTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=max(1, settings.batch_size // settings.processes),
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, round(WARM_UP * settings.epochs * steps_per_epoch)),
            optim="adamw_torch",
            seed=settings.seed,
            data_seed=settings.seed,
            bf16=model.dtype == torch.bfloat16,
            use_cpu=model.device.type == "cpu",
            gradient_checkpointing=settings.gradient_checkpointing,
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
        peft_config=None
        if settings.method == "full"
        else LoraConfig(
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
