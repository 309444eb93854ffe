"""Weights on disk: finding out what they are, refusing what they should not be, and loading them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from advisor.errors import ModelError, WeightsError
from advisor.models import _attention
from advisor.models._hardware import Hardware, use_all_threads

transformers_logging.disable_progress_bar()  # a bar per load would stand between the product's own lines

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_MANIFEST = "advisor.json"


def sha256(path: Path) -> str:
    """The hex SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_version(folder: Path) -> str:
    """`<name>@<hash>`, the hash over everything in a model folder that decides its answers.

    Raises:
        WeightsError: The folder holds no model in the safetensors format.
    """
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files or not (folder / "config.json").is_file():
        raise WeightsError(
            f"{folder} holds no model: config.json and *.safetensors are needed.",
            hint="Save one there with save_pretrained(), or give a Hugging Face hub name.",
        )
    names = (
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    )
    files += [folder / name for name in names if (folder / name).is_file()]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}:{sha256(file)}\n".encode())
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"


def adapter_version(adapter: Path, base_version: str) -> str:
    """The version of a base model with an adapter.

    An adapter tuned here has a manifest beside its weights, and is held to it.

    Raises:
        WeightsError: The folder holds no adapter, or not the one of its manifest, or one for another base.
    """
    weights = adapter / ADAPTER_WEIGHTS
    if not weights.is_file() or not (adapter / "adapter_config.json").is_file():
        raise WeightsError(
            f"{adapter} holds no adapter: adapter_config.json and {ADAPTER_WEIGHTS} are needed.",
            hint="Name the folder that PEFT's save_pretrained() wrote, or tune the model again.",
        )
    actual = sha256(weights)
    manifest = adapter / ADAPTER_MANIFEST
    if not manifest.is_file():
        return f"{base_version}+{actual[:16]}"
    content: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))
    if content["sha256"] != actual:
        raise WeightsError(
            f"The adapter {weights} is not the one that was tuned: its SHA-256 is {actual}, "
            f"not {content['sha256']}.",
            hint="Delete its folder and tune the model again.",
        )
    if content["base_version"] != base_version:
        raise WeightsError(
            f"The adapter {adapter} was tuned on {content['base_version']}, not on {base_version}.",
            hint="Tune the model again on this base, or put the base back that it was tuned on.",
        )
    return content["model_version"]


def write_adapter_manifest(adapter: Path, *, base_version: str, model_version: str) -> None:
    """Writes down what an adapter is, for `adapter_version` to hold it to."""
    content = {
        "base_version": base_version,
        "model_version": model_version,
        "sha256": sha256(adapter / ADAPTER_WEIGHTS),
    }
    (adapter / ADAPTER_MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def load_tokenizer(source: str, *, local_only: bool) -> Any:
    """The tokenizer of a model folder or hub name.

    Raises:
        ModelError: It cannot be had.
    """
    try:
        return AutoTokenizer.from_pretrained(source, local_files_only=local_only)
    except (OSError, ValueError) as error:
        raise _not_found(source, error) from error


def load_model(source: str, hardware: Hardware, *, local_only: bool, revision: str | None = None) -> Any:
    """The causal language model of a folder or hub name, on its device, for inference.

    Only safetensors are read: other formats can run code when they are opened.

    Raises:
        ModelError: It cannot be had.
    """
    use_all_threads()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=hardware.dtype,
            use_safetensors=True,
            local_files_only=local_only,
            revision=revision or "main",
            attn_implementation="sdpa",
        )
    except (OSError, ValueError) as error:
        raise _not_found(source, error) from error
    if hardware.device == "cpu":
        model.set_attn_implementation(_attention.NAME)
    return model.to(hardware.device).eval()


def snapshot(source: str, revision: str | None) -> Path:
    """The folder of a hub's model, fetched where it is not in the cache.

    Raises:
        ModelError: It cannot be had.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source, revision=revision))
    except (OSError, ValueError) as error:
        raise _not_found(source, error) from error


def is_whole_model(folder: Path) -> bool:
    """Whether a folder holds a model by itself, not an adapter."""
    return (folder / "config.json").is_file() and not (folder / "adapter_config.json").exists()


def load_quantised(source: str, hardware: Hardware, *, local_only: bool) -> Any:
    """The model in 4 bits (NF4, double quantisation), ready for adapters to be trained on it.

    Raises:
        ModelError: There is no GPU, or bitsandbytes is not installed.
    """
    if hardware.device != "cuda":
        raise ModelError(
            "QLoRA needs a GPU: bitsandbytes quantises there.", hint="Use `method: lora` on this machine."
        )
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    try:
        model = AutoModelForCausalLM.from_pretrained(
            source,
            quantization_config=BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=hardware.dtype,
            ),
            dtype=hardware.dtype,
            use_safetensors=True,
            local_files_only=local_only,
            device_map={"": torch.cuda.current_device()},
        )
    except ImportError as error:
        raise ModelError(
            "QLoRA needs bitsandbytes.", hint="Install it with: pip install bitsandbytes"
        ) from error
    return prepare_model_for_kbit_training(model)


def merge_adapter(model: Any, adapter: Path) -> Any:
    """The model with an adapter worked into its weights, so that it costs nothing at inference.

    Raises:
        WeightsError: The adapter does not fit the model.
    """
    from peft import PeftModel

    try:
        with torch.no_grad():
            merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().eval()
    except (RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The adapter {adapter} does not fit the model: {error}",
            hint="Was it tuned on another base model?",
        ) from error
    # PEFT leaves the weights frozen. Where the hidden states are a slice, torch multiplies by frozen weights row by row
    # and copies the matrix for each: in the output layer three times the time and a gigabyte of memory.
    return merged.requires_grad_(True)


def _not_found(source: str, error: Exception) -> ModelError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelError(
        f"The model {source!r} cannot be loaded: {reason}",
        hint="Check the name or folder; a hub name needs the network, or `hf download` beforehand.",
    )
