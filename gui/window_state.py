"""What the window looks like at the next start: geometry, page, run, the four coordinates. Never run data.

An INI file. Every value is read by itself: one that makes no sense is left out, the others count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from engine import paths
from engine.clip.config import ClipConfig
from engine.config import SamplingConfig
from engine.diffusion.schedules import schedule
from engine.errors import BadSetting
from engine.export.animation_config import AnimationConfig
from engine.page_config import RaceConfig, RecognitionConfig, TimeMachineConfig
from engine.settings import Group
from engine.use_config import UseConfig
from gui.coordinates import ImageChoice

log = logging.getLogger(__name__)

MOST_RECENT = 8


@dataclass(slots=True)
class Place:
    """Where the user was. None: not known."""

    run: str = ""
    page: str = ""
    step: int | None = None
    following: bool | None = None
    t: int | None = None
    class_label: int | None = None
    seed: int | None = None
    race: RaceConfig | None = None
    recognition: RecognitionConfig | None = None
    time_machine: TimeMachineConfig | None = None
    clip: ClipConfig | None = None
    sampling: SamplingConfig | None = None
    schedule: tuple[str, int] | None = None  # on display, where it is not the run's own: name, T
    image: ImageChoice | None = None  # of the Forward page; a picture of the user's own is not kept
    smoothing: float | None = None  # of the loss curve
    use: UseConfig | None = None  # of page Use
    history: bool | None = None  # whether the Train page shows the history of samples
    animation: AnimationConfig | None = None  # how the last one was exported


@dataclass(slots=True)
class WindowState:
    """Everything that is kept. Sizes in px as Qt gives them."""

    geometry: QByteArray = field(default_factory=QByteArray)
    place: Place = field(default_factory=Place)
    recent: list[str] = field(default_factory=list)
    setup_open: bool | None = None
    explain_open: bool | None = None
    setup_width: int | None = None
    explain_width: int | None = None
    loop: bool | None = None
    bounce: bool | None = None
    speed: float | None = None


def _settings() -> QSettings:
    return QSettings(str(paths.data_dir() / "window.ini"), QSettings.Format.IniFormat)


def _flag(value: Any) -> bool:
    if value in (True, "true", "1"):
        return True
    if value in (False, "false", "0"):
        return False
    raise ValueError(value)


def _small(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 2**31:
        raise ValueError(value)
    return number


def _seed(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 2**63:
        raise ValueError(value)
    return number


def _race(value: Any) -> RaceConfig:
    return RaceConfig.model_validate_json(value)  # its ValidationError is a ValueError


def _time_machine(value: Any) -> TimeMachineConfig:
    return TimeMachineConfig.model_validate_json(value)


def _clip(value: Any) -> ClipConfig:
    return ClipConfig.model_validate_json(value)


def _recognition(value: Any) -> RecognitionConfig:
    return RecognitionConfig.model_validate_json(value)


def _use(value: Any) -> UseConfig:
    return UseConfig.model_validate_json(value)


def _sampling(value: Any) -> SamplingConfig:
    return SamplingConfig.model_validate_json(value)


def _animation(value: Any) -> AnimationConfig:
    return AnimationConfig.model_validate_json(value)


def _schedule(value: Any) -> tuple[str, int]:
    name, steps = str(value).split()
    try:
        made = schedule(name, int(steps))
    except BadSetting as error:
        raise ValueError(value) from error
    return made.name, made.num_timesteps


def _image(value: Any) -> ImageChoice:
    class_label, place = str(value).split()
    if int(place) < 1:
        raise ValueError(value)
    return ImageChoice(_small(class_label), _small(place))


def _smoothing(value: Any) -> float:
    number = float(value)
    if not 0 <= number < 1:
        raise ValueError(value)
    return number


def _speed(value: Any) -> float:
    number = float(value)
    if not 0.25 <= number <= 4:
        raise ValueError(value)
    return number


_PLACE: dict[str, Callable[[Any], Any]] = {
    "run": str, "page": str, "step": _small, "following": _flag, "t": _small, "class_label": _small,
    "seed": _seed, "race": _race, "use": _use,
    "recognition": _recognition, "sampling": _sampling, "schedule": _schedule,
    "image": _image,
    "time_machine": _time_machine, "clip": _clip, "smoothing": _smoothing, "history": _flag, "animation": _animation}
_WINDOW: dict[str, Callable[[Any], Any]] = {
    "setup_open": _flag, "explain_open": _flag, "setup_width": _small, "explain_width": _small,
    "loop": _flag, "bounce": _flag, "speed": _speed}


def load_state() -> WindowState:
    """What the last window left."""
    store, state = _settings(), WindowState()
    for group, target, readers in (("place", state.place, _PLACE), ("window", state, _WINDOW)):
        for name, read in readers.items():
            value = store.value(f"{group}/{name}")
            if value is None or value == "":
                continue
            try:
                setattr(target, name, read(value))
            except (ValueError, TypeError, OverflowError):
                log.info("window.ini: %s/%s is not usable: %r", group, name, value)
    geometry = store.value("window/geometry")
    if isinstance(geometry, QByteArray):
        state.geometry = geometry
    recent = store.value("window/recent")
    if isinstance(recent, str):
        recent = [recent]
    if isinstance(recent, list):
        state.recent = [r for r in recent if isinstance(r, str) and r][:MOST_RECENT]
    return state


def save_state(state: WindowState) -> None:
    """Keep it for the next start; a disk that cannot be written is only logged."""
    store = _settings()
    for group, source, readers in (("place", state.place, _PLACE), ("window", state, _WINDOW)):
        for name in readers:
            value = getattr(source, name)
            # A seed may be longer than a 32-bit number, so numbers are kept as text.
            store.setValue(f"{group}/{name}", _text(value))
    store.setValue("window/geometry", state.geometry)
    store.setValue("window/recent", list(state.recent))
    store.sync()
    if store.status() != QSettings.Status.NoError:
        log.warning("The window's state cannot be saved in %s", store.fileName())


def _text(value: Any) -> str:
    if isinstance(value, Group):
        return value.model_dump_json()
    if isinstance(value, ImageChoice):
        return f"{value.class_label} {value.number}"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def with_recent(recent: list[str], path: Path) -> list[str]:
    """The list with this run first."""
    return [str(path), *[r for r in recent if r != str(path)]][:MOST_RECENT]
