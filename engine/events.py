"""What long jobs say: small frozen dataclasses, free of torch, so that any thread or process may read them.

Each event names the way it travels by its class attribute `channel`:
  "control"  lossless and in order (state changes, errors, saves);
  "picture"  newest wins, one place for each job key (frames, sample strips, progress);
  "loss"     appended to the growing loss buffer;
  "tick"     goes nowhere: it only gives the compute thread a moment to attend to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig, TrainingConfig
from engine.errors import ErrorReport


class TrainingState(StrEnum):
    """The states of training, as words for the status bar (capitalise the first letter)."""

    IDLE = "idle"
    PREPARING = "preparing"
    TRAINING = "training"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether a run is open for writing in this process."""
        return self in (self.PREPARING, self.TRAINING, self.PAUSING, self.PAUSED, self.STOPPING)


class Event:
    """Base of all events."""

    __slots__ = ()
    channel: ClassVar[str] = "control"


# ---- commands to a running job: sent into its generator between two events ----------------------------

class Command:
    """Base of what may be sent into a job."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pause(Command):
    """Save, then wait; the model stays in memory."""


@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Go on."""


@dataclass(frozen=True, slots=True)
class RunSteps(Command):
    """Go on for so many steps, then pause again; "+1 epoch" is RunSteps(steps of an epoch)."""

    num_steps: int = 1


@dataclass(frozen=True, slots=True)
class Stop(Command):
    """Save and end. With keep False the run of this session is discarded (its folder goes to the trash)."""

    keep: bool = True


@dataclass(frozen=True, slots=True)
class SaveSnapshot(Command):
    """Keep the averaged weights of this step; never thinned away."""


@dataclass(frozen=True, slots=True)
class ChangeTraining(Command):
    """New values for settings that are `live`, e.g. {"learning_rate": 1e-3}; answered by TrainingChanged or Warned."""

    changes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class PinSnapshots(Command):
    """Snapshot steps that somebody is looking at; thinning spares them."""

    steps: tuple[int, ...]


# ---- training ----------------------------------------------------------------------------------------

REFUSED_CHANGE = "refused-change"  # kind of the warning that says why a setting stayed as it was


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """Training entered a state."""

    state: TrainingState
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunOpened(Event):
    """The run folder exists and its run.json can be read."""

    path: Path
    num_steps: int
    resumed_at: int = 0
    inexact: str = ""  # why a resume is not bit-exact; empty when it is


@dataclass(frozen=True, slots=True)
class TrainingChanged(Event):
    """These settings hold from the next step on, and the run folder says so."""

    training: TrainingConfig


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """A moment to attend to somebody else; says nothing."""

    channel: ClassVar[str] = "tick"


@dataclass(frozen=True, slots=True)
class StepDone(Event):
    """One optimiser step was asked of the device (which may still be computing it)."""

    channel: ClassVar[str] = "tick"
    step: int
    images_seen: int


@dataclass(frozen=True, slots=True)
class LossPoints(Event):
    """Losses since the last fetch (about every 100 ms): equal-length arrays."""

    channel: ClassVar[str] = "loss"
    steps: NDArray[np.int64]
    losses: NDArray[np.float32]
    seconds: NDArray[np.float32]  # of training, pauses left out
    eps_mse: NDArray[np.float32]  # E|eps - eps_hat|^2 of the same batches, whatever the network predicts

    def first(self, count: int) -> LossPoints:
        """The first so many of them."""
        return LossPoints(self.steps[:count], self.losses[:count], self.seconds[:count], self.eps_mse[:count])


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """Where training stands; about ten a second."""

    channel: ClassVar[str] = "picture"
    step: int
    num_steps: int
    images_seen: int
    epoch: float
    images_per_second: float
    seconds: float  # trained so far
    seconds_left: float | None  # None while it is still being estimated
    memory_bytes: int  # resident memory of this process
    device: str  # "CPU, bf16, 2 threads"
    learning_rate: float
    last_saved_step: int


@dataclass(frozen=True, slots=True)
class SnapshotSaved(Event):
    """Averaged weights of a step can be read from the run folder."""

    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class StateSaved(Event):
    """A resume point was written; time is time.time()."""

    step: int
    time: float


@dataclass(frozen=True, slots=True)
class Marker(Event):
    """Something to mark on the loss curve: "paused", "resumed", "lr", "plan"."""

    kind: str
    step: int
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class SamplesReady(Event):
    """One picture a class from the averaged weights of a step, always with the same seeds."""

    channel: ClassVar[str] = "picture"
    step: int
    images: NDArray[np.uint8]  # (N, H, W) or (N, H, W, 3)
    class_labels: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Work goes on, but: shown until `WarningCleared` of the same kind."""

    report: ErrorReport


@dataclass(frozen=True, slots=True)
class WarningCleared(Event):
    """What `Warned` told of is over."""

    kind: str


@dataclass(frozen=True, slots=True)
class TrainingFailed(Event):
    """Training ended by itself. smaller_batch: what to try after out of memory, else 0."""

    report: ErrorReport
    step: int
    last_saved_step: int
    smaller_batch: int = 0


# ---- jobs in general ---------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class JobProgress(Event):
    """n of total units done, e.g. 12 of 51 frames."""

    channel: ClassVar[str] = "picture"
    n: int
    total: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class JobFailed(Event):
    """A job other than training ended in an error."""

    report: ErrorReport


@dataclass(frozen=True, slots=True)
class JobDone(Event):
    """Sent by the compute thread after a job's last event; cancelled jobs have done = False."""

    done: bool = True


# ---- pictures ----------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class TrajectoryRequest:
    """Which trajectories to record: one for each class label, all from the same seed.

    snapshot None is the run's newest. average_percent: weights averaged over the last so many percent of training,
    None as the snapshot holds them. start_step > 0 with a parent trajectory is left for branches.
    """

    run: Path
    snapshot: int | None
    class_labels: tuple[int, ...]
    seed: int
    sampling: SamplingConfig
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Recorded frames for one class and seed, noise first: F = num_steps + 1 frames, the last is the picture.

    Pictures are float16, unclipped, (F, C, H, W), scaled as x_t = sqrt(alpha_bar)(x0 + sigma eps).
    Frame i holds x at noise level sigma[i]; x0, eps and guidance are what the network said there, and the
    last frame repeats the last answer. `filled` frames are valid (a job fills them one by one).
    """

    class_label: int
    seed: int
    snapshot: int
    sigma: NDArray[np.float64]
    t: NDArray[np.int64]  # nearest timestep of the run's display schedule
    x: NDArray[np.float16]
    x0: NDArray[np.float16]
    eps: NDArray[np.float16]
    guidance: NDArray[np.float16]  # D_c - D_u; zeros where only one was computed
    filled: int

    def frame_at(self, t: int) -> int:
        """The filled frame whose t is nearest; -1 when none is filled."""
        if self.filled == 0:
            return -1
        return int(np.abs(self.t[: self.filled] - t).argmin())


@dataclass(frozen=True, eq=False)
class TrajectoriesReady(Event):
    """The answer to a TrajectoryRequest so far; complete when every frame is filled."""

    channel: ClassVar[str] = "picture"
    request: TrajectoryRequest
    snapshot: int  # the step really used
    trajectories: dict[int, Trajectory]
    complete: bool
    nfe: int  # network evaluations for each picture
    seconds: float


@dataclass(frozen=True, eq=False)
class JumpRequest:
    """What the model makes of one real picture noised to each of some timesteps."""

    run: Path
    snapshot: int | None
    x0: NDArray[np.float32] = field(repr=False)  # (C, H, W)
    class_label: int
    seed: int
    timesteps: tuple[int, ...]
    schedule: str
    num_timesteps: int
    num_steps: int = 25  # of the "many steps" row
    guidance_scale: float = 1.0
    use_class: bool = False  # tell the model the class, or let it judge by the picture alone


@dataclass(frozen=True, eq=False)
class JumpsReady(Event):
    """Rows for "gradually or all at once": float16 (n, C, H, W), one picture a timestep of the request."""

    channel: ClassVar[str] = "picture"
    request: JumpRequest
    snapshot: int
    one_jump: NDArray[np.float16]
    many_steps: NDArray[np.float16]
    trained: tuple[bool, ...]  # whether this run was trained at that noise level
    complete: bool
