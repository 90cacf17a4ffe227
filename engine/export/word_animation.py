"""A word growing out of noise, as an animation: laid out frame by frame and written as a job."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.events import Command, Event, JobProgress
from engine.export.animation import Animation, check_format, write_animation
from engine.export.handwriting import Word, make_word, pixels
from engine.use_config import HandwritingConfig

HEIGHT = 96  # pixels of a frame
FPS = 16.0
LAST_SECONDS = 1.5  # the finished word stays so long
MOST_FRAMES = 40


@dataclass(frozen=True, eq=False)
class WordAnimation:
    """What to write where. frames: predicted x0 after each step (F, N, C, H, W), of the characters that are classes;
    labels: the class of each character of `characters`, None for a space. Its format follows the path's ending.
    """

    frames: NDArray[np.float16]
    labels: tuple[int | None, ...]
    characters: tuple[str, ...]
    config: HandwritingConfig
    path: Path


def laid_out(images: NDArray[np.floating], labels: Sequence[int | None], characters: Sequence[str],
             config: HandwritingConfig) -> Word:
    """The word of pictures (N, C, H, W), one for each label that is a class."""
    left = iter(images.astype(np.float32))
    return make_word([None if label is None else next(left) for label in labels],
                     [" " if c.isspace() else c for c in characters], config)


def on_one_sheet(words: Sequence[Word], *, paper: bool) -> list[NDArray[np.uint8]]:
    """Frames uint8 (H, W), each word in the middle of a sheet as large as the largest of them."""
    sheets = [pixels(word, paper=paper, height=HEIGHT) for word in words]
    tall, wide = (max(sheet.shape[axis] for sheet in sheets) for axis in (0, 1))
    frames = []
    for sheet in sheets:
        frame = np.full((tall, wide), 255 if paper else 0, dtype=np.uint8)
        top, left = (tall - sheet.shape[0]) // 2, (wide - sheet.shape[1]) // 2
        frame[top : top + sheet.shape[0], left : left + sheet.shape[1]] = sheet
        frames.append(frame)
    return frames


def write_word_animation(wanted: WordAnimation) -> Generator[Event, Command | None, None]:
    """JobProgress after each frame that is laid out, then all that `write_animation` says and raises."""
    check_format(wanted.path)
    step = max(1, -(-len(wanted.frames) // MOST_FRAMES))
    chosen = [*wanted.frames[:-1:step], wanted.frames[-1]]
    words: list[Word] = []
    yield JobProgress(0, len(chosen), "frames laid out")
    for images in chosen:
        words.append(laid_out(images, wanted.labels, wanted.characters, wanted.config))
        yield JobProgress(len(words), len(chosen), "frames laid out")
    frames = on_one_sheet(words, paper=wanted.config.paper)
    frames += [frames[-1]] * round(LAST_SECONDS * FPS - 1)
    yield from write_animation(Animation(frames, scale=1, fps=FPS), wanted.path)
