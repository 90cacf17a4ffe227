"""What the compute thread holds: the device, data sets on it, and lately used models."""

from __future__ import annotations

import gc
from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from engine.build import build_denoiser, load_weights
from engine.config import SamplingConfig
from engine.data.catalogue import Dataset, load_dataset
from engine.data.subset import subset
from engine.device import choose_device, cores
from engine.diffusion.clip_guidance import Scorer
from engine.diffusion.denoiser import Denoiser
from engine.errors import BadSetting
from engine.runs import Run, load_average
from engine.settings import number

if TYPE_CHECKING:
    from engine.clip.model import ClipModel

KEPT_MODELS = 6


class LoadedModel(NamedTuple):
    """A snapshot of a run, ready to be asked. In float32, so that pictures do not depend on the machine.

    average_percent: "average over the last so many percent of training"; None is the average it was saved with.
    """

    run: Run
    snapshot: int
    denoiser: Denoiser
    average_percent: float | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.run.info.image_shape

    @property
    def num_classes(self) -> int:
        return len(self.run.info.class_names)


class DeviceData(NamedTuple):
    """A training set as one uint8 tensor (N, C, H, W) on the device, with its labels (N,)."""

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    sigma_data: float
    flips: tuple[bool, ...] = ()  # see `engine.data.dataset.Dataset`


class Workspace:
    """Owned by one thread. threads None takes every core."""

    def __init__(self, device: str = "auto", threads: int | None = None) -> None:
        torch.set_num_threads(threads or cores())
        self.device = choose_device(device)
        self._side: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
            self._side = torch.cuda.Stream(self.device, priority=-1)  # type: ignore[no-untyped-call]
        self._models: OrderedDict[tuple[Path, int, float | None], LoadedModel] = OrderedDict()
        self._scorer: tuple[tuple[str, Path], Scorer] | None = None
        self._clip: tuple[str, ClipModel] | None = None
        self._data: dict[tuple[str, int, int], tuple[Dataset, DeviceData]] = {}

    def lane(self, interactive: bool) -> AbstractContextManager[object]:
        """Where work that a person waits for is queued: on a GPU a stream of high priority of its own.

        Training is queued some hundred steps ahead there, and what shares its stream waits for all of them. What
        either lane makes on the device, the other may use: `data` and `model` wait until it is there.
        """
        return torch.cuda.stream(self._side) if interactive and self._side is not None else nullcontext()

    def data(self, name: str, num_images: int = 0, subset_seed: int = 0) -> DeviceData:
        """A data set's training half on the device, or num_images of it (see `engine.data.subset`)."""
        key = (name, num_images, subset_seed if num_images else 0)
        dataset = load_dataset(name)
        known = self._data.get(key)
        if known is None or known[0] is not dataset:  # a set that was imported anew is another one
            chosen = subset(dataset.train_labels, num_images, subset_seed) if num_images else slice(None)
            images = torch.from_numpy(dataset.train_images[chosen])
            labels = torch.from_numpy(dataset.train_labels[chosen])
            made = DeviceData(images.to(self.device), labels.to(self.device), dataset.class_names,
                              dataset.sigma_data, dataset.flips)
            known = self._data[key] = dataset, made
            self._settle()
        return known[1]

    def model(self, path: Path, snapshot: int | None, average_percent: float | None = None) -> LoadedModel:
        """The averaged weights of a snapshot (None: the newest) as a denoiser; the last few are kept.

        average_percent: over the last so many percent of training (see `engine.runs.posthoc`); None as saved. Raises
        BadRun for a damaged or missing snapshot, BadSetting for an average that cannot be made there.
        """
        run = Run.open(path)
        steps = [s.step for s in run.snapshots()]
        step = snapshot if snapshot is not None else (steps[-1] if steps else 0)
        key = (path.resolve(), step, average_percent)
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        step, tensors = load_average(run, step, average_percent)
        info = run.info
        denoiser = build_denoiser(info.config, shape=info.image_shape, num_classes=len(info.class_names),
                                  sigma_data=info.sigma_data)
        load_weights(denoiser, tensors, f"snapshot {step}")
        denoiser = denoiser.to(self.device).eval().requires_grad_(False)
        self._settle()
        self._models[key] = LoadedModel(run, step, denoiser, average_percent)
        while len(self._models) > KEPT_MODELS:
            self._models.popitem(last=False)
        return self._models[key]

    def weaker(self, model: LoadedModel, sampling: SamplingConfig) -> Denoiser | None:
        """The early snapshot that these settings guide against, of the same run; None where they name none.

        Raises BadSetting for a step that is no snapshot, or is not earlier than the model's own.
        """
        step = sampling.autoguide_step
        if step is None:
            return None
        earlier = [s.step for s in model.run.snapshots() if s.step < model.snapshot]
        if not earlier:
            raise BadSetting(f"Step {number(model.snapshot)} is the earliest snapshot of {model.run.name}, so there is "
                             "none to guide against.", "Draw from a later one, or guide against no class.")
        if step not in earlier:
            near = sorted(sorted(earlier, key=lambda s: abs(s - step))[:2])
            why = f"is not before step {number(model.snapshot)}, which draws" if step >= model.snapshot else \
                f"is no snapshot of {model.run.name}"
            raise BadSetting(f"Guidance needs an earlier snapshot to lead away from; step {number(step)} {why}.",
                             f"There are {len(earlier)}, the nearest at step {' and '.join(map(number, near))}.")
        return self.model(model.run.path, step).denoiser

    def scorer(self, model: LoadedModel, sampling: SamplingConfig) -> Scorer | None:
        """The reader of pictures that these settings guide by, for the classes of the model's run; None where nobody
        has a say. The last one is kept.

        Raises BadSetting for a reader that cannot read what the run draws, and whatever loading a CLIP raises.
        """
        if not sampling.clips:
            return None
        key = (sampling.clip_model, model.run.path.resolve())
        if self._scorer is None or self._scorer[0] != key:
            from engine.measure.scorers import make_scorer

            self._scorer = key, make_scorer(sampling.clip_model, model.run, self)
            self._settle()
        return self._scorer[1]

    def clip(self, source: str) -> ClipModel:
        """The CLIP of a source; the last one is kept, also when another cannot be loaded.

        Raises what `engine.clip.loading.load_clip` raises.
        """
        from engine.clip.loading import load_clip
        from engine.clip.sources import check_source, source_mark

        key = f"{check_source(source)} {source_mark(check_source(source))}"
        if self._clip is None or self._clip[0] != key:
            self._clip = key, load_clip(source, device=self.device)
            self._settle()
        return self._clip[1]

    def _settle(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()

    def free(self) -> None:
        """Let go of cached models and of the device's spare memory."""
        self._models.clear()
        self._scorer = None
        self._clip = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def close(self) -> None:
        """Called when the thread ends."""
        self.free()
        self._data.clear()
