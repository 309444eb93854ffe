"""What a training leaves: an adapter or a whole model, the merged model where it is wanted, and a model card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from advisor.models._weights import ADAPTER_WEIGHTS, merge_adapter, write_adapter_manifest
from advisor.records import TuningRecord
from advisor.tuning._checkpoints import write_folder
from advisor.tuning.base import TuningJob

MERGED = "merged"


def write_result(epoch: Path, target: Path, job: TuningJob, tokenizer: Any) -> None:
    """Fills the folder of the result from the chosen epoch: an adapter with its manifest, or a whole model."""
    if (epoch / ADAPTER_WEIGHTS).exists():
        for file in epoch.glob("adapter_*"):
            shutil.copy2(file, target / file.name)
        write_adapter_manifest(target, base_version=job.base_version, model_version=job.model_version)
    else:
        for file in epoch.iterdir():
            if file.name != "epoch.json":
                shutil.copy2(file, target / file.name)
        tokenizer.save_pretrained(target)


def keep_merged(folder: Path, base: Any, record: TuningRecord) -> Path:
    """Keeps the tuned model as one that any server loads, with a model card; what is there stays.

    Args:
        folder: The job's own.
        base: The base model, opened.
        record: What the training came to.
    """
    merged = folder / MERGED
    if merged.exists():
        return merged

    def fill(new: Path) -> None:
        model = base.load_for_tuning()
        merge_adapter(model, folder / "adapter").save_pretrained(new)
        base.chat.tokenizer.save_pretrained(new)
        (new / "README.md").write_text(model_card(record), encoding="utf-8")

    if not (folder / "adapter" / ADAPTER_WEIGHTS).exists():
        return folder / "adapter"  # all weights were tuned: it is whole already
    write_folder(merged, fill)
    return merged


def model_card(record: TuningRecord) -> str:
    """A model card in the hub's form: what the model is, from what, by which settings, with which losses."""
    lines = [
        "---", f"base_model: {record.base_model}", "pipeline_tag: text-generation",
        f"tags: [fine-tuned, {record.system}]", "---", f"# {record.model_version}", "",
        f"{record.base_model}, fine-tuned with {record.system} on {record.n_examples} examples "
        f"({record.epochs:g} epochs, {record.tokens:,} tokens, {record.duration_s:,.0f} s"
        f"{f' on {record.hardware}' if record.hardware else ''}).", "",
        "It is meant for the one task that it was tuned for; elsewhere it may be worse than its base model.", "",
        "| setting | value |", "|---|---|", *(f"| {k} | {v} |" for k, v in record.settings.items()), "",
    ]  # fmt: skip
    if record.dev_loss:
        lines += ["| step | loss on the dev examples |", "|---|---|"]
        lines += [f"| {step} | {loss:.4f} |" for step, loss in record.dev_loss] + [""]
    return "\n".join(lines)
