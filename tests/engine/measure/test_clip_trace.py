"""CLIP guidance to be watched: what is recorded is what was decided, and the picture is the one that is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.config import SamplingConfig
from engine.data.catalogue import load_test_half
from engine.diffusion.clip_guidance import gain
from engine.diffusion.sample import sample_images
from engine.errors import BadSetting
from engine.jobs import clip_course_job, clip_grid_job
from engine.measure.clip_trace import Course, CourseReady, CourseRequest, GridReady, GridRequest, grid_rows
from engine.measure.judge_files import judge_file, judge_record
from engine.measure.quality import QualityRequest, quality_key
from engine.measure.scorers import clip_mark, guidance_words, make_scorer, scorer_mark
from engine.paths import BUNDLED_RUNS
from engine.runs import Run
from engine.workspace import Workspace

SAMPLING = SamplingConfig(sampler="dpmpp-2m", num_steps=8, guidance_scale=3.0, clip_guidance="scale",
                          clip_model="judge", guidance_sigma_low=0.3, guidance_sigma_high=5.0)


def course(workspace: Workspace, run: Path, sampling: SamplingConfig) -> Course:
    events = list(clip_course_job(CourseRequest(run, None, 3, 5, sampling)).make(workspace))
    last = events[-1]
    assert isinstance(last, CourseReady)
    assert last.course.complete
    return last.course


def picture(workspace: Workspace, run: Path, sampling: SamplingConfig) -> np.ndarray:
    model = workspace.model(run, None)
    return next(sample_images(model.denoiser, [3], [5], sampling, shape=model.shape, num_classes=10,
                              device=torch.device("cpu"), scorer=workspace.scorer(model, sampling)))[0]


@pytest.mark.parametrize("sampler", ["dpmpp-2m", "heun"])
@pytest.mark.parametrize("method", ["scale", "blend", "gradient"])
def test_what_is_recorded_is_what_was_decided(one_thread: Workspace, tiny_run: Path, method: str,
                                              sampler: str) -> None:
    sampling = SAMPLING.model_copy(update={"clip_guidance": method, "sampler": sampler})
    found = course(one_thread, tiny_run, sampling)
    assert found.guided.tolist() == [0.3 < sigma <= 5.0 for sigma in found.sigma]
    assert 0 < found.guided.sum() < 8
    assert (np.isnan(found.p_conditional) == ~found.guided).all()
    scorer = make_scorer("judge", Run.open(tiny_run), one_thread)
    shown = torch.from_numpy(found.conditional[found.guided].astype(np.float32)).clamp(-1, 1)
    read = scorer(shown).exp()[:, 3].numpy()
    np.testing.assert_allclose(found.p_conditional[found.guided], read, atol=0.02)  # pictures are kept in half
    d = torch.from_numpy(np.log(found.p_conditional) - np.log(found.p_unconditional))[found.guided]
    if method == "gradient":
        assert (found.unconditional == 0).all()
        assert ((found.weight > 0) == found.guided).all()
    else:
        expected = 1 + 2 * gain(d, "boost") if method == "scale" else torch.sigmoid(d)
        np.testing.assert_allclose(found.weight[found.guided], expected.numpy(), rtol=1e-4)
        assert (found.weight[~found.guided] == 1).all()
    assert found.picture is not None
    drawn = (found.picture[0].astype(np.float32) + 1) * 127.5
    assert np.abs(drawn.clip(0, 255) - picture(one_thread, tiny_run, sampling)).max() < 1


def test_places_are_percent_denoised_and_a_level_finds_its_step(one_thread: Workspace, tiny_run: Path) -> None:
    found = course(one_thread, tiny_run, SAMPLING)
    assert found.denoised[0] < 10
    assert (np.diff(found.denoised) > 0).all()
    assert [found.frame_at(sigma) for sigma in found.sigma] == list(range(8))
    assert found.frame_at(0.0) == 7


def test_without_clip_there_is_a_course_that_nobody_guided(one_thread: Workspace, tiny_run: Path) -> None:
    found = course(one_thread, tiny_run, SAMPLING.model_copy(update={"clip_strength": 0.0}))
    assert not found.guided.any()
    assert np.isnan(found.p_conditional).all()


def test_a_class_that_is_not_there_is_refused(one_thread: Workspace, tiny_run: Path) -> None:
    with pytest.raises(BadSetting, match="There is no class 10"):
        list(clip_course_job(CourseRequest(tiny_run, None, 10, 5, SAMPLING)).make(one_thread))


def test_the_grid_has_every_class_by_every_way_to_guide_and_comes_row_by_row(one_thread: Workspace,
                                                                            tiny_run: Path) -> None:
    rows = tuple(sampling for _, sampling in grid_rows(SAMPLING))
    events = [event for event in clip_grid_job(GridRequest(tiny_run, None, 5, rows)).make(one_thread)
              if isinstance(event, GridReady)]
    assert [len(event.images) for event in events] == list(range(1, len(rows) + 1))
    assert events[-1].complete
    assert not events[0].complete
    assert events[-1].images.shape == (6, 10, 28, 28)
    for row, sampling in enumerate(rows):
        assert np.abs(events[-1].images[row, 3].astype(int) - picture(one_thread, tiny_run, sampling)).max() <= 1
    assert events[-1].read.min() >= 0


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.0])
def test_the_rows_of_the_grid_differ_and_each_guides(scale: float) -> None:
    rows = grid_rows(SAMPLING.model_copy(update={"guidance_scale": scale, "clip_strength": 0.0}))
    assert len({sampling for _, sampling in rows}) == len(rows) == len({title for title, _ in rows})
    assert [sampling.clips for _, sampling in rows] == [False, False, True, True, True, True]


def test_the_key_of_a_measurement_names_who_guided(tiny_run: Path) -> None:
    run, plain = Run.open(tiny_run), SamplingConfig(num_steps=4)
    assert clip_mark(plain, run) == {}
    keys = {quality_key(run, QualityRequest(tiny_run, sampling)) for sampling in (
        plain, SAMPLING, SAMPLING.model_copy(update={"clip_strength": 0.5}))}
    assert len(keys) == 3
    assert clip_mark(SAMPLING, run)["clip"]


def test_who_guides_is_said_in_words() -> None:
    assert guidance_words(SamplingConfig(guidance_scale=1.5)) == "guidance 1.5"
    assert guidance_words(SAMPLING) == \
        "CLIP guidance by scale up to w = 3, boost, strength 1, the judge reading"
    assert guidance_words(SAMPLING.model_copy(update={"clip_guidance": "blend"})) == \
        "CLIP guidance by blend, strength 1, the judge reading"
    assert guidance_words(SAMPLING.model_copy(update={"clip_strength": 0.0})) == "guidance 1"


def test_the_judge_that_guides_is_that_of_the_runs_data(one_thread: Workspace, tiny_run: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    clothes = Run.open(BUNDLED_RUNS / "fashion-mnist")
    data = load_test_half("fashion-mnist")
    x0 = torch.from_numpy(data.test_images[:300]).float() / 127.5 - 1
    read = make_scorer("judge", clothes, one_thread)(x0).argmax(dim=1).numpy()
    assert (read == data.test_labels[:300]).mean() > 0.88
    assert scorer_mark("judge", clothes) == judge_record(judge_file("fashion-mnist"))["sha256"]
    assert scorer_mark("judge", clothes) != scorer_mark("judge", Run.open(tiny_run))
    monkeypatch.setattr("engine.measure.scorers.judge_for", lambda run: None)
    with pytest.raises(BadSetting, match="There is no judge for fashion-mnist, so it cannot guide fashion-mnist"):
        make_scorer("judge", clothes, one_thread)


@pytest.mark.parametrize("method", ["scale", "gradient"])
def test_the_in_domain_clip_guides_and_a_picture_does_not_depend_on_its_batch(one_thread: Workspace, tiny_run: Path,
                                                                              method: str) -> None:
    model = one_thread.model(tiny_run, None)
    sampling = SAMPLING.model_copy(update={"clip_guidance": method, "clip_model": "in-domain", "num_steps": 4})
    scorer = one_thread.scorer(model, sampling)
    assert one_thread.scorer(model, sampling) is scorer, "kept"

    def drawn(labels: list[int], seeds: list[int], chosen: SamplingConfig) -> np.ndarray:
        return next(sample_images(model.denoiser, labels, seeds, chosen, shape=model.shape, num_classes=10,
                                  device=torch.device("cpu"), scorer=scorer))

    together = drawn([3, 4, 5], [7, 8, 9], sampling)
    for i, (label, seed) in enumerate(((3, 7), (4, 8), (5, 9))):
        assert np.abs(together[i].astype(int) - drawn([label], [seed], sampling)[0].astype(int)).max() <= 1
    plain = sampling.model_copy(update={"clip_guidance": "off", "guidance_scale": 1.0})
    zero = drawn([3, 4, 5], [7, 8, 9], sampling.model_copy(update={"clip_strength": 0.0}))
    assert (zero == drawn([3, 4, 5], [7, 8, 9], plain)).all()
