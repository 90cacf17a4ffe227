"""Pictures, the class button and the picker."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from gui.theme import theme
from gui.widgets.film import Film
from gui.widgets.magnifier import Magnifier
from gui.widgets.pictures import Picture, PictureButton, PictureGrid, picture_menu


def hover(widget: QWidget, x: float, y: float) -> None:
    place = QPointF(x, y)
    event = QMouseEvent(QEvent.Type.MouseMove, place, QPointF(widget.mapToGlobal(place.toPoint())),
                        Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)


@pytest.fixture
def light(qtbot):
    theme().set_mode("light")
    yield
    theme().set_mode("system")


def test_fixed_factor_gives_exact_squares(qtbot, light) -> None:
    values = np.full((1, 28, 28), -1.0, dtype=np.float32)
    values[0, 3, 5] = 1.0
    picture = Picture("x0", factor=12)
    qtbot.addWidget(picture)
    picture.set_image(values)
    assert picture.sizeHint().width() == 336
    picture.resize(336, 336)
    shown = picture.grab().toImage()
    white = {(x, y) for x in range(336) for y in range(336) if shown.pixelColor(x, y).red() == 255}
    assert white == {(x, y) for x in range(60, 72) for y in range(36, 48)}


def test_largest_whole_factor_that_fits_is_centred(qtbot, light) -> None:
    picture = Picture("x0")
    qtbot.addWidget(picture)
    picture.set_image(np.zeros((1, 28, 28), dtype=np.float32))
    picture.resize(300, 100)
    assert picture.device_factor() == 3
    rect = picture.picture_rect()
    assert (rect.width(), rect.height()) == (84, 84)
    assert rect.x() == 108


def test_magnifier_tells_the_true_value_of_a_clipped_pixel(qtbot, light) -> None:
    values = np.zeros((1, 28, 28), dtype=np.float16)
    values[0, 2, 10] = -1.5
    picture = Picture("xt", factor=3)
    qtbot.addWidget(picture)
    picture.set_image(values)
    picture.resize(picture.sizeHint())
    hover(picture, 31, 7)
    magnifier = Magnifier.shared()
    assert magnifier.isVisible()
    assert "row 2, column 10" in magnifier.text
    assert "\u22121.50" in magnifier.text
    assert "clipped" in magnifier.text
    QApplication.sendEvent(picture, QEvent(QEvent.Type.Leave))
    assert not magnifier.isVisible()


def test_picture_says_what_it_holds(qtbot, light) -> None:
    picture = Picture("Predicted x0", factor=2)
    qtbot.addWidget(picture)
    picture.set_image(None)
    assert picture.accessibleName() == "Predicted x0"
    assert picture.accessibleDescription() == "No picture yet"
    picture.set_image(np.linspace(-1, 1, 784, dtype=np.float32).reshape(1, 28, 28))
    assert "28 by 28" in picture.accessibleDescription()
    assert "\u22121 to 1" in picture.accessibleDescription()


def test_copied_picture_is_the_enlarged_one(qtbot, light) -> None:
    picture = Picture("x0", factor=4)
    qtbot.addWidget(picture)
    picture.set_image(np.ones((1, 28, 28), dtype=np.float32))
    menu = picture_menu(picture, picture.image(), "x0")
    assert [action.text() for action in menu.actions()] == ["Copy picture", "Save picture…"]
    menu.actions()[0].trigger()
    assert QApplication.clipboard().image().size().width() == 112


def test_dark_theme_ends_a_black_picture_with_a_faint_line(qtbot, light) -> None:
    theme().set_mode("dark")
    picture = Picture("x0", factor=2)
    qtbot.addWidget(picture)
    picture.set_image(np.full((1, 28, 28), -1.0, dtype=np.float32))
    picture.resize(56, 56)
    shown = picture.grab().toImage()
    assert 20 <= shown.pixelColor(0, 20).red() <= 32
    assert shown.pixelColor(20, 20).red() == 0


def test_class_button_names_its_class_and_toggles(qtbot, light) -> None:
    button = PictureButton(3, "3")
    qtbot.addWidget(button)
    button.set_image(np.zeros((28, 28), dtype=np.uint8))
    button.resize(72, button.sizeHint().height())
    assert button.accessibleName() == "Class 3"
    with qtbot.waitSignal(button.toggled):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.grab().isNull()


def test_grid_picks_by_pointer_and_by_keys(qtbot, light) -> None:
    grid = PictureGrid("Image", 2, 3)
    qtbot.addWidget(grid)
    grid.set_images(np.zeros((5, 1, 28, 28), dtype=np.uint8))
    grid.resize(grid.sizeHint())
    chosen: list[int] = []
    grid.selected.connect(chosen.append)
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell_rect(1).center().toPoint())
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    qtbot.keyClick(grid, Qt.Key.Key_Right)  # there is no sixth picture
    qtbot.keyClick(grid, Qt.Key.Key_Home)
    assert chosen == [1, 4, 0]


def test_film_spreads_its_columns_flush_to_both_ends(qtbot, light) -> None:
    film = Film("Film", 2)
    qtbot.addWidget(film)
    film.set_images(0, [np.zeros((1, 28, 28))] * 5)
    film.set_images(1, [None] * 5)
    film.set_captions(["1000", "750", "500", "250", "0"])
    film.resize(600, film.sizeHint().height())
    assert film.cell_rect(0, 0).left() == 0
    assert film.cell_rect(0, 4).right() == 600
    assert film.capacity() == 9
    assert not film.grab().isNull()


def test_film_column_under_pointer_and_keys(qtbot, light) -> None:
    film = Film("Film", [("Noised", "xt")])
    qtbot.addWidget(film)
    film.set_images(0, [np.zeros((1, 28, 28))] * 4)
    film.set_captions(list("abcd"))
    film.resize(500, film.sizeHint().height())
    clicked: list[int] = []
    film.clicked.connect(clicked.append)
    qtbot.mouseClick(film, Qt.MouseButton.LeftButton, pos=film.cell_rect(0, 2).center().toPoint())
    qtbot.keyClick(film, Qt.Key.Key_Right)
    qtbot.keyClick(film, Qt.Key.Key_Right)  # the end
    qtbot.mouseClick(film, Qt.MouseButton.LeftButton, pos=QPoint(2, 10))  # the row's name
    assert clicked == [2, 3]
    assert film.accessibleDescription() == "4 columns, lit: d"
