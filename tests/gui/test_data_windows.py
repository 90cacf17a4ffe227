"""The windows for data sets: what they list, the preview of an import, and what dropping pictures does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from engine.compute import Compute
from engine.data.catalogue import dataset_names, forget_loaded
from gui.data_import import ImportDialog
from gui.data_sets import DataSetsDialog
from gui.data_work import DataWork
from gui.main_window import MainWindow
from gui.page_list import page_classes
from gui.session import Session
from gui.widgets.choice import Choice


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    forget_loaded()


@pytest.fixture
def session(qtbot: QtBot) -> Iterator[Session]:
    made = Session(Compute(lambda: None))
    made.bridge.compute.start()
    yield made
    assert made.shutdown(timeout=5.0)
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "Fruit"
    for name, colour in (("apple", (200, 30, 30)), ("pear", (60, 200, 30))):
        (root / name).mkdir(parents=True)
        for i in range(12):
            Image.new("RGB", (40, 32), colour).save(root / name / f"{i}.png")
    (root / "apple" / "notes.txt").write_text("x")
    (root / "pear" / "broken.png").write_bytes(b"?")
    return root


@pytest.fixture
def importing(qtbot: QtBot, session: Session) -> ImportDialog:
    work = DataWork(session)
    dialog = ImportDialog(work)
    work.setParent(dialog)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_the_preview_counts_and_says_what_is_left_out(qtbot: QtBot, importing: ImportDialog, folder: Path) -> None:
    importing.open_source(folder)
    qtbot.waitUntil(lambda: importing._found is not None and importing.go.isEnabled())
    assert importing.head.text() == "24 pictures in 2 classes"
    assert (importing.size_choice.value(), importing.colour.value()) == (32, 3)
    assert importing.name.text() == "Fruit"
    assert "24 are not 32 × 32 (most are 40 × 32): the middle square" in importing.note.text()
    rows = {importing.skipped.item(r, 0).text(): importing.skipped.item(r, 1).text()
            for r in range(importing.skipped.rowCount())}
    assert rows == {"apple/notes.txt": "not a picture by its name",
                    "pear/broken.png": "not a picture that can be opened"}
    assert importing.skipped_head.text() == "2 files are left out"
    assert "apple: 12" in importing.sheet.accessibleDescription()
    image = importing.sheet.grab().toImage()
    colours = {image.pixelColor(x, y).getRgb()[:3] for x in range(150, image.width(), 9)
               for y in range(0, image.height(), 9)}
    assert (200, 30, 30) in colours
    assert (60, 200, 30) in colours


def test_import_writes_the_set_that_the_preview_shows(qtbot: QtBot, importing: ImportDialog, folder: Path) -> None:
    importing.open_source(folder)
    qtbot.waitUntil(lambda: importing.go.isEnabled())
    importing.colour.set_value(1)
    importing.look()
    qtbot.waitUntil(lambda: importing.go.isEnabled() and importing._found.channels == 1)
    importing.name.setText("Only grey")
    with qtbot.waitSignal(importing.imported) as told:
        importing.start_import()
        assert not importing.name.isEnabled()
    assert told.args == ["only-grey"]
    qtbot.waitUntil(lambda: not importing.isVisible())
    assert "only-grey" in dataset_names()


def test_one_class_cannot_be_imported(qtbot: QtBot, importing: ImportDialog, folder: Path) -> None:
    importing.open_source(folder / "apple")
    qtbot.waitUntil(lambda: importing._found is not None)
    assert "At least two classes are needed" in importing.problem.text()
    assert not importing.go.isEnabled()
    importing.open_source(folder / "apple" / "notes.txt")
    qtbot.waitUntil(lambda: "neither a folder of pictures nor a list" in importing.problem.text())


def test_closing_ends_the_look(qtbot: QtBot, importing: ImportDialog, folder: Path) -> None:
    importing.open_source(folder)
    qtbot.keyClick(importing, Qt.Key.Key_Escape)
    assert not importing._work.busy
    assert not importing.isVisible()
    importing.show()
    importing.open_source(folder)
    importing.close_button.click()
    assert not importing.isVisible()
    assert not importing._work.busy


@pytest.fixture
def sets(qtbot: QtBot, session: Session) -> DataSetsDialog:
    work = DataWork(session)
    dialog = DataSetsDialog(session, work)
    work.setParent(dialog)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def choose(dialog: DataSetsDialog, name: str) -> None:
    dialog.table.selectRow([listing.name for listing in dialog._sets].index(name))


def test_the_list_says_what_each_set_is_and_what_can_be_done(sets: DataSetsDialog) -> None:
    assert [sets.table.item(row, 0).text() for row in range(5)] == [
        "MNIST", "Fashion-MNIST", "KMNIST", "EMNIST letters", "CIFAR-10"]
    choose(sets, "mnist")
    assert sets.use.isEnabled()
    assert not sets.get.isVisible()
    assert not sets.train.isVisible()
    assert "reads 99." in sets.judges.text()
    choose(sets, "cifar10")
    assert sets.get.isVisible()
    assert sets.get.text() == "Download 170\u202fMB"
    assert sets.local.isVisible()
    assert not sets.use.isEnabled()
    assert not sets.train.isEnabled()
    assert "No judge yet" in sets.judges.text()
    assert "airplane" in sets.classes.text()
    assert not sets.forget.isVisible()


def test_a_set_can_be_used_and_one_of_ones_own_removed(qtbot: QtBot, sets: DataSetsDialog, importing: ImportDialog,
                                                        folder: Path) -> None:
    importing.open_source(folder)
    qtbot.waitUntil(lambda: importing.go.isEnabled())
    with qtbot.waitSignal(importing.imported):
        importing.start_import()
    sets.reload("fruit")
    assert sets.chosen().title == "Fruit"
    assert sets.train.isVisible()
    with qtbot.waitSignal(sets.used) as told:
        sets.use.click()
    assert told.args == ["fruit"]
    with qtbot.waitSignal(sets.changed):
        sets.forget.click()
    assert "fruit" not in dataset_names()
    assert sets.note.text() == "Fruit was removed."


def test_a_local_file_that_is_something_else_is_told(qtbot: QtBot, sets: DataSetsDialog, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "cifar-10-binary.tar.gz"
    wrong.write_bytes(b"no archive")
    monkeypatch.setattr("gui.data_sets.QFileDialog.getOpenFileName", lambda *_: (str(wrong), ""))
    choose(sets, "cifar10")
    sets.local.click()
    qtbot.waitUntil(lambda: "damaged: it cannot be unpacked" in sets.note.text())
    assert "cifar10" not in dataset_names()


def test_dropping_a_folder_of_pictures_opens_the_preview(qtbot: QtBot, session: Session, folder: Path) -> None:
    window = MainWindow(session, page_classes(), keep_state=False)
    window.resize(1280, 720)
    window.show()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    window.dropEvent(QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(lambda: "import" in window.commands.dialogs)
    dialog = window.commands.dialogs["import"]
    assert isinstance(dialog, ImportDialog)
    qtbot.waitUntil(lambda: dialog.go.isEnabled())
    with qtbot.waitSignal(dialog.imported):
        dialog.go.click()
    qtbot.waitUntil(lambda: not dialog.isVisible())
    # The next run learns it, and its settings are on show.
    assert session.draft.data.dataset == "fruit"
    assert window.page.name == "train"
    editor = window.page.draft.row("data", "dataset").editor
    assert isinstance(editor, Choice)
    assert editor.value() == "fruit"
    assert editor.currentText() == "Fruit"
    session.data_sets_asked.emit()
    assert isinstance(window.commands.dialogs["data-sets"], DataSetsDialog)
    window.close()
    window.deleteLater()


def test_the_contact_sheet_shows_grey_pictures_grey(qtbot: QtBot, importing: ImportDialog, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "grey" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(np.full((28, 28), 60 + i, dtype=np.uint8)).save(tmp_path / "grey" / name / f"{i}.png")
    importing.open_source(tmp_path / "grey")
    qtbot.waitUntil(lambda: importing.go.isEnabled())
    assert (importing.colour.value(), importing.size_choice.value()) == (1, 28)
    assert "3 pictures" not in importing.head.text()
    assert "few" in importing.note.text()
