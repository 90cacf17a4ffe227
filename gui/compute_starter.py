"""Makes the compute thread for a device. Nothing heavy happens until it is started."""

from __future__ import annotations

from functools import partial

from engine import jobs
from engine.compute import Compute


def make_compute(device: str = "auto") -> Compute:
    """A thread, not yet started, that will import torch and choose that device."""
    return Compute(partial(jobs.make_context, device))
