"""Closing the window while a model trains: the only question that waits for an answer."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QMessageBox, QWidget

from gui.session import Session
from gui.widgets.banner import BannerArea

PATIENCE_MS = 10_000


class Closing(QObject):
    """may_close() is asked by closeEvent; when training has ended as wished, the window is closed again."""

    def __init__(self, window: QWidget, session: Session, banners: BannerArea) -> None:
        super().__init__(window)
        self._window, self._session, self._banners = window, session, banners
        self.wanted = False  # the user has chosen to quit; waiting for training to end
        self.question: QMessageBox | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._offer)
        session.training_changed.connect(self._on_training)

    def may_close(self) -> bool:
        """Whether nothing would be lost. If not, the question is put."""
        if not self._session.training:
            return True
        if not self.wanted:
            self._ask()
        return False

    def _ask(self) -> None:
        if self.question is not None:
            self.question.raise_()
            return
        box = self.question = QMessageBox(self._window)
        box.setWindowTitle("Training is under way")
        box.setText("A model is being trained.")
        box.setInformativeText("If it is saved, it can be continued later from the same step.")
        save = box.addButton("Save and quit", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard and quit", QMessageBox.ButtonRole.DestructiveRole)
        go_on = box.addButton("Go on training", QMessageBox.ButtonRole.RejectRole)
        save.setToolTip("Save, end training, then close.")
        discard.setToolTip("Move this run to the trash, then close.")
        go_on.setToolTip("Close nothing.  Esc")
        box.setDefaultButton(save)
        box.setEscapeButton(go_on)
        box.setWindowModality(Qt.WindowModality.WindowModal)

        def answer() -> None:
            clicked = box.clickedButton()
            self.question = None
            box.deleteLater()
            if clicked is save:
                self._quit_after(self._session.stop)
            elif clicked is discard:
                self._quit_after(self._session.discard)

        box.finished.connect(lambda _: answer())
        box.open()

    def _quit_after(self, end: Callable[[], None]) -> None:
        self.wanted = True
        if not self._session.training:  # it ended by itself while the question stood
            self._window.close()
            return
        end()
        self._patience.start()

    def _on_training(self) -> None:
        if self.wanted and not self._session.training:
            self._patience.stop()
            QTimer.singleShot(0, self._window, self._window.close)

    def _offer(self) -> None:
        if not self._session.training:
            return

        def leave() -> None:
            self._patience.stop()
            self._session.abandon()
            self._window.close()

        self._banners.show(
            "slow-stop", "warning", "Training has not stopped after 10 s.",
            "What was saved before is safe; the window closes as soon as it stops.",
            [("Quit without saving", leave)], "")
