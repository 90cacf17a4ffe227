"""A kill or a full disk at any call of the disk, while a measurement is kept or an export written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from broken_off import MEASURED, WORKS, Root, a_root, do, do_and_tell, temporaries, tree
from run_folders import DiskFull, disk

from engine.cli.usage import one_sentence
from engine.errors import report
from engine.runs import Run, SaveFailed
from engine.runs.atomic import OLD_ENOUGH, write_file

ROOT = Path(__file__).resolve().parents[3]
Before = tuple[Path, int, dict[str, str], dict[str, str], list[str]]


@pytest.fixture(scope="module")
def killer() -> Iterator[Callable[[str, Path, int], int]]:
    """Does a work in a process that is killed at the k-th call of the disk; its exit status."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen([sys.executable, str(Path(__file__).with_name("broken_off.py"))], cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def kill(name: str, root: Path, k: int) -> int:
            print(json.dumps([name, str(root), k]), file=stdin, flush=True)
            return int(stdout.readline())

        yield kill
        stdin.close()


@pytest.fixture
def before(tmp_path: Path, name: str) -> Before:
    """A root where the work was done once; calls of the disk in doing it again; what is there before and after;
    the events.
    """
    work, first, then = WORKS[name], tmp_path / "first", tmp_path / "then"
    a_root(first)
    do(work, Root(first, 0))
    shutil.copytree(first, then)
    with disk(DiskFull(), names=True) as counted:
        events = do(work, Root(then, 1))
    old, new = tree(first), tree(then)
    assert old != new
    assert counted.calls > 0
    return first, counted.calls, old, new, events


def check(name: str, now: dict[str, str], old: dict[str, str], new: dict[str, str]) -> None:
    """Nothing that was there is lost, and nothing is there in part."""
    if WORKS[name].single:
        assert now in (old, new)
    assert old.keys() <= now.keys()
    for file, contents in now.items():
        assert contents in (old.get(file), new.get(file)), file


def age(path: Path) -> None:
    """As if nobody had written there for so long that a temporary one counts as left over."""
    os.utime(path, (time.time() - OLD_ENOUGH - 1,) * 2)


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
@pytest.mark.parametrize("name", WORKS)
def test_a_full_disk_is_told_in_a_sentence_and_costs_nothing(tmp_path: Path, name: str, once: bool,
                                                             before: Before) -> None:
    first, calls, old, new, said = before
    work = WORKS[name]
    for k in range(calls):
        root = Root(tmp_path / f"{k}", 1)
        shutil.copytree(first, root.path)
        events: list[str] = []
        if work.silent:
            with disk(DiskFull(k, once=once), names=True):
                do_and_tell(work, root, events)
        else:
            with disk(DiskFull(k, once=once), names=True), pytest.raises(SaveFailed) as failure:
                do_and_tell(work, root, events)
            assert failure.value.disk_full
            told = report(failure.value)
            assert told.kind == "expected"
            assert told.headline.startswith("The disk is full")
            assert "tried again" not in told.advice  # it is not: the job has ended
            assert one_sentence(failure.value).count("\n") == 0
            assert "Errno" not in one_sentence(failure.value)
        if name in MEASURED:  # the answer is told even so
            assert events == said
            assert said[-1].endswith("Ready")
        assert temporaries(root.path) == []
        now = tree(root.path)
        check(name, now, old, new)
        if k < calls - 1 and name != "score":  # whose first file is kept before its second; the last syncs the folder
            assert now == old
        assert Run.open(root.run).verify() == []
        if now == old or not work.single:  # the disk has room again
            do(work, root)
        assert tree(root.path) == new


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("name", WORKS)
def test_a_kill_leaves_the_old_or_the_new_and_what_it_left_half_goes(
        tmp_path: Path, name: str, before: Before, killer: Callable[[str, Path, int], int]) -> None:
    first, calls, old, new, _ = before
    left = 0
    for k in range(calls):
        root = Root(tmp_path / f"{k}", 1)
        shutil.copytree(first, root.path)
        assert killer(name, root.path, k) == -signal.SIGKILL
        now = tree(root.path)
        check(name, now, old, new)
        assert Run.open(root.run).verify() == []
        if now == old or not WORKS[name].single:
            do(WORKS[name], root)
        assert tree(root.path) == new
        left += len(temporaries(root.path))  # still there: who knows whether their process is dead
        for path in root.path.rglob("*"):
            age(path)
        do(WORKS[name], Root(root.path, 2))
        assert temporaries(root.path) == []
        assert new.keys() <= tree(root.path).keys()
    assert left > 0


@pytest.mark.parametrize("name", MEASURED)
def test_a_full_disk_at_the_first_measurement_leaves_no_file(tmp_path: Path, name: str) -> None:
    a_root(tmp_path / "counted")
    with disk(DiskFull(), names=True) as counted:
        do(WORKS[name], Root(tmp_path / "counted", 0))
    for k in range(counted.calls - 1):
        root = Root(tmp_path / f"{k}", 0)
        a_root(root.path)
        old, events = tree(root.path), list[str]()
        with disk(DiskFull(k), names=True), nullcontext() if WORKS[name].silent else pytest.raises(SaveFailed):
            do_and_tell(WORKS[name], root, events)
        assert events[-1].endswith("Ready")
        assert temporaries(root.path) == []
        assert tree(root.path).items() >= old.items()
        assert name == "score" or tree(root.path) == old


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: data[:-2],
                                    lambda data: bytes(len(data))], ids=["empty", "half", "nearly whole", "zeros"])
@pytest.mark.parametrize("name", MEASURED)
def test_a_half_file_of_a_measurement_is_not_read_as_whole(tmp_path: Path, name: str,
                                                           damage: Callable[[bytes], bytes]) -> None:
    a_root(tmp_path / "root")
    root = Root(tmp_path / "root", 0, again=False)
    empty = tree(root.path)
    do(WORKS[name], root)
    whole = tree(root.path)
    kept = [root.path / file for file in whole.keys() - empty.keys()]
    do(WORKS[name], replace(root, mark=0 if name == "nearest" else 1))
    assert tree(root.path) == whole  # it was there already
    for path in kept:
        path.write_bytes(damage(path.read_bytes()))
    assert tree(root.path) != whole
    do(WORKS[name], root)
    assert tree(root.path) == whole


def test_what_is_being_written_stays_while_something_is_put_in(tmp_path: Path) -> None:
    long, dead = tmp_path / ".tmp-12-0-set", tmp_path / ".tmp-13-0-set"
    for folder in (long, dead):
        (folder / "7").mkdir(parents=True)
        (folder / "7" / "00000007.png").write_bytes(b"drawn")
        age(folder / "7")
        age(folder)
    (long / "7" / "00000017.png").write_bytes(b"drawn")  # which leaves the outer folder as old as it was
    age(long)
    write_file(tmp_path / "other", [b"saved"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [long.name, "other"]


def test_a_set_whose_folder_vanishes_meanwhile_is_not_finished_without_its_beginning(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_root(tmp_path / "root")
    root, write, written = Root(tmp_path / "root", 1), Path.write_bytes, []

    def vanishing(path: Path, data: bytes) -> int:
        size = write(path, data)
        written.append(path)
        if len(written) == 3:
            shutil.rmtree(path.parent.parent)
        return size

    old = tree(root.path)
    monkeypatch.setattr(Path, "write_bytes", vanishing)
    with pytest.raises(SaveFailed, match="set-1 could not be saved"):
        do(WORKS["set as folder"], root)
    assert tree(root.path) == old
    assert temporaries(root.path) == []
