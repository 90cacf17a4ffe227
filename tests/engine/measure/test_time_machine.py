"""The time machine: every column is that snapshot's own path, coarse before fine, kept, and cancelled at any moment."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import paths
from engine.compute import Priority
from engine.config import RunConfig, SamplingConfig
from engine.diffusion.forward import to_uint8
from engine.diffusion.run_sampler import guide
from engine.diffusion.sample import record
from engine.errors import BadSetting
from engine.events import Event, JobProgress
from engine.jobs import time_machine_job
from engine.measure import time_machine_job as module
from engine.measure.many import Many
from engine.measure.noise_judge import NoiseJudge, NoiseJudgeNetwork
from engine.measure.path_coding import STEP
from engine.measure.time_machine import (
    Column,
    ColumnLost,
    ColumnsReady,
    FirstReady,
    TimeMachineRequest,
    chosen_steps,
    line_key,
    map_key,
    map_levels,
    stored_columns,
    stored_line,
)
from engine.measure.time_machine_job import fill_maps
from engine.runs import Run, SaveFailed
from engine.training.trainer import Trainer
from engine.workspace import Workspace

FAST = SamplingConfig(sampler="ddim", num_steps=50, guidance_scale=1.5, guidance_sigma_low=0.2,
                      guidance_sigma_high=5.0, clip_x0=True)
STEPS = [0, 1, 2, 3, 4]
OTHERS = [c for c in range(10) if c != 3]


@pytest.fixture(scope="module")
def trained(one_thread: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, a snapshot of each."""
    path = tmp_path_factory.mktemp("runs") / "four"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 4, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(one_thread, path, config).run():
        pass
    assert [s.step for s in Run.open(path).snapshots()] == STEPS
    return path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy nothing was measured of."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(autouse=True)
def noise_judge(monkeypatch: pytest.MonkeyPatch) -> NoiseJudge:
    """Untrained, but with an opinion that depends on picture and level."""
    torch.manual_seed(0)
    network = NoiseJudgeNetwork()
    with torch.no_grad():
        network.out.weight.mul_(30)
    judge = NoiseJudge(network, "stub")
    monkeypatch.setattr(NoiseJudge, "load", classmethod(lambda cls, path=None, device="cpu": judge))
    return judge


def request_for(*runs: Path, **changes: Any) -> TimeMachineRequest:
    return TimeMachineRequest(runs, FAST, 3, 11, **{"levels": 9, "line_seeds": 3, **changes})


def columns_of(events: list[Event]) -> list[Column]:
    return [column for event in events if isinstance(event, ColumnsReady) for column in event.columns]


def kinds(events: list[Event]) -> list[tuple[str, int, int]]:
    """(kind of work, snapshot, class) of finished columns and lines, in order."""
    found = []
    for event in events:
        if isinstance(event, FirstReady):
            found.append(("line", event.snapshot, event.request.class_label))
        elif isinstance(event, ColumnsReady):
            for c in event.columns:
                if c.probability is not None:
                    found.append(("few" if len(c.rows) < 9 else "every", c.snapshot, c.class_label))
    return found


# ---- what is asked ----

@pytest.mark.parametrize("levels", [1, 4, 6, 24])
def test_a_number_of_levels_that_has_no_coarse_half_is_refused(levels: int) -> None:
    with pytest.raises(BadSetting, match=f"{levels} is not among them"):
        TimeMachineRequest((), FAST, 0, 0, levels=levels)


def test_a_column_depends_on_its_own_weights_and_the_sampler_alone() -> None:
    session = FAST.model_copy(update={"autoguide_step": 4, "num_steps": 7, "grid": "karras"})
    asked = TimeMachineRequest((), session, 0, 0)
    assert asked.drawn_with.autoguide_step is None
    assert (asked.drawn_with.num_steps, asked.drawn_with.chosen_grid) == (24, "timesteps")
    for name in ("sampler", "guidance_scale", "guidance_sigma_low", "guidance_sigma_high", "eta", "clip_x0"):
        assert getattr(asked.drawn_with, name) == getattr(FAST, name)


def test_rows_are_even_in_t_and_the_coarse_ones_are_among_them(run: Path) -> None:
    schedule = Run.open(run).schedule()
    sigma, t = map_levels(TimeMachineRequest((), FAST, 0, 0), schedule)
    assert (len(t), t[0], t[-1], sigma[-1]) == (25, 1000, 0, 0)
    assert set(np.diff(t).tolist()) == {-41, -42}
    few, _ = map_levels(TimeMachineRequest((), FAST, 0, 0, levels=9), schedule)
    assert set(map_levels(TimeMachineRequest((), FAST, 0, 0, levels=5), schedule)[0]) <= set(few)


def test_columns_are_spread_with_both_ends() -> None:
    steps = [0, 3, 10, 20, 40, 80, 160]
    assert chosen_steps(steps, 0) == chosen_steps(steps, 7) == chosen_steps(steps, 99) == steps
    assert chosen_steps(steps, 3) == [0, 20, 160]
    assert chosen_steps(steps, 1) == [0, 160]
    assert chosen_steps([], 5) == []


def test_a_key_is_of_weights_sampler_seed_and_levels(run: Path) -> None:
    opened, asked = Run.open(run), request_for(run)
    key = map_key(opened, 4, asked)
    assert key == map_key(opened, 4, replace(asked, class_label=5, line_seeds=9, columns=2, others=False))
    assert key == map_key(opened, 4, replace(asked, sampling=FAST.model_copy(update={"num_steps": 9})))
    different = [map_key(opened, 3, asked), map_key(opened, 4, replace(asked, seed=12)),
                 map_key(opened, 4, replace(asked, levels=13)),
                 map_key(opened, 4, replace(asked, sampling=FAST.model_copy(update={"guidance_scale": 1.0})))]
    assert len({key, *different}) == 5
    lines = {line_key(opened, 4, asked), line_key(opened, 4, replace(asked, class_label=5)),
             line_key(opened, 4, replace(asked, line_seeds=9))}
    assert len(lines) == 3
    assert line_key(opened, 4, replace(asked, seed=12)) in lines  # its seeds are its own


# ---- what comes ----

def test_coarse_to_fine_covers_the_whole_map(one_thread: Workspace, run: Path) -> None:
    events = list(fill_maps(one_thread, request_for(run)))
    order = [4, 0, 2, 3, 1]
    assert kinds(events) == [
        *(("few", step, 3) for step in order), *(("every", step, 3) for step in order),
        *(("line", step, 3) for step in order), *(("every", step, c) for step in order for c in OTHERS)]
    last = {(c.snapshot, c.class_label): c for c in columns_of(events)}
    assert len(last) == len(STEPS) * 10
    for column in last.values():
        assert column.rows == tuple(range(9))
        assert column.filled == 9
    coarse = [c for c in columns_of(events) if len(c.rows) < 9]
    assert {c.rows for c in coarse} == {(0, 4, 8)}


def test_it_says_something_after_each_network_call_and_counts_up(one_thread: Workspace, run: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    calls, quiet = 0, 0
    events = fill_maps(one_thread, request_for(run))
    real = torch.nn.Conv2d.forward
    inside = []

    def counted(self: Any, x: Any) -> Any:
        inside.append(self)
        return real(self, x)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", counted)
    counted_by: dict[str, list[JobProgress]] = {}
    for event in events:
        stems = sum(1 for layer in inside if layer is inside[0])
        inside.clear()
        calls += stems > 0
        quiet = max(quiet, stems)
        if isinstance(event, JobProgress):
            counted_by.setdefault(event.unit, []).append(event)
    assert calls > 0
    assert quiet <= 2  # a guided call asks the network once, or twice where guidance against nothing is split
    assert list(counted_by) == ["coarse", "levels", "seeds", "other classes"]
    for unit, total in (("coarse", 15), ("levels", 45), ("other classes", 405), ("seeds", 15)):
        told = counted_by[unit]
        assert {p.total for p in told} == {total}
        assert [p.n for p in told] == sorted(p.n for p in told)
        assert told[-1].n == total


def test_a_column_is_what_the_reverse_page_records(one_thread: Workspace, run: Path, noise_judge: NoiseJudge) -> None:
    asked = request_for(run)
    made = {(c.snapshot, c.class_label): c for c in columns_of(list(fill_maps(one_thread, asked)))}
    sigma, t = map_levels(asked, Run.open(run).schedule())
    for step in (0, 4):
        model = one_thread.model(run, step)
        *_, last = record(model.denoiser, range(10), 11, asked.drawn_with, snapshot=step, shape=model.shape,
                          num_classes=10, device=one_thread.device)
        for label in (3, 7):
            column, trajectory = made[step, label], last[label]
            assert t.tolist() == trajectory.t.tolist()
            np.testing.assert_array_equal(sigma, trajectory.sigma)
            assert np.abs(column.x.astype(np.float32) - trajectory.x.astype(np.float32)).max() <= STEP / 2 + 0.003
            x0 = np.concatenate([trajectory.x0[:-1], trajectory.x[-1:]])  # the picture is its own prediction
            assert np.abs(column.x0.astype(int) - to_uint8(x0).astype(int)).max() <= 1
            read = noise_judge.read(trajectory.x, trajectory.sigma)
            assert column.probability is not None
            assert column.top is not None
            np.testing.assert_allclose(column.probability, read[:, label], atol=5e-3)
            assert (column.top == read.argmax(axis=1)).mean() > 0.8


def test_predicted_x0_is_one_jump_from_the_x_t_beside_it(one_thread: Workspace, run: Path) -> None:
    asked = request_for(run, others=False, line_seeds=0)
    column = [c for c in columns_of(list(fill_maps(one_thread, asked))) if c.snapshot == 2][-1]
    sigma, _ = map_levels(asked, Run.open(run).schedule())
    denoise = guide(one_thread.model(run, 2).denoiser, asked.drawn_with)
    assert {asked.drawn_with.guides_at(sigma[frame]) for frame in (2, 6)} == {False, True}
    for frame in (2, 6):
        x = torch.from_numpy(column.x[frame : frame + 1].astype(np.float32)) * float(np.sqrt(1 + sigma[frame] ** 2))
        with torch.inference_mode():
            x0 = denoise(x, torch.tensor([sigma[frame]], dtype=torch.float32), torch.tensor([3]), torch.ones(1))
        # x_t is known to 1/256 only, which large sigma multiplies.
        far = np.abs(column.x0[frame].astype(int) - to_uint8(x0[0].clamp(-1, 1).numpy()).astype(int))
        assert np.median(far) <= 3


def test_the_line_is_where_a_picture_is_read_to_the_end(one_thread: Workspace, run: Path,
                                                        noise_judge: NoiseJudge) -> None:
    asked = request_for(run, others=False, line_seeds=4)
    events = list(fill_maps(one_thread, asked))
    lines = {e.snapshot: e.first for e in events if isinstance(e, FirstReady)}
    assert sorted(lines) == STEPS
    model = one_thread.model(run, 4)
    by_hand = []
    for seed in range(4):
        *_, last = record(model.denoiser, [3], seed, asked.drawn_with, snapshot=4, shape=model.shape, num_classes=10,
                          device=one_thread.device)
        sure = noise_judge.read(last[3].x, last[3].sigma)[:, 3] >= 0.9
        by_hand.append(next((i for i in range(9) if sure[i:].all()), 9))
    assert list(lines[4]) == by_hand


@pytest.mark.parametrize(("probability", "first"), [
    ([0.1, 0.95, 0.5, 0.9, 0.99], 3), ([0.95] * 5, 0), ([0.1, 0.2, 0.3, 0.4, 0.5], 5), ([0.1] * 4 + [0.9], 4),
    ([0.95, 0.95, 0.95, 0.95, 0.85], 5)])
def test_first_is_the_first_row_from_which_it_stays_read(probability: list[float], first: int) -> None:
    x = np.zeros((5, 1, 2, 2))
    column = Column(0, 3, (0, 1, 2, 3, 4), x.astype(np.float16), x.astype(np.uint8),
                    np.array(probability, dtype=np.float64).astype(np.float16) + np.float16(0.0005), None, 5)
    assert column.first == first
    assert replace(column, probability=None).first is None
    coarse = replace(column, rows=(0, 4, 8, 12, 16))
    assert coarse.first == (4 * first if first < 5 else 17)


def test_a_coarse_column_stands_in_for_the_rows_below_it() -> None:
    x = np.zeros((3, 1, 2, 2))
    coarse = Column(0, 3, (0, 4, 8), x.astype(np.float16), x.astype(np.uint8), None, None, 2)
    assert [coarse.frame(row) for row in range(9)] == [0, 0, 0, 0, 1, 1, 1, 1, -1]


# ---- kept ----

def test_the_second_time_nothing_is_drawn_and_everything_is_the_same(one_thread: Workspace, run: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request_for(run)
    first = list(fill_maps(one_thread, asked))
    files = {path: path.read_bytes() for path in (run / "measurements").glob("*.json")}
    monkeypatch.setattr(one_thread, "model", None)
    again = list(fill_maps(one_thread, asked))
    assert not [e for e in again if isinstance(e, JobProgress)]
    made = {(c.snapshot, c.class_label): c for c in columns_of(first)}
    kept = {(c.snapshot, c.class_label): c for c in columns_of(again)}
    assert made.keys() == kept.keys()
    for key, column in kept.items():
        for name in ("x", "x0", "probability", "top"):
            np.testing.assert_array_equal(getattr(column, name), getattr(made[key], name))
    assert {e.snapshot: e.first for e in again if isinstance(e, FirstReady)} == \
        {e.snapshot: e.first for e in first if isinstance(e, FirstReady)}
    assert {path: path.read_bytes() for path in (run / "measurements").glob("*.json")} == files


def test_made_anew_the_file_is_the_same_again(one_thread: Workspace, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "twin")
    for path in (run, tmp_path / "twin"):
        list(fill_maps(one_thread, request_for(path)))
    one, two = ({p.name: p.read_bytes() for p in (path / "measurements").glob("*.json")}
                for path in (run, tmp_path / "twin"))
    assert len(one) == 10  # columns and line of each snapshot
    assert one == two


def test_it_can_be_cancelled_anywhere_and_goes_on_from_what_is_finished(one_thread: Workspace, run: Path) -> None:
    asked = request_for(run)
    opened = Run.open(run)
    events = fill_maps(one_thread, asked)
    fine: list[int] = []
    for event in events:
        if isinstance(event, ColumnsReady) and len(event.columns[0].rows) == 9 and \
                event.columns[0].probability is not None:
            fine.append(event.columns[0].snapshot)
        if len(fine) == 3:
            break
    events.close()
    kept = [step for step in STEPS if stored_columns(opened, step, asked)]
    assert kept == sorted(fine[:2])  # the third was told and not yet saved
    again = list(fill_maps(one_thread, asked))
    assert [c.snapshot for c in columns_of(again)[:2]] == kept
    assert {c.snapshot for c in columns_of(again) if len(c.rows) == 3} == \
        set(STEPS) - set(kept)
    assert all(len(stored_columns(opened, step, asked)) == 10 for step in STEPS)


def test_another_class_is_drawn_beside_what_is_kept(one_thread: Workspace, run: Path) -> None:
    list(fill_maps(one_thread, request_for(run, others=False, line_seeds=0)))
    events = list(fill_maps(one_thread, request_for(run, others=False, line_seeds=0, columns=2)))
    assert all(isinstance(e, ColumnsReady) for e in events)
    list(fill_maps(one_thread, replace(request_for(run, others=False, line_seeds=0), class_label=8)))
    assert sorted(stored_columns(Run.open(run), 2, request_for(run))) == [3, 8]


def test_a_run_that_ships_is_measured_in_the_users_folder(one_thread: Workspace, run: Path, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Run, "read_only", property(lambda self: True))
    list(fill_maps(one_thread, request_for(run)))
    assert not list((run / "measurements").glob("*-*.json"))
    folder = paths.measurements_dir(Run.open(run).info.id)
    assert len(list(folder.glob("*.json"))) == 10
    assert stored_line(Run.open(run), 4, request_for(run)) is not None


def test_a_damaged_file_is_made_again(one_thread: Workspace, run: Path) -> None:
    asked, opened = request_for(run, others=False, line_seeds=0), Run.open(run)
    list(fill_maps(one_thread, asked))
    key = map_key(opened, 4, asked)
    values = opened.measurement(key)
    assert values is not None
    values["classes"]["3"]["path"]["x"] = "AAAA"
    opened.save_measurement(key, values)
    assert stored_columns(opened, 4, asked) == {}
    again = list(fill_maps(one_thread, asked))
    assert {c.snapshot for c in columns_of(again) if len(c.rows) == 3} == {4}
    assert stored_columns(opened, 4, asked)[3].filled == 9


def test_what_cannot_be_saved_is_told_after_everything_was_shown(one_thread: Workspace, run: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SaveFailed("The disk is full.")

    monkeypatch.setattr(Run, "save_measurement", full)
    shown: list[Event] = []

    def watch() -> None:
        for event in fill_maps(one_thread, request_for(run, columns=2)):
            shown.append(event)

    with pytest.raises(SaveFailed, match="full"):
        watch()
    assert len({(c.snapshot, c.class_label) for c in columns_of(shown)}) == 20


# ---- runs as they are ----

def test_two_runs_grow_side_by_side(one_thread: Workspace, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "other")
    events = list(fill_maps(one_thread, request_for(run, tmp_path / "other", others=False, line_seeds=0)))
    coarse = [e.run for e in events if isinstance(e, ColumnsReady) and len(e.columns[0].rows) == 3]
    assert coarse == [run, tmp_path / "other"] * 5


def test_a_snapshot_that_comes_meanwhile_gets_its_column(one_thread: Workspace, run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "step-00000003"
    shutil.move(run / "snapshots" / "step-00000003", moved)
    events = fill_maps(one_thread, request_for(run, others=False, line_seeds=0))
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        if isinstance(event, ColumnsReady) and len(columns_of(seen)) == 2:
            shutil.move(moved, run / "snapshots" / "step-00000003")
    last = {c.snapshot: c for c in columns_of(seen)}
    assert sorted(last) == STEPS
    assert all(c.rows == tuple(range(9)) for c in last.values())


def test_a_damaged_snapshot_is_told_and_the_others_go_on(one_thread: Workspace, run: Path) -> None:
    weights = run / "snapshots" / "step-00000002" / "ema.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    events = list(fill_maps(one_thread, request_for(run, others=False)))
    lost = [e for e in events if isinstance(e, ColumnLost)]
    assert [(e.snapshot, "damaged" in e.report.headline) for e in lost] == [(2, True)]
    assert {c.snapshot for c in columns_of(events)} == {0, 1, 3, 4}


def test_a_class_that_is_not_there_is_refused(one_thread: Workspace, run: Path) -> None:
    with pytest.raises(BadSetting, match="no class 12"):
        next(fill_maps(one_thread, replace(request_for(run), class_label=12)))


def test_without_a_judge_there_are_pictures_and_no_line(one_thread: Workspace, run: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "judge_for", lambda run, kind: None)
    events = list(fill_maps(one_thread, request_for(run, others=False)))
    assert not [e for e in events if isinstance(e, FirstReady)]
    assert {c.snapshot for c in columns_of(events)} == set(STEPS)
    assert all(c.probability is None and c.first is None for c in columns_of(events))
    kept = stored_columns(Run.open(run), 4, request_for(run))
    assert kept[3].probability is None


def test_the_job_is_background_work(run: Path) -> None:
    job = time_machine_job(request_for(run))
    assert (job.key, job.priority) == ("time-machine", Priority.BACKGROUND)


def test_forty_snapshots_of_ten_classes_fit_into_eight_megabytes(one_thread: Workspace, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """By the newest snapshot of the run that ships, as it draws: a 40th of the room."""
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path))
    run = Run.open(paths.DEFAULT_BUNDLED_RUN)
    newest = run.snapshots()[-1].step
    asked = TimeMachineRequest((run.path,), run.info.config.sampling, 3, 11, line_seeds=0)
    maker = module._Map(one_thread, Many(one_thread.device), asked, run.path)
    maker.look()
    for phase in ("levels", "other classes"):
        for _ in maker.work(phase, 0, 1):
            pass
    files = list(paths.measurements_dir(run.info.id).glob("time-machine-*.json"))
    assert len(files) == 1
    assert len(stored_columns(run, newest, asked)) == 10
    assert files[0].stat().st_size <= 8_000_000 / 40
