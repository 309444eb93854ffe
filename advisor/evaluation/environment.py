"""What a run ran on: hardware and software, so that figures can be placed."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_SOFTWARE = ("advisor", "torch", "transformers", "trl", "peft", "xgrammar", "scikit-learn", "openai")


def describe_environment() -> dict[str, Any]:
    """{"hardware": one line, "software": versions by name}."""
    software = {"python": platform.python_version()}
    for name in _SOFTWARE:
        try:
            software[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"hardware": hardware(), "software": software}


def hardware() -> str:
    """Processor, usable cores and memory, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = _memory_gib()
    parts = [_processor(), f"{cores} cores", f"{memory:.0f} GiB of memory" if memory else ""]
    return ", ".join(p for p in parts if p)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float | None:
    if sys.platform == "win32":
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return None
