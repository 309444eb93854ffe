"""The blocks of code of a page: what a reader would type, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

NOT_RUN = "<!-- not run by the tests -->"
"""A page puts this on the line before a block that needs a key, a GPU or a network."""

_BLOCK = re.compile(
    rf"(?P<skipped>^{re.escape(NOT_RUN)}\n\s*)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of a page."""

    language: str
    text: str
    run: bool
    """Whether the tests run it, where it is a program."""


def code_blocks(path: Path) -> list[Block]:
    """All fenced blocks of a Markdown page."""
    found = _BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [Block(b["language"], b["text"], run=not b["skipped"]) for b in found]


def shell_blocks(path: Path) -> list[str]:
    """The ```sh blocks of a Markdown page, without those that are marked as not run."""
    return [b.text for b in code_blocks(path) if b.language == "sh" and b.run]
