"""What AutoTrain reads and writes, in the form that it and we understand.

Its transformers is 4.48 and its PEFT 0.14: a model folder saved by transformers 5 has keys that they do not
know, and passing over one of them (`rope_parameters`) would train another model without a word.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from advisor.errors import TuningError
from advisor.models._chat_format import ChatFormat
from advisor.models._weights import ADAPTER_WEIGHTS, load_tokenizer, write_adapter_manifest
from advisor.tuning.base import TrainingExample, TuningSettings

PROJECT = "project"
"""Letters, digits and hyphens; AutoTrain makes a folder of this name where it is started."""
WARM_UP = 0.05


@dataclass(frozen=True)
class EncodedData:
    """The examples as token ids, each filled up to the same length."""

    rows: tuple[tuple[str, tuple[int, ...]], ...]
    """(text, ids without filling)."""
    fill: int
    """The id to fill up with."""
    block_size: int
    """Tokens of a row as the trainer sees it: the longest example, and the token that it appends."""

    @property
    def tokens(self) -> int:
        """Tokens of all examples, without filling."""
        return sum(len(ids) for _, ids in self.rows)


def encode(base: Path, examples: Sequence[TrainingExample], window: int | None) -> EncodedData:
    """Prompts and answers as the tokens that evaluation sends and expects.

    Raises:
        TuningError: The longest example does not fit the model's context window.
        ModelError: The folder has no usable tokenizer.
    """
    chat = ChatFormat(load_tokenizer(str(base), local_only=True), name=str(base))
    rows = [(*chat.prompt(messages), *chat.answer(completion)) for messages, completion in examples]
    block_size = max(map(len, rows)) + 1
    if window is not None and block_size > window:
        raise TuningError(
            f"The longest example has {block_size - 1} tokens; the model's context window holds {window}, "
            "and AutoTrain needs one for itself.",
            hint="Shorten the example, or leave it out.",
        )
    pad = chat.tokenizer.pad_token_id
    texts = [str(chat.tokenizer.decode(ids)) for ids in rows]
    return EncodedData(
        tuple(zip(texts, rows, strict=True)), chat.end_of_turn if pad is None else int(pad), block_size
    )


def write_data(data: EncodedData, folder: Path) -> None:
    """Writes `train.jsonl`: the text for the reader, the token ids for the trainer.

    AutoTrain's trainer always packs: it puts the examples one after the other, appends a token to each, and
    cuts the whole into blocks. Here every example fills one block exactly, so that a block begins where a
    prompt begins, none is cut, and a batch is a batch of examples. Token ids are taken as they are: no second
    tokenizer, and no second start-of-text token, comes between.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
        for text, ids in data.rows:
            filled = [*ids, *[data.fill] * (data.block_size - 1 - len(ids))]
            file.write(json.dumps({"text": text, "input_ids": filled}) + "\n")


def context_window(base: Path) -> int | None:
    """The model's context window in tokens, where its configuration says it."""
    value = read_config(base).get("max_position_embeddings")
    return int(value) if value else None


def read_config(base: Path) -> dict[str, Any]:
    """A model folder's configuration.

    Raises:
        TuningError: There is none.
    """
    if not (base / "config.json").is_file() or not list(base.glob("*.safetensors")):
        raise TuningError(
            f"{base} holds no model: config.json and *.safetensors are needed.",
            hint="AutoTrain tunes models that lie in a folder of this machine.",
        )
    config: dict[str, Any] = json.loads((base / "config.json").read_text(encoding="utf-8"))
    return config


def write_base(base: Path, folder: Path) -> None:
    """Writes a model folder that transformers 4.48 reads; the weights are linked, not copied.

    Raises:
        TuningError: The model's position encoding cannot be said in the old form.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = older_config(read_config(base))
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tokenizer = load_tokenizer(str(base), local_only=True)
    end = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(ChatFormat(tokenizer, name="").end_of_turn)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": end,
        "pad_token": tokenizer.pad_token or end,
        "chat_template": tokenizer.chat_template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    linked = [*base.glob("*.safetensors"), *base.glob("*.safetensors.index.json"), base / "tokenizer.json"]
    for file in linked:
        if not file.is_file():
            raise TuningError(f"{file} is missing.", hint="Save the tokenizer there with save_pretrained().")
        (folder / file.name).symlink_to(file.resolve())


def older_config(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration of transformers 5 in the keys of 4.48; one that has those already stays as it is.

    Raises:
        TuningError: It has a position encoding for each kind of layer.
    """
    older = dict(config)
    if "dtype" in older:
        older["torch_dtype"] = older.pop("dtype")
    rope = older.pop("rope_parameters", None)
    if rope:
        if any(isinstance(value, dict) for value in rope.values()):
            raise TuningError(
                f"AutoTrain's transformers 4.48 cannot read models of the kind {config.get('model_type')!r}.",
                hint="Tune this model with the system `trl`.",
            )
        scaling = dict(rope)
        for key in ("rope_theta", "partial_rotary_factor"):
            if key in scaling:
                older[key] = scaling.pop(key)
        older["rope_scaling"] = None if scaling.get("rope_type", "default") == "default" else scaling
    return older


def unsupported(settings: TuningSettings) -> list[tuple[str, str]]:
    """What AutoTrain cannot do of what is asked: (what it is, what to do about it)."""
    found = []
    if settings.epochs != int(settings.epochs):
        found.append(
            (f"AutoTrain trains whole epochs, not {settings.epochs:g}.", "Give a whole number of `epochs`.")
        )
    if settings.method != "lora" or settings.early_stopping is not None or settings.processes != 1:
        found.append(
            (
                "AutoTrain is used for LoRA over a given number of epochs, in one process only.",
                "Leave `method`, `early_stopping` and `processes` out, or use the system `trl`.",
            )
        )
    return found


def write_config(folder: Path, *, base: Path, block_size: int, settings: TuningSettings, gpu: bool) -> Path:
    """Writes `config.yml` for a training that is started in `folder`, on `data/train.jsonl` there.

    Every key that AutoTrain's parser asks for is there, also where it says nothing.

    Raises:
        TuningError: AutoTrain cannot train so.
    """
    for text, hint in unsupported(settings):
        raise TuningError(text, hint=hint)
    content = {
        "task": "llm-sft",
        "base_model": str(base),
        "project_name": PROJECT,
        "log": "none",
        "backend": "local",
        "data": {
            "path": "data",
            "train_split": "train",
            "valid_split": None,
            "chat_template": None,
            "column_mapping": {"text_column": "text"},
        },
        "params": {
            "block_size": block_size,
            "model_max_length": block_size,
            "epochs": int(settings.epochs),
            "batch_size": settings.batch_size,
            "gradient_accumulation": 1,
            "lr": settings.learning_rate,
            "optimizer": "adamw_torch",
            "scheduler": "cosine",
            "warmup_ratio": WARM_UP,
            "seed": settings.seed,
            "peft": True,
            "quantization": None,
            "target_modules": "all-linear",
            "lora_r": settings.rank,
            "lora_alpha": settings.alpha,
            "lora_dropout": 0.0,
            "merge_adapter": False,
            "mixed_precision": "bf16" if gpu and settings.precision != "fp32" else None,
            "disable_gradient_checkpointing": not settings.gradient_checkpointing,
            "padding": "right",
            "add_eos_token": False,
            "logging_steps": 1,
            "unsloth": False,
        },
    }
    path = folder / "config.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def copy_adapter(source: Path, target: Path, *, base: Path, base_version: str, model_version: str) -> int:
    """Writes AutoTrain's adapter into a folder as PEFT here reads it; returns its parameters.

    Only LoRA's own weights are taken: PEFT 0.14 adds the embeddings where it believes them changed, and they
    are frozen.

    Raises:
        TuningError: The adapter is cut short, holds nothing, or has weights that are no numbers.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    try:
        tensors = {k: v for k, v in load_file(source / ADAPTER_WEIGHTS).items() if "lora_" in k}
        config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError) as error:
        raise TuningError(f"AutoTrain's adapter cannot be read: {error}", hint="Tune again.") from error
    if not tensors or not all(bool(t.isfinite().all()) for t in tensors.values()):
        raise TuningError(
            "The training went astray: the adapter's weights are no numbers.",
            hint="Tune with a lower `learning_rate`.",
        )
    config["base_model_name_or_path"] = str(base)
    save_file(tensors, target / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_adapter_manifest(target, base_version=base_version, model_version=model_version)
    return sum(int(t.numel()) for t in tensors.values())
