"""Is it copying: a training picture is found, a new one is measured by real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.data.catalogue import Dataset
from engine.errors import BadRun, BadSetting
from engine.events import Event, JobProgress
from engine.measure import nearest as module
from engine.measure.nearest import Held, Nearest, NearestReady, NearestRequest, Neighbours, measure_nearest
from engine.workspace import Workspace

pytestmark = pytest.mark.usefixtures("own_data")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, small_mnist: Dataset) -> Dataset:
    monkeypatch.setattr(module, "load_dataset", lambda name: small_mnist)
    monkeypatch.setattr(module, "_kept", type(module._kept)())
    return small_mnist


def look(workspace: Workspace, run: Path, images: np.ndarray, labels: tuple[int, ...],
         neighbours: int = 5) -> tuple[NearestReady, list[Event]]:
    events = list(measure_nearest(workspace, NearestRequest(run, images, labels, neighbours)))
    ready = events[-1]
    assert isinstance(ready, NearestReady)
    return ready, events


def test_a_copy_finds_itself_and_is_suspect(one_thread: Workspace, tiny_run: Path, small_mnist: Dataset) -> None:
    places = [3, 200]
    labels = tuple(int(c) for c in small_mnist.train_labels[places])
    ready, _ = look(one_thread, tiny_run, small_mnist.train_images[places], labels)
    for one, place in zip(ready.found, places, strict=True):
        for space in (one.pixels, one.features):
            assert space is not None
            assert space.index[0] == place
            assert space.distance[0] == pytest.approx(0, abs=1e-2)
            assert space.nearer_than == 0
            assert list(space.distance) == sorted(space.distance)
        assert one.suspect
        assert np.array_equal(ready.images[place], small_mnist.train_images[place])
        assert ready.labels[place] == one.class_label


def test_distances_are_those_of_a_plain_search(one_thread: Workspace, tiny_run: Path, small_mnist: Dataset) -> None:
    picture = small_mnist.test_images[:1]
    ready, _ = look(one_thread, tiny_run, picture, (7,), 3)
    flat = small_mnist.train_images.reshape(400, -1) / 255
    plain = np.sqrt(((flat - picture.reshape(1, -1) / 255) ** 2).sum(axis=1))
    found = ready.found[0].pixels
    assert found.index == tuple(plain.argsort()[:3].tolist())
    assert np.allclose(found.distance, np.sort(plain)[:3], rtol=1e-5)


def test_real_held_out_pictures_are_no_copies(one_thread: Workspace, tiny_run: Path, small_mnist: Dataset) -> None:
    """They are the measure: half of their class has a nearer training picture than the median one."""
    labels = small_mnist.test_labels
    ready, _ = look(one_thread, tiny_run, small_mnist.test_images, tuple(labels.tolist()))
    shares = [one.pixels.nearer_than for one in ready.found]
    assert 0.3 < float(np.median(shares)) < 0.6
    ones = [one for one in ready.found if one.class_label == 1]
    eights = [one for one in ready.found if one.class_label == 8]
    assert ones[0].held_pixels < eights[0].held_pixels  # why classes are compared with themselves


def test_noise_is_far_from_everything(one_thread: Workspace, tiny_run: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 1, 28, 28), dtype=np.uint8)
    assert look(one_thread, tiny_run, noise, (3,))[0].found[0].pixels.nearer_than == 1


def test_what_is_known_of_the_data_set_is_kept(one_thread: Workspace, tiny_run: Path, small_mnist: Dataset,
                                               own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, events = look(one_thread, tiny_run, small_mnist.test_images[:2], (7, 2))
    assert any(isinstance(e, JobProgress) for e in events)
    files = sorted((own_data / "nearest").iterdir())
    assert len(files) == 2
    for forget in (False, True):  # from memory, then from the files
        if forget:
            monkeypatch.setattr(module, "_kept", type(module._kept)())
        again, events = look(one_thread, tiny_run, small_mnist.test_images[:2], (7, 2))
        assert not any(isinstance(e, JobProgress) for e in events)
        for one, other in zip(first.found, again.found, strict=True):
            assert one.pixels.index == other.pixels.index
            assert one.features is not None
            assert other.features is not None
            assert one.features.index == other.features.index
            assert one.features.distance == pytest.approx(other.features.distance, rel=1e-3)
    for file in files:  # damaged ones are worked out anew
        file.write_bytes(b"no")
    monkeypatch.setattr(module, "_kept", type(module._kept)())
    _, events = look(one_thread, tiny_run, small_mnist.test_images[:2], (7, 2))
    assert any(isinstance(e, JobProgress) for e in events)


def test_without_a_judge_pixels_alone_are_compared(one_thread: Workspace, tiny_run: Path, small_mnist: Dataset,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "judge_for", lambda run: None)
    one = look(one_thread, tiny_run, small_mnist.test_images[:1], (7,))[0].found[0]
    assert one.features is None
    assert one.held_features is None


def test_other_pictures_and_missing_ones_are_refused(one_thread: Workspace, tiny_run: Path, small_mnist: Dataset,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match="1 x 28 x 28"):
        look(one_thread, tiny_run, np.zeros((1, 3, 32, 32), dtype=np.uint8), (0,))
    empty = Dataset("mnist", "MNIST", small_mnist.class_names, 1, 28, small_mnist.train_images[:0],
                    small_mnist.train_labels[:0], small_mnist.test_images, small_mnist.test_labels)
    monkeypatch.setattr(module, "load_dataset", lambda name: empty)
    with pytest.raises(BadRun, match="not here"):
        look(one_thread, tiny_run, small_mnist.test_images[:1], (0,))


def test_suspect_is_nearer_than_nearly_all_of_its_own_class() -> None:
    held = Held(np.zeros((0, 1), np.float32), np.linspace(1, 2, 200, dtype=np.float32), np.repeat([0, 1], 100))
    assert held.share_nearer(0, 1.2) == pytest.approx(0.4, abs=0.02)
    assert held.share_nearer(1, 1.2) == 0
    assert np.isnan(held.share_nearer(5, 1.2))
    assert Neighbours((0,), (0.1,), 0.0099).suspect
    assert not Neighbours((0,), (0.1,), 0.01).suspect
    assert not Nearest(0, Neighbours((0,), (1.0,), 0.5), None, 1.0, None).suspect
