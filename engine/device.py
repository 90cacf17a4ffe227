"""Which device computes, what it is called, and how much memory the process holds."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path

import torch

from engine.errors import BadSetting


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name: auto takes CUDA, then Apple's GPU, then the CPU.

    Raises BadSetting for a device that is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise BadSetting("There is no CUDA device here.", "Use --device cpu, or auto.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise BadSetting("There is no Apple GPU here.", "Use --device cpu, or auto.")
    if name not in ("cpu", "cuda", "mps"):
        raise BadSetting(f"There is no device called {name}.", "Devices: auto, cpu, cuda, mps.")
    return torch.device(name)


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """The processor's own name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def describe(device: torch.device, precision: str) -> str:
    """For the status bar, e.g. "CPU, bf16, 2 threads"."""
    if device.type == "cpu":
        n = torch.get_num_threads()
        return f"CPU, {precision}, {n} thread{'' if n == 1 else 's'}"
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {precision}"
    return f"Apple GPU, {precision}"


def resident_bytes() -> int:
    """Resident memory of this process; 0 where it cannot be read."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        pass
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return int(used if platform.system() == "Darwin" else used * 1024)
    except ImportError:
        return 0
