"""The lower half of the Train page: what is known of the snapshots is drawn, and what does not fit goes in order."""

from __future__ import annotations

import math

import pytest
from PySide6.QtWidgets import QLayout
from pytestqt.qtbot import QtBot

from engine.diffusion.schedules import schedule
from engine.measure.learning import LearningPoint
from engine.measure.sample_check import SampleCheck
from engine.measure.validation import ValidationLoss
from gui.app import make_application
from gui.pages.train_course import Course
from gui.pages.train_curve import LossCurve
from gui.pages.train_loss import LossPlot

LINEAR = schedule("linear", 1000)


def point(step: int, loss: float, right: int | None) -> LearningPoint:
    return LearningPoint(step, ValidationLoss((0.1, 10.0), (loss, 2 * loss), (loss, 2 * loss), (0.5, 0.5), 8),
                         None if right is None else SampleCheck(100, right, 0.5, (0.9, 0.7), 99))


POINTS = (point(0, 1.0, 10), LearningPoint(10), point(20, 0.5, None), point(40, 0.2, 84))


@pytest.fixture
def course(qtbot: QtBot) -> Course:
    make_application()
    made = Course(LossPlot(LossCurve(0.92)))
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.set_points(POINTS, LINEAR, True, 3)
    made.set_end(50)
    made.show()
    return made


def test_the_validation_curve_stands_beside_the_loss(course: Course) -> None:
    line = course.plot.validation
    assert line.x.tolist() == [0, 20, 40]
    assert line.y.tolist() == pytest.approx([1.5, 0.75, 0.3])
    assert line.visible
    assert line.style == "dash"
    assert "validation 0.300" in course.plot.legend.text()
    assert line.value_at(45) == pytest.approx(0.3), "after the newest snapshot it reads that"
    assert math.isnan(line.value_at(-5))
    course.set_points((), LINEAR, True, 0)
    assert not line.visible
    assert "validation" not in course.plot.legend.text()


def test_judged_samples_are_shares_in_percent(course: Course) -> None:
    judged = course.judged
    assert judged.right.x.tolist() == [0, 40]
    assert judged.right.y.tolist() == [10, 84]
    assert judged.coverage.y.tolist() == [50, 50]
    assert judged.real.y.tolist() == pytest.approx([80, 80])
    assert "3 still to measure" in judged._note
    assert "the judge itself errs on 0.4" in judged._note


def test_the_chosen_level_has_its_curve(course: Course) -> None:
    course.levels.choose(1)
    assert course.level.title == f"Loss at t {LINEAR.t_of_sigma(10.0)}"
    assert course.level_line.y.tolist() == pytest.approx([2.0, 1.0, 0.4])
    course.set_sigma(0.1)
    assert course.level_line.y.tolist() == pytest.approx([1.0, 0.5, 0.2])


@pytest.mark.parametrize(("width", "height", "shown"), [
    (900, 500, (True, True, True)), (900, 300, (True, False, False)), (500, 500, (False, False, True)),
    (900, 150, (False, False, False))])
def test_small_plots_go_first_then_the_map(course: Course, width: int, height: int,
                                           shown: tuple[bool, bool, bool]) -> None:
    for part in (course.plot, course.plot.view, course):
        part.setMinimumSize(0, 0)
    course._grid.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
    course.resize(width, height)
    course._place()
    assert tuple(not part.isHidden() for part in (course.levels, course.level, course.judged)) == shown
    assert not course.plot.isHidden()


def test_without_a_judge_or_snapshots_there_is_no_empty_plot(course: Course) -> None:
    course.set_points(POINTS, LINEAR, False, 0)
    assert course.judged.isHidden()
    assert not course.levels.isHidden()
    course.set_points((), LINEAR, False, 0)
    assert course.levels.isHidden()
    assert course.level.isHidden()
