"""How fast this machine trains and samples: what `bench` and the scripts in benchmarks/ measure with.

Counts are asserted or counted, never guessed; times belong to the machine that `machine_facts` names.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from engine.build import build_denoiser
from engine.config import RunConfig
from engine.device import cores, cpu_name, resident_bytes
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.sample import sample_images
from engine.errors import DiffuscopeError
from engine.events import Event, StepDone, TrainingFailed
from engine.training.batches import Batch
from engine.training.trainer import Trainer
from engine.workspace import Workspace

ENDLESS = 10_000_000  # steps: the measurement ends training, not the plan
COUNTED_IMAGES = 4  # operations grow with the batch exactly, so a few images tell
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SIZES = (256, 512, 1024, 2048, 4096, 8192)

Say = Callable[[str], None]


class Window(NamedTuple):
    """A stretch of training: whole steps, from one wait for the device to the next."""

    images: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds


class Headless:
    """A run of `config` under way without a window or an end, in a temporary folder; a context manager.

    Everything a run does is in its windows: optimiser, averages, losses, saves and strips of samples.
    """

    def __init__(self, workspace: Workspace, config: RunConfig) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diffuscope-bench-", ignore_cleanup_errors=True)
        self._device = workspace.device
        self.trainer = Trainer(workspace, Path(self._folder.name) / "run",
                               config.changed(training={"num_steps": ENDLESS}))
        self._events = self.trainer.run()
        self.memory_bytes = 0  # the most that was seen at the end of a window

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._folder.cleanup()

    def window(self, seconds: float) -> Window:
        """Train for at least so long, and at least a step. Raises DiffuscopeError where training fails."""
        wait_for(self._device)
        began, images = time.perf_counter(), 0
        while not images or time.perf_counter() - began < seconds:
            event = next(self._events)
            stop_at_failure(event)
            if isinstance(event, StepDone):
                images += self.trainer.learner.batch_size
        wait_for(self._device)
        taken = time.perf_counter() - began
        self.memory_bytes = max(self.memory_bytes, resident_bytes())
        return Window(images, taken)


def stop_at_failure(event: Event) -> None:
    """Raise what training failed with."""
    if isinstance(event, TrainingFailed):
        raise DiffuscopeError(event.report.headline, event.report.advice)


def wait_for(device: torch.device) -> None:
    """Until a GPU has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


# ---- operations ----

class StepFlops(NamedTuple):
    """Floating-point operations for one image, a multiplication and an addition counting two."""

    forward: float
    training: float  # forward and backward


def step_flops(config: RunConfig, shape: tuple[int, int, int], num_classes: int) -> StepFlops:
    """Operations of the network in one training step, for each image, as torch's counter sees them.

    Convolutions and matrix products only, as usual: normalisation, activations and the optimiser are not in it.
    """
    denoiser = build_denoiser(config, shape=shape, num_classes=num_classes, sigma_data=0.5).train()
    n = COUNTED_IMAGES
    pictures = torch.zeros(n, *shape)
    batch = Batch(pictures, pictures, torch.ones(n), torch.zeros(n, dtype=torch.long), torch.ones(n))
    # A fused attention kernel may be unknown to the counter; the products that it stands for are not.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        output, _ = denoiser.raw(batch.x0, batch.sigma, batch.class_labels, batch.class_mask)
        forward = counter.get_total_flops()
        output.sum().backward()  # type: ignore[no-untyped-call]
    return StepFlops(forward / n, counter.get_total_flops() / n)


def matmul_peak(precision: str, device: torch.device, seconds: float = 1.0) -> float:
    """Operations a second of the best square matrix product on all cores: the quickest call of the best size.

    precision: "fp32" (with TF32 on a GPU, as training uses it) or "bf16". Sizes double while there is time left.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(cores())
    best = 0.0
    generator = torch.Generator().manual_seed(0)
    deadline = time.perf_counter() + seconds
    try:
        for size in SIZES:
            a, b = (torch.randn(size, size, generator=generator).to(device, DTYPES[precision]) for _ in range(2))
            out = torch.empty_like(a)
            _timed_product(a, b, out)  # a first call sets kernels up
            quickest, share = _timed_product(a, b, out), time.perf_counter() + seconds / len(SIZES)
            while time.perf_counter() < share:
                quickest = min(quickest, _timed_product(a, b, out))
            best = max(best, 2 * size**3 / quickest)
            if time.perf_counter() + 2 * 8 * quickest > deadline:  # two calls of the next size
                break
    finally:
        torch.set_num_threads(threads)
    return best


def _timed_product(a: Tensor, b: Tensor, out: Tensor) -> float:
    wait_for(a.device)
    began = time.perf_counter()
    torch.mm(a, b, out=out)
    wait_for(a.device)
    return time.perf_counter() - began


# ---- what is reported ----

def machine_facts(device: torch.device) -> dict[str, Any]:
    """What a figure belongs to."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {"cpu": cpu_name(), "cores": cores(), "gpu": gpu, "system": platform.platform(),
            "python": platform.python_version(), "torch": torch.__version__,
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def measure_training(workspace: Workspace, config: RunConfig, *, windows: int = 5, window_seconds: float = 4.0,
                     warm_up_seconds: float = 3.0, peak_seconds: float = 2.0,
                     say: Say = lambda text: None) -> dict[str, Any]:
    """Images a second of training, and which share that is of the machine's measured matrix product.

    The peak is measured before and after training, and the better of each counts.
    """
    device = workspace.device
    say("matrix products")
    peaks = {name: matmul_peak(name, device, peak_seconds) for name in DTYPES}
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    say(f"training, preset {config.preset}")
    with Headless(workspace, config) as run:
        run.window(warm_up_seconds)  # the choice of the layout is before its first step
        timed = [run.window(window_seconds) for _ in range(windows)]
        learner = run.trainer.learner
        layout, batch_size = learner.layout, learner.batch_size
        shape, num_classes = learner.shape, learner.num_classes
        parameters = sum(p.numel() for p in learner.denoiser.network.parameters())
    say("matrix products again")
    peaks = {name: max(peaks[name], matmul_peak(name, device, peak_seconds)) for name in DTYPES}
    flops = step_flops(config, shape, num_classes)
    rate = median(w.images_per_second for w in timed)
    used = rate * flops.training
    return {
        "preset": config.preset, "parameters": parameters, "batch_size": batch_size,
        "device": device.type, "precision": layout.precision, "channels_last": layout.channels_last,
        "threads": torch.get_num_threads(),
        "images_per_second": rate,
        "windows": [{"images": w.images, "seconds": w.seconds, "images_per_second": w.images_per_second}
                    for w in timed],
        "mflop_per_image": {"forward": flops.forward / 1e6, "training_step": flops.training / 1e6},
        "gflops": used / 1e9,
        "matmul_peak_gflops": {name: peak / 1e9 for name, peak in peaks.items()},
        "peak_precision": layout.precision,
        "share_of_peak": used / peaks[layout.precision],
        "resident_mb": run.memory_bytes / 1e6,
        "gpu_mb": torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None,
    }


def measure_sampling(workspace: Workspace, path: Path, *, repeats: int = 7) -> dict[str, Any]:
    """Seconds from the request to ten finished pictures, one a class, with the run's own sampling settings."""
    model = workspace.model(path, None)
    sampling = model.run.info.config.sampling
    weaker, scorer = workspace.weaker(model, sampling), workspace.scorer(model, sampling)
    labels = [i % model.num_classes for i in range(10)]

    def draw() -> float:
        began = time.perf_counter()
        for _ in sample_images(model.denoiser, labels, labels, sampling, shape=model.shape,
                               num_classes=model.num_classes, device=workspace.device, weaker=weaker, scorer=scorer):
            pass  # as bytes on the host: nothing is left to wait for
        return time.perf_counter() - began

    first = draw()
    taken = [draw() for _ in range(repeats)]
    return {
        "run": model.run.name, "snapshot": model.snapshot, "pictures": len(labels),
        "sampling": sampling.model_dump(),
        "network_evaluations": network_evaluations(sampling, model.denoiser.schedule),
        "seconds": median(taken), "first_seconds": first, "all_seconds": taken,
        "resident_mb": resident_bytes() / 1e6,
    }
