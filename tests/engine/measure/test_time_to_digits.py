"""The clock stands still while samples are judged, and what is read off the points is what it says."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from engine.config import RunConfig, SamplingConfig
from engine.data.catalogue import load_dataset
from engine.errors import DiffuscopeError
from engine.measure import time_to_digits as digits
from engine.measure.judge import Judge
from engine.training.learner import Learner
from engine.workspace import Workspace


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace("cpu", threads=1)


def tiny() -> RunConfig:
    return RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"batch_size": 4, "precision": "fp32", "memory_layout": "contiguous", "snapshots": 2,
                  "sample_seconds": 3600})


class Time:
    """Seconds that pass only by training: an eighth of one in each step."""

    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Time:
    passing = Time()
    step = Learner.train_step

    def train_step(self: Learner, rate: float) -> torch.Tensor:
        passing.now += 0.125
        return step(self, rate)

    monkeypatch.setattr(Learner, "train_step", train_step)
    return passing


class Examiner:
    """Costs a thousand seconds, and gives answers in turn; the last one again and again."""

    def __init__(self, passing: Time, *answers: float) -> None:
        self.passing, self.answers, self.asked = passing, list(answers), 0

    def __call__(self, denoiser, sampling: SamplingConfig) -> tuple[tuple[float, ...], float, float]:
        self.passing.now += 1000
        self.asked += 1
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0],), 0.5, 0.25


def point(seconds: float, *accuracies: float) -> digits.Examined:
    return digits.Examined(1, 1, seconds, 0.0, accuracies, 0.0, 0.0)


def test_a_stopped_clock_stands_still() -> None:
    now = [10.0]
    clock = digits.StoppableClock(lambda: now[0])
    now[0] = 13.0
    assert clock() == 3.0
    clock.stop()
    now[0] = 100.0
    clock.stop()
    assert clock() == 3.0
    clock.go_on()
    clock.go_on()
    now[0] = 101.5
    assert clock() == 4.5


def test_first_kept_and_median() -> None:
    seen = [point(2, 0.5, 0.2), point(4, 0.96, 0.3), point(6, 0.94, 0.99), point(8, 0.95, 0.95), point(10, 0.99, 0.97)]
    assert digits.first_at(seen, 0.95) == 4
    assert digits.kept_from(seen, 0.95) == 8
    assert digits.first_at(seen, 0.95, judge=1) == 6
    assert digits.kept_from(seen, 0.95, judge=1) == 6
    assert digits.first_at(seen, 0.995) is None
    assert digits.kept_from(seen[:3], 0.95) is None
    assert digits.median_of([30.0, 20.0, None, 25.0, None]) == 30.0
    assert digits.median_of([30.0, None, None]) is None


def test_judging_takes_no_time_of_training(workspace: Workspace, passing: Time) -> None:
    examiner = Examiner(passing, 0.1)
    seen = list(digits.examine_training(workspace, tiny(), examiner, seconds=4.0, every=0.5, source=passing))
    assert examiner.asked == 8
    assert [e.seconds for e in seen] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert [e.step for e in seen] == [4, 8, 12, 16, 20, 24, 28, 32]
    assert [e.images_seen for e in seen] == [16, 32, 48, 64, 80, 96, 112, 128]


def test_the_last_step_is_always_examined(workspace: Workspace, passing: Time) -> None:
    seen = list(digits.examine_training(workspace, tiny(), Examiner(passing, 0.1), seconds=2.0, every=1.5,
                                        source=passing))
    assert [e.seconds for e in seen] == [1.5, 2.0]


def test_the_first_examination_may_be_later(workspace: Workspace, passing: Time) -> None:
    seen = list(digits.examine_training(workspace, tiny(), Examiner(passing, 0.1), seconds=2.0, every=0.5, first=1.25,
                                        source=passing))
    assert [e.seconds for e in seen] == [1.25, 1.75, 2.0]


@pytest.mark.parametrize(("enough", "count"), [(0.99, 3), (0.95, 2), (None, 4)])
def test_it_ends_at_the_first_share_that_is_enough_or_at_the_end(workspace: Workspace, passing: Time,
                                                                 enough: float | None, count: int) -> None:
    examiner = Examiner(passing, 0.2, 0.97, 0.99, 0.5)
    seen = list(digits.examine_training(workspace, tiny(), examiner, seconds=2.0, every=0.5, enough=enough,
                                        source=passing))
    assert [e.accuracies[0] for e in seen] == [0.2, 0.97, 0.99, 0.5][:count]


def test_the_run_does_not_depend_on_being_examined(workspace: Workspace, passing: Time) -> None:
    """The averaged weights are the same after as many steps, however often pictures were drawn on the way."""
    kept: dict[float, torch.Tensor] = {}
    for every in (0.25, 1000.0):
        def look(denoiser, sampling: SamplingConfig, every=every) -> tuple[tuple[float, ...], float, float]:
            kept[every] = torch.cat([p.flatten() for p in denoiser.network.parameters()])
            labels = [0, 1]
            list(digits.sample_images(denoiser, labels, labels, sampling.model_copy(update={"num_steps": 2}),
                                      shape=(1, 28, 28), num_classes=10, device=workspace.device))
            return (0.0,), 0.0, 0.0

        seen = list(digits.examine_training(workspace, tiny(), look, seconds=1.0, every=every, source=passing))
        assert [e.step for e in seen] == ([2, 4, 6, 8] if every < 1 else [8])
    assert torch.equal(kept[0.25], kept[1000.0])


def test_training_that_fails_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "train_step", lambda self, rate: 1 / 0)
    with pytest.raises(DiffuscopeError):
        list(digits.examine_training(workspace, tiny(), Examiner(Time(), 0.1), seconds=4.0, every=0.5))


@pytest.mark.parametrize("kind", ["real", "wrong class", "noise"])
def test_the_examiner_tells_digits_from_what_is_none(workspace: Workspace, kind: str,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset("mnist")

    def drawn(denoiser, labels, seeds, *args, **kwargs):
        assert seeds == list(range(120))
        if kind == "noise":
            yield np.random.default_rng(0).integers(0, 256, (120, 28, 28), dtype=np.uint8)
            return
        rows = {c: iter(np.flatnonzero(dataset.test_labels == c)[100:]) for c in range(10)}
        wanted = [(c + (kind == "wrong class")) % 10 for c in labels]
        yield np.stack([dataset.test_images[next(rows[c]), 0] for c in wanted])

    monkeypatch.setattr(digits, "sample_images", drawn)
    examiner = digits.Examiner(workspace, tiny(), [Judge.load(), Judge.load()], per_class=12)
    assert examiner.floor[0] > 0.4
    assert examiner.floor[1] > 0.4
    answer: Callable = examiner
    read, density, coverage = answer(None, SamplingConfig())
    assert len(read) == 2
    assert read[0] == read[1]
    if kind == "real":
        assert read[0] > 0.97
        assert density > 0.4
        assert coverage > 0.4
    elif kind == "wrong class":
        assert read[0] < 0.03
        assert density > 0.4
    else:
        assert read[0] < 0.3
        assert coverage < 0.2
