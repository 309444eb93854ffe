"""What this machine computes with: device, number format, threads, and how to name it in a report."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import torch


@dataclass(frozen=True)
class Hardware:
    """Where and in which number format a model runs."""

    device: str
    dtype: torch.dtype
    threads: int

    @property
    def name(self) -> str:
        """One line for reports, e.g. `Intel Xeon, 2 threads, bfloat16`."""
        number_format = str(self.dtype).removeprefix("torch.")
        if self.device == "cuda":
            return f"{torch.cuda.get_device_name()}, {number_format}"
        return f"{_cpu_name()}, {self.threads} threads, {number_format}"


def detect() -> Hardware:
    """CUDA where there is a device, else the CPU; bfloat16 only where the hardware multiplies in it."""
    threads = cpu_count()
    if torch.cuda.is_available():
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
        return Hardware("cuda", dtype, threads)
    # Without these instructions bfloat16 is emulated, and several times slower than float32.
    fast = {"avx512_bf16", "amx_bf16", "amx_tile", "bf16"} & set(_cpu_info("flags", "Features").split())
    return Hardware("cpu", torch.bfloat16 if fast else torch.float32, threads)


def with_precision(hardware: Hardware, precision: str) -> Hardware:
    """The same hardware in another number format: auto (as it is), bf16 or fp32."""
    formats = {"bf16": torch.bfloat16, "fp32": torch.float32}
    return replace(hardware, dtype=formats.get(precision, hardware.dtype))


def use_all_threads() -> None:
    """Sets torch's threads to the cores this process may use; more slow it down tenfold."""
    if torch.get_num_threads() != cpu_count():
        torch.set_num_threads(cpu_count())


def cpu_count() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    return _cpu_info("model name") or platform.processor() or platform.machine()


def _cpu_info(*keys: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in keys:
            return value.strip()
    return ""
