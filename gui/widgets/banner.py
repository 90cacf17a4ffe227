"""Banners at the top of a page: what happened, what was kept and what to do. They stay until solved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.buttons import IconButton, Link, fill_box
from gui.widgets.labels import Text

Action = tuple[str, Callable[[], object]]


class Banner(QWidget):
    """kind: "error" or "warning". actions: (label, callable) links. details: text to open and copy."""

    closed = Signal()

    def __init__(self, kind: str, headline: str, advice: str = "", actions: Sequence[Action] = (),
                 details: str = "", closable: bool = False, parent: QWidget | None = None) -> None:
        """closable: a cross at the right; for news that nothing but reading solves."""
        super().__init__(parent)
        self.kind, self.details = kind, details
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setAccessibleName(f"{'Error' if kind == 'error' else 'Warning'}: {headline}")
        self.setAccessibleDescription(advice)
        self.headline = Text(headline, 13, 600, "text", wrap=True)
        self.advice = Text(advice, 13, 400, "text2", wrap=True)
        column = QVBoxLayout()
        column.setSpacing(1)
        for text in (self.headline, self.advice):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(text)
        self.advice.setVisible(bool(advice))
        self.links: list[Link] = []
        row = QHBoxLayout()
        row.setContentsMargins(0, 3, 0, 0)
        row.setSpacing(10)
        for label, then in actions:
            link = Link(label)
            link.clicked.connect(lambda _=False, call=then: call())
            self.links.append(link)
        self._text: QPlainTextEdit | None = None
        if details:
            self._more = Link("Details")
            self._more.setCheckable(True)
            self._more.toggled.connect(self._show_details)
            self._copy = Link("Copy details")
            self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(details))
            self._copy.hide()
            self.links += [self._more, self._copy]
        for link in self.links:
            row.addWidget(link)
        row.addStretch(1)
        if self.links:
            shifted = QHBoxLayout()  # a link's own padding goes left of the text, so that words stand in line
            shifted.setContentsMargins(0, 0, 0, 0)
            shifted.addLayout(row)
            column.addLayout(shifted)
        self._column = column
        outer = QHBoxLayout(self)
        outer.setSpacing(4)
        outer.addLayout(column, 1)
        if closable:
            cross = IconButton("close", "Close this message")
            cross.clicked.connect(self.closed)
            outer.addWidget(cross, 0, Qt.AlignmentFlag.AlignTop)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _show_details(self, shown: bool) -> None:
        if self._text is None:
            self._text = QPlainTextEdit(self.details)
            self._text.setObjectName("well")
            self._text.setReadOnly(True)
            self._text.setAccessibleName("Details")
            self._text.setFont(theme().font(11, mono=True))
            self._text.setFixedHeight(theme().px(140))
            self._column.addWidget(self._text)
        self._text.setVisible(shown)
        self._copy.setVisible(shown)
        self._more.setText("Hide details" if shown else "Details")

    def _restyle(self) -> None:
        px = theme().px
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(px(38), px(8), px(12), px(8))
        if self._text is not None:
            self._text.setFont(theme().font(11, mono=True))
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        token = "error" if self.kind == "error" else "warn"
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill_box(painter, QRectF(self.rect()), style.color(f"{token}_ground"))
        side = style.px(16)
        painter.drawPixmap(QPointF(style.px(12), style.px(8)), style.pixmap("warning", token, side))


class BannerArea(QWidget):
    """Banners one below the other, one for each key; takes no room while there is none."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._banners: dict[str, Banner] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.setAccessibleName("Messages")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def show(self, key: str = "", kind: str = "error", headline: str = "", advice: str = "",  # type: ignore[override]
             actions: Sequence[Action] = (), details: str = "", closable: bool = False) -> Banner | None:
        """Show a banner, or replace the one with the same key. Without a key it is QWidget.show()."""
        if not key:
            super().show()
            return None
        old = self._banners.get(key)
        if old is not None and (old.kind, old.headline.text(), old.advice.text(), old.details) == \
                (kind, headline, advice, details):
            return old  # said already; opened details stay open
        banner = Banner(kind, headline, advice, actions, details, closable, self)
        banner.closed.connect(lambda: self.clear(key))
        if old is not None:
            self._column.insertWidget(self._column.indexOf(old), banner)
            _drop(old)
        else:
            # Errors stand above warnings.
            errors = sum(other.kind == "error" for other in self._banners.values())
            self._column.insertWidget(errors if kind == "error" else self._column.count(), banner)
        self._banners[key] = banner
        banner.setVisible(True)
        self.setVisible(True)
        self.changed.emit()
        return banner

    def clear(self, key: str = "") -> None:
        """Take away the banner of a key, or all of them without one."""
        for gone in [key] if key else list(self._banners):
            banner = self._banners.pop(gone, None)
            if banner is not None:
                _drop(banner)
        self.setVisible(bool(self._banners))
        self.changed.emit()

    def keys(self) -> list[str]:
        """What is shown."""
        return list(self._banners)

    def banner(self, key: str) -> Banner | None:
        """The banner of a key, if there is one."""
        return self._banners.get(key)


def _drop(banner: Banner) -> None:
    banner.hide()
    banner.setParent(None)
    banner.deleteLater()
