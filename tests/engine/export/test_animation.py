"""Animations: the very pixels in every format, whole or not at all, and cancelled between any two frames."""

from __future__ import annotations

import json
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import BadSetting, DiffuscopeError
from engine.events import JobProgress
from engine.export import animation as module
from engine.export.animation import (
    CAPTION,
    Animation,
    AnimationWritten,
    can_write_video,
    check_format,
    durations_ms,
    fed,
    format_of,
    write_animation,
)
from engine.runs import SaveFailed

PICTURES = (".gif", ".apng", ".png", ".webp")


def frames(count: int = 5, *, colour: bool = False) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (9, 12, 3) if colour else (9, 12), dtype=np.uint8) for _ in range(count)]


def read(path: Path) -> tuple[list[np.ndarray], list[float], dict]:
    """Frames (H, W, 3), how long each stays in ms, and what else the file says."""
    with Image.open(path) as picture:
        said = {**picture.info, **getattr(picture, "text", {}), "size": picture.size}
        shown, stays = [], []
        for i in range(picture.n_frames):
            picture.seek(i)
            picture.load()
            stays.append(picture.info["duration"])
            shown.append(np.array(picture.convert("RGB")))
    return shown, stays, said


def nothing_beside(path: Path) -> bool:
    return [p.name for p in path.parent.iterdir() if p != path] == []


@pytest.mark.parametrize("ending", PICTURES)
def test_a_file_has_every_frame_enlarged_by_whole_pixels_and_its_speed(tmp_path: Path, ending: str) -> None:
    path, made = tmp_path / f"out{ending}", frames()
    events = list(write_animation(Animation(made, scale=3, fps=8), path))
    assert [(e.n, e.total) for e in events[:-1] if isinstance(e, JobProgress)] == [(n, 5) for n in range(6)]
    assert events[-1] == AnimationWritten(path, 5, path.stat().st_size)
    shown, stays, said = read(path)
    assert said["size"] == (36, 27)
    assert len(shown) == 5
    for got, want in zip(shown, made, strict=True):
        wanted = np.repeat(np.repeat(want, 3, 0), 3, 1)[..., None].astype(int)
        # Pillow reads one frame of a grey GIF through a palette and is one grey off there; the file is exact.
        assert np.abs(got.astype(int) - wanted).max() <= (1 if ending == ".gif" else 0)
    assert sum(stays) == pytest.approx(5000 / 8, abs=10)
    assert said.get("loop") == 0
    assert nothing_beside(path)


@pytest.mark.parametrize("ending", [".apng", ".webp"])
def test_colours_are_exact_where_the_format_has_them(tmp_path: Path, ending: str) -> None:
    path, made = tmp_path / f"out{ending}", frames(colour=True)
    list(write_animation(Animation(made, scale=1, loop=False), path))
    shown, _, said = read(path)
    assert all((a == b).all() for a, b in zip(shown, made, strict=True))
    assert said.get("loop") == 1


def test_facts_travel_in_the_file(tmp_path: Path) -> None:
    facts = {"diffuscope": json.dumps({"seed": 11})}
    for ending, find in ((".apng", lambda said: said["diffuscope"]), (".gif", lambda said: said["comment"].decode())):
        path = tmp_path / f"facts{ending}"
        list(write_animation(Animation(frames(), facts=facts), path))
        assert '{"seed": 11}' in find(read(path)[2])


def test_captions_stand_below_and_are_left_out_where_there_is_no_room(tmp_path: Path) -> None:
    words = [f"t {i}" for i in range(5)]
    wide = Animation(frames(), scale=8, captions=words)
    assert (wide.width, wide.height) == (96, 72 + CAPTION)
    path = tmp_path / "captions.apng"
    list(write_animation(wide, path))
    shown, _, _ = read(path)
    strips = [picture[72:] for picture in shown]
    assert all(strip.max() > 150 for strip in strips)
    assert any((strips[0] != strip).any() for strip in strips[1:]), "each has its own"
    list(write_animation(Animation(frames(), scale=1, captions=["far too long for it"] * 5), path))
    assert max(int(picture[9:].max()) for picture in read(path)[0]) == 0


def test_the_times_of_frames_follow_the_speed_without_drift() -> None:
    assert durations_ms(5, 10, 10) == [100] * 5
    third = durations_ms(300, 24, 10)
    assert set(third) == {40, 50}
    assert sum(third) == 12_500
    assert max(abs(sum(third[:n]) - 1000 * n / 24) for n in range(1, 300)) <= 5


@pytest.mark.parametrize("ending", PICTURES)
def test_cancelled_at_any_frame_it_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    for at in range(1, 7):
        path.write_bytes(b"before")
        job = write_animation(Animation(frames(), scale=2), path)
        for _ in range(at):
            next(job)
        job.close()
        assert path.read_bytes() == b"before"
        assert nothing_beside(path)


def test_a_disk_that_refuses_is_told_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.gif"
    path.write_bytes(b"before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(SaveFailed, match="disk is full"):
        list(write_animation(Animation(frames()), path))
    assert path.read_bytes() == b"before"
    assert nothing_beside(path)
    with pytest.raises(SaveFailed, match="could not be saved"):
        list(write_animation(Animation(frames()), tmp_path / "nowhere" / "out.gif"))


def test_what_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({"scale": 0}, {"scale": 33}, {"fps": 0.5}, {"fps": 51}, {"captions": ["one"]}):
        with pytest.raises(BadSetting):
            Animation(frames(), **wrong)
    with pytest.raises(BadSetting, match="at least one"):
        Animation([])
    with pytest.raises(BadSetting, match="one shape"):
        Animation([frames()[0], frames(colour=True)[0]])
    with pytest.raises(BadSetting, match="largest size here is 4 times"):
        Animation([np.zeros((1000, 1000), np.uint8)], scale=5)
    with pytest.raises(BadSetting, match=r"\.gif, \.apng"):
        format_of(tmp_path / "film.avi")
    monkeypatch.setattr(module, "can_write_video", lambda: False)
    with pytest.raises(DiffuscopeError) as told:
        check_format(tmp_path / "film.mp4")
    assert "pip install imageio-ffmpeg" in told.value.advice
    assert check_format(tmp_path / "film.GIF") == "gif"


class Encoder:
    """Stands in for imageio_ffmpeg: keeps what it is sent, and whether it was closed."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False
        self.asked: dict[str, object] = {}

    def write_frames(self, path: str, size: tuple[int, int], **options: object):  # a generator of the package's kind
        self.asked = {"size": size, **options}
        file = open(path, "wb")  # noqa: SIM115
        try:
            while True:
                data = yield
                self.sent.append(data)
                file.write(data)
        finally:
            file.close()
            self.closed = True


def test_a_video_is_fed_frame_by_frame_with_even_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder()
    stand_in = types.ModuleType("imageio_ffmpeg")
    stand_in.write_frames = encoder.write_frames  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", stand_in)
    monkeypatch.setattr(module, "can_write_video", lambda: True)
    path = tmp_path / "out.mp4"
    events = list(write_animation(Animation(frames(), scale=1, fps=8), path))
    assert isinstance(events[-1], AnimationWritten)
    assert (encoder.asked["size"], encoder.asked["fps"]) == ((12, 10), 8)
    assert len(encoder.sent) == 5
    first = np.frombuffer(encoder.sent[0], np.uint8).reshape(10, 12, 3)
    assert (first[:9] == frames()[0][..., None]).all()
    assert encoder.closed
    assert path.stat().st_size == 5 * 360
    encoder.closed = False
    job = write_animation(Animation(frames()), tmp_path / "other.mp4")
    next(job), next(job)
    job.close()
    assert encoder.closed
    assert not (tmp_path / "other.mp4").exists()


@pytest.mark.skipif(not can_write_video(), reason="imageio-ffmpeg is not installed")
def test_a_real_video_can_be_read_again(tmp_path: Path) -> None:
    import imageio_ffmpeg

    path = tmp_path / "out.mp4"
    list(write_animation(Animation([np.full((16, 16), v, np.uint8) for v in (0, 100, 200)], scale=4, fps=10), path))
    reader = imageio_ffmpeg.read_frames(str(path))
    facts = next(reader)
    assert (facts["size"], facts["fps"]) == ((64, 64), 10)
    middles = [np.frombuffer(data, np.uint8).reshape(64, 64, 3)[32, 32, 0] for data in reader]
    assert np.abs(np.array(middles, float) - [0, 100, 200]).max() < 6


def test_what_takes_an_iterator_can_be_asked_item_by_item() -> None:
    taken: list[int] = []

    def consume(items) -> None:
        taken.extend(items)

    counts = []
    for _ in fed(consume, iter(range(4))):
        counts.append(len(taken))
    assert counts == [1, 2, 3, 4] or counts == [0, 1, 2, 3, 4] or len(taken) == 4

    def fails(items) -> None:
        next(items)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(fed(fails, iter(range(4))))
    assert not [t for t in threading.enumerate() if t.name == "animation"]
