"""The history of samples: nearest rows first, kept with the run, redirected, and seen to grow while a run trains."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import paths
from engine.build import build_denoiser
from engine.config import STRIP_SAMPLING, RunConfig
from engine.diffusion.sample import sample_images
from engine.errors import BadRun
from engine.events import Tick
from engine.measure import sample_history
from engine.measure.sample_history import (
    HistoryRequest,
    HistoryRows,
    LookAround,
    draw_history,
    nearest_first,
    stored_row,
)
from engine.runs import Run, RunInfo, RunWriter, SaveFailed
from engine.workspace import Workspace

CONFIG = RunConfig().changed(model={"widths": (8,), "embedding_width": 16})
STEPS = (0, 10, 40, 90)
QUICK = STRIP_SAMPLING.model_copy(update={"num_steps": 2})


def weights(step: int) -> dict[str, np.ndarray]:
    denoiser = build_denoiser(CONFIG.changed(training={"seed": step}), shape=(1, 28, 28), num_classes=10,
                              sigma_data=0.6)
    return {name: value.numpy() for name, value in denoiser.network.state_dict().items()}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(home))
    return home


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    info = RunInfo(name="small", config=CONFIG, class_names=tuple("0123456789"), image_shape=(1, 28, 28),
                   sigma_data=0.6, parameters=6, num_steps=100, images=640, state="training", step=90)
    made = RunWriter.create(tmp_path / "run", info)
    for step in STEPS:
        made.save_snapshot(step, weights(step))
    yield made
    made.close()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


def request(writer: RunWriter, **changes: object) -> HistoryRequest:
    return HistoryRequest(writer.path, **{"seed": 5, "sampling": QUICK, **changes})


def told(workspace: Workspace, asked: HistoryRequest) -> list[HistoryRows]:
    return [event for event in draw_history(workspace, asked) if isinstance(event, HistoryRows)]


def test_the_nearest_comes_first_and_of_two_the_later() -> None:
    steps = [0, 10, 40, 90, 100]
    order, left = [], list(steps)
    while (step := nearest_first(left, steps, 38)) is not None:
        order.append(step)
        left.remove(step)
    assert order == [40, 90, 10, 100, 0]
    assert nearest_first([0, 10, 90], steps, None) == 90


def test_rows_are_drawn_from_the_viewed_snapshot_outwards_and_are_the_samples_of_that_seed(
        writer: RunWriter, workspace: Workspace) -> None:
    events = told(workspace, request(writer, around=12))
    assert [sorted(event.rows) for event in events] == [[], [10], [40], [0], [90]]
    assert [event.missing for event in events] == [4, 3, 2, 1, 0]
    assert all(event.steps == STEPS for event in events)
    row = events[2].rows[40]
    assert (row.shape, row.dtype) == ((10, 28, 28), np.uint8)
    model = workspace.model(writer.path, 40)
    drawn = next(sample_images(model.denoiser, list(range(10)), [5] * 10, QUICK, shape=(1, 28, 28), num_classes=10,
                               device=workspace.device))
    assert (row == drawn).all()


def test_what_was_drawn_before_is_read_and_other_seeds_and_settings_are_not_mixed_up(
        writer: RunWriter, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(workspace, request(writer))
    rows = {step: row for event in first for step, row in event.rows.items()}

    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(workspace, "model", refuse)
    again = told(workspace, request(writer))
    assert len(again) == 1
    assert again[0].missing == 0
    assert all((again[0].rows[step] == row).all() for step, row in rows.items())
    run = Run.open(writer.path)
    assert stored_row(run, 40, request(writer, seed=6)) is None
    assert stored_row(run, 40, request(writer, sampling=STRIP_SAMPLING)) is None
    writer.save_snapshot(40, weights(41))
    assert stored_row(Run.open(writer.path), 40, request(writer)) is None, "other weights"


def test_a_closed_job_keeps_its_rows_and_a_later_one_goes_on(writer: RunWriter, workspace: Workspace) -> None:
    job = draw_history(workspace, request(writer))
    for event in job:
        if isinstance(event, HistoryRows) and event.missing == 2:
            break
    job.close()
    later = told(workspace, request(writer))
    assert sorted(later[0].rows) == [40, 90]
    assert [sorted(event.rows) for event in later[1:]] == [[10], [0]]
    assert not list(writer.path.rglob(".tmp-*"))


def test_it_goes_where_it_is_told_to_look(writer: RunWriter, workspace: Workspace) -> None:
    job = draw_history(workspace, request(writer))
    order, command = [], None
    while True:
        try:
            event = job.send(command)
        except StopIteration:
            break
        command = None
        if isinstance(event, HistoryRows) and event.rows:
            order += list(event.rows)
            command = LookAround(0)
    assert order == [90, 0, 10, 40]


def test_a_snapshot_that_comes_meanwhile_is_drawn_and_one_that_goes_is_left_out(
        writer: RunWriter, workspace: Workspace) -> None:
    job = draw_history(workspace, request(writer))
    rows: list[int] = []
    last = None
    for event in job:
        if not isinstance(event, HistoryRows):
            assert isinstance(event, Tick)
            continue
        last = event
        rows += list(event.rows)
        if rows == [90]:
            writer.save_snapshot(100, weights(100))
        if rows == [90, 100]:
            (writer.path / "snapshots" / "step-00000010" / "ema.safetensors").write_bytes(b"damaged")
    assert rows == [90, 100, 40, 0]
    assert last is not None
    assert (last.steps, last.missing) == ((0, 40, 90, 100), 0)


def test_a_run_that_another_process_trains_has_its_rows_in_the_users_folder(
        tmp_path: Path, writer: RunWriter, workspace: Workspace) -> None:
    path = writer.path
    writer.close()
    script = ("import sys; from pathlib import Path; from engine.runs import RunWriter\n"
              "w = RunWriter.reopen(Path(sys.argv[1])); print('held', flush=True); sys.stdin.readline(); w.close()")
    root = Path(sample_history.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, cwd=root) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        events = told(workspace, request(writer))
        other.stdin.write("\n")
    assert events[-1].missing == 0
    run = Run.open(path)
    assert len(list(paths.measurements_dir(run.info.id).glob("history-*.json"))) == 4
    assert not list((path / "measurements").glob("history-*"))
    assert stored_row(run, 90, request(writer)) is not None


def test_rows_that_cannot_be_saved_are_shown_and_then_told(writer: RunWriter, workspace: Workspace,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SaveFailed("The disk is full.")

    monkeypatch.setattr(Run, "save_measurement", full)
    seen: list[int] = []
    with pytest.raises(SaveFailed):  # noqa: PT012
        for event in draw_history(workspace, request(writer)):
            if isinstance(event, HistoryRows):
                seen += list(event.rows)
    assert seen == [90, 40, 10, 0]


def test_a_file_that_is_not_a_row_is_drawn_anew(writer: RunWriter, workspace: Workspace) -> None:
    run, asked = Run.open(writer.path), request(writer)
    for values in ({}, {"png": "xyz"}, {"png": 3}):
        run.save_measurement(sample_history.history_key(run, 90, asked), values)
        assert stored_row(run, 90, asked) is None
    with pytest.raises(BadRun):
        told(workspace, HistoryRequest(writer.path.parent / "none"))
