"""The graphics view inside a plot: it passes hands on and lays out before painting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsView

if TYPE_CHECKING:
    from gui.widgets.plot import Plot

DRAG = 4  # pixels before a press becomes a drag


class PlotView(pg.GraphicsView):
    """One scene unit is one pixel; no focus of its own."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self._pressed: QPointF | None = None
        self._dragged = 0.0
        super().__init__(plot, background=None)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(60, 40)
        self.setAccessibleName("Curves")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.plot.resized()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.plot.lay_out()
        super().paintEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self._dragged = 0.0
            self.plot.setFocus(Qt.FocusReason.MouseFocusReason)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            shift = event.position().x() - self._pressed.x()
            self._pressed = event.position()
            self._dragged += abs(shift)
            self.plot.pan_by(shift)
        self.plot.pointer_at(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._pressed is not None:
            self._pressed = None
            at = event.position()
            if self._dragged < DRAG and self.plot.axes.box.contains(at):
                self.plot.clicked.emit(self.plot.axes.x_at(at.x()), self.plot.axes.y_at(at.y()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.plot.double_clicked(event.position())

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.plot.zoom_at(event.position().x(), event.angleDelta().y() / 120)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self.plot.pointer_at(None)
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.plot.menu().popup(event.globalPos())
