"""How much faster is tuning on packed batches than TRL's plain loop, and does it learn the same?

The same LoRA, data, order of learning rates, number of epochs and seed, on the embedded model:

- plain: `SFTTrainer`, prompt/completion data set, completion-only loss, padded rows, no gradient checkpointing;
- packed: `advisor.tuning.trl.tune`.

Tokens are counted alike for both: the prompts and completions as they stand in the data, without padding,
nothing shared. Both are then asked for the dev examples' labels by the same code.

    python benchmarks/lora_training.py [--examples 160] [--epochs 2] [--steps 12]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _results
import torch
import yaml
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from advisor.cases.model_spec import ModelSpec
from advisor.cases.schema import Case, Example, Task
from advisor.models.embedded import VERSION, EmbeddedProvider
from advisor.prompts import build_request, build_training_example
from advisor.records import Completion
from advisor.tuning.base import TrainingExample, TuningJob, TuningSettings
from advisor.tuning.packing import EncodedExample, pack, summed_loss
from advisor.tuning.trl import WARM_UP, packed_trainer, tune

CASE = Path(__file__).parents[1] / "sample_cases" / "support_intents"
SPEC = ModelSpec(provider="embedded", model="smollm2-135m")


def main() -> None:
    """Measures, prints a table, writes results/lora_training.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=160)
    parser.add_argument("--dev", type=int, default=48)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=12, help="steps of each way that are timed in turns")
    arguments = parser.parse_args()

    task = Case.model_validate(yaml.safe_load((CASE / "case.yaml").read_text(encoding="utf-8"))).task
    lines = (CASE / "train.jsonl").read_text(encoding="utf-8").splitlines()
    examples = [Example.model_validate_json(line) for line in lines]
    dev = examples[: arguments.dev]
    train = examples[arguments.dev : arguments.dev + arguments.examples]
    job = TuningJob(
        base=SPEC,
        base_version=VERSION,
        examples=tuple(build_training_example(task, e) for e in train),
        settings=TuningSettings(epochs=arguments.epochs),
    )
    chat = EmbeddedProvider().open(SPEC).chat
    tokens = sum(len(chat.prompt(m)) + len(chat.answer(c)) for m, c in job.examples)
    tokens_per_step = tokens / len(job.examples) * job.settings.batch_size

    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        step_s = alternating_step_s(job, Path(temporary) / "steps", arguments.steps)
        print(f"a step: packed {step_s[0]:.2f} s, plain {step_s[1]:.2f} s", flush=True)
        ways = (("packed", train_packed, step_s[0]), ("plain", train_plain, step_s[1]))
        for name, train_one, one_step_s in ways:
            folder = Path(temporary) / name
            seconds = train_one(job, folder)
            loss, accuracy = evaluate(task, dev, folder / "adapter")
            rows.append(
                {
                    "way": name,
                    "whole_training_s": seconds,
                    "step_s": one_step_s,
                    "tokens_per_s": tokens_per_step / one_step_s,
                    "dev_loss": loss,
                    "dev_accuracy": accuracy,
                }
            )
    speed_up = step_s[1] / step_s[0]
    print(f"{'way':<8}{'a step':>10}{'tokens/s':>10}{'dev loss':>10}{'dev accuracy':>14}")
    for row in rows:
        print(
            f"{row['way']:<8}{row['step_s']:>8.2f} s{row['tokens_per_s']:>10.0f}{row['dev_loss']:>10.3f}"
            f"{row['dev_accuracy']:>13.1%}"
        )
    print(f"packed is {speed_up:.1f}× as fast")
    path = _results.write(
        "lora_training",
        hardware=EmbeddedProvider().open(SPEC).hardware,
        packages=["torch", "transformers", "trl", "peft"],
        figures={
            "model": VERSION,
            "examples": len(train),
            "epochs": arguments.epochs,
            "tokens_per_step": tokens_per_step,
            "speed_up": speed_up,
            "rows": rows,
        },
    )
    print(json.dumps(str(path)))


def train_packed(job: TuningJob, folder: Path) -> float:
    """Seconds of training the product's way."""
    return tune(job, folder, on_progress=report("packed")).duration_s


def train_plain(job: TuningJob, folder: Path) -> float:
    """Seconds of training with TRL alone."""
    clock = Clock()
    trainer = plain_trainer(job, folder)
    trainer.add_callback(clock)
    trainer.train()
    trainer.model.save_pretrained(folder / "adapter")
    return clock.seconds


def plain_trainer(job: TuningJob, folder: Path) -> SFTTrainer:
    """TRL's trainer, set up as its documentation shows."""
    base = EmbeddedProvider().open(SPEC)
    model = base.load_for_tuning()
    model.set_attn_implementation("sdpa")
    settings = job.settings
    steps = settings.epochs * -(-len(job.examples) // settings.batch_size)
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, round(WARM_UP * steps)),
            optim="adamw_torch",
            seed=settings.seed,
            data_seed=settings.seed,
            bf16=model.dtype == torch.bfloat16,
            use_cpu=model.device.type == "cpu",
            gradient_checkpointing=False,
            completion_only_loss=True,
            save_strategy="no",
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
        ),
        processing_class=base.chat.tokenizer,
        train_dataset=Dataset.from_list([as_prompt_completion(e) for e in job.examples]),
        peft_config=LoraConfig(
            r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def alternating_step_s(job: TuningJob, folder: Path, steps: int) -> tuple[float, float]:
    """Median seconds of a packed and of a plain step, taken in turns so that other load hits both alike.

    A step here is the forward and backward pass of one batch; the optimizer's work is the same for both.
    """
    packed, plain = packed_trainer(job, folder / "packed"), plain_trainer(job, folder / "plain")
    plain.current_gradient_accumulation_steps = 1  # its own loop would set it
    times: tuple[list[float], list[float]] = ([], [])
    loaders = zip(packed.get_train_dataloader(), plain.get_train_dataloader(), strict=True)
    for number, batches in enumerate(loaders):
        if number > steps:
            break
        for trainer, batch, taken in zip((packed, plain), batches, times, strict=True):
            started = time.perf_counter()
            trainer.training_step(trainer.model, batch)
            taken.append(time.perf_counter() - started)
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])  # the first step warms up


class Clock(TrainerCallback):
    """Times the steps, without what comes before and after them."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Starts the clock."""
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reads it."""
        self.seconds = time.perf_counter() - self.started
        report("plain")(state.global_step, state.max_steps, None, self.seconds)


def as_prompt_completion(example: TrainingExample) -> dict[str, list[dict[str, str]]]:
    messages, completion = example
    return {
        "prompt": [m.model_dump() for m in messages],
        "completion": [{"role": "assistant", "content": completion}],
    }


def evaluate(task: Task, dev: Sequence[Example], adapter: Path) -> tuple[float, float]:
    """Loss per completion token in nats, and accuracy, on the dev examples."""
    model = EmbeddedProvider().open(SPEC, adapter=str(adapter))
    weights = model.load_for_tuning()
    pairs = [build_training_example(task, e) for e in dev]
    rows = pack(
        [EncodedExample(tuple(model.chat.prompt(m)), tuple(model.chat.answer(c))) for m, c in pairs],
        max_tokens=1024,
    )
    with torch.no_grad():
        loss = sum(summed_loss(weights, row).item() for row in rows) / sum(len(row.targets) for row in rows)
    requests = [build_request(task, e) for e in dev]
    said = {i: c.text for batch in model.complete(requests) for i, c in batch if isinstance(c, Completion)}
    return loss, sum(said.get(i) == c for i, (_, c) in enumerate(pairs)) / len(pairs)


def report(way: str) -> Any:
    def show(step: int, total: int, loss: float | None, elapsed_s: float) -> None:
        if step % 10 == 0 or step == total:
            print(f"{way}: step {step} of {total}, {elapsed_s:.0f} s", flush=True)

    return show


if __name__ == "__main__":
    main()
