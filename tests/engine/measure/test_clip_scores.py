"""Scores of a run's pictures: what is measured, what is kept, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.clip.files import IN_DOMAIN
from engine.config import RunConfig, SamplingConfig
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.export.clip_table import HEADINGS, clip_csv
from engine.measure.clip_course import (
    DENOISING,
    TRAINING,
    Course,
    CourseReady,
    ScoreCourseRequest,
    measure_course,
    stored_course,
)
from engine.measure.clip_scores import ClipReady, ClipRequest, ClipScores, ClipSettings, clip_key, measure_clip
from engine.measure.clip_summary import (
    CLIP,
    MODEL,
    NONE,
    PROBABILITY,
    SCORE,
    difference_of,
    picture_scores,
    report,
    summarise,
)
from engine.measure.clip_words import best_and_worst, caveat
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace

SAMPLING = SamplingConfig(num_steps=2, guidance_scale=1.0)


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, workspace: Workspace) -> Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 3, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(workspace, path, config).run():
        pass
    return path


@pytest.fixture(scope="module")
def scores(workspace: Workspace, trained: Path) -> ClipScores:
    return ready(workspace, ClipRequest(trained, SAMPLING, count=30)).scores


def ready(workspace: Workspace, request: ClipRequest) -> ClipReady:
    *before, last = measure_clip(workspace, request)
    assert isinstance(last, ClipReady)
    counts = [event.n for event in before if isinstance(event, JobProgress)]
    assert counts == sorted(counts)
    return last


def made(own: np.ndarray, real: np.ndarray, label: np.ndarray, like: ClipScores) -> ClipScores:
    """A measurement of these cosines."""
    read = own.argmax(axis=1)
    return replace(like, cosine=own.astype(np.float32), real_cosine=real.astype(np.float32),
                   class_label=label.astype(np.int16), real_label=label.astype(np.int16),
                   read=read.astype(np.int16), real_read=label.astype(np.int16), seed=np.arange(len(label)),
                   real_index=np.arange(len(label)), image=np.zeros((len(label), 28, 28), np.uint8))


def test_pictures_of_every_class_and_real_ones_are_scored(scores: ClipScores) -> None:
    assert scores.cosine.shape == scores.real_cosine.shape == (30, 10)
    assert np.bincount(scores.class_label).tolist() == [3] * 10
    assert np.bincount(scores.real_label).tolist() == [3] * 10
    assert scores.image.shape == (30, 28, 28)
    assert scores.in_domain
    assert (np.abs(scores.cosine) <= 1.0001).all()
    assert (scores.real_cosine.argmax(axis=1) == scores.real_label).mean() > 0.9  # it reads real ones
    assert (scores.real_read == scores.real_label).mean() > 0.9  # and so does the judge


def test_it_is_kept_and_read_back(workspace: Workspace, trained: Path, scores: ClipScores) -> None:
    again = ready(workspace, ClipRequest(trained, SAMPLING, count=30))
    assert again.stored
    for name in ("cosine", "real_cosine", "image", "class_label", "seed", "read", "real_read"):
        assert np.array_equal(getattr(again.scores, name), getattr(scores, name))
    assert again.scores.clip == scores.clip
    assert ClipScores.from_values({**scores.values(), "cosine": "nonsense"}) is None


def test_what_changes_the_answer_changes_the_key(trained: Path) -> None:
    run, request = Run.open(trained), ClipRequest(trained, SAMPLING, count=30)
    key = clip_key(run, request)
    assert clip_key(run, replace(request, clip=ClipSettings(batch=7))) == key
    for other in (replace(request, count=40), replace(request, first_seed=1),
                  replace(request, clip=ClipSettings(templates=("a {}",))),
                  replace(request, clip=ClipSettings(upscaling="nearest")),
                  replace(request, clip=ClipSettings(source="ViT-B-32/openai"))):
        assert clip_key(run, other) != key


def test_bad_requests_are_refused(trained: Path) -> None:
    with pytest.raises(BadSetting, match="20 to 10,000"):
        ClipRequest(trained, SAMPLING, count=5)
    with pytest.raises(BadSetting, match=r"needs \{\}"):
        ClipSettings(templates=("no place",))
    with pytest.raises(BadSetting, match="2 names are given"):
        ClipSettings(names=("a", "b")).filled(Run.open(trained))


def test_the_figures_of_a_picture() -> None:
    cosine = np.array([[0.4, 0.1, 0.0], [0.4, -0.2, 0.5]], np.float32)
    found = picture_scores(cosine, np.array([0, 1]), 10.0)
    assert found.cosine.tolist() == pytest.approx([0.4, -0.2])
    assert found.score.tolist() == pytest.approx([1.0, 0.0])
    assert found.rank.tolist() == [1, 3]
    assert found.top.tolist() == [0, 2]
    weights = np.exp([4.0, 1.0, 0.0])
    assert found.probability[0] == pytest.approx(weights[0] / weights.sum())


def test_a_difference_has_welchs_interval() -> None:
    """With as many values and equal variances it is Student's, of 2 (n - 1) degrees: t is 2.1009 for 18."""
    a = np.arange(10.0)
    found = difference_of(a + 3, a)
    assert found.mean == pytest.approx(3.0)
    assert found.ci95 is not None
    assert (found.ci95[1] - found.ci95[0]) / 2 == pytest.approx(2.1009 * np.sqrt(2 * a.var(ddof=1) / 10), rel=1e-4)
    assert difference_of([1.0, 1.0], [0.5, 0.5]).ci95 == (0.5, 0.5)


def spread(rng: np.random.Generator, label: np.ndarray, own: dict[int, float], level: float = 0.9) -> np.ndarray:
    """Cosines with the own class at `level`, or where `own` says another, the others near 0."""
    cosine = rng.normal(0, 0.02, (len(label), 10))
    for i, c in enumerate(label):
        cosine[i, c] = own.get(int(c), level) + rng.normal(0, 0.02)
    return cosine


def test_whose_fault_the_worst_class_is(scores: ClipScores) -> None:
    rng, label = np.random.default_rng(0), np.arange(200) % 10
    real = spread(rng, label, {})
    models = summarise(made(spread(rng, label, {4: 0.5}), real, label, scores))
    assert (models.classes[models.worst].name, models.fault) == ("4", MODEL)
    assert models.overall.difference[SCORE].mean == pytest.approx(-0.4 * 2.5 / 10, abs=0.02)
    assert "the model's doing" in best_and_worst(made(spread(rng, label, {4: 0.5}), real, label, scores), models)

    # Even real ones of class 8 are often not found, and the model's are alike; all other classes come out better.
    badly, better = spread(rng, label, {8: 0.05}), spread(rng, label, {8: 0.05}, level=0.95)
    clips = summarise(made(better, badly, label, scores))
    assert clips.classes[8].real_first < 1
    assert (clips.classes[clips.worst].name, clips.fault) == ("8", CLIP)

    alike = spread(rng, label, {})
    told = summarise(made(alike, alike, label, scores))
    assert told.fault == NONE


def test_agreement_counts_every_picture_once(scores: ClipScores) -> None:
    rng, label = np.random.default_rng(0), np.arange(100) % 10
    own = spread(rng, label, {})
    own[:7] = np.roll(own[:7], 1, axis=1)  # CLIP takes seven for the next class
    one = made(own, spread(rng, label, {}), label, scores)
    read = label.copy()
    read[5:9] = (label[5:9] + 1) % 10  # the judge four, two of them the same
    found = summarise(replace(one, read=read.astype(np.int16))).agreement
    assert found is not None
    assert (found.both, found.clip_only, found.judge_only, found.neither) == (91, 2, 5, 2)
    assert found.same == pytest.approx(0.93)
    assert summarise(replace(one, read=np.full(100, -1, np.int16))).agreement is None


def test_unknown_words_and_the_caveat(scores: ClipScores) -> None:
    assert summarise(scores).unknown == ()
    strange = replace(scores, clip=replace(scores.clip, templates=("a zebra like {}.",)))
    summary = summarise(strange)
    assert summary.unknown == ("zebra", "like")
    assert "never learned the words zebra, like" in caveat(strange, summary)
    general = replace(scores, in_domain=False, words=(), real_cosine=np.roll(scores.real_cosine, 1, axis=1))
    assert "reads these pictures badly" in caveat(general, summarise(general))


def test_the_report_and_the_table_hold_every_picture(scores: ClipScores) -> None:
    told = report(scores, summarise(scores))
    assert len(told["pictures"]) == 30
    assert told["model"] == IN_DOMAIN
    lines = clip_csv(scores).splitlines()
    assert lines[0] == ",".join(HEADINGS)
    assert len(lines) == 61
    assert lines[1].startswith("generated,0,0,,")
    assert lines[31].startswith("real,0,,")


# ---- courses ----

def follow(workspace: Workspace, request: ScoreCourseRequest) -> list[CourseReady]:
    return [event for event in measure_course(workspace, request) if isinstance(event, CourseReady)]


def test_over_training_every_snapshot_is_scored(workspace: Workspace, trained: Path) -> None:
    request = ScoreCourseRequest(trained, SAMPLING, over=TRAINING, each=2)
    told = follow(workspace, request)
    steps = [snapshot.step for snapshot in Run.open(trained).snapshots()]
    course = told[-1].course
    assert told[-1].complete
    assert [point.place for point in course.points] == steps
    assert course.points[0].overall[SCORE].n == 20
    assert course.real[PROBABILITY].mean is not None
    assert course.real[PROBABILITY].mean > 0.8
    assert follow(workspace, request)[-1].stored
    assert stored_course(Run.open(trained), request) == course == Course.from_values(course.values())


def test_over_denoising_every_predicted_picture_is_scored(workspace: Workspace, trained: Path) -> None:
    told = follow(workspace, ScoreCourseRequest(trained, SAMPLING, over=DENOISING, each=3))
    points = told[-1].course.points
    assert len(points) == SAMPLING.num_steps
    assert points[-1].place == 100
    assert [point.place for point in points] == sorted(point.place for point in points)
    *_, last = measure_clip(workspace, ClipRequest(trained, SAMPLING, count=30))
    assert isinstance(last, ClipReady)
    whole = summarise(last.scores).overall.own[SCORE].mean
    assert points[-1].overall[SCORE].mean == pytest.approx(whole, abs=1e-5)  # the last one is the picture


def test_a_course_over_something_else_is_refused(trained: Path) -> None:
    with pytest.raises(BadSetting, match="over training or denoising"):
        ScoreCourseRequest(trained, SAMPLING, over="time")
