"""What a tuning job leaves on disk while it runs, so that it can be stopped at any moment.

Everything appears whole or not at all: folders are written beside their place and renamed into it. The
trainer writes its own checkpoints in place; they count only once a manifest of their content stands in them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from advisor.files import write_whole
from advisor.models._weights import sha256

_MANIFEST = "manifest.json"


def write_json(path: Path, content: JsonValue) -> None:
    """Writes a file whole or not at all."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, JsonValue]:
    """Reads what `write_json` wrote; empty where it is not there."""
    if not path.is_file():
        return {}
    content: dict[str, JsonValue] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Makes a folder whole or not at all; one that is there already is replaced."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    fill(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def seal(checkpoint: Path) -> None:
    """Writes down what a finished checkpoint consists of."""
    files = sorted(p for p in checkpoint.rglob("*") if p.is_file() and p.name != _MANIFEST)
    write_json(checkpoint / _MANIFEST, {str(p.relative_to(checkpoint)): sha256(p) for p in files})


def latest_whole(folder: Path) -> Path | None:
    """The latest checkpoint that is whole; later ones that are not are removed."""
    found = [p for p in folder.glob("checkpoint-*") if p.name.removeprefix("checkpoint-").isdecimal()]
    for checkpoint in sorted(found, key=lambda p: -int(p.name.removeprefix("checkpoint-"))):
        if _is_whole(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def _is_whole(checkpoint: Path) -> bool:
    try:
        manifest = read_json(checkpoint / _MANIFEST)
    except ValueError:
        return False
    return bool(manifest) and all(
        (checkpoint / name).is_file() and sha256(checkpoint / name) == expected
        for name, expected in manifest.items()
    )
