"""The commands of a page: what a reader would type, in order."""

from __future__ import annotations

import re
from pathlib import Path

NOT_RUN = "<!-- not run by the tests -->"
"""A page puts this on the line before a block that needs a key, a GPU or a network."""

_BLOCK = re.compile(
    rf"(?P<skipped>^{re.escape(NOT_RUN)}\n\s*)?^```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL
)


def shell_blocks(path: Path) -> list[str]:
    """The ```sh blocks of a Markdown page, without those that are marked as not run."""
    found = _BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [block["commands"] for block in found if not block["skipped"]]
