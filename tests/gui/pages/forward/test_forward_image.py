"""The image that the Forward page noises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jumps_scripted import Jumpers, eights, notices, wait_ready
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.data.catalogue import load_dataset
from gui.pages.forward import ForwardPage
from gui.pages.forward_image import ImageChoice


def test_the_class_strip_changes_the_image_and_each_class_keeps_its_number(page: ForwardPage) -> None:
    page.images.choose(ImageChoice(8, 38))
    page.session.set_class(3)
    mnist = load_dataset("mnist")
    np.testing.assert_array_equal(page.images.pixels, mnist.test_images[mnist.test_labels == 3][0])
    page.session.set_class(8)
    assert page.images.choice.number == 38
    assert page.images.total.text() == "of 974 eights"


def test_number_picker_and_dice_choose_images(page: ForwardPage) -> None:
    box, picker = page.images.number, page.images.picker
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "38")
    QTest.keyClick(box, Qt.Key.Key_Return)
    np.testing.assert_array_equal(page.images.pixels, eights()[37])
    assert picker.index() == 5  # 33 to 48 are shown
    QTest.mouseClick(picker, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                     picker.cell_rect(0).center().toPoint())
    assert page.images.choice.number == 33
    picker.setFocus()
    QTest.keyClick(picker, Qt.Key.Key_Left)  # past the edge, to the page before
    assert page.images.choice.number == 32
    QTest.keyClick(picker, Qt.Key.Key_PageDown)
    assert page.images.choice.number == 48
    for _ in range(5):
        before = page.images.choice
        page.images.dice.click()
        assert page.images.choice != before
        assert page.images.choice.class_label == 8


def test_a_number_beyond_the_class_is_refused_with_the_range(page: ForwardPage) -> None:
    box = page.images.number
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "975")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.error == "Number must be from 1 to 974; 975 is not."
    assert page.images.choice.number == 1


def picture_file(path: Path) -> Path:
    pixels = np.full((60, 90), 255, dtype=np.uint8)
    pixels[20:40, 40:50] = 0
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_of_ones_own_is_noised_and_left_again(page: ForwardPage, jumpers: Jumpers, qtbot: QtBot,
                                                        tmp_path: Path) -> None:
    assert page.images.open_file(picture_file(tmp_path / "ink.png"))
    assert page.formula.captions()[0] == "your picture"
    assert page.images.pixels is not None
    assert page.images.pixels.shape == (1, 28, 28)
    assert page.images.pixels[0, 0, 0] == 0  # ink on paper is turned round
    assert page.images.picker.index() == -1
    wait_ready(qtbot, page)
    assert jumpers.asked[-1].x0.max() > 0.5
    page.images.back.click()
    np.testing.assert_array_equal(page.images.pixels, eights()[0])


def test_a_dropped_picture_is_opened_and_a_bad_one_told(page: ForwardPage, qtbot: QtBot, tmp_path: Path) -> None:
    heard = notices(page.session)

    def drop(path: Path) -> QDropEvent:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                           Qt.KeyboardModifier.NoModifier)
        page.dropEvent(event)
        page.kept = data  # type: ignore[attr-defined]  # the event does not own it
        return event

    assert drop(picture_file(tmp_path / "ink.png")).isAccepted()
    qtbot.waitUntil(lambda: page.images.choice.file.endswith("ink.png"), timeout=2000)
    bad = tmp_path / "notes.txt"
    bad.write_text("no picture")
    drop(bad)
    qtbot.waitUntil(lambda: bool(heard), timeout=2000)
    assert (heard[0].key, heard[0].kind) == ("picture", "error")
    assert heard[0].headline == "notes.txt is not a picture that can be opened."
    assert page.images.choice.file.endswith("ink.png")
    assert not drop(tmp_path).isAccepted()  # a folder is a run
