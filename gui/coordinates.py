"""The point that is looked at: training step, noise level t, class, seed; how pictures are drawn there.

`Session` builds on this class. Each move emits one signal; `edited` tells undo of those a hand made.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.clip.config import ClipConfig
from engine.compute import Compute
from engine.config import RunConfig, SamplingConfig
from engine.diffusion.schedules import Schedule
from engine.diffusion.schedules import schedule as make_schedule
from engine.export.animation_config import AnimationConfig
from engine.page_config import RaceConfig, RecognitionConfig, TimeMachineConfig
from engine.settings import parse
from engine.use_config import UseConfig
from gui.training import TrainingControl

DEFAULT_SHARE = 0.42  # of T: where form begins to show
DEFAULT_CLASS = 3
NEW_SEEDS = 10_000  # seeds drawn here stay short to read; typed ones may be longer
LARGEST_SEED = 2**63 - 1
MOST_PREVIOUS = 100


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """An image of the Forward page. number counts from 1 within the class's test images; a file takes their place."""

    class_label: int
    number: int
    file: str = ""


class Coordinates(TrainingControl):
    """The four coordinates and what belongs to them.

    by_hand False marks moves that nobody made with a control (playing, following live): `edited` stays
    silent for them.
    """

    step_changed = Signal(object)
    noise_level_changed = Signal(int)
    class_changed = Signal(int)
    seed_changed = Signal(object)
    sampling_changed = Signal()
    average_changed = Signal()
    schedule_changed = Signal()
    following_changed = Signal(bool)
    edited = Signal(str, object, object)  # name of a coordinate or setting, value before, value after
    race_changed = Signal()
    use_changed = Signal()
    recognition_changed = Signal()
    time_machine_changed = Signal()
    clip_changed = Signal()
    smoothing_changed = Signal(float)
    restored = Signal(str, object)  # undo of something a page keeps itself (the image of Forward)

    def __init__(self, compute: Compute, parent: QObject | None = None) -> None:
        super().__init__(compute, parent)
        self.snapshots: list[int] = []  # steps that can be looked at
        self.step = 0
        self.following = True
        self.schedule: Schedule = make_schedule("linear", 1000)
        self.t = round(DEFAULT_SHARE * 1000)
        self.class_label = DEFAULT_CLASS
        self.seed = 0
        self.previous_seeds: list[int] = []
        self._seed_chosen = False  # until then a run may bring the seed it has recordings of
        self.sampling = SamplingConfig()
        self.race = RaceConfig()
        self.use = UseConfig()  # of page Use
        self.recognition = RecognitionConfig()
        self.time_machine = TimeMachineConfig()
        self.clip = ClipConfig()
        self.image: ImageChoice | None = None  # of the Forward page; None: none was chosen yet
        self.smoothing: float | None = None  # of the loss curve; None: as the plot has it
        self.animation: AnimationConfig | None = None  # how the last one was exported; None: none was
        self.history_shown = False  # on the Train page, in place of the strip of samples
        self.average_percent: float | None = None  # over the last so much of training; None: as stored

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes there are."""
        raise NotImplementedError

    def _point_moved(self) -> None:
        """Something that a picture depends on has changed."""
        raise NotImplementedError

    # ---- moving ----

    def set_step(self, step: int, *, by_hand: bool = True) -> None:
        """Look at the snapshot nearest to a training step. Anything but the newest stops following."""
        if not self.snapshots:
            return
        step = min(self.snapshots, key=lambda s: abs(s - step))
        if by_hand:
            self._set_following(step == self.snapshots[-1])
        if step == self.step:
            return
        before, self.step = self.step, step
        if not self.following:
            self.pin_snapshots(step)
        self._point_moved()
        self.step_changed.emit(step)
        if by_hand:
            self.edited.emit("step", before, step)

    def follow_live(self) -> None:
        """Look at the newest snapshot, and go with it."""
        self._set_following(True)
        self.pin_snapshots()
        if self.snapshots:
            self.set_step(self.snapshots[-1])

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self.following_changed.emit(following)

    def set_noise_level(self, t: int, *, by_hand: bool = True) -> None:
        """Look at noise level t of the display schedule, 0 (picture) to T (noise)."""
        t = max(0, min(self.schedule.num_timesteps, int(t)))
        if t == self.t:
            return
        before, self.t = self.t, t
        self.noise_level_changed.emit(t)
        if by_hand:
            self.edited.emit("t", before, t)

    def set_class(self, class_label: int, *, by_hand: bool = True) -> None:
        """Look at another class; one that this run has not is ignored."""
        if class_label == self.class_label or not 0 <= class_label < len(self.class_names):
            return
        before, self.class_label = self.class_label, class_label
        self._point_moved()
        self.class_changed.emit(class_label)
        if by_hand:
            self.edited.emit("class", before, class_label)

    def set_seed(self, seed: int, *, by_hand: bool = True) -> None:
        """Start from other noise."""
        seed = max(0, min(LARGEST_SEED, int(seed)))
        self._seed_chosen = True
        if seed == self.seed:
            return
        before, self.seed = self.seed, seed
        self.previous_seeds.append(before)
        del self.previous_seeds[:-MOST_PREVIOUS]
        self._point_moved()
        self.seed_changed.emit(seed)
        if by_hand:
            self.edited.emit("seed", before, seed)

    def new_seed(self) -> None:
        """A seed drawn by chance."""
        self.set_seed(secrets.randbelow(NEW_SEEDS))

    def previous_seed(self) -> None:
        """Back to the seed before."""
        if self.previous_seeds:
            self.set_seed(self.previous_seeds[-1])
            del self.previous_seeds[-2:]

    def set_sampling(self, *, by_hand: bool = True, **changes: Any) -> None:
        """Change how pictures are drawn, e.g. guidance_scale=3.0. Raises BadSetting with the range."""
        self.replace_sampling(parse(SamplingConfig, {**self.sampling.model_dump(), **changes}),
                              by_hand=by_hand)

    def replace_sampling(self, sampling: SamplingConfig, *, by_hand: bool = True) -> None:
        """All sampling settings at once."""
        if sampling == self.sampling:
            return
        before, self.sampling = self.sampling, sampling
        self._point_moved()
        self.sampling_changed.emit()
        if by_hand:
            self.edited.emit("sampling", before, sampling)

    def set_average(self, percent: float | None, *, by_hand: bool = True) -> None:
        """Draw from weights averaged over the last so many percent of training; None: as the snapshots hold them."""
        if percent == self.average_percent:
            return
        before, self.average_percent = self.average_percent, percent
        self._point_moved()
        self.average_changed.emit()
        if by_hand:
            self.edited.emit("average", before, percent)

    def set_race(self, race: RaceConfig, *, by_hand: bool = True) -> None:
        """Other lanes for the race between samplers, or other ways to look at it."""
        if race == self.race:
            return
        before, self.race = self.race, race
        self.race_changed.emit()
        if by_hand:
            self.edited.emit("race", before, race)

    def set_time_machine(self, config: TimeMachineConfig) -> None:
        """Another map of the time machine, or another look at it."""
        if config == self.time_machine:
            return
        before, self.time_machine = self.time_machine, config
        self.time_machine_changed.emit()
        self.edited.emit("time-machine", before, config)

    def set_clip(self, config: ClipConfig) -> None:
        """Another way to score with CLIP."""
        if config == self.clip:
            return
        before, self.clip = self.clip, config
        self.clip_changed.emit()
        self.edited.emit("clip", before, config)

    def set_recognition(self, config: RecognitionConfig, *, by_hand: bool = True) -> None:
        """Another way to measure recognition, or another look at it."""
        if config == self.recognition:
            return
        before, self.recognition = self.recognition, config
        self.recognition_changed.emit()
        if by_hand:
            self.edited.emit("recognition", before, config)

    def set_use(self, use: UseConfig, *, by_hand: bool = True) -> None:
        """Other settings of page Use, or another part of it."""
        if use == self.use:
            return
        before, self.use = self.use, use
        self.use_changed.emit()
        if by_hand:
            self.edited.emit("use", before, use)

    def set_smoothing(self, smoothing: float) -> None:
        """How strongly the loss curve is smoothed: the share of the last value that is kept."""
        if smoothing != self.smoothing:
            self.smoothing = smoothing
            self.smoothing_changed.emit(smoothing)

    def change_by_hand(self, **changes: float) -> None:
        """New values for live settings of the run that trains, as one step of undo."""
        now = self.training_settings
        if not self.training or now is None:
            return
        before = {name: getattr(now, name) for name in changes}
        self.change_training(**changes)
        if before != changes:
            self.edited.emit("training", before, changes)

    def edit_draft(self, config: RunConfig) -> None:
        """Change the settings of the next run by hand."""
        before = self.draft
        self.set_draft(config)
        if before != self.draft:
            self.edited.emit("draft", before, self.draft)

    def restore(self, name: str, value: Any) -> None:
        """Put back a value that `edited` told of (undo, and the state kept over a restart)."""
        match name:
            case "step":
                self.set_step(value, by_hand=False)
                self._set_following(bool(self.snapshots) and self.step == self.snapshots[-1])
            case "t":
                self.set_noise_level(value, by_hand=False)
            case "class":
                self.set_class(value, by_hand=False)
            case "seed":
                self.set_seed(value, by_hand=False)
            case "sampling":
                self.replace_sampling(value, by_hand=False)
            case "average":
                self.set_average(value, by_hand=False)
            case "race":
                self.set_race(value, by_hand=False)
            case "use":
                self.set_use(value, by_hand=False)
            case "time-machine":
                self.time_machine = value
                self.time_machine_changed.emit()
            case "clip":
                self.clip = value
                self.clip_changed.emit()
            case "recognition":
                self.set_recognition(value, by_hand=False)
            case "draft":
                self.set_draft(value)
            case "schedule":
                self.set_schedule(*value, by_hand=False)
            case "training":
                self._restore_training(value)
            case "image":
                self.image = value
                self.restored.emit(name, value)
            case "smoothing":
                self.set_smoothing(value)
            case _:
                self.restored.emit(name, value)

    def _restore_training(self, values: dict[str, float]) -> None:
        raise NotImplementedError

    # ---- the schedule that labels the noise levels ----

    def set_schedule(self, name: str, num_timesteps: int, *, by_hand: bool = True) -> None:
        """Another display schedule (Forward page). The point keeps its noise level sigma.

        Raises BadSetting for an unknown name or a T out of range.
        """
        before, after = (self.schedule.name, self.schedule.num_timesteps), (name, num_timesteps)
        self._take_schedule(make_schedule(name, num_timesteps))
        if by_hand and before != after:
            self.edited.emit("schedule", before, after)

    def _take_schedule(self, new: Schedule) -> None:
        old = self.schedule
        if (new.name, new.num_timesteps) == (old.name, old.num_timesteps):
            return
        sigma = float(old.sigma[self.t])
        self.schedule = new
        self.t = new.t_of_sigma(sigma)
        self.schedule_changed.emit()
        self.noise_level_changed.emit(self.t)

    def sigma(self) -> float:
        """Noise over signal at the current point."""
        return float(self.schedule.sigma[self.t])
