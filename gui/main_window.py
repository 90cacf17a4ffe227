"""The main window: docks, menus, pages, timeline; wiring only. What each part does lives in its own file."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from engine import paths
from engine.events import TrainingState
from gui.awake import Awake
from gui.compute_starter import make_compute
from gui.crash import CrashWatch, diagnostics
from gui.dock import WIDTHS, DockGrip, SideDock
from gui.explain_dock import ExplainDock
from gui.menus import Menus
from gui.notices import Notices
from gui.pages.base import Page
from gui.preferences import (
    LARGEST_TEXT,
    SMALLEST_TEXT,
    Preferences,
    load_preferences,
    runs_dir_problem,
    save_preferences,
)
from gui.preferences_dialog import PreferencesDialog
from gui.run_manager import RunManager
from gui.session import Notice, Session
from gui.setup_dock import SetupDock
from gui.shortcuts_dialog import ShortcutsDialog
from gui.status_bar import StatusBar
from gui.tabs import TabRow
from gui.theme import theme
from gui.timeline_link import TimelineLink
from gui.transport import Transport
from gui.undo import History
from gui.widgets.banner import BannerArea
from gui.widgets.timeline import Timeline
from gui.window_state import WindowState, load_state, save_state, with_recent

EXPLAIN_FROM, SETUP_FROM = 1400, 1100  # px of width from which a dock starts open
KEEP_STATE_S = 30
STOP_PATIENCE_MS = 10_000


class MainWindow(QMainWindow):
    """One session, its pages and everything round them.

    keep_state False (screenshots, tests): nothing is restored from or written to the user's folder.
    """

    def __init__(self, session: Session, page_classes: Sequence[type[Page]], *, keep_state: bool = True,
                 preferences: Preferences | None = None, crash: CrashWatch | None = None) -> None:
        super().__init__()
        self.session = session
        self.keep_state = keep_state
        self.preferences = preferences or (load_preferences() if keep_state else Preferences())
        self.state = load_state() if keep_state else WindowState()
        self._crash = crash
        self._awake = Awake()
        self._painted = False
        self._quitting = False
        self._auto_closed: set[SideDock] = set()
        self._kept_at = time.monotonic()
        self._question: QMessageBox | None = None
        self._dialogs: dict[str, QWidget] = {}
        self.setObjectName("mainWindow")
        self.setAcceptDrops(True)
        self.setMinimumSize(QSize(900, 560))
        self.history = History(session, self)
        self._make_parts(page_classes)
        self.menus = Menus(self)
        self._connect()
        self._restyle()
        self._place_docks()
        self._show_title()
        self.show_page(self.pages[0].name)
        if crash is not None and crash.last_crash.strip():
            self.notices.show_crash(crash.last_crash)

    # ---- parts ----

    def _make_parts(self, page_classes: Sequence[type[Page]]) -> None:
        session = self.session
        self.transport = Transport(session, self.preferences.device)
        self.timeline = Timeline(session.class_names)
        self.link = TimelineLink(self.timeline, session, self.history)
        self.setup_dock = SetupDock(self)
        self.explain_dock = ExplainDock(self)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.setup_dock)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.explain_dock)
        self.grips = [DockGrip(self, self.setup_dock, left=True),
                      DockGrip(self, self.explain_dock, left=False)]
        for words, area, widget in (("Training controls", Qt.ToolBarArea.TopToolBarArea, self.transport),
                                    ("Timeline", Qt.ToolBarArea.BottomToolBarArea, self.timeline)):
            bar = QToolBar(words, self)
            bar.setObjectName(words.replace(" ", "").lower())
            bar.setMovable(False)
            bar.setFloatable(False)
            bar.toggleViewAction().setVisible(False)
            bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
            bar.layout().setContentsMargins(0, 0, 0, 0)
            bar.layout().setSpacing(0)
            bar.addWidget(widget)
            self.addToolBar(area, bar)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.tab_row = TabRow()
        self.banners = BannerArea()
        self.stack = QStackedWidget()
        self.stack.setObjectName("pages")
        self.pages = [make(session) for make in page_classes]
        for page in self.pages:
            self.tab_row.tabs.addTab(page.title)
            self.stack.addWidget(page)
        middle = QWidget()
        middle.setObjectName("middle")
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tab_row)
        column.addWidget(self.banners)
        column.addWidget(self.stack, 1)
        self.setCentralWidget(middle)
        self.status = StatusBar(session)
        self.setStatusBar(self.status)
        self.notices = Notices(self.banners, session)

    def _connect(self) -> None:
        session = self.session
        self.tab_row.tabs.currentChanged.connect(self._on_tab)
        self.tab_row.setup.clicked.connect(lambda: self._toggle_dock(self.setup_dock))
        self.tab_row.explain.clicked.connect(lambda: self._toggle_dock(self.explain_dock))
        self.tab_row.explain_asked.connect(self.explain_page)
        for dock in (self.setup_dock, self.explain_dock):
            dock.visibilityChanged.connect(self._on_docks)
            dock.toggleViewAction().triggered.connect(lambda _=False, d=dock: self._auto_closed.discard(d))
            dock.title.close_button.clicked.connect(lambda _=False, d=dock: self._auto_closed.discard(d))
        self.transport.open_requested.connect(self.choose_run)
        self.transport.manage_requested.connect(self.show_runs)
        self.transport.device_chosen.connect(lambda device: self.change_preferences(device=device))
        session.run_changed.connect(self._on_run)
        session.training_changed.connect(self._on_training)
        theme().changed.connect(self._restyle)
        self._seconds = QTimer(self)
        self._seconds.setInterval(1000)
        self._seconds.timeout.connect(self._on_second)
        self._seconds.start()

    # ---- start ----

    def restore(self, run: str | None = None) -> None:
        """Go where the last window was; a run given wins over the one it had open."""
        state, place, session = self.state, self.state.place, self.session
        if not state.geometry.isEmpty():
            self.restoreGeometry(state.geometry)
        if place.seed is not None:
            session.restore("seed", place.seed)
        opened = bool(run) and session.open_run(paths.resolve_run(run or ""))
        same = not run and bool(place.run)
        if same:
            opened = session.open_run(place.run)
        if not opened and paths.DEFAULT_BUNDLED_RUN.exists():
            session.open_bundled() if session.run is None else None
        for name, value in (("class", place.class_label), ("t", place.t)):
            if value is not None:
                session.restore(name, value)
        if same and place.step is not None and place.following is False:
            session.restore("step", place.step)
        if any(page.name == place.page for page in self.pages):
            self.show_page(place.page)
        for value, put in ((state.loop, self.timeline.set_loop), (state.bounce, self.timeline.set_bounce),
                           (state.speed, self.timeline.set_speed)):
            if value is not None:
                put(value)
        self.timeline.set_reduced_motion(self.preferences.reduced_motion)

    def start_page(self) -> str:
        """The page a first start shows: Reverse if there is something to look at, else Train."""
        return "reverse" if self.session.snapshots else "train"

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        for grip in self.grips:
            grip.place()

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.Paint and not self._painted:
            self._painted = True
            # Only now may torch be imported: the window is on the screen.
            QTimer.singleShot(0, self.start_compute)
        return done

    def start_compute(self) -> None:
        """Start the compute thread, once."""
        compute = self.session.bridge.compute
        if not compute.alive and not self._quitting:
            compute.start()
            self.session.bridge.wake()

    # ---- pages ----

    @property
    def page(self) -> Page:
        """The page in front."""
        return self.pages[self.stack.currentIndex()]

    def show_page(self, name: str) -> None:
        """Bring a page to the front by its name; an unknown one is ignored."""
        for index, page in enumerate(self.pages):
            if page.name == name:
                self.tab_row.tabs.setCurrentIndex(index)
                self._on_tab(index)

    def _on_tab(self, index: int) -> None:
        if not 0 <= index < len(self.pages):
            return
        page = self.pages[index]
        if page is self.page and page.active:
            return
        if self.page.active:
            self.page.deactivate()
        self.stack.setCurrentIndex(index)
        self.setup_dock.show_page(page)
        page.activate()
        self.link.show_page(page)
        self.explain_dock.show_page(page.explain)

    # ---- docks ----

    def _place_docks(self) -> None:
        for dock, width in ((self.setup_dock, self.state.setup_width),
                            (self.explain_dock, self.state.explain_width)):
            wide = width or theme().px(WIDTHS[dock.windowTitle()])
            self.resizeDocks([dock], [wide], Qt.Orientation.Horizontal)
        for dock, wanted in ((self.setup_dock, self.state.setup_open),
                             (self.explain_dock, self.state.explain_open)):
            if wanted is not None:
                dock.setVisible(wanted)
        self._on_docks()

    def reset_layout(self) -> None:
        """Docks as at the first start."""
        self._auto_closed.clear()
        self.setup_dock.setVisible(self.width() >= SETUP_FROM)
        self.explain_dock.setVisible(self.width() >= EXPLAIN_FROM)
        for dock in (self.setup_dock, self.explain_dock):
            self.resizeDocks([dock], [theme().px(WIDTHS[dock.windowTitle()])], Qt.Orientation.Horizontal)

    def _toggle_dock(self, dock: SideDock) -> None:
        self._auto_closed.discard(dock)
        dock.setVisible(dock.isHidden())

    def _on_docks(self, *_: object) -> None:
        self.tab_row.show_docks(not self.setup_dock.isHidden(), not self.explain_dock.isHidden())
        for grip in self.grips:
            grip.place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        before, now = event.oldSize().width(), event.size().width()
        for dock, least, wanted in ((self.setup_dock, SETUP_FROM, self.state.setup_open),
                                    (self.explain_dock, EXPLAIN_FROM, self.state.explain_open)):
            first = before < 0 and wanted is None
            if now < least and (before >= least or first) and not dock.isHidden():
                self._auto_closed.add(dock)
                dock.hide()
            elif now >= least and dock in self._auto_closed:
                self._auto_closed.discard(dock)
                dock.show()
        for grip in self.grips:
            grip.place()

    # ---- actions of the menus ----

    def new_run(self) -> None:
        """Close the open run and show the settings of the next one."""
        if not self.session.training:
            self.session.close_run()
            self.show_page("train")

    def choose_run(self) -> None:
        """Ask for a run folder."""
        start = paths.runs_dir() if paths.runs_dir().exists() else paths.data_dir()
        chosen = QFileDialog.getExistingDirectory(self, "Open run", str(start))
        if chosen:
            self.session.open_run(chosen)

    def save_snapshot(self) -> None:
        """Keep the weights of this step."""
        self.session.save_snapshot()
        self.status.say("Snapshot asked for")

    def show_run_folder(self) -> None:
        """The open run's folder in the file manager."""
        if self.session.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.run.path)))

    def show_data_folder(self) -> None:
        """Preferences, log and runs in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.data_dir())))

    def check_run(self) -> None:
        """Read every file of the run and say what is damaged."""
        run = self.session.run
        if run is None:
            return
        problems = run.verify()
        if problems:
            self.notices.show_notice(Notice("check", "error", problems[0], "The other parts can be used.",
                                            "\n".join(problems)))
        else:
            self.banners.clear("check")
            self.status.say(f"{run.name}: every file is as it was written")

    def toggle_play(self) -> None:
        """Play or pause the row that has focus, else the noise row."""
        focus = self.focusWidget()
        steps = (self.timeline.step_slider, self.timeline.step_play, self.timeline.step_box)
        self.timeline.toggle_play(self.timeline.playing or ("step" if focus in steps else "t"))

    def explain_page(self) -> None:
        """Show what this page is about."""
        self.explain_dock.show()
        self.explain_dock.show_page(self.page.explain)

    def toggle_full_screen(self) -> None:
        """The whole screen, or back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def show_runs(self) -> None:
        """The list of all runs."""
        self._raise("runs", lambda: RunManager(self.session, self))

    def show_preferences(self) -> None:
        """The preferences."""
        def make() -> QWidget:
            dialog = PreferencesDialog(self.preferences, lambda: self.session.training, self)
            dialog.changed.connect(self._take_preferences)
            return dialog
        self._raise("preferences", make)

    def show_shortcuts(self) -> None:
        """All keys."""
        self._raise("shortcuts", lambda: ShortcutsDialog([page.title for page in self.pages], self))

    def copy_diagnostics(self) -> None:
        """Versions and machine to the clipboard."""
        QGuiApplication.clipboard().setText(diagnostics())
        self.status.say("Diagnostics copied")

    def show_about(self) -> None:
        """What this is."""
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("About Diffuscope")
        box.setText("Diffuscope: a desktop laboratory for diffusion models.")
        box.setInformativeText(diagnostics())
        box.setModal(False)
        box.show()

    def _raise(self, name: str, make: object) -> None:
        dialog = self._dialogs.get(name)
        if dialog is None:
            dialog = self._dialogs[name] = make()  # type: ignore[operator]
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    # ---- preferences ----

    def change_preferences(self, **changes: object) -> None:
        """Change some, apply and keep them."""
        self._take_preferences(self.preferences.changed(**changes))

    def change_text_size(self, way: int) -> None:
        """One size larger (1), smaller (-1), or normal (0)."""
        scale = 1.0 if way == 0 else round(self.preferences.text_scale + 0.1 * way, 2)
        self.change_preferences(text_scale=min(LARGEST_TEXT, max(SMALLEST_TEXT, scale)))

    def _take_preferences(self, wanted: Preferences) -> None:
        before, self.preferences = self.preferences, wanted
        if before.theme != wanted.theme:
            theme().set_mode(wanted.theme)
        if before.text_scale != wanted.text_scale:
            theme().set_scale(wanted.text_scale)
        if before.device != wanted.device:
            self._change_device(before)
        self.timeline.set_reduced_motion(self.preferences.reduced_motion)
        if before.runs_dir != wanted.runs_dir and runs_dir_problem(wanted.runs_dir):
            self.preferences = self.preferences.changed(runs_dir=before.runs_dir)
        if self.keep_state:
            try:
                save_preferences(self.preferences)
            except OSError as error:
                self.notices.show_notice(Notice("preferences", "warning", "The preferences cannot be saved.",
                                                f"They hold until the window is closed: {error.strerror}."))
        dialog = self._dialogs.get("preferences")
        if isinstance(dialog, PreferencesDialog):
            dialog.show_preferences(self.preferences)
        self._check_theme_action()

    def _change_device(self, before: Preferences) -> None:
        if not self.session.replace_compute(make_compute(self.preferences.device)):
            self.preferences = self.preferences.changed(device=before.device)
        elif self._painted:
            self.start_compute()
        self.transport.set_device(self.preferences.device)

    # ---- what happens ----

    def _on_run(self) -> None:
        run = self.session.run
        self._show_title()
        if run is not None:
            self.state.recent = with_recent(self.state.recent, run.path)

    def _show_title(self) -> None:
        run = self.session.run
        self.setWindowTitle(f"{run.name} \u2013 Diffuscope" if run else "Diffuscope")
        self.setAccessibleName(self.windowTitle())

    def _on_training(self) -> None:
        session = self.session
        if session.training and session.training_state is not TrainingState.PAUSED:
            self._awake.hold()
        else:
            self._awake.release()
        if self._quitting and not session.training:
            QTimer.singleShot(0, self.close)

    def _on_second(self) -> None:
        self.status.refresh()
        if self._crash is not None:
            for report in self._crash.take():
                self.notices.show_report("unexpected", report)
        if self.keep_state and time.monotonic() - self._kept_at > KEEP_STATE_S:
            self.keep()

    def keep(self) -> None:
        """Write down where the user is."""
        self._kept_at = time.monotonic()
        session, state = self.session, self.state
        state.geometry = self.saveGeometry()
        place = state.place
        place.run = str(session.run.path) if session.run else ""
        place.page, place.step, place.following = self.page.name, session.step, session.following
        place.t, place.class_label, place.seed = session.t, session.class_label, session.seed
        setup, explain = self.setup_dock, self.explain_dock
        state.setup_open = None if setup in self._auto_closed else not setup.isHidden()
        state.explain_open = None if explain in self._auto_closed else not explain.isHidden()
        state.setup_width = setup.width() if not setup.isHidden() else state.setup_width
        state.explain_width = explain.width() if not explain.isHidden() else state.explain_width
        state.loop, state.bounce = self.timeline.clock.loop, self.timeline.clock.bounce
        if self.keep_state:
            save_state(state)

    # ---- drop ----

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        local = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if local:
            event.acceptProposedAction()
            # The drag source waits for this to return; a slow disk must not hold it.
            QTimer.singleShot(0, self, lambda: self.session.open_run(local[0]))

    # ---- close ----

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.training:
            event.ignore()
            if not self._quitting:
                self._ask_about_training()
            return
        self._quitting = True
        self.keep()
        self._seconds.stop()
        self._awake.release()
        for dialog in self._dialogs.values():
            dialog.close()
        self.page.deactivate()
        self.session.shutdown(timeout=5.0)
        event.accept()

    def _ask_about_training(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        box = self._question = QMessageBox(self)
        box.setWindowTitle("Training is under way")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText("A model is being trained.")
        box.setInformativeText("Saved, it can be continued later from the same step.")
        save = box.addButton("Save and quit", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard and quit", QMessageBox.ButtonRole.DestructiveRole)
        go_on = box.addButton("Go on training", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        box.setEscapeButton(go_on)
        box.setWindowModality(Qt.WindowModality.WindowModal)

        def answer() -> None:
            clicked = box.clickedButton()
            self._question = None
            box.deleteLater()
            if clicked is save:
                self._quit_after(self.session.stop)
            elif clicked is discard:
                self._quit_after(self.session.discard)

        box.finished.connect(lambda _: answer())
        box.open()

    def _quit_after(self, stop: object) -> None:
        self._quitting = True
        if not self.session.training:
            self.close()
            return
        stop()  # type: ignore[operator]
        QTimer.singleShot(STOP_PATIENCE_MS, self, self._offer_quit)

    def _offer_quit(self) -> None:
        if not self.session.training:
            return

        def leave() -> None:
            self.session.abandon()
            self.close()

        self.banners.show_banner(
            "slow-stop", "warning", "Training has not stopped after 10 s.",
            "What was saved before is safe; the window closes as soon as it stops.",
            [("Quit without saving", leave)], "")

    # ---- looks ----

    def _check_theme_action(self) -> None:
        action = self.menus.actions.get(f"theme-{self.preferences.theme}")
        if action is not None:
            action.setChecked(True)

    def _restyle(self) -> None:
        ground, page = theme().color("bg").name(), theme().color("surface").name()
        self.setStyleSheet(
            f"QMainWindow#mainWindow, QWidget#dockBody {{ background: {ground}; }}"
            "QToolBar { border: 0; padding: 0; margin: 0; spacing: 0; }"
            f"QWidget#middle {{ background: {page}; }}")
        if hasattr(self, "menus"):
            self._check_theme_action()


def fill_screen(window: QMainWindow) -> None:
    """A first size: 1440x900 if the screen has room, else nearly all of it."""
    screen = QApplication.primaryScreen()
    room = screen.availableGeometry() if screen else None
    width = min(1440, room.width()) if room else 1440
    height = min(900, room.height()) if room else 900
    window.resize(width, height)


