"""What an animation shows: the pictures themselves, with gaps, in the order of playing."""

import numpy as np

from engine.diffusion.forward import noise_like, to_uint8
from engine.diffusion.schedules import schedule
from engine.events import Trajectory
from engine.export.frames import GAP, forward_frames, history_frames, reverse_frames, side_by_side


def trajectory(filled: int, channels: int = 1) -> Trajectory:
    rng = np.random.default_rng(0)
    x, x0 = rng.uniform(-1.5, 1.5, (2, 4, channels, 6, 5)).astype(np.float16)
    return Trajectory(3, 7, 10, np.linspace(80, 0, 4), np.array([1000, 600, 200, 0]), x, x0, x, x, filled)


def test_reverse_shows_x_t_beside_predicted_x0_as_far_as_it_is_filled() -> None:
    made = trajectory(3)
    frames, captions = reverse_frames(made)
    assert captions == ["t 1\u202f000", "t 600", "t 200"]
    assert [frame.shape for frame in frames] == [(6, 10 + GAP)] * 3
    for i, frame in enumerate(frames):
        assert (frame[:, :5] == to_uint8(made.x[i, 0])).all()
        assert (frame[:, 5 : 5 + GAP] == 0).all()
        assert (frame[:, 5 + GAP :] == to_uint8(made.x0[i, 0])).all()
    alone, _ = reverse_frames(made, ["x0"])
    assert (alone[2] == to_uint8(made.x0[2, 0])).all()
    assert reverse_frames(trajectory(4, channels=3))[0][0].shape == (6, 10 + GAP, 3)


def test_forward_goes_from_the_picture_to_noise() -> None:
    x0, eps = np.full((1, 8, 8), 0.5, np.float32), noise_like((1, 8, 8), 5)
    frames, captions = forward_frames(x0, eps, schedule("linear", 1000), [0, 500, 1000])
    assert captions == ["t 0", "t 500", "t 1\u202f000"]
    assert (frames[0] == to_uint8(x0[0])).all()
    assert np.abs(frames[2].astype(int) - to_uint8(eps[0])).mean() < 2, "nearly nothing but the noise"


def test_history_rises_with_the_step_and_shows_the_classes_asked_for() -> None:
    rows = {step: np.stack([np.full((4, 4), 10 * c + step, np.uint8) for c in range(3)]) for step in (9, 0, 5)}
    frames, captions = history_frames(rows, [2, 0])
    assert captions == ["step 0", "step 5", "step 9"]
    assert frames[1].shape == (4, 8 + GAP)
    assert frames[1][0].tolist() == [25] * 4 + [0] * GAP + [5] * 4


def test_one_picture_has_no_gap() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert (side_by_side([picture]) == picture).all()
