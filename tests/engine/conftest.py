"""A run of a few steps and a small data set, for tests of what is done with a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.data.catalogue import Dataset, load_dataset
from engine.data.subset import subset
from engine.training.trainer import Trainer
from engine.workspace import Workspace


@pytest.fixture(scope="session")
def one_thread() -> Iterator[Workspace]:
    """A workspace on the CPU."""
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


@pytest.fixture(scope="session")
def tiny_run(one_thread: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps on MNIST, whose pictures nobody can read."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 3, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(one_thread, path, config).run():
        pass
    return path


@pytest.fixture(scope="session")
def small_mnist() -> Dataset:
    """400 training and 100 test pictures of MNIST under its name."""
    whole = load_dataset("mnist")
    train, test = subset(whole.train_labels, 400, 0), np.arange(100)
    return Dataset(
        name="mnist", title="MNIST", class_names=whole.class_names, channels=1, size=28,
        train_images=whole.train_images[train], train_labels=whole.train_labels[train],
        test_images=whole.test_images[test], test_labels=whole.test_labels[test])


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
