"""What all pictures share: the dark theme's outline, the class dot, the menu to copy and save."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from gui.theme import theme

KEYBOARD_REASONS = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                    Qt.FocusReason.ShortcutFocusReason)


def outline_dark(painter: QPainter, rect: QRectF) -> None:
    """In the dark theme a picture ends in a 1 px line of 10 % white, so that black ends somewhere."""
    if theme().name == "dark":
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        white, x, y, right, bottom = QColor(255, 255, 255, 26), rect.x(), rect.y(), rect.right() - 1, rect.bottom() - 1
        # Four bars that share no corner: many times quicker than the outline of a rectangle in a translucent pen.
        for bar in (QRectF(x, y, rect.width(), 1), QRectF(x, bottom, rect.width(), 1),
                    QRectF(x, y + 1, 1, rect.height() - 2), QRectF(right, y + 1, 1, rect.height() - 2)):
            painter.fillRect(bar, white)


def picture_menu(owner: QWidget, image: QImage, name: str) -> QMenu:
    """Copy or save a picture as it is shown."""
    menu = QMenu(owner)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def save() -> None:
        chosen, _ = QFileDialog.getSaveFileName(owner, "Save picture", f"{name}.png", "PNG picture (*.png)")
        if chosen:
            path = Path(chosen)
            image.save(str(path if path.suffix else path.with_suffix(".png")))

    menu.addAction("Copy picture").triggered.connect(lambda: QGuiApplication.clipboard().setImage(image))
    menu.addAction("Save picture…").triggered.connect(save)
    return menu


def paint_class_dot(painter: QPainter, centre: QPointF, index: int, radius: float = 3.5) -> None:
    """A class's dot; the light theme's yellow needs a ring to be seen on white."""
    colours = theme()
    painter.setBrush(colours.class_color(index))
    ringed = colours.name == "light" and index == 4
    painter.setPen(QPen(colours.color("muted"), 0.6) if ringed else Qt.PenStyle.NoPen)
    painter.drawEllipse(centre, radius, radius)
