"""Reading, listing, renaming, trashing; run.json, measurements, recordings, migration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import SAMPLING, info, new_run, trajectory, weights

from engine import paths
from engine.config import RunConfig, SamplingConfig
from engine.errors import BadRun, BadSetting
from engine.events import TrainingState
from engine.runs import (
    SCHEMA_VERSION,
    Run,
    RunInfo,
    RunWriter,
    Segment,
    list_runs,
    measurement_key,
    new_run_path,
    rename_run,
    scan_runs,
    trash_run,
)
from engine.runs.info import parse_info, read_info, write_info
from engine.runs.jsontext import canonical
from engine.runs.migration import migrate

text = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)
infos = st.builds(
    RunInfo, name=text, class_names=st.lists(text, max_size=3).map(tuple), num_steps=st.integers(0, 10**7),
    image_shape=st.tuples(*[st.integers(1, 64)] * 3), sigma_data=st.floats(1e-3, 10),
    segments=st.lists(st.builds(Segment, start=st.integers(0, 99), end=st.integers(99, 10**6),
                                learning_rate=st.floats(0, 1)), max_size=3).map(tuple),
    machine=st.dictionaries(text, st.none() | st.booleans() | st.integers() | text, max_size=4),
    state=st.sampled_from([state.value for state in TrainingState]), seconds=st.floats(0, 1e9),
    config=st.builds(lambda seed, eta: RunConfig().changed(training={"seed": seed}, sampling={"eta": eta}),
                     st.integers(0, 2**63 - 1), st.floats(0, 1)),
)


@settings(max_examples=60, deadline=None)
@given(infos)
def test_run_file_round_trip(tmp_path_factory: pytest.TempPathFactory, value: RunInfo) -> None:
    folder = tmp_path_factory.mktemp("run")
    write_info(folder, value)
    assert read_info(folder) == value
    assert json.loads((folder / "run.json").read_bytes())["schema_version"] == SCHEMA_VERSION


def test_update(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        run = Run.open(writer.path)
        segment = Segment(start=100, end=200, learning_rate=1e-3)
        writer.update(step=120, num_steps=200, state=TrainingState.PAUSED, seconds=3.5, segments=[segment],
                      machine={"threads": np.int64(2), "torch": type("Version", (str,), {})("2.14")})
        assert run.info.step == 0
        run.refresh()
        assert (run.info.step, run.info.state, run.info.segments) == (120, "paused", (segment,))
        assert run.info.machine == {"threads": 2, "torch": "2.14"}
        assert run.info == writer.info
        with pytest.raises(ValueError, match="step"):
            writer.update(step=-1)
        assert read_info(writer.path).step == 120


def test_what_a_run_says(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        run = Run.open(str(writer.path))
        assert run.name == "digits"
        assert run.path == writer.path
        assert not run.read_only
        assert run.steps_per_epoch == 938  # 60 000 / 64
        assert run.schedule().num_timesteps == 1000
        assert run.sigma_max == pytest.approx(run.schedule().sigma[-1])
        step, tensors = run.load_snapshot(0)
        assert step == 0
        assert tensors["in.weight"].dtype == np.float32
        assert tensors["count"].dtype == np.int64
        images, classes, seeds = run.load_samples(10)
        assert images.shape == (2, 8, 8)
        assert classes == (0, 1)
        assert seeds == (3, 4)
        assert run.sample_strips() == [10]
        assert writer.snapshots() == run.snapshots()
        with pytest.raises(ValueError, match="uint8"):
            writer.save_samples(1, np.zeros((1, 8, 8), np.float32), [0], [0])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="for each image"):
            writer.save_samples(1, np.zeros((2, 8, 8), np.uint8), [0], [0])
        colour = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
        writer.save_samples(11, colour, [0, 1], [1, 2])
        assert np.array_equal(run.load_samples(11)[0], colour)
        with pytest.raises(BadRun, match="step 12 of run is not there"):
            run.load_samples(12)


def test_recorded_trajectories(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        writer.save_recorded({1: trajectory(1), 0: trajectory(0)}, SAMPLING)
        writer.save_recorded({0: trajectory(0, seed=8)})
        writer.save_recorded({0: trajectory(0, seed=8)})  # again: replaced
        run = Run.open(writer.path)
        first, second = run.recordings()
        assert (first.seed, first.snapshot, first.sampling) == (7, 10, SAMPLING)
        assert (second.seed, second.sampling) == (8, SamplingConfig())
        assert [sorted(by_class) for by_class in run.recorded()] == [[0, 1], [0]]
        assert run.recorded_seeds(10) == [7, 8]
        assert run.recorded_seeds(20) == []
        assert [recording.seed for recording in run.recordings(8)] == [8]
        assert run.recordings(9) == []
        for label in (0, 1):
            was, now = trajectory(label), first.trajectories[label]
            for name in ("sigma", "t", "x", "x0", "eps", "guidance"):
                assert np.array_equal(getattr(was, name), getattr(now, name))
                assert getattr(was, name).dtype == getattr(now, name).dtype
            assert now.filled == 4
            assert now.class_label == label
            assert now.frame_at(0) == 3
        with pytest.raises(ValueError, match="one snapshot and one seed"):
            writer.save_recorded({0: trajectory(0), 1: trajectory(1, seed=9)})
        with pytest.raises(ValueError, match="no trajectory"):
            writer.save_recorded({})


# ---- measurements ------------------------------------------------------------------------------------

def test_measurements_in_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    new_run(tmp_path / "run").close()
    run = Run.open(tmp_path / "run")
    key = measurement_key("quality", run.weights_hash(10), {"steps": 18, "guidance": 2.0})
    assert key != measurement_key("quality", run.weights_hash(0), {"steps": 18, "guidance": 2.0})
    assert key != measurement_key("quality", run.weights_hash(10), {"steps": 18, "guidance": 1.0})
    assert key == measurement_key("quality", run.weights_hash(), {"guidance": 2.0, "steps": 18})
    assert run.measurement(key) is None
    path = run.save_measurement(key, {"accuracy": 0.98, "curve": np.array([1.0, np.nan])})
    assert path.parent == tmp_path / "run" / "measurements"
    assert run.measurement(key) == {"accuracy": 0.98, "curve": [1.0, None]}
    run.save_measurement("../../outside", {"a": 1})
    assert run.measurement("../../outside") == {"a": 1}
    assert len(list((tmp_path / "run" / "measurements").iterdir())) == 2
    assert list(tmp_path.rglob("outside*")) == []
    path.write_bytes(path.read_bytes()[:-9])
    assert run.measurement(key) is None  # measured again rather than believed
    with pytest.raises(TypeError):
        run.save_measurement(key, {"a": object()})


def test_measurements_of_a_shipped_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "BUNDLED_RUNS", tmp_path / "shipped")
    new_run(tmp_path / "run").close()
    shutil.move(tmp_path / "run", tmp_path / "shipped" / "mnist")
    run = Run.open(tmp_path / "shipped" / "mnist")
    before = sorted(str(p) for p in run.path.rglob("*"))
    assert run.read_only
    path = run.save_measurement("k", {"a": 1})
    assert path == tmp_path / "home" / "measurements" / run.info.id / "k.json"
    assert run.measurement("k") == {"a": 1}
    for attempt in (RunWriter.reopen, trash_run, lambda p: rename_run(p, "mine"),
                    lambda p: RunWriter.create(p.parent / "new", info())):
        with pytest.raises(BadRun, match="ships with Diffuscope"):
            attempt(run.path)
    assert sorted(str(p) for p in run.path.rglob("*")) == before
    assert not (tmp_path / "shipped" / "new").exists()


def test_measurements_while_another_process_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    with new_run(tmp_path / "run") as writer:
        run = Run.open(writer.path)
        assert run.save_measurement("mine", {"a": 1}).is_relative_to(run.path)
    (run.path / "run.lock").write_text(json.dumps({"pid": 1, "host": "anvil"}))
    assert run.save_measurement("k", {"a": 2}).is_relative_to(tmp_path / "home")
    assert run.measurement("k") == {"a": 2}
    assert run.measurement("mine") == {"a": 1}


# ---- the folder of runs ------------------------------------------------------------------------------

def test_list_rename_trash(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []
    for i, created in enumerate(["2026-01-01T00:00:00+00:00", "2026-01-03T00:00:00+00:00",
                                 "2026-01-02T00:00:00+00:00"]):
        new_run(tmp_path / f"mnist-quick-{i + 1:02d}", created=created, name=f"run {i}").close()
    (tmp_path / "holiday").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    assert [run.name for run in list_runs(tmp_path)] == ["run 1", "run 2", "run 0"]
    assert [path.name for path, _ in scan_runs(tmp_path)[1]] == ["broken"]

    assert new_run_path(tmp_path, "mnist", "quick") == tmp_path / "mnist-quick-04"
    assert new_run_path(tmp_path, "my/data", "quick") == tmp_path / "mydata-quick-01"

    renamed = rename_run(tmp_path / "mnist-quick-02", " Zahlen 2 ")
    assert renamed == tmp_path / "Zahlen 2"
    assert not (tmp_path / "mnist-quick-02").exists()
    assert Run.open(renamed).name == "Zahlen 2"
    assert Run.open(renamed).is_locked() == ""
    assert rename_run(renamed, "Zahlen 2") == renamed
    for name in ("", "  ", "a/b", "..", ".hidden", "a\nb", "x" * 101, 'q"'):
        with pytest.raises(BadSetting, match="1 to 100 characters"):
            rename_run(renamed, name)
    with pytest.raises(BadSetting, match="already a run called"):
        rename_run(renamed, "mnist-quick-01")

    first = trash_run(tmp_path / "mnist-quick-01")
    assert first == tmp_path / ".trash" / "mnist-quick-01"
    assert Run.open(first).verify() == []  # could be taken back by hand
    new_run(tmp_path / "mnist-quick-01").close()
    assert trash_run(tmp_path / "mnist-quick-01").name == "mnist-quick-01 (2)"
    trash_run(tmp_path / "broken")
    with pytest.raises(BadRun, match="holiday is empty"):
        trash_run(tmp_path / "holiday")
    assert [run.name for run in list_runs(tmp_path)] == ["Zahlen 2", "run 2"]


def test_discard(tmp_path: Path) -> None:
    writer = new_run(tmp_path / "run")
    away = writer.discard()
    assert not (tmp_path / "run").exists()
    assert Run.open(away).is_locked() == ""
    writer.close()


def test_moving_a_run_keeps_it(tmp_path: Path) -> None:
    new_run(tmp_path / "run").close()
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    with RunWriter.reopen(tmp_path / "copy") as writer:
        step, tensors, _ = writer.load_state()
        assert step == 10
        assert np.array_equal(tensors["count"], weights(10)["count"])


# ---- migration ---------------------------------------------------------------------------------------

def test_migration_applies_each_step_in_order() -> None:
    def to_2(values: dict[str, Any]) -> dict[str, Any]:
        values["title"] = values.pop("name")
        return values

    def to_3(values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "title": values["title"].upper()}

    old = {"schema_version": 1, "name": "digits"}
    new = migrate(old, "run", migrations=(to_2, to_3), current=3)
    assert new == {"schema_version": 3, "title": "DIGITS"}
    assert old == {"schema_version": 1, "name": "digits"}
    assert migrate(new, "run", migrations=(to_2, to_3), current=3) == new
    halfway = {"schema_version": 2, "title": "digits"}
    assert migrate(halfway, "run", migrations=(to_2, to_3), current=3) == new
    with pytest.raises(BadRun, match=r"newer Diffuscope \(format 4; this one reads up to 3\)"):
        migrate({"schema_version": 4}, "run", migrations=(to_2, to_3), current=3)


def test_every_format_has_its_migration_and_fixture() -> None:
    from engine.runs.migration import MIGRATIONS

    assert len(MIGRATIONS) == SCHEMA_VERSION - 1
    fixtures = Path(__file__).parent / "fixtures"
    for version in range(1, SCHEMA_VERSION):
        parse_info((fixtures / f"run-format-{version}.json").read_bytes(), "fixture")


def test_upgraded_run_file_keeps_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_run(tmp_path / "run").close()
    path = tmp_path / "run" / "run.json"
    values = json.loads(path.read_bytes())
    values["title"] = values.pop("name")
    path.write_text(json.dumps({**values, "schema_version": 1}))
    monkeypatch.setattr("engine.runs.migration.SCHEMA_VERSION", 2)
    monkeypatch.setattr("engine.runs.migration.MIGRATIONS", (lambda v: {
        **{key: value for key, value in v.items() if key != "title"}, "name": v["title"]},))
    assert Run.open(tmp_path / "run").name == "digits"
    assert json.loads(path.read_bytes())["schema_version"] == 1  # looking changes nothing
    with RunWriter.reopen(tmp_path / "run") as writer:
        assert writer.info.schema_version == 2
    assert json.loads(path.read_bytes())["name"] == "digits"
    assert json.loads((tmp_path / "run" / "run.format-1.json").read_bytes())["title"] == "digits"


def test_canonical_json() -> None:
    assert canonical({"b": np.float32(0.5), "a": (1, np.inf, True, None, Path("x"))}) == \
        b'{"a":[1,null,true,null,"x"],"b":0.5}'
    with pytest.raises(TypeError, match="set does not fit"):
        canonical({"a": {1}})
