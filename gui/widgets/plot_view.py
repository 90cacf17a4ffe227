"""The graphics view inside a plot: it passes hands on, lays out before painting, and paints in two layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView

from gui.widgets.plot_growth import Growth

if TYPE_CHECKING:
    from gui.widgets.plot import Plot

DRAG = 4  # pixels before a press becomes a drag


class PlotView(pg.GraphicsView):
    """One scene unit is one pixel; no focus of its own.

    Grid and curves are kept as a picture until they change: a marker that follows a slider, or the crosshair,
    is then painted over it without stroking the curves again. Where there are bars, which change as often as
    a marker, the curves in front of them are kept as a picture of their own.
    """

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self._pressed: QPointF | None = None
        self._dragged = 0.0
        self._kept: QPixmap | None = None
        self._front: QPixmap | None = None  # curves in front of bars
        self._growth = Growth(plot)
        super().__init__(plot, background=None)
        # The plot says what has changed; what the scene would say comes an event later, as a second paint.
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.NoViewportUpdate)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(60, 40)
        self.setAccessibleName("Curves")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._kept = None
        self.plot.resized()

    def draw_anew(self) -> None:
        """Grid, curves or ranges are others: paint all of it at the next paint."""
        self._kept = None
        self.viewport().update()

    def grow(self) -> bool:
        """Paint what has come to the end of the curves; False: all of it must be painted anew."""
        kept = self._kept
        strip = None if kept is None or kept.devicePixelRatio() != self.devicePixelRatioF() \
            else self._growth.paint(kept)
        if strip is not None:
            self.viewport().update(strip)
        return strip is not None

    def marks_moved(self) -> None:
        """Only what lies over the curves has changed."""
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        kept = self._kept
        if kept is None or kept.devicePixelRatio() != ratio:
            kept = self._kept = self._below(ratio)
        painter = QPainter(self.viewport())
        painter.drawPixmap(0, 0, kept)
        if self.plot.bars and self._front is not None:
            for bars in self.plot.bars:
                bars.paint(painter)
            painter.drawPixmap(0, 0, self._front)
        self.plot.overlay.paint(painter)
        painter.end()

    def _below(self, ratio: float) -> QPixmap:
        """Grid and curves on their ground; with bars the grid alone, and the curves apart."""
        self.plot.lay_out()
        made = self._empty(ratio)
        painter = QPainter(made)
        whole = self.viewport().rect()
        painter.fillRect(whole, self.backgroundBrush())
        if self.plot.bars:
            self.plot.paint_grid(painter)
            painter.end()
            self._front = self._empty(ratio)
            self._front.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._front)
            self.plot.paint_lines(painter)
            painter.end()
            return made
        self.scene().prepareForPaint()
        painter.setRenderHints(self.renderHints())
        self.scene().render(painter, QRectF(whole), self.mapToScene(whole).boundingRect(),
                            Qt.AspectRatioMode.IgnoreAspectRatio)
        painter.end()
        self._growth.note_whole()
        return made

    def _empty(self, ratio: float) -> QPixmap:
        made = QPixmap(self.viewport().size() * ratio)
        made.setDevicePixelRatio(ratio)
        return made

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
