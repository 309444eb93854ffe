"""AutoTrain's own environment: it pins packages that this product has in other versions.

AutoTrain Advanced is no longer maintained; 0.8.36 is its last release. Of what it asks for, only what its
language-model trainer imports is installed, in the versions that it pins: 1.3 GB instead of 2.7.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from advisor.errors import MissingExtraError, TuningError
from advisor.tuning._checkpoints import read_json, write_folder, write_json

logger = logging.getLogger(__name__)

VERSION = "0.8.36"
PYTHON = "3.11"
"""The newest Python that AutoTrain supports."""
TORCH = "2.13.0"
"""AutoTrain leaves torch open; this one was tested with it."""

NOT_NEEDED = (
    "albumentations", "authlib", "bitsandbytes", "cryptography", "einops", "evaluate", "fastapi", "hf-transfer",
    "httpx", "ipadic", "itsdangerous", "jiwer", "nltk", "nvitop", "optuna", "py7zr", "pycocotools", "pyngrok",
    "python-multipart", "rouge-score", "sacremoses", "sentence-transformers", "seqeval", "tensorboard", "tiktoken",
    "timm", "torchmetrics", "torchvision", "uvicorn", "werkzeug", "xgboost",
)  # fmt: skip
"""What AutoTrain asks for and tuning a language model does not import: its web page, images, tables, speech."""
TESTED = (
    "networkx==3.6.1", "numpy==2.4.6", "psutil==7.2.2", "pyarrow==26.0.1", "python-dateutil==4.0.0", "pytz==2026.6",
    "regex==2026.11.19", "safetensors==0.8.0", "scipy==1.17.1", "setuptools==84.2.1", "sympy==1.14.0",
    "tokenizers==0.21.4", "xxhash==4.1.0",
)  # fmt: skip
"""What AutoTrain leaves open and later releases could break."""

_READY = "ready.json"
_KEPT = (
    "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "XDG_CACHE_HOME", "LD_LIBRARY_PATH",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE",
    "CUDA_HOME",
)  # fmt: skip


@dataclass(frozen=True)
class AutoTrainEnvironment:
    """Where AutoTrain is installed."""

    folder: Path

    @property
    def bin(self) -> Path:
        """The folder of its commands."""
        return self.folder / "bin"

    @property
    def autotrain(self) -> Path:
        """Its command."""
        return self.bin / "autotrain"


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """What a foreign program gets of our environment variables: no keys, no tokens.

    A list of what is kept, not of what is taken out: a secret may have any name.
    """
    return {name: environment[name] for name in _KEPT if name in environment}


def has_gpu() -> bool:
    """Whether the machine has an NVIDIA driver; the torch of this process may be a CPU build all the same."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def environment(cache: Path | None = None) -> AutoTrainEnvironment:
    """AutoTrain's environment; made at the first call, which fetches about 350 MB (on a GPU, several GB).

    It appears whole or not at all. Interrupted, the next call goes on: what was fetched is in uv's cache.

    Args:
        cache: The folder to put it in: by default `ADVISOR_CACHE`, or the user's cache folder.

    Raises:
        MissingExtraError: uv is not installed.
        TuningError: It cannot be made, for instance without a network.
    """
    root = cache or Path(os.environ.get("ADVISOR_CACHE") or platformdirs.user_cache_dir("advisor"))
    made = AutoTrainEnvironment(root / f"autotrain-{VERSION}")
    content = {"python": PYTHON, "packages": [*_requirements("any"), *TESTED], "gpu": has_gpu()}
    if read_json(made.folder / _READY) == content:
        return made
    uv = _uv()
    with _waiting_for(root / f"autotrain-{VERSION}.lock"):
        if read_json(made.folder / _READY) != content:  # else another process made it meanwhile
            logger.warning("Making AutoTrain's environment in %s (once; it takes some minutes).", made.folder)

            def fill(new: Path) -> None:
                _install(uv, new)
                write_json(new / _READY, json.loads(json.dumps(content)))

            write_folder(made.folder, fill)
    return made


def torch_choices(*, gpu: bool) -> list[tuple[str, list[str]]]:
    """Ways to torch, best first: (how its version is called, what else uv is told).

    The registry's build for Linux brings several GB of CUDA. Without a GPU a CPU build is looked for first:
    where pip or uv are told to look, then in PyTorch's own index.
    """
    general: tuple[str, list[str]] = (TORCH, [])
    return [general] if gpu else [(f"{TORCH}+cpu", []), (TORCH, ["--torch-backend", "cpu"]), general]


def find_links() -> list[str]:
    """Where pip is told to look for packages beside the registry; uv does not read pip's settings."""
    given = os.environ.get("PIP_FIND_LINKS")
    if given is None:
        asked = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
        )
        found = re.search(r"^(?:global|install)\.find-links='(.*)'$", asked.stdout, re.MULTILINE)
        given = found[1].replace("\\n", " ") if found else ""
    return given.split()


def _requirements(torch: str) -> list[str]:
    return [f"autotrain-advanced=={VERSION}", f"torch=={TORCH}" if torch == "any" else f"torch=={torch}"]


def _install(uv: str, folder: Path) -> None:
    """Fills a folder with Python and the packages.

    Raises:
        TuningError: In no way.
    """
    # relocatable: it is made under another name than it will have
    _call(uv, "venv", "--quiet", "--relocatable", "--python", _python(), str(folder))
    overrides = folder / "overrides.txt"
    overrides.write_text("".join(f"{name} ; python_version < '0'\n" for name in NOT_NEEDED), encoding="utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{pin}\n" for pin in TESTED), encoding="utf-8")
    places = [option for place in find_links() for option in ("--find-links", place)]
    choices = torch_choices(gpu=has_gpu())
    for number, (torch, options) in enumerate(choices, start=1):
        try:
            _call(
                uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"),
                "--overrides", str(overrides), "--constraints", str(constraints),
                *places, *options, *_requirements(torch),
            )  # fmt: skip
            break
        except TuningError:
            if number == len(choices):
                raise
    # a foreign release may break what is not pinned: it is found out here, not in a training
    _call(str(folder / "bin" / "python"), "-c", "import autotrain.trainers.clm.train_clm_sft")


def _call(*command: str) -> None:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("UV_") or name in ("PIP_CERT", "NETRC")
    }
    variables = {"UV_HTTP_TIMEOUT": "180", **cleaned(os.environ), **kept, "UV_NO_PROGRESS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    if done.returncode == 0:
        return
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["nothing was said"]
    raise TuningError(
        f"AutoTrain's environment cannot be made: {' '.join(said[-4:])}",
        hint=f"It needs Python {PYTHON} and, once, a package registry; then call again: what was fetched is kept.",
    )


def _python() -> str:
    """This Python where it is the right one, else the one that uv finds."""
    return sys.executable if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON else PYTHON


def _uv() -> str:
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise MissingExtraError("AutoTrain", "autotrain")
    return found


@contextmanager
def _waiting_for(lock: Path) -> Iterator[None]:
    """Holds a lock, after waiting for whoever holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
