"""Pictures that move, as GIF, APNG, WebP or MP4: written frame by frame, there whole or not at all.

Pillow writes the first three. MP4 needs the optional package imageio-ffmpeg, which brings an encoder along.
"""

from __future__ import annotations

import importlib.util
import itertools
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from engine import paths
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Command, Event, JobProgress
from engine.export.animation_config import HIGHEST_FPS, LARGEST_SCALE, LOWEST_FPS
from engine.runs.atomic import saving, temporary_beside

Uint8 = NDArray[np.uint8]

SUFFIXES = {"gif": ".gif", "apng": ".apng", "webp": ".webp", "mp4": ".mp4"}
FORMATS = {".gif": "gif", ".apng": "apng", ".png": "apng", ".webp": "webp", ".mp4": "mp4"}  # by the file's ending
MOST_PIXELS = 16_000_000  # of one frame
CAPTION, CAPTION_FONT = 22, 13  # pixels of the strip below a frame, and of its words
FONT = paths.RESOURCES / "fonts" / "Inter-Medium.otf"
# GIF counts hundredths of a second, the others thousandths.
_UNIT_MS = {"gif": 10, "apng": 1, "webp": 1}
NO_VIDEO = "MP4 needs the package imageio-ffmpeg, which is not installed."
NO_VIDEO_ADVICE = "Install it with: pip install imageio-ffmpeg; or choose GIF, APNG or WebP, which need nothing more."


@dataclass(frozen=True, eq=False)
class Animation:
    """Frames uint8 (H, W) or (H, W, 3), all of one shape, shown `fps` a second and enlarged by whole pixels.

    captions: a few words below each frame, or none at all; left out where the frame is narrower than they are.
    loop: for ever, else once (MP4 has no such mark). facts: what made it, as JSON-like text kept in the file where
    the format has room for words. Raises BadSetting for what cannot be written.
    """

    frames: Sequence[Uint8]
    scale: int = 4
    fps: float = 12.0
    loop: bool = True
    captions: Sequence[str] = ()
    facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.frames:
            raise BadSetting("An animation needs at least one frame.")
        if not 1 <= self.scale <= LARGEST_SCALE:
            raise BadSetting(f"The size is from 1 to {LARGEST_SCALE} times; {self.scale} is not.")
        if not LOWEST_FPS <= self.fps <= HIGHEST_FPS:
            raise BadSetting(f"Frames a second are from {LOWEST_FPS} to {HIGHEST_FPS}; {self.fps:g} is not.")
        shape = self.frames[0].shape
        if any(frame.shape != shape or frame.dtype != np.uint8 for frame in self.frames):
            raise BadSetting("All frames of an animation have one shape and are uint8.")
        if self.captions and len(self.captions) != len(self.frames):
            raise BadSetting(f"{len(self.frames)} frames need as many captions; there are {len(self.captions)}.")
        if self.width * self.height > MOST_PIXELS:
            raise BadSetting(f"{self.width} x {self.height} pixels are too many for one frame; "
                             f"the largest size here is {self._largest_scale()} times.")

    @property
    def width(self) -> int:
        """Pixels across, enlarged."""
        return int(self.frames[0].shape[1]) * self.scale

    @property
    def height(self) -> int:
        """Pixels down, enlarged, with the caption."""
        return int(self.frames[0].shape[0]) * self.scale + (CAPTION if self.captions else 0)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.frames) / self.fps

    def _largest_scale(self) -> int:
        height, width = self.frames[0].shape[:2]
        return max(1, int((MOST_PIXELS / (height * width)) ** 0.5))


@dataclass(frozen=True, slots=True)
class AnimationWritten(Event):
    """The file is there, whole."""

    path: Path
    frames: int
    size: int  # bytes


def format_of(path: Path) -> str:
    """gif, apng, webp or mp4 by a file's ending. Raises BadSetting for another one."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise BadSetting(f"An animation ends in {', '.join(SUFFIXES.values())} or .png; {path.name} does not.")
    return found


def can_write_video() -> bool:
    """Whether the optional package for MP4 is installed."""
    return importlib.util.find_spec("imageio_ffmpeg") is not None


def check_format(path: Path) -> str:
    """The format of a file to come. Raises BadSetting for an ending, DiffuscopeError for MP4 without its package."""
    found = format_of(path)
    if found == "mp4" and not can_write_video():
        raise DiffuscopeError(NO_VIDEO, NO_VIDEO_ADVICE)
    return found


def durations_ms(count: int, fps: float, unit: int) -> list[int]:
    """How long each of `count` frames stays, in multiples of `unit` ms that follow the true times without drift."""
    ends = [round(1000 * (i + 1) / fps / unit) * unit for i in range(count)]
    return [end - begin for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def write_animation(animation: Animation, path: Path) -> Generator[Event, Command | None, None]:
    """Write a file as a long job: JobProgress after each frame, then AnimationWritten. Closing it leaves no file.

    What is at `path` stays until the new file is whole. Raises SaveFailed, and what `check_format` raises.
    """
    kind = check_format(path)
    total = len(animation.frames)
    temporary = temporary_beside(path)
    write = _video if kind == "mp4" else _pictures
    yield JobProgress(0, total, "frames")
    try:
        with saving(path):
            for done, _ in enumerate(write(animation, temporary, kind), start=1):
                yield JobProgress(done, total, "frames")
            size = temporary.stat().st_size
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    yield AnimationWritten(path, total, size)


def _enlarged(animation: Animation) -> Iterator[Image.Image]:
    """Each frame as it is written."""
    font = ImageFont.truetype(str(FONT), CAPTION_FONT) if animation.captions else None
    for i, frame in enumerate(animation.frames):
        whole = frame.repeat(animation.scale, axis=0).repeat(animation.scale, axis=1)
        image = Image.fromarray(np.ascontiguousarray(whole))
        if font is not None:
            taller = Image.new(image.mode, (animation.width, animation.height))
            taller.paste(image)
            pen = ImageDraw.Draw(taller)
            if pen.textlength(animation.captions[i], font) <= animation.width - 4:
                white = 255 if image.mode == "L" else (255, 255, 255)
                middle = (animation.width / 2, animation.height - CAPTION / 2)
                pen.text(middle, animation.captions[i], white, font, anchor="mm")
            image = taller
        yield image


def _pictures(animation: Animation, path: Path, kind: str) -> Iterator[None]:
    """Pillow takes frames from an iterator and returns when it has all of them, so it runs beside and is fed."""
    options: dict[str, Any] = {
        "save_all": True, "duration": durations_ms(len(animation.frames), animation.fps, _UNIT_MS[kind])}
    if kind != "gif":
        options["loop"] = 0 if animation.loop else 1
    elif animation.loop:  # a GIF without the word plays once
        options["loop"] = 0
    words = "\n".join(f"{name}: {text}" for name, text in animation.facts.items())
    if kind == "gif" and words:
        options["comment"] = words.encode("utf-8")[:255]
    elif kind == "apng":
        notes = PngInfo()
        notes.add_text("Software", "Diffuscope")
        for name, text in animation.facts.items():
            notes.add_text(name, text)
        options["pnginfo"] = notes
    elif kind == "webp":
        options["lossless"] = True

    def save(frames: Iterator[Image.Image]) -> None:
        first = next(frames)
        rest = _Twice(itertools.islice(_enlarged(animation), 1, None), frames) if kind == "apng" else frames
        with open(path, "wb") as file:
            first.save(file, format={"gif": "GIF", "apng": "PNG", "webp": "WEBP"}[kind], append_images=rest,
                       **options)

    yield from fed(save, _enlarged(animation))


class _Twice:
    """Goes through frames twice: an APNG's are first asked for their modes, and then written."""

    def __init__(self, first: Iterator[Image.Image], second: Iterator[Image.Image]) -> None:
        self._passes = iter((first, second))

    def __iter__(self) -> Iterator[Image.Image]:
        return next(self._passes)


def _video(animation: Animation, path: Path, kind: str) -> Iterator[None]:
    """H.264 in MP4, each frame RGB; its sides are even, as the format wants."""
    import imageio_ffmpeg

    width, height = animation.width + animation.width % 2, animation.height + animation.height % 2
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=animation.fps, codec="libx264", macro_block_size=2, quality=8,
        output_params=["-movflags", "+faststart"])
    try:
        writer.send(None)
        for image in _enlarged(animation):
            whole = Image.new("RGB", (width, height))
            whole.paste(image)
            writer.send(whole.tobytes())
            yield
    finally:
        writer.close()


class _Stopped(BaseException):
    """Thrown inside the thread that writes: nobody wants the file any more."""


def fed(consume: Callable[[Iterator[Any]], object], items: Iterator[Any]) -> Iterator[None]:
    """Let `consume` take from `items` in a thread of its own, one each time this is asked to go on.

    Turns what wants to be given an iterator into an iterator. The thread works only while this is being asked for
    the next, and has ended when this ends, also by closing. Raises what `consume` raises.
    """
    go, stopped, failure = threading.Semaphore(0), threading.Event(), []
    rested = threading.Semaphore(0)  # the thread waits for `go`, or has ended

    def handed() -> Iterator[Any]:
        for item in items:
            rested.release()
            go.acquire()
            if stopped.is_set():
                raise _Stopped
            yield item

    def work() -> None:
        try:
            consume(handed())
        except _Stopped:
            pass
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()
            rested.release()

    done = threading.Event()
    thread = threading.Thread(target=work, name="animation", daemon=True)
    thread.start()
    try:
        rested.acquire()
        while not done.is_set():
            go.release()
            rested.acquire()
            yield
    finally:
        stopped.set()
        go.release()
        thread.join()
    if failure:
        raise failure[0]
