"""What the menus do beyond the session: dialogs, folders, checks, text size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from engine import paths
from gui.compute_starter import make_compute
from gui.crash import diagnostics
from gui.preferences import (
    LARGEST_TEXT,
    SMALLEST_TEXT,
    Preferences,
    runs_dir_problem,
    save_preferences,
)
from gui.session import Notice
from gui.theme import theme

if TYPE_CHECKING:
    from gui.data_work import DataWork
    from gui.main_window import MainWindow
    from gui.preferences_dialog import PreferencesDialog


class Commands:
    """Actions on one main window. Dialogs are made once, code and all when first wanted, and never wait."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._session = window.session
        self.dialogs: dict[str, QWidget] = {}
        self._preferences: PreferencesDialog | None = None
        self._work: DataWork | None = None

    # ---- runs ----

    def new_run(self) -> None:
        """Close the open run and show the settings of the next one."""
        if not self._session.training:
            self._session.close_run()
            self._window.show_page("train")

    def choose_run(self) -> None:
        """Ask for a run folder."""
        start = paths.runs_dir() if paths.runs_dir().exists() else paths.data_dir()
        chosen = QFileDialog.getExistingDirectory(self._window, "Open run", str(start))
        if chosen:
            self._session.open_run(chosen)

    def choose_picture(self) -> None:
        """Ask for a saved picture and look at what it shows."""
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Open saved picture", "", "PNG pictures (*.png)")
        if chosen:
            self.open_picture(chosen)

    def open_picture(self, path: str) -> None:
        """Look at what a saved picture shows."""
        from gui.restore_picture import open_picture

        open_picture(self._window, Path(path))

    def open_dropped(self, path: str) -> None:
        """What was dropped on the window: a saved picture, pictures to import, or a run."""
        dropped = Path(path)
        folder = dropped.is_dir() and not (dropped / "run.json").exists()
        if dropped.suffix.lower() == ".png":
            self.open_picture(path)
        elif folder or dropped.suffix.lower() in (".csv", ".npz"):
            self.import_pictures(dropped)
        else:
            self._session.open_run(path)

    def export_weights(self) -> None:
        """The weights that are looked at, for use without this program, into a folder that is asked for."""
        from gui.weights_export import ask_and_export

        ask_and_export(self._window)

    def show_data_sets(self) -> None:
        """All data sets, and getting more."""
        from gui.data_sets import DataSetsDialog

        def make() -> QWidget:
            dialog = DataSetsDialog(self._session, self._data_work(), self._window)
            dialog.import_asked.connect(self.import_pictures)
            dialog.used.connect(self.learn_data_set)
            dialog.changed.connect(self._on_data_sets)
            return dialog
        self._raise("data-sets", make)

    def import_pictures(self, source: Path) -> None:
        """Preview an import of a folder, a list or an .npz file."""
        from gui.data_import import ImportDialog

        def make() -> QWidget:
            dialog = ImportDialog(self._data_work(), self._window)
            dialog.imported.connect(self._on_imported)
            return dialog
        self._raise("import", make)
        self.dialogs["import"].open_source(source)  # type: ignore[attr-defined]

    def learn_data_set(self, name: str) -> None:
        """The next run learns this set: its settings are shown."""
        if not self._session.training:
            self._session.edit_draft(self._session.draft.changed(data={"dataset": name}))
            self.new_run()

    def _on_data_sets(self) -> None:
        """There are other sets, or judges: what is offered, and what can be measured of the open run, may change."""
        session = self._session
        session.data_sets_changed.emit()
        session.draft_changed.emit()
        if session.run is not None and not session.training:
            session.open_run(session.run.path)

    def _on_imported(self, name: str) -> None:
        self._session.data_sets_changed.emit()
        self.learn_data_set(name)
        self._window.status.say("Imported; the next run learns it" if not self._session.training else "Imported")

    def _data_work(self) -> DataWork:
        from gui.data_work import DataWork

        if self._work is None:
            self._work = DataWork(self._session, self._window)
        return self._work

    def save_snapshot(self) -> None:
        """Keep the weights of this step."""
        self._session.save_snapshot()
        self._window.status.say("Snapshot asked for")

    def show_run_folder(self) -> None:
        """The open run's folder in the file manager."""
        if self._session.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._session.run.path)))

    def show_data_folder(self) -> None:
        """Preferences, log and runs in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.data_dir())))

    def check_run(self) -> None:
        """Read every file of the run and say what is damaged."""
        run = self._session.run
        if run is None:
            return
        problems = run.verify()
        if problems:
            self._window.notices.show_notice(Notice(
                "check", "error", problems[0], "The other parts can be used.", "\n".join(problems)))
        else:
            self._window.banners.clear("check")
            self._window.status.say(f"{run.name}: every file is as it was written")

    # ---- looking ----

    def toggle_play(self) -> None:
        """Play or pause the row that has focus, else the noise row."""
        timeline = self._window.timeline
        focus = self._window.focusWidget()
        steps = focus in (timeline.step_slider, timeline.step_play, timeline.step_box) or \
            (focus is not None and focus.property("plays") == "step")
        timeline.toggle_play(timeline.playing or ("step" if steps else "t"))

    def explain_page(self) -> None:
        """Show what this page is about."""
        self._window.explain_dock.show()
        self._window.explain_dock.show_page(self._window.page.explain)

    def explain(self, topic: str) -> None:
        """Open Explain at a topic."""
        self._window.explain_dock.show()
        self._window.explain_dock.show_topic(topic)

    def toggle_full_screen(self) -> None:
        """The whole screen, or back."""
        self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowFullScreen)

    # ---- dialogs ----

    def show_runs(self) -> None:
        """The list of all runs."""
        from gui.run_manager import RunManager

        self._raise("runs", lambda: RunManager(self._session, self._window))

    def show_preferences(self) -> None:
        """The preferences."""
        from gui.preferences_dialog import PreferencesDialog

        def make() -> QWidget:
            dialog = PreferencesDialog(self._window.preferences, lambda: self._session.training, self._window)
            dialog.changed.connect(self.take_preferences)
            self._preferences = dialog
            return dialog
        self._raise("preferences", make)

    def show_shortcuts(self) -> None:
        """All keys."""
        from gui.shortcuts_dialog import ShortcutsDialog

        titles = [page.title for page in self._window.pages]
        self._raise("shortcuts", lambda: ShortcutsDialog(titles, self._window))

    def show_nearest(self) -> None:
        """The training pictures nearest to the drawn one."""
        from gui.nearest_dialog import NearestDialog

        self._raise("nearest", lambda: NearestDialog(self._session, self._window))

    def copy_diagnostics(self) -> None:
        """Versions and machine to the clipboard."""
        QGuiApplication.clipboard().setText(diagnostics())
        self._window.status.say("Diagnostics copied")

    def show_about(self) -> None:
        """What this is."""
        def make() -> QWidget:
            box = QMessageBox(self._window)
            box.setWindowTitle("About Diffuscope")
            box.setText("Diffuscope: a desktop laboratory for diffusion models.")
            box.setInformativeText(diagnostics())
            box.setModal(False)
            return box
        self._raise("about", make)

    def close_dialogs(self) -> None:
        """With the main window everything closes."""
        for dialog in self.dialogs.values():
            dialog.close()

    def _raise(self, name: str, make: Callable[[], QWidget]) -> None:
        dialog = self.dialogs.get(name)
        if dialog is None:
            dialog = self.dialogs[name] = make()
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    # ---- preferences ----

    def change_preferences(self, **changes: object) -> None:
        """Change some, apply and keep them."""
        self.take_preferences(self._window.preferences.changed(**changes))

    def change_text_size(self, way: int) -> None:
        """One size larger (1), smaller (-1), or normal (0)."""
        scale = 1.0 if way == 0 else round(self._window.preferences.text_scale + 0.1 * way, 2)
        self.change_preferences(text_scale=min(LARGEST_TEXT, max(SMALLEST_TEXT, scale)))

    def take_preferences(self, wanted: Preferences) -> None:
        """Apply what differs from before and write the file."""
        window = self._window
        before, taken = window.preferences, wanted
        if before.runs_dir != wanted.runs_dir and runs_dir_problem(wanted.runs_dir):
            taken = taken.changed(runs_dir=before.runs_dir)
        if before.device != wanted.device:
            if self._session.replace_compute(make_compute(wanted.device)):
                window.restart_compute()
            else:
                taken = taken.changed(device=before.device)
        window.preferences = taken
        if before.theme != taken.theme:
            theme().set_mode(taken.theme)
        if before.text_scale != taken.text_scale:
            theme().set_scale(taken.text_scale)
        window.show_preferences_taken()
        if self._preferences is not None:
            self._preferences.show_preferences(taken)
        if not window.keep_state:
            return
        try:
            save_preferences(taken)
        except OSError as error:
            window.notices.show_notice(Notice(
                "preferences", "warning", "The preferences cannot be saved.",
                f"They hold until the window is closed: {error.strerror}."))
