"""The map on the screen: one picture, scrolled, with a few lines and marks upon it and words at its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy

from engine.settings import number
from gui import tokens
from gui.pages.time_machine_image import ACCENT, Canvas, Place
from gui.theme import theme
from gui.widgets.picture_values import device_factor

Cell = tuple[int, int]  # column of the canvas, row
FRAME = 4  # px around a marked cell that its frame may take


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over the map: (column of the canvas, share of the way down its rows or None for below) by column."""

    points: tuple[tuple[int, float | None], ...]
    class_label: int
    dashed: bool = False
    name: str = ""


class MapPaper(QAbstractScrollArea):
    """Columns are training steps, rows noise levels, most noise on top. Pictures by whole device pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.canvas = Canvas()
        self.curves: list[Curve] = []
        self.way: list[Cell] = []  # the last one drawn
        self.current: Cell | None = None
        self.hover: Cell | None = None
        self._size = 1
        self._levels: list[str] = []
        self._titles: list[str] = []  # of the runs, where there are two
        self._step_words: list[str] = []  # of the columns
        self._row_words: dict[int, QRectF] = {}  # where they have room
        self._column_words: dict[int, QRectF] = {}
        self._placed = False
        self._keyboard = False
        self._scale, self._margins, self._ratio = 1.0, (20, 2, 20), 0.0  # as of the last _fit
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Map of training step and noise level")
        theme().changed.connect(self._fit)

    # ---- contents ----

    def lay_out(self, places: Sequence[Place], levels: Sequence[str], shape: tuple[int, int],
                titles: Sequence[str]) -> None:
        """Other columns and rows. levels: a word for each row; titles: of the runs, none for one run."""
        self._levels, self._titles = list(levels), list(titles)
        self._step_words = [number(place.step) for place in places]
        self.canvas.lay_out(list(places), len(levels), shape)
        self.way, self.hover = [], None
        self._fit()

    def set_size(self, size: int) -> bool:
        """Enlargement of a picture, 1 to 3; whether it is another."""
        if size == self._size:
            return False
        self._size = size
        self._fit()
        return True

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Lines over the map."""
        self.curves = list(curves)
        self.viewport().update()

    def set_way(self, way: Sequence[Cell]) -> None:
        """The way that is shown."""
        self.way = list(way)
        self.viewport().update()

    def set_current(self, cell: Cell | None) -> None:
        """The point that is looked at."""
        if cell != self.current:
            before, self.current = self.current, cell
            self._describe()
            self._update_cells(before, cell)

    def painted(self) -> None:
        """Cells of the canvas have changed."""
        self.viewport().update()

    def _describe(self) -> None:
        if self.current is None or self.current[0] >= len(self.canvas.places):
            self.setAccessibleDescription("nothing there yet")
            return
        column, row = self.current
        self.setAccessibleDescription(
            f"step {number(self.canvas.places[column].step)}, t {self._levels[row]}. Arrows move, Shift and arrows "
            "draw a way, Return plays it.")

    def whole(self) -> QImage:
        """All of the map with its words and lines, as it would be without scrolling and without a pointer."""
        twin = MapPaper()
        twin.canvas, twin.curves, twin.way = self.canvas, self.curves, self.way
        twin._size, twin._levels, twin._titles, twin._step_words = self._size, self._levels, self._titles, \
            self._step_words
        for policy in (twin.setHorizontalScrollBarPolicy, twin.setVerticalScrollBarPolicy):
            policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        twin._fit()
        twin.resize(twin.full_size())
        made = twin.grab().toImage()
        twin.deleteLater()
        return made

    # ---- geometry ----

    def _measure(self) -> None:
        """Logical px of a canvas pixel, and the room at the left, above and below the map for its words."""
        style, self._ratio = theme(), self.devicePixelRatioF()
        self._scale = device_factor(self._size, self._ratio) / self._ratio
        left = max((style.advance(word, 11, 600) for word in self._levels), default=style.px(20)) + style.px(8)
        above = style.metrics(12).height() + style.px(4) if self._titles else style.px(2)
        self._margins = left, above, style.metrics(11).height() + style.px(6)

    def scale(self) -> float:
        """Logical px of a canvas pixel."""
        return self._scale

    def room(self) -> QRectF:
        """Where the map is seen, in the viewport."""
        left, above, below = self._margins
        size = self.viewport().size()
        return QRectF(left, above, max(1, size.width() - left - 2), max(1, size.height() - above - below))

    def full_size(self) -> QSize:
        """What shows all of the map without scrolling."""
        left, above, below = self._margins
        scale = self.scale()
        return QSize(int(self.canvas.width * scale + 0.999) + left + 2,
                     int(self.canvas.height * scale + 0.999) + above + below)

    def sizeHint(self) -> QSize:
        return self.full_size()

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(160), theme().px(120))

    def _fit(self) -> None:
        """Ranges of the scroll bars."""
        self._measure()
        self._placed = False
        scale, room = self.scale(), self.room()
        for bar, whole, seen, step in (
                (self.horizontalScrollBar(), self.canvas.width * scale, room.width(), self.canvas.shape[1] + 1),
                (self.verticalScrollBar(), self.canvas.height * scale, room.height(), self.canvas.shape[0] + 1)):
            bar.setRange(0, max(0, int(whole - seen + 0.999)))
            bar.setPageStep(int(seen))
            bar.setSingleStep(max(1, int(step * scale)))
        self.updateGeometry()
        self._describe()
        self.viewport().update()

    def _origin(self) -> QPointF:
        """Of the canvas, in the viewport, on a device pixel."""
        (left, above, _), ratio = self._margins, self._ratio
        x, y = left - self.horizontalScrollBar().value(), above - self.verticalScrollBar().value()
        return QPointF(round(x * ratio) / ratio, round(y * ratio) / ratio)

    def cell_rect(self, cell: Cell) -> QRectF:
        """Where a cell lies in the viewport."""
        scale, origin = self.scale(), self._origin()
        tall, wide = self.canvas.shape
        return QRectF(origin.x() + self.canvas.lefts[cell[0]] * scale, origin.y() + cell[1] * (tall + 1) * scale,
                      wide * scale, tall * scale)

    def cell_at(self, at: QPointF, nearest: bool = False) -> Cell | None:
        """The cell under a point of the viewport; nearest: the one closest to it."""
        if not self.canvas.lefts or not self.canvas.rows:
            return None
        if not nearest and not self.room().contains(at):
            return None
        scale, origin = self.scale(), self._origin()
        tall, wide = self.canvas.shape
        x, y = (at.x() - origin.x()) / scale, (at.y() - origin.y()) / scale
        if nearest:
            column = min(range(len(self.canvas.lefts)), key=lambda i: abs(self.canvas.lefts[i] + wide / 2 - x))
            return column, min(max(0, int(y // (tall + 1))), self.canvas.rows - 1)
        column = next((i for i, left in enumerate(self.canvas.lefts) if left <= x < left + wide + 1), -1)
        row = int(y // (tall + 1))
        return (column, row) if column >= 0 and 0 <= row < self.canvas.rows else None

    def show_cell(self, cell: Cell) -> None:
        """Scroll until a cell is seen."""
        rect, room = self.cell_rect(cell), self.room()
        for bar, low, high, first, last in (
                (self.horizontalScrollBar(), rect.left(), rect.right(), room.left(), room.right()),
                (self.verticalScrollBar(), rect.top(), rect.bottom(), room.top(), room.bottom())):
            if low < first:
                bar.setValue(bar.value() - int(first - low + 0.999))
            elif high > last:
                bar.setValue(bar.value() + int(high - last + 0.999))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        if self.current is not None and self.current[0] < len(self.canvas.lefts):
            self.show_cell(self.current)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._placed = False
        self.viewport().update()

    # ---- painting ----

    def _update_cells(self, *cells: Cell | None) -> None:
        """Paint cells and the words at the sides anew: the pointer comes to many in a second."""
        room, view = self.room(), self.viewport()
        for cell in cells:
            if cell is not None and cell[0] < len(self.canvas.lefts):
                rect = self.cell_rect(cell)
                view.update(rect.adjusted(-FRAME, -FRAME, FRAME, FRAME).toAlignedRect())
                # Its words, and their neighbours', which make room for them.
                near, wide = 2 * theme().metrics(11).height(), theme().px(120)
                view.update(QRectF(0, rect.top() - near, room.left() - FRAME, rect.height() + 2 * near).toAlignedRect())
                view.update(QRectF(rect.left() - wide, room.bottom() + FRAME, rect.width() + 2 * wide,
                                   view.height()).toAlignedRect())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._ratio != self.devicePixelRatioF():
            self._fit()
        style, room, scale, origin = theme(), self.room(), self.scale(), self._origin()
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), style.color("surface"))
        if not self.canvas.lefts:
            painter.end()
            return
        painter.save()
        painter.setClipRect(room.adjusted(-2, -2, 2, 2))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        seen = QRectF((room.x() - origin.x()) / scale, (room.y() - origin.y()) / scale, room.width() / scale,
                      room.height() / scale).toAlignedRect().intersected(self.canvas.image().rect())
        target = QRectF(origin.x() + seen.x() * scale, origin.y() + seen.y() * scale, seen.width() * scale,
                        seen.height() * scale)
        painter.drawImage(target, self.canvas.image(), QRectF(seen))
        for curve in self.curves:
            self._paint_curve(painter, curve, event.region())
        if len(self.way) > 1:
            self._paint_way(painter)
        if self.hover is not None:
            self._frame(painter, self.hover, ACCENT)
        if self.current is not None and self.current[0] < len(self.canvas.lefts):
            self._frame(painter, self.current, QColor("#FFFFFF"))
        painter.restore()
        self._paint_words(painter, room, event.region())
        painter.end()

    def _frame(self, painter: QPainter, cell: Cell, colour: QColor) -> None:
        """Two px outside the cell, a dark one outside that."""
        rect = self.cell_rect(cell)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        wide = 3 if self._keyboard and self.hasFocus() else 2
        for outer, inner, ink in ((FRAME, wide, QColor(0, 0, 0)), (wide, 0, colour)):
            out, band = rect.adjusted(-outer, -outer, outer, outer), outer - inner
            # Four bars: several times quicker than the outline of a rectangle.
            painter.fillRect(QRectF(out.x(), out.y(), out.width(), band), ink)
            painter.fillRect(QRectF(out.x(), out.bottom() - band, out.width(), band), ink)
            painter.fillRect(QRectF(out.x(), out.y(), band, out.height()), ink)
            painter.fillRect(QRectF(out.right() - band, out.y(), band, out.height()), ink)

    def _paint_curve(self, painter: QPainter, curve: Curve, dirty: QRegion) -> None:
        """A line through the columns; None lies below the map, and between two of them there is none."""
        down = (self.canvas.shape[0] + 1) * (self.canvas.rows - 1) * self.scale()
        below = self._origin().y() + self.canvas.height * self.scale()
        middles = [(self.cell_rect((column, 0)).center(), share) for column, share in curve.points]
        places = [(QPointF(at.x(), below if share is None else at.y() + share * down), share) for at, share in middles]
        path, end, before, last = QPainterPath(), None, None, None
        touched = False
        for at, share in places:
            if last is not None and not (share is None and before is None):
                near = QRectF(last, at).normalized().adjusted(-4, -4, 4, 4)
                touched = touched or dirty.intersects(near.toAlignedRect())
            last = at
            if path.elementCount() and not (share is None and before is None):
                path.lineTo(at)
            else:
                path.moveTo(at)
            before, end = share, end if share is None else at
        if not touched and (end is None or not dirty.intersects(
                QRectF(end.x() - 160, end.y() - 40, 320, 80).toAlignedRect())):
            return  # the pointer went elsewhere
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        colour = QColor(tokens.CLASSES_DARK[curve.class_label % len(tokens.CLASSES_DARK)])
        for width, ink in ((5.0, QColor(0, 0, 0, 150)), (2.5, colour)):
            pen = QPen(ink, width if not curve.dashed else width * 0.6)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            if curve.dashed and ink is colour:
                pen.setDashPattern([4.0, 3.0])
            painter.setPen(pen)
            painter.drawPath(path)
        if curve.name and end is not None:
            self._paint_name(painter, curve.name, [at for at, share in places if share is not None], colour)

    def _paint_name(self, painter: QPainter, name: str, line: Sequence[QPointF], colour: QColor) -> None:
        """The line's word above its end, on a dark ground that its pictures are no part of."""
        style = theme()
        wide, tall = style.advance(name, 12, 600), style.metrics(12, 600).height()
        room, end = self.room(), line[-1]
        left = min(end.x(), room.right()) - wide - style.px(10) - self.canvas.shape[1] * self.scale() / 2
        top = min(at.y() for at in line if at.x() >= left - style.px(30)) - tall - style.px(8)
        if top < room.top():
            top = end.y() + style.px(6)
        ground = QRectF(left - style.px(4), top, wide + style.px(8), tall)
        painter.fillRect(ground, QColor(0, 0, 0, 170))
        painter.setFont(style.font(12, 600))
        painter.setPen(colour)
        painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, name)

    def _paint_way(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath(self.cell_rect(self.way[0]).center())
        for cell in self.way[1:]:
            path.lineTo(self.cell_rect(cell).center())
        for width, ink in ((5.0, QColor(0, 0, 0, 150)), (2.0, ACCENT)):
            pen = QPen(ink, width)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.drawPath(path)
        painter.setBrush(ACCENT)
        painter.drawEllipse(self.cell_rect(self.way[-1]).center(), 3.5, 3.5)

    def _place_words(self) -> None:
        """Where noise levels stand at the left and training steps below, as many as have room."""
        style, room, height = theme(), self.room(), theme().metrics(11).height()
        self._row_words, self._column_words = {}, {}
        taken: list[QRectF] = []
        for row in sorted(range(self.canvas.rows), key=lambda row: (row % 4 != 0, row)):
            box = self._row_box(row, room, height)
            if row % 2 == 0 and room.top() - 4 <= box.center().y() <= room.bottom() + 4 and \
                    not any(box.adjusted(0, -2, 0, 2).intersects(other) for other in taken):
                taken.append(box)
                self._row_words[row] = box
        taken = []
        last = len(self.canvas.places) - 1
        for column in sorted(range(last + 1), key=lambda c: (c not in (0, last), c % 2 != 0, c)):
            box = self._column_box(column, room, height)
            if room.left() <= self.cell_rect((column, 0)).center().x() <= room.right() and \
                    not any(box.adjusted(-style.px(6), 0, style.px(6), 0).intersects(other) for other in taken):
                taken.append(box)
                self._column_words[column] = box
        self._placed = True

    def _row_box(self, row: int, room: QRectF, height: int) -> QRectF:
        return QRectF(0, self.cell_rect((0, row)).center().y() - height / 2, room.left() - theme().px(7), height)

    def _column_box(self, column: int, room: QRectF, height: int) -> QRectF:
        middle, wide = self.cell_rect((column, 0)).center().x(), theme().advance(self._step_words[column], 11, 600) + 2
        top = min(room.bottom(), self._origin().y() + self.canvas.height * self.scale()) + theme().px(5)
        return QRectF(min(max(middle - wide / 2, 0), self.viewport().width() - wide), top, wide, height)

    def _paint_words(self, painter: QPainter, room: QRectF, dirty: QRegion) -> None:
        """Noise levels, training steps, names of runs; what is pointed at, or current, in the accent colour."""
        if not self._placed:
            self._place_words()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        height = theme().metrics(11).height()
        column, row = self.hover or self.current or (-1, -1)
        right, middle = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter
        for words, lit, texts, across, lit_box in (
                (self._row_words, row, self._levels, right, self._row_box(row, room, height) if row >= 0 else QRectF()),
                (self._column_words, column, self._step_words, middle,
                 self._column_box(column, room, height) if 0 <= column < len(self._step_words) else QRectF())):
            if not lit_box.isEmpty() and dirty.intersects(lit_box.toAlignedRect()):
                self._ink(painter, True)
                painter.drawText(lit_box, across | Qt.AlignmentFlag.AlignVCenter, texts[lit])
            self._ink(painter, False)
            for index, box in words.items():
                if not box.intersects(lit_box) and dirty.intersects(box.toAlignedRect()):
                    painter.drawText(box, across | Qt.AlignmentFlag.AlignVCenter, texts[index])
        self._paint_titles(painter, room)

    def _ink(self, painter: QPainter, lit: bool) -> None:
        painter.setFont(theme().font(11, 600 if lit else 400))
        painter.setPen(theme().color("accent" if lit else "muted"))

    def _paint_titles(self, painter: QPainter, room: QRectF) -> None:
        if not self._titles:
            return
        style, scale, origin = theme(), self.scale(), self._origin()
        painter.setFont(style.font(12))
        painter.setPen(style.color("text2"))
        for which, title in enumerate(self._titles):
            columns = [i for i, place in enumerate(self.canvas.places) if place.number == which]
            if not columns:
                continue
            left = max(room.left(), origin.x() + self.canvas.lefts[columns[0]] * scale)
            right = min(room.right(), origin.x() + (self.canvas.lefts[columns[-1]] + self.canvas.shape[1]) * scale)
            words = style.metrics(12).elidedText(title, Qt.TextElideMode.ElideRight, max(0, int(right - left)))
            painter.drawText(QRectF(left, 0, max(0.0, right - left), style.metrics(12).height()),
                             Qt.AlignmentFlag.AlignLeft, words)
