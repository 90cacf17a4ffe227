"""The bar on top: train, pause, stop, single steps; run, preset and device; a line for the share done."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QWidget

from engine import paths
from engine.errors import DiffuscopeError
from engine.events import TrainingState
from engine.presets import load_preset, preset_names, preset_why
from engine.runs import list_runs
from engine.settings import number
from gui.dropdown import DropDown
from gui.session import Session
from gui.theme import theme, tip
from gui.training import CONTINUE_STEPS
from gui.widgets.buttons import PlainButton, PrimaryButton
from gui.words import capital, preset_title

HEIGHT, LINE = 44, 2
MOST_RUNS = 12  # in the menu; all of them are in the run manager
DEVICE_WORDS = {"auto": "Auto", "cpu": "CPU", "cuda": "CUDA", "mps": "Apple GPU"}


class Transport(QWidget):
    """Every control works from every state; what a press would do is written on the button."""

    open_requested = Signal()
    manage_requested = Signal()
    device_chosen = Signal(str)

    def __init__(self, session: Session, device: str = "auto", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._device = device
        self._share = 0.0
        self.setObjectName("transport")
        self.setAccessibleName("Training controls")
        self.train = PrimaryButton("Train", "play")
        self.pause = PlainButton("Pause", "pause")
        self.stop = PlainButton("Stop", "stop")
        self.one_step = PlainButton("+1 step")
        self.one_epoch = PlainButton("+1 epoch")
        self.more = PlainButton(f"Continue +{number(CONTINUE_STEPS)}")
        self.steps = DropDown("Steps", self._fill_steps, "Train for a number of steps.")  # where those have no room
        self.run = DropDown("Run", self._fill_runs, "The run that is looked at.")
        self.preset = DropDown("Preset", self._fill_presets, "Settings that the next run starts from.")
        self.device = DropDown("Device", self._fill_devices,
                               "What computes. Auto takes a GPU if there is one.")
        self._row = row = QHBoxLayout(self)
        for button in (self.train, self.pause, self.stop):
            row.addWidget(button)
        rule = QFrame()
        rule.setObjectName("rule")
        rule.setFrameShape(QFrame.Shape.NoFrame)
        self._rule = rule
        row.addWidget(rule)
        for button in (self.one_step, self.one_epoch, self.more):
            row.addWidget(button)
        row.addWidget(self.steps)
        self.steps.hide()
        row.addStretch(1)
        for drop in (self.run, self.preset, self.device):
            row.addWidget(drop)
        parts: tuple[QWidget, ...] = (self.train, self.pause, self.stop, self.one_step, self.one_epoch, self.more,
                                      self.steps)
        for part in parts:
            part.setProperty("explain", "transport")
        self.train.clicked.connect(self._on_train)
        self.pause.clicked.connect(session.pause)
        self.stop.clicked.connect(session.stop)
        self.one_step.clicked.connect(lambda: session.run_steps(1))
        self.one_epoch.clicked.connect(session.run_epoch)
        self.more.clicked.connect(lambda: session.continue_training())
        session.training_changed.connect(self.refresh)
        session.progressed.connect(self._show_progress)
        session.run_changed.connect(self.refresh)
        session.draft_changed.connect(self.refresh)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    def set_device(self, device: str) -> None:
        """Show another chosen device."""
        self._device = device
        self.refresh()

    def refresh(self) -> None:
        """Words, switched-off buttons and the line from the session's state."""
        session = self._session
        state, mine = session.training_state, session.training
        paused = mine and state is TrainingState.PAUSED
        lit = mine and not paused
        self.train.setText(capital(str(state)) if lit else "Go on" if paused else "Train")
        self.train.set_running(lit)
        self.train.setToolTip(
            "The model is being trained." if lit else
            "Go on from where training paused.  Ctrl+Enter" if paused else
            "Train a new model from scratch with the settings at the left.  Ctrl+Enter")
        self.train.setAccessibleName(self.train.text())
        can_pause = mine and state in (TrainingState.TRAINING, TrainingState.PREPARING)
        can_stop = mine and state is not TrainingState.STOPPING
        _switch(self.pause, can_pause, "Save and wait; the model stays in memory.  Ctrl+Enter",
                "Nothing is running that could be paused.")
        _switch(self.stop, can_stop, "Save and end; the run is kept.", "Nothing is being trained.")
        stopping = mine and state is TrainingState.STOPPING
        fresh = not mine and bool(session.can_continue())
        start = " Starts a new run, since this one cannot go on." if fresh and session.run else ""
        epoch = number(session.steps_per_epoch())
        _switch(self.one_step, not stopping, "One training step, then pause." + start, "Training stops.")
        _switch(self.one_epoch, not stopping,
                f"One pass over the training set, {epoch} steps, then pause." + start, "Training stops.")
        self._refresh_continue()
        name = session.run.info.name if session.run else "none"
        self.run.set_value(name, note=str(session.run.path) if session.run else "")
        self.preset.set_value(preset_title(session.draft.preset), note=preset_why(session.draft.preset))
        self._fold()
        self._show_progress()

    def _show_progress(self) -> None:
        """The line, and what computes: all that changes while training goes on."""
        session = self._session
        self.device.set_value(self._device_words())
        share = 0.0
        if session.training and session.progress and session.progress.num_steps:
            share = min(1.0, session.progress.step / session.progress.num_steps)
        if abs(share - self._share) * self.width() >= 1 or (share == 0) != (self._share == 0):
            self._share = share
            self.update(0, self.height() - LINE, self.width(), LINE)

    def _refresh_continue(self) -> None:
        session = self._session
        if session.run is None:
            return
        ahead = session.run.info.num_steps - session.run.info.step
        self.more.setText(f"Continue to {number(session.run.info.num_steps)}" if ahead > 0
                          else f"Continue +{number(CONTINUE_STEPS)}")
        why_not = session.can_continue()
        _switch(self.more, not why_not, "Go on with this run where it ended." if ahead > 0 else
                f"Train {number(CONTINUE_STEPS)} more steps past the planned end.", why_not)

    def _device_words(self) -> str:
        progress = self._session.progress
        if self._session.training and progress and progress.device:
            return ", ".join(part.strip() for part in progress.device.split(",")[:2])
        return DEVICE_WORDS.get(self._device, self._device)

    def _on_train(self) -> None:
        session = self._session
        if session.training and session.training_state is TrainingState.PAUSED:
            session.resume()
        elif not session.training:
            session.start_training()

    # ---- room ----

    def _step_buttons(self) -> list[PlainButton]:
        """Those that can be of use now."""
        session = self._session
        possible = not session.training and session.run is not None
        return [self.one_step, self.one_epoch, *([self.more] if possible else [])]

    def _fold(self) -> None:
        """The step buttons, or one menu of them where there is no room, as with very large text."""
        buttons = self._step_buttons()
        folded = self._need(*buttons) > self.width()
        short = folded and self._need(self.steps) > self.width()
        for button in (self.pause, self.stop):
            button.set_short(short)
        for button in (self.one_step, self.one_epoch, self.more):
            button.setVisible(button in buttons and not folded)
        self.steps.setVisible(folded)

    def _need(self, *steps: QWidget) -> int:
        """The least width with these between Stop and Run, and with all words on the buttons."""
        margins = self._row.contentsMargins()
        wide = [button.width_with_words() for button in (self.train, self.pause, self.stop)]
        wide += [part.minimumSizeHint().width() for part in (*steps, self.run, self.preset, self.device)]
        return margins.left() + margins.right() + 1 + sum(wide) + self._row.spacing() * (len(wide) + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    # ---- menus ----

    def _fill_steps(self, menu: QMenu) -> None:
        for button in self._step_buttons():
            action = menu.addAction(button.text(), button.click)
            action.setEnabled(button.isEnabled())
            action.setToolTip(button.toolTip())
        menu.setToolTipsVisible(True)

    def _fill_runs(self, menu: QMenu) -> None:
        session = self._session
        current = session.run.path if session.run else None
        group = QActionGroup(menu)
        for bundled in paths.bundled_runs():
            self._add_choice(menu, group, f"{bundled.name} (ships with the program)", current == bundled,
                             lambda path=bundled: session.open_run(path))
        try:
            runs = list_runs(paths.runs_dir())[:MOST_RUNS]
        except (DiffuscopeError, OSError):
            runs = []
        for run in runs:
            self._add_choice(menu, group, run.info.name, current == run.path,
                             lambda path=run.path: session.open_run(path))
        menu.addSeparator()
        menu.addAction("Open run…", self.open_requested.emit)
        menu.addAction("All runs…", self.manage_requested.emit)

    def _fill_presets(self, menu: QMenu) -> None:
        group = QActionGroup(menu)
        for name in preset_names():
            action = self._add_choice(menu, group, preset_title(name), name == self._session.draft.preset,
                                      lambda chosen=name: self._session.edit_draft(load_preset(chosen)))
            action.setToolTip(tip(preset_why(name)))
        menu.setToolTipsVisible(True)

    def _fill_devices(self, menu: QMenu) -> None:
        group = QActionGroup(menu)
        for name, word in DEVICE_WORDS.items():
            action = self._add_choice(menu, group, word, name == self._device,
                                      lambda chosen=name: self.device_chosen.emit(chosen))
            action.setEnabled(not self._session.training or name == self._device)

    @staticmethod
    def _add_choice(menu: QMenu, group: QActionGroup, text: str, chosen: bool, then: object) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setChecked(chosen)
        group.addAction(action)
        action.triggered.connect(lambda _=False: then())  # type: ignore[operator]
        return action

    # ---- looks ----

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        bottom = self.height()
        painter.fillRect(QRectF(0, bottom - 1, self.width(), 1), theme().color("line"))
        if self._share > 0:
            done = QRectF(0, bottom - LINE, self.width() * self._share, LINE)
            painter.fillRect(done, theme().color("accent"))

    def _restyle(self) -> None:
        style = theme()
        self.setFixedHeight(style.px(HEIGHT) + LINE)
        self._rule.setFixedSize(1, style.px(20))
        self._row.setContentsMargins(style.px(12), 0, style.px(8), LINE)
        self._row.setSpacing(style.px(8))
        self._rule.setStyleSheet(f"background: {style.color('line').name()};")
        self._fold()
        self.update()


def _switch(button: QWidget, on: bool, what: str, why_not: str) -> None:
    """A button that is off says why."""
    button.setEnabled(on)
    button.setToolTip(what if on else why_not)
    button.setAttribute(Qt.WidgetAttribute.WA_AlwaysShowToolTips, True)
