"""Which docks are open at which width of the window, and how wide they are."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMainWindow

from gui.dock import WIDTHS, DockGrip, SideDock
from gui.tabs import TabRow
from gui.theme import theme
from gui.window_state import WindowState

LEAST = {"Setup": 1100, "Explain": 1400}  # px of window width at 100 % from which a dock starts open


class DockLayout(QObject):
    """Closes docks where the window is too narrow, and brings back those it closed itself."""

    def __init__(self, window: QMainWindow, setup: SideDock, explain: SideDock, tab_row: TabRow) -> None:
        super().__init__(window)
        self._window, self._tab_row = window, tab_row
        self.docks = (setup, explain)
        self.setup, self.explain = setup, explain
        self._closed_here: set[SideDock] = set()
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, setup)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, explain)
        self.grips = [DockGrip(window, setup, left=True), DockGrip(window, explain, left=False)]
        tab_row.setup.clicked.connect(lambda: self.toggle(setup))
        tab_row.explain.clicked.connect(lambda: self.toggle(explain))
        for dock in self.docks:
            dock.visibilityChanged.connect(self.refresh)
            dock.toggleViewAction().triggered.connect(lambda _=False, d=dock: self._closed_here.discard(d))
            dock.title.close_button.clicked.connect(lambda _=False, d=dock: self._closed_here.discard(d))
        self._least = self._leasts()  # px of window width, at the present size of text
        theme().changed.connect(self._rescaled)

    def restore(self, state: WindowState) -> None:
        """As the last window left them; what it did not say follows from the width."""
        wanted = {self.setup: (state.setup_open, state.setup_width),
                  self.explain: (state.explain_open, state.explain_width)}
        for dock, (shown, width) in wanted.items():
            self._set_width(dock, width or 0)
            if shown is not None:
                dock.setVisible(shown)
            elif self._window.width() < self._least[dock]:
                self._close(dock)
        self.refresh()

    def keep(self, state: WindowState) -> None:
        """Write down how they are; those closed for lack of room count as never touched."""
        setup, explain = self.setup, self.explain
        state.setup_open = None if setup in self._closed_here else not setup.isHidden()
        state.explain_open = None if explain in self._closed_here else not explain.isHidden()
        state.setup_width = state.setup_width if setup.isHidden() else setup.width()
        state.explain_width = state.explain_width if explain.isHidden() else explain.width()

    def reset(self) -> None:
        """As at the first start."""
        self._closed_here.clear()
        for dock in self.docks:
            dock.setVisible(True)
            self._set_width(dock, 0)
            if self._window.width() < self._least[dock]:
                self._close(dock)

    def resized(self, before: int, now: int) -> None:
        """The window has another width."""
        for dock, least in self._least.items():
            self._fit(dock, before >= least, now >= least)
        self.place_grips()

    def _rescaled(self) -> None:
        """Text of another size needs another width."""
        before, width = self._least, self._window.width()
        self._least = self._leasts()
        for dock, least in self._least.items():
            if least != before[dock]:
                self._fit(dock, width >= before[dock], width >= least)

    def _fit(self, dock: SideDock, had_room: bool, has_room: bool) -> None:
        if had_room and not has_room and not dock.isHidden():
            self._close(dock)
        elif has_room and dock in self._closed_here:
            self._closed_here.discard(dock)
            dock.show()

    def toggle(self, dock: SideDock) -> None:
        """Open or close by hand."""
        self._closed_here.discard(dock)
        dock.setVisible(dock.isHidden())

    def refresh(self, *_: object) -> None:
        """The icons beside the tabs follow."""
        self._tab_row.show_docks(not self.setup.isHidden(), not self.explain.isHidden())
        self.place_grips()

    def place_grips(self) -> None:
        """Grips lie where the docks end."""
        for grip in self.grips:
            grip.place()

    def _close(self, dock: SideDock) -> None:
        self._closed_here.add(dock)
        dock.hide()

    def _leasts(self) -> dict[SideDock, int]:
        return {dock: theme().px(LEAST[dock.windowTitle()]) for dock in self.docks}

    def _set_width(self, dock: SideDock, width: int) -> None:
        usual = theme().px(WIDTHS[dock.windowTitle()])
        self._window.resizeDocks([dock], [width or usual], Qt.Orientation.Horizontal)
