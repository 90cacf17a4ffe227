"""Guidance by CLIP, a part of the CLIP page: one picture step by step, every way to guide, and whether it helps."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from engine.measure.clip_study_summary import verdict
from engine.measure.clip_trace import Course, CourseRequest, GridReady, GridRequest, grid_rows
from engine.measure.scorers import scorer_name
from gui.pages.clip_guidance_course import CourseView
from gui.pages.clip_guidance_jobs import COURSE, GRID, Drawings, Studies, course_of
from gui.pages.clip_guidance_setup import GuidanceSetup
from gui.pages.clip_guidance_study import StudyView
from gui.pages.compare_words import duration
from gui.session import Session
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.film import Film
from gui.widgets.labels import Text
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented
from gui.words import NARROW

PICTURE, EVERY, STUDY = "picture", "every", "study"
SMALL_HEIGHT = 430


class GuidanceView(QWidget):
    """What the CLIP page shows under Guidance. The page calls activate, deactivate and refresh as its own."""

    finding_changed = Signal()
    explain_asked = Signal(str)
    ready_changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.active = False
        self.courses, self.grids = Drawings(session, COURSE, self), Drawings(session, GRID, self)
        self.studies = Studies(session, self)
        self.setup = GuidanceSetup(session, self)
        self.which = Segmented([(PICTURE, "This picture"), (EVERY, "Every way"), (STUDY, "Does it help?")],
                               "What is shown of guidance")
        self.which.set_tooltips(["The picture of this class and seed, step by step: how sure the reader is, and w.",
                                 "Every class by every way to guide, from this seed.",
                                 "All ways against their controls, judged by a network that did not guide."])
        self.which.setProperty("explain", "clip-guidance")
        self.note = Text("", 12, 400, "muted", elide=True)
        self.course, self.study = CourseView(), StudyView()
        self.grid = Film("Every class by every way to guide", 6, 2)
        self.grid.setProperty("explain", "clip-guidance")
        self.empty = EmptyState("", "", [("Guide by scale", self._turn_on), ("Study", self.studies.measure)])
        self._lay_out()
        self._connect()

    @property
    def sections(self) -> list[Section]:
        """For the Setup dock."""
        return self.setup.sections

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self.which)
        head.addWidget(self.note, 1)
        grid = QWidget()
        inner = QVBoxLayout(grid)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.grid)
        inner.addStretch(1)
        self._grid_page = grid
        self._stack = QStackedLayout()
        for widget in (self.course, grid, self.study, self.empty):
            self._stack.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addLayout(self._stack, 1)

    def _connect(self) -> None:
        session = self.session
        self.which.changed.connect(lambda _: self.refresh())
        self.setup.measure_asked.connect(self.studies.measure)
        self.setup.cancel_asked.connect(self.studies.cancel)
        self.studies.progressed.connect(self.setup.show_progress)
        for found in (self.courses, self.grids, self.studies):
            found.changed.connect(self._show)
        self.course.step_chosen.connect(self._go_to_step)
        self.grid.clicked.connect(session.set_class)
        for moved in (session.run_changed, session.snapshots_changed, session.step_changed, session.average_changed,
                      session.sampling_changed, session.class_changed, session.seed_changed):
            moved.connect(self._on_point)
        session.noise_level_changed.connect(self._on_place)
        theme().changed.connect(self._make_room)

    # ---- what the page asks for ----

    def activate(self) -> None:
        """It came to the front."""
        self.active = True
        self.refresh()

    def deactivate(self) -> None:
        """Something else is in front: what only this wants is stopped; a study goes on."""
        self.active = False
        self.courses.want(None)
        self.grids.want(None)

    def ready(self) -> bool:
        """Whether all that is to be seen is there."""
        return not (self.courses.busy() or self.grids.busy())

    def refresh(self) -> None:
        """The current point anew. Only in front is anything asked for."""
        self.setup.show()
        if not self.active:
            return
        session, run, shown = self.session, self.session.run, self.which.value()
        there = run is not None and bool(session.snapshots)
        sampling = session.sampling
        course = grid = None
        if there and run is not None:
            if shown == PICTURE and sampling.clips:
                course = CourseRequest(run.path, session.step, session.class_label, session.seed, sampling,
                                       session.average())
            if shown == EVERY:
                grid = GridRequest(run.path, session.step, session.seed,
                                   tuple(row for _, row in grid_rows(sampling)), session.average())
        self.studies.look()
        self.courses.want(course)
        self.grids.want(grid)
        self._show()

    def show_part(self, part: str) -> None:
        """Turn to one of the three parts."""
        self.which.set_value(part)
        self.refresh()

    def finding_words(self) -> tuple[str, str]:
        """What the page says at its top: the answer, and what it rests on."""
        known, shown = self.studies.known, self.which.value()
        if shown == STUDY:
            if known is None:
                return "Whether CLIP guidance helps was not studied for these weights.", ""
            study, summary = known
            flags = len({title for _, title, _ in summary.flags})
            return verdict(study, summary), f"{flags} of {len(summary.tables['calls'])} methods carry a red flag." \
                if flags else "No red flag."
        sampling = self.session.sampling
        if shown == EVERY:
            return "Every class by every way to guide, from one seed.", "One seed proves nothing; the study does."
        if not sampling.clips:
            return "CLIP guides nothing.", ""
        course = course_of(self.courses.answer)
        if course is None or not course.guided.any():
            return f"Guided by {scorer_name(sampling.clip_model)}.", ""
        return self._course_words(course)

    def _course_words(self, course: Course) -> tuple[str, str]:
        sampling, guided = self.session.sampling, course.guided[: course.filled]
        weights = course.weight[: course.filled][guided]
        what = {"scale": "w", "blend": "a", "gradient": "step"}[sampling.clip_guidance]
        answer = f"{scorer_name(sampling.clip_model)} guides by {sampling.clip_guidance}: {what} from " \
                 f"{weights.min():.2f} to {weights.max():.2f}."
        return answer[:1].upper() + answer[1:], _most(course)

    # ---- the session and hands ----

    def _on_point(self, *_: object) -> None:
        if self.active:
            self.refresh()
        else:
            self.setup.show()

    def _on_place(self, *_: object) -> None:
        if self.active:
            self._show_place()

    def _turn_on(self) -> None:
        changes: dict[str, Any] = {"clip_guidance": "scale"}
        if self.session.sampling.clip_strength == 0:
            changes["clip_strength"] = 1.0
        if self.session.sampling.guidance_scale == 1:
            changes["guidance_scale"] = 3.0
        self.session.set_sampling(**changes)

    def _go_to_step(self, step: int) -> None:
        course, session = self.course.course, self.session
        if course is not None:
            session.set_noise_level(session.schedule.t_of_sigma(float(course.sigma[step])))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        self.course.set_small(self.height() < theme().px(SMALL_HEIGHT))
        room = (self.height() - theme().px(60)) // 6
        self.grid.set_factor(2 if room >= theme().px(58) else 1)

    # ---- showing ----

    def _show(self, *_: object) -> None:
        self._show_study()
        if not self.active:
            return
        shown = self.which.value()
        if not self._show_empty(shown):
            if shown == PICTURE:
                sampling = self.session.sampling
                self.course.set_course(course_of(self.courses.answer), sampling.clip_guidance, sampling.guidance_scale)
                self._show_place()
                self._stack.setCurrentWidget(self.course)
            elif shown == EVERY:
                self._show_grid()
                self._stack.setCurrentWidget(self._grid_page)
            else:
                run = self.session.run
                self.study.set_study(self.studies.known, "" if run is None else run.name)
                self._stack.setCurrentWidget(self.study)
        self.note.setText(self._note(shown))
        self.finding_changed.emit()
        self.ready_changed.emit()

    def _drawing(self, shown: str) -> bool:
        """Whether nothing is there yet of what is being drawn."""
        drawings = {PICTURE: self.courses, EVERY: self.grids}.get(shown)
        return drawings is not None and drawings.answer is None

    def _note(self, shown: str) -> str:
        if shown == PICTURE and (course := course_of(self.courses.answer)) is not None and course.complete:
            return f"{course.nfe} network calls, {duration(course.seconds)}; line: the noise slider"
        if shown == EVERY and isinstance(self.grids.answer, GridReady):
            return "the judge's misreadings stand beside each row; click a column to choose its class"
        return ""

    def _show_place(self) -> None:
        course = self.course.course
        if course is None or not course.filled:
            self.course.set_place(None, -1)
            return
        sigma = self.session.sigma()
        place = float(np.interp(sigma, course.sigma[::-1], course.denoised[::-1]))
        self.course.set_place(place, course.frame_at(sigma))

    def _show_grid(self) -> None:
        answer = self.grids.answer
        rows, names = grid_rows(self.session.sampling), self.session.class_names
        if not isinstance(answer, GridReady):
            for row in range(len(rows)):
                self.grid.set_images(row, [None] * len(names))
            self.grid.set_row_names([(title, "") for title, _ in rows])
        else:
            told = []
            for row, (title, _) in enumerate(rows):
                there = row < len(answer.images)
                self.grid.set_images(row, list(answer.images[row]) if there else [None] * len(names))
                told.append((title, _misread(answer.read[row], names) if there else ""))
            self.grid.set_row_names(told)
        self.grid.set_captions(list(names))
        self.grid.set_index(self.session.class_label)

    def _show_study(self) -> None:
        found, session = self.studies, self.session
        why = ""
        if session.run is None or not session.snapshots:
            why = "There is no snapshot to study yet."
        elif session.run.info.config.data.dataset != "mnist":
            why = "The study's judge reads MNIST alone."
        elif found.known is not None:
            why = "It is made: the same settings give the same answer."
        words = "" if found.measuring else "Made for these weights." if found.known is not None else "Not made yet."
        self.setup.show_study(found.request, found.measuring, words, why)

    def _show_empty(self, shown: str) -> bool:
        """What stands in place of what cannot be shown; whether something does."""
        session = self.session
        turn_on, study = self.empty.buttons
        turn_on.hide()
        study.hide()
        failure = {PICTURE: self.courses.failure, EVERY: self.grids.failure, STUDY: None}[shown]
        if session.run is None or not session.snapshots:
            self.empty.set_texts("There is nothing to guide yet.", "Open a run, or press Train to start a new model.")
        elif failure is not None:
            self.empty.set_texts(failure.headline, failure.advice)
        elif shown == PICTURE and not session.sampling.clips:
            turn_on.show()
            self.empty.set_texts("CLIP guides nothing", "Switched on, it looks at the predictions with and without the "
                                 "class at each step and has a say in how they are put together.")
        elif self._drawing(shown):
            self.empty.set_texts("Drawing", "The first picture with a reader takes longer, for it is loaded before.")
        elif shown == STUDY and self.studies.known is None:
            study.setVisible(not self.studies.measuring and session.run.info.config.data.dataset == "mnist")
            self.empty.set_texts("Studying" if self.studies.measuring else "Not studied for these weights",
                                 "Setup says how far it is." if self.studies.measuring else
                                 "Every way to guide draws the same seeds; a judge that did not guide compares them.")
        else:
            return False
        self._stack.setCurrentWidget(self.empty)
        return True


def _misread(read: np.ndarray, names: tuple[str, ...]) -> str:
    """Which classes the judge reads as something else."""
    if (read < 0).any():
        return ""
    wrong = [f"{names[i]} as {names[int(found)]}" for i, found in enumerate(read) if found != i]
    return "all read right" if not wrong else ", ".join(wrong[:2]) + (f" +{len(wrong) - 2}" if len(wrong) > 2 else "")


def _most(course: Course) -> str:
    """How sure the reader is where the class makes the largest difference to it, or where it is least sure."""
    chance, without = course.p_conditional[: course.filled], course.p_unconditional[: course.filled]
    if not np.isfinite(chance).any():
        return ""
    if not np.isfinite(without).any():
        step = int(np.nanargmin(chance))
        return f"It is least sure at {course.denoised[step]:.0f}{NARROW}% denoised: {100 * chance[step]:.0f}{NARROW}%."
    step = int(np.nanargmax(np.abs(chance - without)))
    return f"The class makes most difference at {course.denoised[step]:.0f}{NARROW}% denoised: it is read to " \
           f"{100 * chance[step]:.0f}{NARROW}% with it, to {100 * without[step]:.0f}{NARROW}% without."
