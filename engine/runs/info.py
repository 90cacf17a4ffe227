"""run.json: what a run is and how far it got."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.config import RunConfig
from engine.errors import BadRun
from engine.events import TrainingState
from engine.runs.atomic import write_file
from engine.runs.jsontext import plain, readable
from engine.runs.migration import SCHEMA_VERSION, migrate

RUN_FILE = "run.json"


class Segment(BaseModel):
    """One stretch of training with its own learning-rate curve: steps start (excluded) to end (included)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    learning_rate: float = Field(ge=0)


class RunInfo(BaseModel):
    """The contents of run.json. Frozen; `RunWriter.update` writes a changed copy.

    image_shape is (C, H, W); sigma_data the standard deviation of the training pictures; num_steps the
    planned steps, which grow with Continue; images the size of the training set; step and state as of the
    last save; seconds of training, pauses left out. machine: device, precision, channels_last, threads,
    torch, cpu, and whatever else a resume or a reader should know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: int = SCHEMA_VERSION
    id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    name: str = Field(min_length=1, max_length=200)
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    config: RunConfig = RunConfig()
    class_names: tuple[str, ...] = ()
    image_shape: tuple[int, int, int] = (1, 28, 28)
    sigma_data: float = Field(0.5, gt=0)
    parameters: int = Field(0, ge=0)
    num_steps: int = Field(0, ge=0)
    segments: tuple[Segment, ...] = ()
    machine: dict[str, Any] = Field(default_factory=dict)
    images: int = Field(0, ge=0)
    state: str = TrainingState.IDLE.value
    step: int = Field(0, ge=0)
    seconds: float = Field(0.0, ge=0)

    @field_validator("machine", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        # Versions and counts often come as subclasses of str or as numpy scalars.
        return plain(value)

    @field_validator("state", mode="before")
    @classmethod
    def _state(cls, value: Any) -> Any:
        return TrainingState(value).value if isinstance(value, str) else value

    def changed(self, **changes: Any) -> RunInfo:
        """A checked copy with some values replaced."""
        return RunInfo.model_validate({**self.model_dump(), **changes})


def write_info(folder: Path, info: RunInfo) -> None:
    """Write run.json. Raises SaveFailed; the old one is then as it was."""
    write_file(folder / RUN_FILE, [readable(info.model_dump(mode="json"))])


def parse_info(data: bytes, name: str) -> RunInfo:
    """The contents of a run.json of whatever known format; BadRun with one sentence otherwise."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        whole = data.rstrip().endswith(b"}")
        raise BadRun(f"run.json of {name} is {'not valid JSON' if whole else 'truncated'}.",
                     "Restore it from a copy of the run; its snapshots were not touched.") from None
    if not isinstance(values, dict):
        raise BadRun(f"run.json of {name} is not the file of a run.", "Choose a folder made by Diffuscope.")
    values = migrate(values, name)
    try:
        return RunInfo.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its contents"
        raise BadRun(f"run.json of {name} is not valid: {where}: {first['msg']}.",
                     "Restore it from a copy of the run; its snapshots were not touched.") from None


def upgrade_info(folder: Path) -> RunInfo:
    """run.json, rewritten in today's format if it is older; the old one is then kept as run.format-1.json.

    For the writer. Raises BadRun, SaveFailed.
    """
    info = read_info(folder)
    data = (folder / RUN_FILE).read_bytes()
    version = json.loads(data)["schema_version"]
    if version != info.schema_version:
        write_file(folder / f"run.format-{version}.json", [data])
        write_info(folder, info)
    return info


def read_info(folder: Path) -> RunInfo:
    """run.json of a folder; BadRun with one sentence for everything that can be wrong with it."""
    try:
        data = (folder / RUN_FILE).read_bytes()
    except FileNotFoundError:
        raise BadRun(f"{folder.name} is not a run: it has no run.json.",
                     "Choose a folder made by Diffuscope.") from None
    except OSError as error:
        raise BadRun(f"run.json of {folder.name} cannot be read: {error.strerror or error}.") from None
    return parse_info(data, folder.name)
