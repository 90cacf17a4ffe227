"""Saves are whole or absent: full disk, kill, and saving a step again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from run_folders import SAMPLING, DiskFull, disk, info, leftovers, new_run, trajectory, weights
from safetensors import SafetensorError
from safetensors.numpy import load_file

from engine.errors import BadRun
from engine.runs import Run, RunWriter, SaveFailed
from engine.runs.atomic import new_folder, remove_leftovers, save_error, temporary_beside
from engine.runs.tensors import decode, encode

ROOT = Path(__file__).resolve().parents[3]


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[k], other[k]) and one[k].dtype == other[k].dtype for k in one)


def test_encode_is_safetensors(tmp_path: Path) -> None:
    arrays = {
        "empty": np.zeros((0, 3), np.float32), "scalar": np.array(3, np.int64),
        "flag": np.array([True, False]),
        "half": np.arange(5, dtype=np.float16), "bytes": np.arange(7, dtype=np.uint8),
        "turned": np.arange(12, dtype=np.float64).reshape(3, 4).T, "big": np.arange(3, dtype=">i4"),
    }
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"".join(encode(arrays, {"note": "η"})))
    by_library = load_file(path)
    ours, metadata = decode(path.read_bytes())
    assert metadata == {"note": "η"}
    for name, array in arrays.items():
        assert np.array_equal(by_library[name], array)
        assert np.array_equal(ours[name], array)
        assert ours[name].shape == array.shape
    ours["half"][0] = 9  # a copy that may be written
    with pytest.raises(TypeError, match="complex"):
        encode({"z": np.zeros(1, np.complex64)})


SAVES: dict[str, Callable[[RunWriter], object]] = {
    "state": lambda w: w.save_state(20, weights(20), {"step": 20}),
    "snapshot": lambda w: w.save_snapshot(20, weights(20)),
    "snapshot again": lambda w: w.save_snapshot(10, weights(11), manual=True),
    "samples": lambda w: w.save_samples(10, np.full((2, 8, 8), 9, np.uint8), [0, 1], [3, 4]),
    "recorded": lambda w: w.save_recorded({0: trajectory(0)}, SAMPLING),
    "run.json": lambda w: w.update(step=20),
    "losses": lambda w: w.append_losses([4, 5], [0.2, 0.1], [0.4, 0.5], 1e-3),
}


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
@pytest.mark.parametrize("what", SAVES)
def test_disk_full_at_every_write(tmp_path: Path, what: str, once: bool) -> None:
    folder = tmp_path / "run"
    new_run(tmp_path / "counted").close()
    with RunWriter.reopen(tmp_path / "counted") as writer, disk(DiskFull()) as counted:
        SAVES[what](writer)
    assert counted.calls >= 1
    with new_run(folder) as writer:
        run = Run.open(folder)
        for k in range(counted.calls):
            with disk(DiskFull(k, once=once)), pytest.raises(SaveFailed) as failure:
                SAVES[what](writer)
            assert failure.value.disk_full
            assert "full" in failure.value.headline
            assert leftovers(folder) == []
            # What was there before is there; or the new, if only the last sync of the folder failed.
            last = k == counted.calls - 1
            assert run.verify() == []
            run.refresh()
            assert run.info.step == 0 or (last and run.info.step == 20)
            step, tensors, extra = writer.load_state()
            assert step == 10 or (last and step == 20)
            assert extra["step"] == step
            assert same(tensors, weights(step))
            assert run.load_snapshot(10)[1]["scale"] == 10 or last
            assert set(np.unique(run.load_samples(10)[0])) == {7} or last
            assert run.metrics().steps.tolist() == [1, 2, 3]
        SAVES[what](writer)  # the disk has room again: the same save goes through
        assert run.verify() == []
        assert leftovers(folder) == []
        run.refresh()
        done = {"state": lambda: writer.load_state()[0] == 20, "run.json": lambda: run.info.step == 20,
                "losses": lambda: run.metrics().steps.tolist()[-2:] == [4, 5],
                "snapshot": lambda: run.load_snapshot()[0] == 20,
                "snapshot again": lambda: run.load_snapshot()[1]["scale"] == 11,
                "samples": lambda: run.load_samples(10)[0].max() == 9,
                "recorded": lambda: len(run.recorded()) == 1}
        assert done[what]()


def test_failed_losses_are_written_with_the_next(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        with disk(DiskFull(0)), pytest.raises(SaveFailed):
            writer.append_losses([4], [0.2], [0.4], 1e-3)
        writer.append_losses([5], [0.1], [0.5], 1e-3)
        metrics = Run.open(writer.path).metrics()
        assert metrics.steps.tolist() == [1, 2, 3, 4, 5]
        assert metrics.skipped == 0


def test_free_space_is_checked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    with new_run(tmp_path / "run") as writer:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 100_000))
        with disk(DiskFull()) as counted, pytest.raises(SaveFailed, match="nearly full") as failure:
            writer.save_snapshot(30, {"w": np.zeros(200_000, np.float32)})
        assert failure.value.disk_full
        assert counted.calls == 0
        writer.update(step=3)  # little files are simply tried
        assert [s.step for s in Run.open(writer.path).snapshots()] == [0, 10]


def test_save_error_names_other_reasons(tmp_path: Path) -> None:
    error = save_error(tmp_path / "x", PermissionError(13, "Permission denied"))
    assert not error.disk_full
    assert "Permission denied" in error.headline
    assert save_error(tmp_path / "x", SafetensorError("I/O error: No space left on device")).disk_full


def test_saving_a_step_again_is_never_in_place(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        run = Run.open(writer.path)
        first = run.snapshots()[-1]
        assert writer.save_snapshot(10, weights(10)).path == first.path  # the same weights: nothing written
        assert not run.snapshots()[-1].manual
        writer.save_snapshot(10, weights(10), manual=True)
        assert run.snapshots()[-1] == type(first)(10, first.path, True)
        other = writer.save_snapshot(10, weights(99))
        assert other.path != first.path
        assert not first.path.exists()
        assert other.manual  # a person's wish outlives new weights
        assert run.load_snapshot(10)[1]["scale"] == 99
        assert [s.step for s in run.snapshots()] == [0, 10]
        writer.save_state(10, weights(50), {"step": 50})
        assert writer.load_state()[2] == {"step": 50}
        kept = sorted(p.name for p in (writer.path / "state").iterdir())
        assert kept == ["step-00000005", "step-00000010.1"]


def test_two_resume_points_are_kept(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        for step in (20, 30, 40):
            writer.save_state(step, weights(step), {})
        kept = sorted(p.name for p in (writer.path / "state").iterdir())
        assert kept == ["step-00000030", "step-00000040"]
        # After a resume from an earlier one, the later ones belong to a lost future.
        writer.save_state(35, weights(35), {})
        assert sorted(p.name for p in (writer.path / "state").iterdir()) == ["step-00000030", "step-00000035"]


def test_half_precision_snapshot(tmp_path: Path) -> None:
    tensors = {"w": np.array([0.5, -1.25], np.float32), "large": np.array([1e6], np.float32),
               "n": np.array([3], np.int64)}
    with new_run(tmp_path / "run") as writer:
        path = writer.save_snapshot(20, tensors, dtype="float16").path
        stored = load_file(path / "ema.safetensors")
        dtypes = {name: str(array.dtype) for name, array in stored.items()}
        assert dtypes == {"w": "float16", "large": "float32", "n": "int64"}
        loaded = Run.open(writer.path).load_snapshot(20)[1]
        assert same(loaded, tensors)


def test_create_is_whole_at_once_or_not_at_all(tmp_path: Path) -> None:
    with disk(DiskFull()) as counted:
        RunWriter.create(tmp_path / "counted", info()).close()
    for k in range(counted.calls - 2):  # the last two sync the folder of runs, and the log at close
        with disk(DiskFull(k)), pytest.raises((SaveFailed, BadRun), match="full"):
            RunWriter.create(tmp_path / "run", info())
        assert not (tmp_path / "run").exists()
        assert leftovers(tmp_path) == []
    (tmp_path / "run").mkdir()  # an empty folder will do
    RunWriter.create(tmp_path / "run", info()).close()
    assert Run.open(tmp_path / "run").verify() == []
    with pytest.raises(BadRun, match="there already"):
        RunWriter.create(tmp_path / "run", info())


def test_leftovers_of_the_dead_go_at_reopen(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    run = tmp_path / "run"
    half = run / "snapshots" / ".tmp-123-0-step-00000020"
    half.mkdir()
    (half / "ema.safetensors").write_bytes(b"half")
    (run / ".tmp-123-1-run.json").write_bytes(b"{")
    # Another process may be measuring just now.
    measuring = run / "measurements" / temporary_beside(run / "m.json").name
    measuring.write_bytes(b"{")
    assert [s.step for s in Run.open(run).snapshots()] == [0, 10]
    RunWriter.reopen(run).close()
    assert leftovers(run) == [str(measuring)]
    assert remove_leftovers(tmp_path / "nowhere", all_of_them=True) == 0


def test_new_folder_keeps_foreign_errors(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "a"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


# Imports once, then forks a writer for each line it reads; a writer saves until it is killed.
FORKER = """
import os, sys
import numpy as np
sys.path[:0] = [{tests!r}]
from run_folders import weights
from engine.runs import RunWriter

def save_forever():
    writer = RunWriter.reopen({run!r})
    step, tensors, extra = writer.load_state()
    print("ready", os.getpid(), step, flush=True)
    while True:
        step += 1
        writer.append_losses([step], [1 / step], [step / 10], 1e-3)
        writer.save_state(step, weights(step), {{"step": step, "rng": 2**100}})
        writer.save_snapshot(step, weights(step))
        writer.save_samples(step, np.full((2, 8, 8), 7, np.uint8), [0, 1], [3, 4])
        writer.thin(6, 1000)
        writer.update(step=step)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        save_forever()
    os.waitpid(pid, 0)
    print("dead", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_at_any_moment_and_read_meanwhile(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    run = Run.open(tmp_path / "run")
    rng = random.Random(0)
    reached = 10
    code = FORKER.format(tests=str(Path(__file__).parent), run=str(run.path))
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}) as forker:
        assert forker.stdin is not None
        assert forker.stdout is not None
        for _ in range(10):
            forker.stdin.write("go\n")
            forker.stdin.flush()
            word, pid, resumed = forker.stdout.readline().split()
            assert word == "ready"
            assert int(resumed) >= reached
            try:
                until = time.monotonic() + rng.uniform(0.02, 0.3)
                while time.monotonic() < until:  # a second process reads all the while
                    assert f"process {pid} " in run.is_locked()
                    run.refresh()
                    step, tensors = run.load_snapshot()
                    assert same(tensors, weights(step))
                    assert len(run.snapshots()) <= 12
                    assert (np.diff(run.metrics().steps) > 0).all()
            finally:
                os.kill(int(pid), signal.SIGKILL)
                assert forker.stdout.readline() == "dead\n"
            assert run.is_locked() == ""
            assert run.verify() == []
            with RunWriter.reopen(run.path) as writer:
                assert f"Process {pid} " in writer.notice
                assert leftovers(run.path) == []
                step, tensors, extra = writer.load_state()
                assert step >= reached
                assert extra["step"] == step
                assert same(tensors, weights(step))
                run.refresh()
                assert run.info.step <= step
                reached = step
    assert reached > 10
