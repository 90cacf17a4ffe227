"""The Train page: does it learn, what do its digits look like, how does the loss go, what may be changed."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from engine import paths
from engine.events import TrainingState
from engine.measure.alerts import AlertWatch
from engine.measure.learning import judge
from gui.learning import Learning
from gui.pages.base import Page
from gui.pages.train_alerts import AlertLine
from gui.pages.train_course import Course
from gui.pages.train_curve import LossCurve
from gui.pages.train_finding import finding
from gui.pages.train_loss import DEFAULT_SMOOTHING, LossPlot
from gui.pages.train_samples_area import SamplesArea
from gui.pages.train_setup import DraftSections, FixedSection, RunSection, facts_of
from gui.widgets.empty_state import EmptyState
from gui.widgets.section import SectionList

if TYPE_CHECKING:
    from gui.session import Session
    from gui.widgets.section import Section

REDRAW_MS = 500  # the plot is drawn anew at most this often: what the window draws, training waits for
FINDING_S = 2.0  # and the words at the top this often, or they could not be read
NO_TRAINING = ("Train starts a model from random weights. Its loss and a picture of each class appear here within "
               "seconds and get better while you watch.")


class TrainPage(Page):
    """Reads the session; everything it draws while training is thinned and drawn a few times a second."""

    name = "train"
    title = "Train"
    explain = "train"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.curve = LossCurve(DEFAULT_SMOOTHING if session.smoothing is None else session.smoothing)
        self.learning = Learning(session, self)
        self.alerts = AlertWatch()
        self._drawn_at = self._found_at = 0.0
        self._said_of: TrainingState | None = None
        self._editing = False  # the draft is shown although a run is open
        self._run_id = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._redraw)
        self._make_page()
        self._make_sections()
        self._connect()

    # ---- parts ----

    def _make_page(self) -> None:
        self.finding.set_links([("Stop measuring", self._stop_or_start, ""),
                                ("How this is decided", self._explain_finding, "")])
        self.measure_link, self.rule_link = self.finding.links
        self.measure_link.setProperty("explain", "validation")
        self.measure_link.setToolTip("Measuring the validation loss and the samples of each snapshot; what is measured "
                                     "is kept with the run.")
        self.measure_link.hide()
        self.rule_link.setProperty("explain", "train-finding")
        self.rule_link.setToolTip("The rule behind this sentence.")
        self.alert = AlertLine()
        self.body.addWidget(self.alert)
        self.plot = LossPlot(self.curve)
        self.plot.setMinimumHeight(150)
        self.course = Course(self.plot)
        self.content = QWidget()
        self.samples = SamplesArea(self.session, self.course)
        self.strip, self.heading = self.samples.strip, self.samples.heading
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.samples)
        self.empty = EmptyState("No training yet", NO_TRAINING, [
            ("Train", self.session.start_training, "play"),
            ("Open the bundled run", self.session.open_bundled)], primary=True)
        self.empty.setProperty("explain", "train")
        self.empty.buttons[0].setToolTip("Train a new model from scratch with the settings at the left.  Ctrl+Enter")
        self.empty.buttons[1].setToolTip("Look at the run that ships with the program.")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.content)
        self.body.addWidget(self.stack, 1)

    def _make_sections(self) -> None:
        self.run_section = RunSection(self.session)
        self.fixed_section = FixedSection()
        self._sections: list[Section] = []
        self._adopt([self.run_section, self.fixed_section])
        self.fixed_section.duplicate.connect(self.duplicate)

    @cached_property
    def draft(self) -> DraftSections:
        """The settings of the next run: some forty rows, made when they are first shown."""
        made = DraftSections(self.session)
        self._adopt(made.sections)
        made.back.clicked.connect(lambda: self._edit(False))
        return made

    def _adopt(self, sections: list[Section]) -> None:
        for section in sections:
            section.setParent(self)
            section.hide()

    def _connect(self) -> None:
        session = self.session
        session.losses_changed.connect(self._soon)
        session.training_changed.connect(self._on_training)
        session.progressed.connect(self._on_progress)
        session.run_changed.connect(self._on_run)
        session.snapshots_changed.connect(self._on_marks)
        session.markers_changed.connect(self._on_marks)
        session.step_changed.connect(self._on_step)
        session.following_changed.connect(self._on_step)
        session.draft_changed.connect(self._on_draft)
        self.plot.smoothing_changed.connect(session.set_smoothing)
        session.smoothing_changed.connect(self.plot.set_smoothing)
        self.plot.point_double_clicked.connect(lambda step: session.set_step(round(step)))
        self.learning.changed.connect(self._on_learning)
        self.alert.explain_asked.connect(lambda: self.explain_asked.emit("alerts"))
        self.course.level_chosen.connect(session.set_noise_level)
        session.noise_level_changed.connect(self._on_level)
        session.schedule_changed.connect(self._on_learning)

    def setup_sections(self) -> list[Section]:
        """Of the open run, or of the next one."""
        self._sections = self._wanted_sections()
        return self._sections

    # ---- what is shown ----

    def refresh(self) -> None:
        self._found_at = 0.0
        self._redraw()
        self._on_learning()
        self._on_marks()
        self.samples.refresh()
        self._show_sections()

    def activate(self) -> None:
        self.samples.set_active(True)
        super().activate()
        self.learning.want()

    def deactivate(self) -> None:
        super().deactivate()
        self.learning.leave()
        self.samples.set_active(False)

    def ready(self) -> bool:
        learning = self.learning
        told = learning.known or learning.failure is not None or not self.session.snapshots
        return told and self.samples.ready() and not self._timer.isActive()

    def _soon(self) -> None:
        """Now, unless training is under way and that was done a moment ago."""
        if not self.active or self._timer.isActive():
            return
        wait = REDRAW_MS - round(1000 * (time.monotonic() - self._drawn_at))
        if wait <= 0 or not self.session.training:
            self._redraw()
        else:
            self._timer.start(wait)

    def _redraw(self) -> None:
        """What changes with every step, at most every REDRAW_MS."""
        if not self.active:
            return
        self._drawn_at = time.monotonic()
        session = self.session
        if self.curve.follow(session.losses):
            self.plot.update_curve()
        last = float(self.curve.steps[-1]) if len(self.curve) else 0.0
        end = max(1.0, last, float(session.num_steps))
        self.plot.set_x_range(0.0, end)
        self.course.set_end(end)
        self.plot.set_live(session.training and session.following)
        there = session.training or len(self.curve) > 0 or bool(session.sample_steps)
        self.stack.setCurrentWidget(self.content if there else self.empty)
        if not there:
            self.empty.buttons[1].setVisible(paths.DEFAULT_BUNDLED_RUN.exists())
        waited = self._drawn_at - self._found_at >= FINDING_S
        if waited or not session.training or session.training_state is not self._said_of:
            self._found_at, self._said_of = self._drawn_at, session.training_state
            self._say_finding()

    def _say_finding(self) -> None:
        session, losses = self.session, self.session.losses
        run_step = session.run.info.step if session.run is not None and not session.training else 0
        step = max(run_step, int(losses[-1, 0]) if len(losses) else 0)
        found = judge(losses[:, 0], losses[:, 1], () if self.session.trains_another else self.learning.points)
        self.finding.set(*finding(losses, found, session.training_state, step, session.num_steps,
                                  session.steps_per_epoch()))
        self.rule_link.setVisible(len(losses) > 0)
        alerts = self.alerts.follow(losses[:, 0], losses[:, 1])
        self.alert.set_alerts(alerts, step)
        self.plot.set_alerts(alerts, session.num_steps)

    def _on_marks(self) -> None:
        """Snapshots, pauses, the current point."""
        if not self.active:
            return
        session = self.session
        run = None if self.session.trains_another else session.run
        self.plot.set_small_ticks(session.snapshots if run else [])
        self.plot.set_markers(session.markers, [s.start for s in run.info.segments] if run else [],
                              session.num_steps)
        current = float(session.step) if run and session.snapshots else None
        self.plot.set_current(current)
        self.course.set_current(current)

    def _on_learning(self) -> None:
        """More is known of the snapshots, or another run is open."""
        if not self.active:
            return
        learning, session = self.learning, self.session
        self.course.judged.dataset = session.run.info.config.data.dataset if session.run else "mnist"
        self.course.set_points(() if session.trains_another else learning.points, session.schedule, learning.judged,
                               learning.missing)
        self.course.set_end(max(1.0, float(session.num_steps), *self.curve.steps[-1:]))
        self._on_level()
        # While training here a measurement comes and goes all the time, and takes next to nothing.
        self.measure_link.setVisible(not session.training and learning.missing > 0
                                     and (learning.measuring or learning.stopped or learning.failure is not None))
        self.measure_link.setText("Stop measuring" if learning.measuring else "Measure the rest")
        self._say_finding()

    def _stop_or_start(self) -> None:
        if self.learning.measuring:
            self.learning.stop()
        else:
            self.learning.start()

    def _on_level(self, *_: object) -> None:
        if self.active:
            self.course.set_sigma(self.session.sigma())

    def _on_step(self, *_: object) -> None:
        if self.active:
            self.plot.set_live(self.session.training and self.session.following)
            self._on_marks()

    # ---- what happens ----

    def _on_training(self) -> None:
        if not self.active:
            return
        self._soon()
        if self.session.training_state is TrainingState.PREPARING or not self.session.training:
            self.samples.show_samples()
            self._on_marks()
        self.run_section.refresh()

    def _on_progress(self) -> None:
        if self.active:
            self._soon()
            self.run_section.refresh()

    def _on_run(self) -> None:
        run = self.session.run
        run_id = run.info.id if run is not None else ""
        if run_id != self._run_id:
            self._run_id = run_id
            self._editing = False
        if self.active:
            self.refresh()

    def _on_draft(self) -> None:
        if self.session.run is not None and not self.session.training:
            self._editing = True  # a preset was chosen, or a change undone: it must be seen
        if self.active:
            self._show_sections()

    def duplicate(self) -> None:
        """Take the settings of the open run over into the draft, and show it."""
        run = self.session.run
        if run is not None:
            self.session.edit_draft(run.info.config)
            self._edit(True)

    def _edit(self, editing: bool) -> None:
        self._editing = editing
        self._show_sections()

    def _wanted_sections(self) -> list[Section]:
        if self.session.run is None or self._editing:
            return self.draft.sections
        return [self.run_section, self.fixed_section]

    def _show_sections(self) -> None:
        wanted = self._wanted_sections()
        if self._editing or self.session.run is None:
            self.draft.refresh()
        else:
            self.run_section.refresh()
            self.fixed_section.show_facts(facts_of(self.session))
        if wanted == self._sections:
            return
        holder = self._sections[0].parentWidget() if self._sections else None
        self._sections = wanted
        if isinstance(holder, SectionList):
            holder.set_sections(wanted)

    def _explain_finding(self) -> None:
        dock = getattr(self.window(), "explain_dock", None)
        if dock is not None:
            dock.show()
            dock.show_topic("train-finding")

    # ---- looks ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.samples.set_page_height(self.height())
