"""Where benchmarks keep their figures: one JSON file each, with what they were measured on."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def write(name: str, *, hardware: str, packages: list[str], figures: dict[str, Any]) -> Path:
    """Writes `results/<name>.json` and returns its path."""
    content = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware,
        "versions": {"python": platform.python_version(), **{p: _version(p) for p in packages}},
        **figures,
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
