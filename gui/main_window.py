"""The main window: docks, menus, pages, timeline; wiring only. What each part does lives in its own file."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QToolBar, QVBoxLayout, QWidget

from engine import paths
from engine.diffusion.schedules import fits
from engine.events import TrainingState
from gui.after_paint import AfterPaint
from gui.awake import Awake
from gui.closing import Closing
from gui.commands import Commands
from gui.crash import CrashWatch
from gui.dock_layout import DockLayout
from gui.explain_dock import ExplainDock
from gui.menus import Menus
from gui.notices import Notices
from gui.page_room import PageRoom
from gui.page_stack import PageMaker, PageStack
from gui.pages.base import Page
from gui.preferences import Preferences, load_preferences
from gui.session import Session
from gui.setup_dock import SetupDock
from gui.status_bar import StatusBar
from gui.tabs import TabRow
from gui.theme import theme
from gui.timeline_link import TimelineLink
from gui.transport import Transport
from gui.undo import History
from gui.widgets.banner import BannerArea
from gui.widgets.timeline import Timeline
from gui.window_state import WindowState, load_state, save_state, with_recent

KEEP_STATE_S = 30


class MainWindow(QMainWindow):
    """One session, its pages and everything round them.

    Only the page in front is built before the window is painted, the others after that.
    keep_state False (screenshots, tests): nothing is restored from or written to the user's folder.
    """

    def __init__(self, session: Session, pages: Sequence[PageMaker], *, keep_state: bool = True,
                 preferences: Preferences | None = None, crash: CrashWatch | None = None) -> None:
        super().__init__()
        self.session = session
        self.keep_state = keep_state
        self.preferences = preferences or (load_preferences() if keep_state else Preferences())
        self.state = load_state() if keep_state else WindowState()
        self._crash = crash
        self._awake = Awake()
        self._painted = False
        self._closed = False
        self._kept_at = time.monotonic()
        self.setObjectName("mainWindow")
        self.setAcceptDrops(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setMinimumSize(QSize(900, 560))
        self.history = History(session, self)
        self.commands = Commands(self)
        self.pages = tuple(pages)
        self._make_parts()
        self.menus = Menus(self)
        self.closing = Closing(self, session, self.banners)
        self._connect()
        self._show_title()
        self.show_preferences_taken()
        if crash is not None and crash.last_crash.strip():
            self.notices.show_crash(crash.last_crash)

    # ---- parts ----

    def _make_parts(self) -> None:
        session = self.session
        self.transport = Transport(session, self.preferences.device)
        self.timeline = Timeline(session.class_names)
        self.link = TimelineLink(self.timeline, session, self.history)
        for words, area, widget in (("Training controls", Qt.ToolBarArea.TopToolBarArea, self.transport),
                                    ("Timeline", Qt.ToolBarArea.BottomToolBarArea, self.timeline)):
            self.addToolBar(area, Bar(words, widget, self))
        self.tab_row = TabRow()
        self.banners = BannerArea()
        self.stack = PageStack(session, self.pages)
        self.stack.built.connect(self._on_built)
        self._after_paint = AfterPaint(self.stack, self.start_compute, session.bridge.compute.hand, self)
        for page in self.pages:
            self.tab_row.tabs.addTab(page.title)
        middle = QWidget()
        middle.setObjectName("middle")
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.tab_row)
        column.addWidget(self.banners)
        column.addWidget(PageRoom(self.stack), 1)
        self.setCentralWidget(middle)
        self.setup_dock = SetupDock(self)
        self.explain_dock = ExplainDock(self)
        self.docks = DockLayout(self, self.setup_dock, self.explain_dock, self.tab_row)
        self.status = StatusBar(session)
        self.setStatusBar(self.status)
        self.notices = Notices(self.banners, session)

    def _connect(self) -> None:
        session = self.session
        self.tab_row.tabs.currentChanged.connect(self._on_tab)
        self.tab_row.explain_asked.connect(self.commands.explain_page)
        self.transport.open_requested.connect(self.commands.choose_run)
        self.transport.manage_requested.connect(self.commands.show_runs)
        self.transport.device_chosen.connect(lambda name: self.commands.change_preferences(device=name))
        session.run_changed.connect(self._on_run)
        session.data_sets_asked.connect(self.commands.show_data_sets)
        session.training_changed.connect(self._on_training)
        theme().changed.connect(self._scale)
        self._scale()
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
        self.docks.restore(state)
        if place.seed is not None:
            session.restore("seed", place.seed)
        same = run is None and bool(place.run)
        if run is not None:
            session.open_run(paths.resolve_run(run))
        elif same:
            same = session.open_run(place.run)
        if session.run is None and paths.DEFAULT_BUNDLED_RUN.exists():
            session.open_bundled()
        # t counts on the schedule that is on display.
        for name, value in (("class", place.class_label), ("schedule", place.schedule if same else None),
                            ("t", place.t), ("race", place.race), ("use", place.use),
                            ("recognition", place.recognition),
                            ("time-machine", place.time_machine), ("clip", place.clip), ("smoothing", place.smoothing)):
            if value is not None:
                session.restore(name, value)
        session.animation, session.history_shown = place.animation, bool(place.history)
        if place.image is not None and place.image.class_label == session.class_label:
            session.restore("image", place.image)
        if same and place.step is not None and place.following is False:
            session.restore("step", place.step)
        if same and session.run is not None and place.sampling is not None \
                and fits(place.sampling, session.run.schedule()):
            session.restore("sampling", place.sampling)
        known = {page.name for page in self.pages}
        # Something to look at comes before something to do.
        first = "reverse" if session.snapshots else "train"
        self.show_page(place.page if place.page in known else first)
        if state.loop is not None:
            self.timeline.set_loop(state.loop)
        if state.bounce is not None:
            self.timeline.set_bounce(state.bounce)
        if state.speed is not None:
            self.timeline.set_speed(state.speed)

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.Paint and not self._painted:
            self._painted = True
            # Only now may torch be imported: the window is on the screen.
            QTimer.singleShot(0, self, self._after_paint.start)
        return done

    def start_compute(self) -> None:
        """Start the compute thread, once."""
        compute = self.session.bridge.compute
        if not compute.alive and not self._closed:
            compute.start()
            self.session.bridge.wake()

    def restart_compute(self) -> None:
        """The session has another compute thread."""
        if self._painted:
            self.start_compute()

    # ---- pages ----

    @property
    def page(self) -> Page:
        """The page in front; the first, if none has been shown yet."""
        if self.stack.front() is None:
            self.show_page(self.pages[0].name)
        page = self.stack.front()
        assert page is not None
        return page

    def build_pages(self) -> list[Page]:
        """All pages, built if they are not."""
        return [self.stack.page(index) for index in range(len(self.pages))]

    def show_page(self, name: str) -> None:
        """Bring a page to the front by its name; an unknown one is ignored."""
        for index, page in enumerate(self.pages):
            if page.name == name:
                self.tab_row.tabs.setCurrentIndex(index)
                self._on_tab(index)

    def _on_tab(self, index: int) -> None:
        before, page = self.stack.front(), self.stack.page(index)
        if page.active:
            return
        if before is not None and before.active:
            before.deactivate()
        self.stack.setCurrentWidget(page)
        self.setup_dock.show_page(page)
        page.activate()
        self.link.show_page(page)
        self.explain_dock.show_page(page.explain)

    def _on_built(self, page: Page) -> None:
        page.explain_asked.connect(self.commands.explain)
        page.nearest_asked.connect(self.commands.show_nearest)
        self.setup_dock.add_page(page)

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
        if self.session.training and self.session.training_state is not TrainingState.PAUSED:
            self._awake.hold()
        else:
            self._awake.release()

    def _on_second(self) -> None:
        self.status.refresh()
        if self._crash is not None:
            for report in self._crash.take():
                self.notices.show_report("unexpected", report)
        if time.monotonic() - self._kept_at > KEEP_STATE_S:
            self.keep()

    def show_preferences_taken(self) -> None:
        """Parts of the window that show a preference follow it."""
        self.timeline.set_reduced_motion(self.preferences.reduced_motion)
        self.transport.set_device(self.preferences.device)
        self.menus.actions[f"theme-{self.preferences.theme}"].setChecked(True)

    def keep(self) -> None:
        """Write down where the user is."""
        self._kept_at = time.monotonic()
        if not self.keep_state:
            return
        session, state, place = self.session, self.state, self.state.place
        state.geometry = self.saveGeometry()
        place.run = str(session.run.path) if session.run else ""
        place.page, place.step, place.following = self.page.name, session.step, session.following
        place.t, place.class_label, place.seed = session.t, session.class_label, session.seed
        place.race, place.sampling, place.use = session.race, session.sampling, session.use
        place.recognition = session.recognition
        place.time_machine, place.clip = session.time_machine, session.clip
        place.schedule, place.image, place.smoothing = session.other_schedule(), session.image, session.smoothing
        place.history, place.animation = session.history_shown, session.animation
        state.loop, state.bounce = self.timeline.clock.loop, self.timeline.clock.bounce
        state.speed = self.timeline.speed.value()
        self.docks.keep(state)
        save_state(state)

    # ---- Qt ----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.stack.front() is None:
            self.show_page(self.pages[0].name)
        self.docks.place_grips()
        if self.focusWidget() is None:
            self.stack.setFocus()  # else Qt takes the first button, and Space would press it

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.docks.resized(event.oldSize().width(), event.size().width())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        local = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if local:
            event.acceptProposedAction()
            # The drag source waits for this to return; a slow disk must not hold it.
            QTimer.singleShot(0, self, lambda: self.commands.open_dropped(local[0]))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._closed:
            event.accept()
            return
        if not self.closing.may_close():
            event.ignore()
            return
        self._closed = True
        self._after_paint.stop()
        self.keep()
        self._seconds.stop()
        self.timeline.stop_play()
        self.commands.close_dialogs()
        if (page := self.stack.front()) is not None:
            page.deactivate()
        self._awake.release()
        event.accept()
        self.hide()  # gone at once; the thread may need a moment to end
        self.session.shutdown(timeout=5.0)

    def _scale(self) -> None:
        px = theme().px
        self.banners.setContentsMargins(px(16), px(12), px(16), 0)


class Bar(QToolBar):
    """A tool bar that is exactly its one widget: it spans the window above or below the docks."""

    def __init__(self, words: str, widget: QWidget, window: QMainWindow) -> None:
        super().__init__(words, window)
        self.setObjectName(words.replace(" ", "").lower())
        self.setMovable(False)
        self.setFloatable(False)
        self.addWidget(widget)

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        layout = self.layout()
        # Qt takes the margins from the style again and again.
        if layout is not None and not layout.contentsMargins().isNull():
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
        return done


def fill_screen(window: QMainWindow) -> None:
    """A first size: 1440x900 if the screen has room, else nearly all of it."""
    screen = QApplication.primaryScreen()
    room = screen.availableGeometry() if screen else None
    window.resize(min(1440, room.width()) if room else 1440, min(900, room.height()) if room else 900)
