"""Sections of a dock: a title that folds its body, its state at the right while folded, hairlines between."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.buttons import Button, outline_box
from gui.widgets.labels import Hairline

HEAD = 24
MARGIN = 16


class _Head(Button):
    """The title with its chevron; a button, so that keyboard and screen reader can fold."""

    def __init__(self, title: str, parent: Section) -> None:
        super().__init__(title, "", parent)
        self._section = parent
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(theme().font(12, 600)).horizontalAdvance(self.text())
        return QSize(wide + theme().px(24), theme().height(HEAD, 12))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(60), self.sizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = style.px(16)
        token = "text" if self.underMouse() else "text2"
        name = "chevron-right" if self._section.folded else "chevron-down"
        painter.drawPixmap(QPointF(0, (self.height() - side) / 2), style.pixmap(name, token, side))
        x = side + style.px(4)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(style.font(12, 600))
        painter.setPen(style.color("text"))
        metrics = QFontMetrics(style.font(12, 600))
        wide = min(metrics.horizontalAdvance(self.text()), self.width() - x)
        painter.drawText(QRect(x, 0, wide + 2, self.height()), middle | Qt.AlignmentFlag.AlignLeft,
                         metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, wide + 1))
        if self._section.folded and self._section.state_text:
            room = QRect(x + wide + style.px(8), 0, self.width() - x - wide - style.px(8), self.height())
            font = style.font(12)
            painter.setFont(font)
            painter.setPen(style.color("muted"))
            painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, QFontMetrics(font).elidedText(
                self._section.state_text, Qt.TextElideMode.ElideRight, room.width()))
        if self._keyboard and self.hasFocus():
            outline_box(painter, QRectF(self.rect()), style.color("accent"), 2)


class Section(QWidget):
    """Rows go into `body`. `fold_changed` fires when a person folds; the owner remembers it by `title`."""

    fold_changed = Signal(bool)

    def __init__(self, title: str, folded: bool = False, state_text: str = "", tail: QWidget | None = None,
                 parent: QWidget | None = None) -> None:
        """state_text: shown at the right while folded. tail: an icon button or lock at the right of the title."""
        super().__init__(parent)
        self.title, self.state_text, self.folded = title, state_text, folded
        self.tail = tail
        self._head = _Head(title, self)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._head, 1)
        if tail is not None:
            row.addWidget(tail)
        self._content = QWidget(self)
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(3)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(row)
        outer.addWidget(self._content)
        # Not Maximum: that would be the height of wrapped texts at their favourite width, not at the one they get.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._head.clicked.connect(self._toggle)
        theme().changed.connect(self._restyle)
        self._show()

    def add(self, *widgets: QWidget) -> None:
        """Rows below the ones that are there."""
        for widget in widgets:
            self.body.addWidget(widget)

    def clear(self) -> None:
        """Take all rows out and delete them."""
        while self.body.count():
            item = self.body.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold without a signal."""
        if folded != self.folded:
            self.folded = folded
            self._show()

    def set_state_text(self, text: str) -> None:
        """The word at the right while folded."""
        if text != self.state_text:
            self.state_text = text
            self._show()

    def set_title(self, title: str) -> None:
        """Another title."""
        self.title = title
        self._head.setText(title)
        self._show()

    def _toggle(self) -> None:
        self.set_folded(not self.folded)
        self.fold_changed.emit(self.folded)

    def _show(self) -> None:
        self._content.setVisible(not self.folded)
        if self.tail is not None:
            self.tail.setVisible(not self.folded or not self.state_text)
        state = "folded" if self.folded else "unfolded"
        self._head.setAccessibleName(f"{self.title}, section, {state}")
        self._head.setAccessibleDescription(self.state_text)
        self._head.update()

    def _restyle(self) -> None:
        self._head.updateGeometry()
        self._head.update()


class _Rule(QWidget):
    """A hairline with room below it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 5)
        column.addWidget(Hairline(self))


class SectionList(QWidget):
    """Sections one below the other with hairlines, 16 px in from both sides; for a scroll area in a dock.

    A page may hide some of its sections; the hairline above goes with them.
    """

    def __init__(self, sections: Iterable[Section] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sections: list[Section] = []
        self._lines: list[_Rule] = []
        self._column = QVBoxLayout(self)
        self._column.setSpacing(0)
        self._column.setContentsMargins(MARGIN, 4, MARGIN, 12)
        self.set_sections(sections)

    def sections(self) -> list[Section]:
        """What is shown, in order."""
        return list(self._sections)

    def set_sections(self, sections: Iterable[Section]) -> None:
        """Show these; the ones shown before are only hidden and taken out, since their pages keep them."""
        while self._column.count():
            self._column.takeAt(0)
        for line in self._lines:
            line.hide()
            line.deleteLater()
        for section in self._sections:
            section.fold_changed.disconnect(self._space)
            section.removeEventFilter(self)
            section.hide()
        self._sections = list(sections)
        self._lines = []
        for i, section in enumerate(self._sections):
            if i:
                line = _Rule(self)
                self._lines.append(line)
                self._column.addWidget(line)
            section.setParent(self)
            section.fold_changed.connect(self._space)
            self._column.addWidget(section)
            section.show()
            section.installEventFilter(self)
        self._column.addStretch(1)
        self._show_lines()
        self._space()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self._show_lines()
        return False

    def _show_lines(self) -> None:
        """Between two sections that are shown."""
        above = False
        for i, section in enumerate(self._sections):
            if i and i <= len(self._lines):
                self._lines[i - 1].setVisible(above and not section.isHidden())
            above = above or not section.isHidden()

    def _space(self, _: bool = False) -> None:
        """12 px below an open section, 4 below a folded one."""
        for section in self._sections:
            layout = section.layout()
            if layout is not None:
                layout.setContentsMargins(0, 0, 0, 4 if section.folded else 12)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._space()
