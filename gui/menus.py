"""The menu bar and all keys of the window. Each action is made here once; what it does lives elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from engine import paths
from engine.events import TrainingState
from engine.settings import number
from gui.shortcuts import KEYS, sequences
from gui.training import CONTINUE_STEPS

if TYPE_CHECKING:
    from gui.main_window import MainWindow


class Menus:
    """Makes the actions on a window. `actions` finds one by name."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._session = window.session
        self.actions: dict[str, QAction] = {}
        self._file()
        self._edit()
        self._view()
        self._train()
        self._tools()
        self._help()
        self._digits()
        self._session.training_changed.connect(self.refresh)
        self._session.run_changed.connect(self.refresh)
        self._session.following_changed.connect(self.refresh)
        self._session.seed_changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Switch on what can be done now."""
        session, on = self._session, self.actions
        mine, state = session.training, session.training_state
        paused = mine and state is TrainingState.PAUSED
        words = "Go on training" if paused else "Pause training" if mine else "Train a new run"
        on["train"].setText(words)
        on["train"].setEnabled(state not in (TrainingState.PAUSING, TrainingState.STOPPING) or not mine)
        on["stop"].setEnabled(mine and state is not TrainingState.STOPPING)
        on["discard"].setEnabled(mine)
        on["one-step"].setEnabled(not mine or state is not TrainingState.STOPPING)
        on["one-epoch"].setEnabled(on["one-step"].isEnabled())
        why_not = session.can_continue()
        on["continue"].setEnabled(not why_not)
        on["continue"].setToolTip(why_not)
        on["snapshot"].setEnabled(mine)
        on["new"].setEnabled(not mine)
        on["open"].setEnabled(not mine)
        for name in (name for name in on if name.startswith("bundled")):
            on[name].setEnabled(not mine)
        on["folder"].setEnabled(session.run is not None)
        on["check"].setEnabled(session.run is not None)
        on["export-weights"].setEnabled(bool(session.snapshots))
        on["nearest"].setEnabled(bool(session.snapshots))
        on["follow"].setEnabled(bool(session.snapshots))
        on["follow"].setChecked(session.following)
        on["seed-last"].setEnabled(bool(session.previous_seeds))
        self.recent.setEnabled(not mine)

    # ---- menus ----

    def _file(self) -> None:
        window, menu = self._window, self._menu("&File")
        self._add(menu, "new", "&New run", window.commands.new_run)
        self._add(menu, "open", "&Open run…", window.commands.choose_run)
        self.recent = menu.addMenu("Open &recent")
        self.recent.aboutToShow.connect(self._fill_recent)
        shipped = menu.addMenu("Open a run that &ships")
        for path in paths.bundled_runs():
            first = path == paths.DEFAULT_BUNDLED_RUN
            self._add(shipped, "bundled" if first else f"bundled-{path.name}", path.name,
                      partial(self._session.open_run, path))
        self._add(menu, "open-picture", "Open saved &picture…", window.commands.choose_picture).setToolTip(
            "Go to the run, step, noise level, class, seed and sampling of a picture that was saved here.")
        self._add(menu, "runs", "&All runs…", window.commands.show_runs)
        self._add(menu, "data-sets", "&Data sets…", window.commands.show_data_sets).setToolTip(
            "Download data sets, import pictures of your own, train their judges.")
        menu.addSeparator()
        self._add(menu, "snapshot", "&Save snapshot now", window.commands.save_snapshot)
        self._add(menu, "folder", "Show run &folder", window.commands.show_run_folder)
        self._add(menu, "export-weights", "&Export weights…", window.commands.export_weights).setToolTip(
            "Write the weights that are looked at, with a short script that draws from them without this program.")
        menu.addSeparator()
        self._add(menu, "close", "&Close window", window.close)
        self._add(menu, "quit", "&Quit", window.close).setMenuRole(QAction.MenuRole.QuitRole)

    def _edit(self) -> None:
        window, menu = self._window, self._menu("&Edit")
        stack = window.history.stack
        for name, action in (("undo", stack.createUndoAction(window, "&Undo")),
                             ("redo", stack.createRedoAction(window, "&Redo"))):
            action.setShortcuts(sequences(name))
            menu.addAction(action)
            self.actions[name] = action
        menu.addSeparator()
        self._add(menu, "preferences", "&Preferences…", window.commands.show_preferences).setMenuRole(
            QAction.MenuRole.PreferencesRole)

    def _view(self) -> None:
        window, menu = self._window, self._menu("&View")
        for index, page in enumerate(window.pages):
            action = self._add(menu, f"page-{page.name}", f"&{index + 1}  {page.title}",
                               partial(window.show_page, page.name))
            action.setShortcut(QKeySequence(f"Ctrl+{index + 1}"))
        menu.addSeparator()
        for name, words, dock in (("setup", "&Setup", window.setup_dock),
                                  ("explain", "&Explain", window.explain_dock)):
            action = dock.toggleViewAction()
            action.setText(words)
            menu.addAction(action)
            self.actions[name] = action
        self._add(menu, "reset-layout", "&Reset layout", window.docks.reset)
        menu.addSeparator()
        follow = self._add(menu, "follow", "&Follow live", self._session.follow_live)
        follow.setCheckable(True)
        menu.addSeparator()
        themes = menu.addMenu("&Theme")
        group = QActionGroup(themes)
        for name, words in (("system", "As the &system"), ("light", "&Light"), ("dark", "&Dark")):
            action = self._add(themes, f"theme-{name}", words,
                               partial(window.commands.change_preferences, theme=name))
            action.setCheckable(True)
            group.addAction(action)
        self._add(menu, "larger", "&Larger text", lambda: window.commands.change_text_size(1))
        self._add(menu, "smaller", "S&maller text", lambda: window.commands.change_text_size(-1))
        self._add(menu, "normal", "&Normal text size", lambda: window.commands.change_text_size(0))
        full = self._add(menu, "full-screen", "F&ull screen", window.commands.toggle_full_screen)
        full.setCheckable(True)

    def _train(self) -> None:
        session, menu = self._session, self._menu("&Train")
        self._add(menu, "train", "&Train a new run", session.toggle_training)
        self._add(menu, "stop", "&Stop and keep", session.stop)
        self._add(menu, "discard", "&Discard (to the trash)", session.discard)
        menu.addSeparator()
        self._add(menu, "one-step", "+&1 step", lambda: session.run_steps(1))
        self._add(menu, "one-epoch", "+1 &epoch", session.run_epoch)
        self._add(menu, "continue", f"&Continue +{number(CONTINUE_STEPS)}", session.continue_training)

    def _tools(self) -> None:
        session, window, menu = self._session, self._window, self._menu("T&ools")
        self._add(menu, "play", "&Play or pause", window.commands.toggle_play)
        self._add(menu, "seed-new", "&New seed", session.new_seed)
        self._add(menu, "seed-last", "Pre&vious seed", session.previous_seed)
        menu.addSeparator()
        self._add(menu, "nearest", "&Is it copying?", window.commands.show_nearest).setToolTip(
            "The training pictures nearest to the drawn one, beside how near they are to real held-out ones.")
        self._add(menu, "check", "&Check this run for damage", window.commands.check_run)

    def _help(self) -> None:
        window, menu = self._window, self._menu("&Help")
        self._add(menu, "shortcuts", "&Keyboard shortcuts", window.commands.show_shortcuts)
        self._add(menu, "explain-page", "&Explain this page", window.commands.explain_page)
        menu.addSeparator()
        self._add(menu, "diagnostics", "&Copy diagnostics", window.commands.copy_diagnostics)
        self._add(menu, "log", "Show &data folder", window.commands.show_data_folder)
        self._add(menu, "about", "&About Diffuscope", window.commands.show_about).setMenuRole(
            QAction.MenuRole.AboutRole)

    def _digits(self) -> None:
        for label in range(10):
            action = QAction(f"Class {label}", self._window)
            action.setShortcut(QKeySequence(str(label)))
            action.triggered.connect(lambda _=False, chosen=label: self._session.set_class(chosen))
            self._window.addAction(action)
            self.actions[f"class-{label}"] = action

    # ---- helpers ----

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        menu = bar.addMenu(title.replace("&", ""))
        menu.setToolTipsVisible(True)
        if not bar.isNativeMenuBar():
            # The bar shows no underlines, so its letters are keys of their own.
            opener = QAction(title.replace("&", ""), self._window)
            opener.setShortcut(QKeySequence(f"Alt+{title[title.index('&') + 1]}"))
            opener.triggered.connect(lambda: bar.setActiveAction(menu.menuAction()))
            self._window.addAction(opener)
        return menu

    def _add(self, menu: QMenu, name: str, words: str, then: Callable[[], object]) -> QAction:
        action = QAction(words, self._window)
        if name in KEYS:
            action.setShortcuts(sequences(name))
        action.triggered.connect(lambda _=False: then())
        menu.addAction(action)
        self.actions[name] = action
        return action

    def _fill_recent(self) -> None:
        self.recent.clear()
        there = [path for path in self._window.state.recent if Path(path).exists()]
        for path in there:
            action = self.recent.addAction(Path(path).name, partial(self._session.open_run, path))
            action.setToolTip(path)
        if not there:
            self.recent.addAction("No run was opened yet").setEnabled(False)
