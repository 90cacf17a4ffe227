"""One writer for a run; stale locks are recognised, told and taken over."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from run_folders import new_run

from engine.errors import BadRun, RunLocked
from engine.runs import Run, RunWriter, rename_run, trash_run
from engine.runs.lock import process_alive, process_mark

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys
from engine.runs import RunWriter
writer = RunWriter.reopen(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
writer.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def write_lock(folder: Path, **changes: object) -> None:
    values = {"pid": os.getpid(), "host": socket.gethostname(), "since": "2026-01-02T10:00:00+00:00",
              "process": "", **changes}
    (folder / "run.lock").write_text(json.dumps(values))


def test_second_process_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            for attempt in (RunWriter.reopen, trash_run, lambda path: rename_run(path, "other")):
                with pytest.raises(RunLocked) as refusal:
                    attempt(tmp_path / "run")
                assert f"process {child.pid} on {socket.gethostname()}" in refusal.value.headline
            run = Run.open(tmp_path / "run")  # looking is always possible
            assert run.is_locked().startswith(f"process {child.pid} on ")
            assert run.load_snapshot()[0] == 10
        finally:
            child.stdin.write("\n")
            child.stdin.flush()
        assert child.stdout.readline() == "closed\n"
        assert run.is_locked() == ""
        with RunWriter.reopen(tmp_path / "run") as writer:  # though the other process still lives
            assert writer.notice == ""
        child.stdin.write("\n")


def test_second_writer_in_this_process(tmp_path: Path) -> None:
    writer = new_run(tmp_path / "run")
    with pytest.raises(RunLocked, match=f"this program, process {os.getpid()} on "):
        RunWriter.reopen(tmp_path / "run")
    with pytest.raises(RunLocked):
        RunWriter.reopen(tmp_path / "other" / ".." / "run") if (tmp_path / "other").mkdir() is None else None
    writer.close()
    writer.close()
    again = RunWriter.reopen(tmp_path / "run")
    writer.close()  # an old writer takes nothing away from a new one
    assert Run.open(tmp_path / "run").is_locked() != ""
    again.close()


def test_forgotten_writer_of_this_process_is_stale(tmp_path: Path) -> None:
    new_run(tmp_path / "run")
    gc.collect()
    with RunWriter.reopen(tmp_path / "run") as writer:
        assert "ended without closing it" in writer.notice


def test_dead_process(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    write_lock(tmp_path / "run", pid=child.pid)
    assert Run.open(tmp_path / "run").is_locked() == ""
    with RunWriter.reopen(tmp_path / "run") as writer:
        assert writer.notice == (
            f"Process {child.pid} on {socket.gethostname()}, which wrote this run, ended without closing it; "
            "the run continues from its last save.")
        assert json.loads((tmp_path / "run" / "run.lock").read_bytes())["pid"] == os.getpid()
    assert not (tmp_path / "run" / "run.lock").exists()


def test_many_take_over_one_stale_lock_and_one_gets_it(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    for _ in range(3):
        write_lock(tmp_path / "run", pid=2**22 + 1)  # no such process
        start = threading.Barrier(6)

        def attempt(start: threading.Barrier = start) -> RunWriter | RunLocked:
            start.wait()
            try:
                return RunWriter.reopen(tmp_path / "run")
            except RunLocked as error:
                return error

        with ThreadPoolExecutor(6) as pool:
            results = [future.result() for future in [pool.submit(attempt) for _ in range(6)]]
        writers = [result for result in results if isinstance(result, RunWriter)]
        assert len(writers) == 1
        writers[0].close()


def test_live_process_of_another_program(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    write_lock(tmp_path / "run", pid=os.getppid(), process=process_mark(os.getppid()))
    who = f"process {os.getppid()} on {socket.gethostname()}, since 2026-01-02"
    with pytest.raises(RunLocked, match=who):
        RunWriter.reopen(tmp_path / "run")


@pytest.mark.skipif(not process_mark(os.getpid()), reason="the system does not tell when a process started")
def test_process_id_that_came_again(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    write_lock(tmp_path / "run", pid=os.getppid(), process="another boot:1")
    with RunWriter.reopen(tmp_path / "run") as writer:
        assert "ended without closing" in writer.notice


def test_another_computer(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    write_lock(tmp_path / "run", pid=1, host="anvil")
    with pytest.raises(RunLocked, match="process 1 on anvil") as refusal:
        RunWriter.reopen(tmp_path / "run")
    assert "delete" in refusal.value.advice
    assert "run.lock" in refusal.value.advice
    assert "anvil" in Run.open(tmp_path / "run").is_locked()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "host": 1}', "{}"])
def test_unreadable_lock_is_nobodys(tmp_path: Path, text: str) -> None:
    new_run(tmp_path / "run").close()
    (tmp_path / "run" / "run.lock").write_text(text)
    with RunWriter.reopen(tmp_path / "run") as writer:
        assert writer.notice.startswith("The program that wrote this run ended without closing it")


def test_failure_while_opening_gives_the_lock_back(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    log = tmp_path / "run" / "metrics.jsonl"
    log.unlink()
    log.mkdir()
    with pytest.raises(Exception, match="could not be saved"):
        RunWriter.reopen(tmp_path / "run")
    assert Run.open(tmp_path / "run").is_locked() == ""
    log.rmdir()
    RunWriter.reopen(tmp_path / "run").close()


def test_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_run(tmp_path / "run").close()

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(BadRun, match="run cannot be written: Read-only file system"):
        RunWriter.reopen(tmp_path / "run")


def test_process_alive() -> None:
    assert process_alive(os.getpid())
    assert not process_alive(0)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_alive(child.pid)
    assert child.stdin is not None
    child.stdin.close()
    child.wait()
    assert not process_alive(child.pid)
