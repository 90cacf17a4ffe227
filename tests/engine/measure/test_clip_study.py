"""The study of CLIP guidance: what it draws and compares, its verdict and its red flags on figures made up for it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import main as entry
from engine.clip.files import in_domain_record
from engine.config import SamplingConfig
from engine.data.catalogue import load_dataset
from engine.data.halves import half_of
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import sampling_sigmas, schedule
from engine.errors import BadSetting
from engine.events import Event, JobProgress
from engine.measure import clip_study, clip_study_run
from engine.measure.clip_study import (
    CALLS,
    SECONDS,
    Figures,
    Row,
    Study,
    StudyReady,
    StudyRequest,
    cost,
    methods,
    readings,
    row_key,
    steps_within,
    stored_study,
    study_key,
)
from engine.measure.clip_study_run import measure_study, mixing
from engine.measure.clip_study_summary import difference, estimate, markdown, report, summarise, verdict
from engine.measure.judge import Judge
from engine.measure.judge_files import JUDGE_FILE
from engine.paths import DEFAULT_BUNDLED_RUN, RESOURCES
from engine.runs import Run
from engine.workspace import Workspace

SCHEDULE = schedule("linear", 1000)
BASE = SamplingConfig(sampler="dpmpp-2m", num_steps=12)
METHODS = {method.name: method for method in methods("judge")}


def settings(name: str) -> SamplingConfig:
    return BASE.model_copy(update=dict(METHODS[name].changes))


# ---- what is drawn -----------------------------------------------------------------------------------

def test_controls_and_methods_are_settings_that_hold_together() -> None:
    for method in METHODS.values():
        SamplingConfig.model_validate(settings(method.name).model_dump())
        assert settings(method.name).clips == (method.kind in ("clip", "feedback"))
    assert [m.name for m in METHODS.values() if m.mix] == [
        "boost-averaged", "boost-shuffled", "correct-averaged", "correct-shuffled"]
    for name in ("boost", "correct"):
        assert settings(name) == settings(f"{name}-averaged") == settings(f"{name}-shuffled")


@pytest.mark.parametrize("name", METHODS)
def test_as_many_steps_as_the_network_calls_allow_and_not_one_more(name: str) -> None:
    sampling = steps_within(24, settings(name), SCHEDULE)
    assert network_evaluations(sampling, SCHEDULE) <= 24
    more = [network_evaluations(sampling.model_copy(update={"num_steps": n}), SCHEDULE)
            for n in range(sampling.num_steps + 1, 25)]
    assert all(calls > 24 for calls in more)
    assert steps_within(24, settings("plain"), SCHEDULE).num_steps == 24
    assert steps_within(24, settings("constant-2"), SCHEDULE).num_steps == 12


def test_the_reader_s_work_costs_steps_where_seconds_count() -> None:
    sampling = settings("boost")
    inside = sum(0.3 < level <= 5.0 for level in sampling_sigmas(sampling, SCHEDULE)[:-1])
    assert readings(sampling, SCHEDULE) == 2 * inside
    assert readings(settings("gradient"), SCHEDULE) == inside
    assert readings(settings("constant-2"), SCHEDULE) == 0
    assert cost(sampling, SCHEDULE, 0.5, 9.0) == network_evaluations(sampling, SCHEDULE) + inside
    assert cost(settings("gradient"), SCHEDULE, 9.0, 0.5) == 12 + 0.5 * inside
    fewer = steps_within(24, sampling, SCHEDULE, 1.0, 3.0)
    assert fewer.num_steps < steps_within(24, sampling, SCHEDULE).num_steps
    assert cost(fewer, SCHEDULE, 1.0, 3.0) <= 24
    every = sampling.model_copy(update={"clip_every": 3})
    assert readings(every, SCHEDULE) == 2 * -(-inside // 3)


def test_weights_are_averaged_or_handed_to_another_picture() -> None:
    weights = torch.tensor([1.0, 2.0, 3.0, 6.0])
    averaged = mixing(METHODS["boost-averaged"], [0, 1, 2, 3])
    shuffled = mixing(METHODS["boost-shuffled"], [0, 1, 2, 3])
    assert averaged is not None
    assert shuffled is not None
    assert averaged(weights).tolist() == [3.0] * 4
    moved = shuffled(weights)
    assert sorted(moved.tolist()) == sorted(weights.tolist())
    assert (moved != weights).all()
    assert torch.equal(shuffled(weights), moved), "the same one all the way"
    assert mixing(METHODS["boost"], [0, 1]) is None


# ---- a whole one, small ------------------------------------------------------------------------------

@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, own_data: Path) -> None:
    """Few real pictures, and the shipped judge in the place of the study's."""
    monkeypatch.setattr(clip_study_run, "REFERENCE", 10)
    for module in (clip_study, clip_study_run):
        monkeypatch.setattr(module, "STUDY_JUDGE_FILE", JUDGE_FILE)


def request(run: Path) -> StudyRequest:
    return StudyRequest(run, "judge", blocks=2, pictures=20, nfe=12)


def test_a_study_measures_every_method_in_both_tables_and_is_kept(small: None, one_thread: Workspace,
                                                                  tiny_run: Path) -> None:
    events: list[Event] = list(measure_study(one_thread, request(tiny_run)))
    ready = events[-1]
    assert isinstance(ready, StudyReady)
    study = ready.study
    assert not ready.stored
    for table in (CALLS, SECONDS):
        assert [row.method for row in study.table(table)] == list(METHODS)
    for row in study.rows:
        assert row.nfe <= 12
        assert len(row.blocks) == 2
        assert all(0 <= block.accuracy <= 1 and block.frechet > 0 for block in row.blocks)
        assert all((block.weight is None) == (METHODS[row.method].kind not in ("clip", "feedback"))
                   for block in row.blocks)
    assert study.clip_accuracy > 0.9
    assert min(block.accuracy for block in study.real) > 0.9
    last = [event for event in events if isinstance(event, JobProgress)][-1]
    assert last.n == last.total

    run = Run.open(tiny_run)
    assert stored_study(run, request(tiny_run)) == study
    assert study_key(run, request(tiny_run)) != study_key(run, replace(request(tiny_run), seed=1))
    again = list(measure_study(one_thread, request(tiny_run)))
    assert again == [StudyReady(request(tiny_run), study, True)]


def test_a_study_that_was_broken_off_goes_on_with_what_is_missing(small: None, one_thread: Workspace,
                                                                  tiny_run: Path) -> None:
    run, asked = Run.open(tiny_run), replace(request(tiny_run), seed=100, snapshot=3)
    job = measure_study(one_thread, asked)
    for event in job:
        if isinstance(event, JobProgress) and event.n >= 80:
            break
    job.close()
    sampling = steps_within(12, clip_study.base_sampling(run).model_copy(update=dict(METHODS["plain"].changes)),
                            run.schedule())
    kept = run.measurement(row_key(run, asked, METHODS["plain"], sampling))
    assert kept is not None
    assert stored_study(run, asked) is None
    events = list(measure_study(one_thread, asked))
    first = next(event for event in events if isinstance(event, JobProgress))
    assert first.n == 40
    ready = events[-1]
    assert isinstance(ready, StudyReady)
    assert [asdict(block) for block in ready.study.rows[0].blocks] == kept["blocks"]
    assert stored_study(run, asked) == ready.study


def test_the_command_prints_both_tables_and_json(small: None, one_thread: Workspace, tiny_run: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    interval = sys.getswitchinterval()
    command = ["clip-study", "--run", str(tiny_run), "--model", "judge", "--blocks", "2", "--pictures", "20", "--nfe",
               "12", "--device", "cpu"]
    try:
        assert entry.main(command) == 0
        text = capsys.readouterr().out
        starts = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
        assert starts.count("class alone, w = 1") == 2
        assert starts.count("real digits") == 2
        assert entry.main([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert {"verdict", "red_flags", "against_best", "rows", "real", "feedback"} <= set(found)
        assert entry.main([*command, "--pictures", "25"]) == 2
        assert "equally often" in capsys.readouterr().err
    finally:
        sys.setswitchinterval(interval)


def test_who_guides_and_who_judges_have_seen_disjoint_halves() -> None:
    judge = Judge.load(clip_study.STUDY_JUDGE_FILE)
    assert judge.record["half"] == "b"
    assert judge.record["images"] == 30_000
    assert in_domain_record()["half"] == "a"
    assert not set(range(60_000)[half_of("a")]) & set(range(60_000)[half_of("b")])
    data = load_dataset("mnist")
    read = judge.read(data.test_images[:1000, 0]).argmax(axis=1)
    assert (read == data.test_labels[:1000]).mean() > 0.97


def test_the_study_of_the_run_that_ships_came_with_it_and_is_the_one_that_is_written_down() -> None:
    run = Run.open(DEFAULT_BUNDLED_RUN)
    study = stored_study(run, StudyRequest(DEFAULT_BUNDLED_RUN))
    assert study is not None
    assert stored_study(run, StudyRequest(DEFAULT_BUNDLED_RUN, snapshot=study.snapshot)) == study
    page = (RESOURCES.parent / "docs" / "clip_guidance.md").read_text(encoding="utf-8")
    assert markdown(run.name, study, summarise(study)) in page


def test_what_makes_no_study_is_refused(tiny_run: Path) -> None:
    for wrong in ({"blocks": 1}, {"pictures": 10}, {"nfe": 3}):
        with pytest.raises(BadSetting, match="A study takes"):
            StudyRequest(tiny_run, **wrong)


# ---- what is said of it ------------------------------------------------------------------------------

def figures(accuracy: float, frechet: float, clip: float) -> Figures:
    return Figures(accuracy, -0.1, frechet, 0.9, 0.9, 0.99, clip, None)


def made(**changes: tuple[float, float, float]) -> Study:
    """Every method as the class alone, but those named; accuracy, Frechet distance and the reader's log p.

    Blocks differ by far more than methods do, alike for all of them.
    """
    random = np.random.default_rng(0)
    blocks = random.normal(0, [0.004, 0.5, 0.01], (5, 3))
    rows = []
    for table in (CALLS, SECONDS):
        for method in METHODS:
            own = changes.get(method.replace("-", "_").replace(".", "_"), (0.0, 0.0, 0.0))
            noise = random.normal(0, [1e-4, 1e-2, 1e-4], (5, 3))
            rows.append(Row(method, table, 12, 24, 0, 24.0, tuple(
                figures(0.98 + a + own[0], 3.0 + f + own[1], -0.1 + c + own[2]) for a, f, c in blocks + noise)))
    return Study(7, "judge", "", 0.98, "", 0.99, 5, 400, 0, 24, "dpmpp-2m", 0.5, 1.5, 2000, tuple(rows),
                 rows[0].blocks, "cpu")


def test_a_difference_is_taken_block_by_block() -> None:
    study = made(boost=(0.0, -0.3, 0.0))
    rows = {row.method: row for row in study.table(CALLS)}
    found = difference(rows["boost"], rows["plain"], "frechet")
    assert found.low < -0.3 < found.high
    assert found.half < 0.05
    assert estimate([block.frechet for block in rows["boost"].blocks]).half > 0.2


@pytest.mark.parametrize(("change", "flag"), [
    ((0.0, 0.0, 0.0), ""),
    ((0.0, 0.0, 0.05), ""),
    ((0.01, -0.5, 0.05), ""),
    ((-0.01, 0.0, 0.0), ""),
    ((-0.01, 0.0, -0.05), ""),
    ((-0.01, 0.0, 0.05), "the reader is surer, yet the judge reads fewer right"),
    ((0.0, 0.5, 0.05), "the reader is surer, yet the judge finds them farther from real ones"),
    ((-0.01, 0.5, 0.05), "the reader is surer, yet the judge reads fewer right and finds them farther from real ones"),
])
def test_a_red_flag_stands_where_the_reader_is_pleased_and_the_judge_is_not(change, flag: str) -> None:
    summary = summarise(made(boost=change))
    found = {row.method.name: row.flag for row in summary.tables[CALLS]}
    assert found["boost"] == flag
    assert not [name for name, why in found.items() if why and name != "boost"]
    assert [title for _, title, _ in summary.flags] == (["CLIP scale, boost"] * 2 if flag else [])


def test_the_verdict_names_what_beats_the_best_control_and_nothing_else() -> None:
    nothing = made(interval_1_5=(0.0, -1.0, 0.0))
    assert summarise(nothing).best_control == {CALLS: "interval-1.5", SECONDS: "interval-1.5"}
    worse = "every way to guide by CLIP is worse than the best control (interval w = 1.5)"
    assert verdict(nothing, summarise(nothing)) == f"At equal network calls, {worse}; at equal seconds, {worse}."
    boost = made(interval_1_5=(0.0, -1.0, 0.0), boost=(0.001, -2.0, 0.0))
    assert "At equal network calls, CLIP scale, boost is better than the best control" in verdict(boost,
                                                                                                  summarise(boost))
    bought = made(interval_1_5=(0.0, -1.0, 0.0), boost=(-0.01, -2.0, 0.0), blend=(0.0, -1.0, 0.0))
    assert "no way to guide by CLIP is certainly better" in verdict(bought, summarise(bought))


def test_text_and_json_say_the_same() -> None:
    study = made(boost=(-0.01, 0.5, 0.05))
    summary = summarise(study)
    text, values = markdown("mnist", study, summary), report(study, summary)
    assert text.count("| RED |") == 2
    assert len(values["red_flags"]) == 2
    assert str(values["verdict"]) in text
    assert "No red flag." in markdown("mnist", made(), summarise(made()))
    assert Study.from_values(json.loads(json.dumps(study.values()))) == study
    assert Study.from_values({"rows": 3}) is None


@pytest.fixture(autouse=True)
def no_runs_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", "")
