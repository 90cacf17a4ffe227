"""MNIST as it ships: counts, content, train and test apart, quick to load."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.data.catalogue import Dataset, dataset_names, load_dataset, load_mnist
from engine.errors import BadSetting, DiffuscopeError
from engine.paths import MNIST_DIR


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return load_dataset("mnist")


def test_counts_shapes_and_types(mnist: Dataset) -> None:
    assert mnist.train_images.shape == (60000, 1, 28, 28)
    assert mnist.test_images.shape == (10000, 1, 28, 28)
    assert mnist.train_images.dtype == mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64
    assert mnist.shape == (1, 28, 28)
    assert mnist.class_names == tuple("0123456789")
    # The published counts of each digit.
    assert np.bincount(mnist.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_pictures_and_labels_belong_together(mnist: Dataset) -> None:
    """A zero has a hole in the middle, a one has ink there."""
    centre = mnist.train_images[:, 0, 13:15, 13:15].mean(axis=(1, 2))
    assert centre[mnist.train_labels == 0].mean() < 30
    assert centre[mnist.train_labels == 1].mean() > 200


def test_train_and_test_share_no_picture(mnist: Dataset) -> None:
    train = {image.tobytes() for image in mnist.train_images}
    assert len(train) == 60000
    assert not any(image.tobytes() in train for image in mnist.test_images)


def test_it_is_read_once(mnist: Dataset) -> None:
    assert load_dataset("mnist") is mnist


def test_it_loads_quickly() -> None:
    """Half a second is the aim; the best of three keeps a busy machine from failing the test."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        load_mnist()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(BadSetting, match="There is no data set called emnist") as caught:
        load_dataset("emnist")
    assert all(name in caught.value.advice for name in dataset_names())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(MNIST_DIR, folder)
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    damaged = bytearray(labels.read_bytes())
    damaged[2000] ^= 1
    labels.write_bytes(damaged)
    with pytest.raises(DiffuscopeError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        load_mnist(folder)
    labels.unlink()
    with pytest.raises(DiffuscopeError, match=r"t10k-labels-idx1-ubyte\.gz is missing"):
        load_mnist(folder)


def test_reading_data_needs_neither_torch_nor_qt() -> None:
    code = ("import sys, engine.data.catalogue as c, engine.data.picture; c.load_dataset('mnist');"
            "print([m for m in ('torch', 'PySide6') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
