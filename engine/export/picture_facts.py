"""What made a picture, inside its PNG file: enough to look at the same thing again.

The text block "diffuscope" holds JSON. Whatever is not known of a picture is left out of it. Pillow is loaded when a
file is written or read, not before: the window knows these facts from its first paint on.
"""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.errors import DiffuscopeError
from engine.runs import Run, stored_percent
from engine.runs.atomic import write_file

BLOCK = "diffuscope"  # the text block's keyword
SOFTWARE = "Diffuscope"
LARGEST_SEED = 2**63 - 1
MOST_BYTES = 64_000_000  # of a file that is looked into


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Where a picture comes from; None: not known.

    run, run_id: its run by name and by id. snapshot: training step, weights: their sha256. average_percent: over the
    last so much of training. classes: of its pictures, in order; seed: of the first. t: the noise level looked at, on
    the schedule (name, T). page, view: where it was saved and what of it. image: test image of Forward, as class and
    number, or a file's name.
    """

    run: str = ""
    run_id: str = ""
    snapshot: int | None = None
    weights: str = ""
    average_percent: float | None = None
    classes: tuple[int, ...] = ()
    seed: int | None = None
    t: int | None = None
    schedule: tuple[str, int] | None = None
    sampling: SamplingConfig | None = None
    page: str = ""
    view: str = ""
    image: tuple[int, int] | str | None = None

    def values(self) -> dict[str, Any]:
        """As plain values, without what is not known; `from_values` reads them."""
        made: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value in ("", ()):
                continue
            made[field.name] = value.model_dump() if isinstance(value, SamplingConfig) else \
                list(value) if isinstance(value, tuple) else value
        return made

    @classmethod
    def from_values(cls, values: Any) -> PictureFacts:
        """What `values` gave, read back. Raises ValueError for what is none of it; unknown names are passed over."""
        if not isinstance(values, dict):
            raise ValueError("not an object")
        known: dict[str, Any] = {}
        for name, read in _READERS.items():
            if values.get(name) is not None:
                known[name] = read(values[name])
        return cls(**known)


def of_run(run: Run, step: int, average_percent: float | None = None) -> dict[str, Any]:
    """The facts of weights, by name: for PictureFacts(**of_run(...), ...)."""
    try:
        weights = run.weights_hash(step)
    except DiffuscopeError:  # thinned meanwhile: the picture is saved all the same
        weights = ""
    return {"run": run.name, "run_id": run.info.id, "snapshot": step, "weights": weights,
            "average_percent": average_percent if average_percent is not None else stored_percent(run)}


# ---- files ----

def png_bytes(pixels: NDArray[np.uint8], facts: PictureFacts) -> bytes:
    """A PNG file of uint8 (H, W) or (H, W, 3) with its facts inside."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Software", SOFTWARE)
    notes.add_text(BLOCK, json.dumps(facts.values()))
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG", pnginfo=notes)
    return file.getvalue()


def save_png(path: Path, pixels: NDArray[np.uint8], facts: PictureFacts) -> None:
    """Write it whole or not at all. Raises SaveFailed."""
    write_file(path, [png_bytes(pixels, facts)])


def read_facts(path: Path) -> PictureFacts:
    """The facts inside a PNG file. Nothing of its pixels is unpacked.

    Raises DiffuscopeError for a file without them, and for one that cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    advice = "Choose a PNG picture that was saved by Diffuscope."
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DiffuscopeError(f"{path.name} is too large to be a saved picture.", advice)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; none is unpacked here
            with Image.open(path, formats=("PNG",)) as picture:
                text = picture.info.get(BLOCK)
    except DiffuscopeError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise DiffuscopeError(f"{path.name} is not a PNG picture.", advice) from None
    except (OSError, ValueError, SyntaxError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        raise DiffuscopeError(f"{path.name} cannot be read: {reason}.", advice) from None
    if not isinstance(text, str):
        raise DiffuscopeError(f"{path.name} says nothing of where it comes from.", advice)
    try:
        return PictureFacts.from_values(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise DiffuscopeError(f"What {path.name} says of where it comes from cannot be read.", advice) from None


def has_facts(path: Path) -> bool:
    """Whether it is a PNG file that says where it comes from."""
    try:
        read_facts(path)
    except DiffuscopeError:
        return False
    return True


# ---- reading values that may be anybody's ----

def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SEED:
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 400:
        raise ValueError("not a short text")
    return value


def _percent(value: Any) -> float:
    number = float(value)
    if not 0 < number <= 100:
        raise ValueError(value)
    return number


def _classes(value: Any) -> tuple[int, ...]:
    return tuple(_whole(part) for part in list(value)[:10_000])


def _schedule(value: Any) -> tuple[str, int]:
    name, count = value
    return _text(name), _whole(count)


def _image(value: Any) -> tuple[int, int] | str:
    if isinstance(value, str):
        return _text(value)
    label, number = value
    return _whole(label), _whole(number)


_READERS: dict[str, Any] = {
    "run": _text, "run_id": _text, "snapshot": _whole, "weights": _text, "average_percent": _percent,
    "classes": _classes, "seed": _whole, "t": _whole, "schedule": _schedule,
    "sampling": SamplingConfig.model_validate, "page": _text, "view": _text, "image": _image}
