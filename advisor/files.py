"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def safe_name(text: str) -> str:
    """A file name made of a foreign text: one that stays in its folder, is not hidden, and is not too long."""
    return _UNSAFE.sub("-", text).strip(".-")[:80].rstrip(".-") or "unnamed"


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file beside its place and moves it there, so that nobody ever sees a part of it.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
