"""The dock at the right: what the thing in focus means, in three depths."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui.dock import SideDock
from gui.explain import Topic, coloured, load_topic
from gui.theme import theme
from gui.widgets.section import Section

PROPERTY = "explain"  # of any widget: its topic


class ExplainDock(SideDock):
    """Follows focus: the focused widget's topic, or that of its nearest parent, or the page's."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Explain", parent)
        self._page_topic = ""
        self.topic: Topic | None = None
        self.area = QScrollArea(self)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setAccessibleName("Explanation")
        self.body.addWidget(self.area)
        inner = QWidget()
        inner.setObjectName("dockBody")
        column = QVBoxLayout(inner)
        self._column = column
        self.heading = Prose(15, "text", weight=600, plain=True)
        self.sentence = Prose(13, "text")
        self.how = Prose(13, "text2")
        self.formula = Prose(14, "text", well=True)
        self.code = Prose(11, "text2", mono=True, well=True, plain=True)
        self.function = Prose(11, "muted", plain=True)
        self.how_section = Section("How it works")
        self.how_section.body.addWidget(self.how)
        self.formula_section = Section("Formula")
        self.formula_section.body.addWidget(self.formula)
        self.code_section = Section("In code")
        self.code_section.body.addWidget(self.code)
        self.code_section.body.addWidget(self.function)
        for section in (self.how_section, self.formula_section, self.code_section):
            section.body.setSpacing(6)
        for widget in (self.heading, self.sentence, self.how_section, self.formula_section,
                       self.code_section):
            column.addWidget(widget)
        column.addStretch(1)
        self.area.setWidget(inner)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)
        self._restyle()

    def show_page(self, topic: str) -> None:
        """The page in front; its topic shows until something more special has focus."""
        self._page_topic = topic
        self.show_topic(topic)

    def show_topic(self, name: str) -> None:
        """Show a topic; an unknown name leaves what is there."""
        topic = load_topic(name)
        if topic is None or topic == self.topic:
            return
        self.topic = topic
        self._fill()

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        window = self.window()
        if now is None or not (now is window or window.isAncestorOf(now)) or self.isAncestorOf(now):
            return
        widget: QWidget | None = now
        while widget is not None:
            name = widget.property(PROPERTY)
            if isinstance(name, str) and name:
                self.show_topic(name)
                return
            widget = widget.parentWidget()
        self.show_topic(self._page_topic)

    def _fill(self) -> None:
        topic = self.topic
        if topic is None:
            return
        style = theme()
        noise, signal = style.color("noise").name(), style.color("signal").name()
        self.heading.setText(topic.title)
        self.sentence.setText(_spaced(coloured(topic.sentence, noise, signal)))
        paragraphs = [coloured(paragraph, noise, signal) for paragraph in topic.how]
        self.how.setText("".join(_spaced(p, below=8 if p is not paragraphs[-1] else 0) for p in paragraphs))
        self.formula.setText("<br>".join(coloured(line, noise, signal) for line in topic.formula))
        self.code.setText(topic.code)
        self.function.setText(topic.function)
        self.how_section.setVisible(bool(topic.how))
        self.formula_section.setVisible(bool(topic.formula))
        self.code_section.setVisible(bool(topic.code))
        self.function.setVisible(bool(topic.function))
        self.area.verticalScrollBar().setValue(0)

    def _restyle(self) -> None:
        super()._restyle()
        if hasattr(self, "function"):
            px = theme().px
            self._column.setContentsMargins(px(16), px(12), px(16), px(12))
            self._column.setSpacing(px(10))
            self._fill()  # the two colours stand in the text


class Prose(QLabel):
    """Wrapped text that is always as tall as it needs to be (a layout would guess from another width)."""

    def __init__(self, px: int, token: str, *, weight: int = 400, mono: bool = False, well: bool = False,
                 plain: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._px, self._token, self._weight, self._mono, self._well = px, token, weight, mono, well
        self.setWordWrap(not mono)
        self.setTextFormat(Qt.TextFormat.PlainText if plain else Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored if mono else QSizePolicy.Policy.Preferred,
                           QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(1)  # a dock may be narrower than a long word
        if well:
            self.setMargin(9)
        theme().changed.connect(self._restyle)
        self._restyle()

    def setText(self, text: str) -> None:
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._well:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("sunken"))
            painter.drawRoundedRect(self.rect(), 4, 4)
            painter.end()
        super().paintEvent(event)

    def _fit(self) -> None:
        self.setMinimumHeight(0)  # the label would not ask for less than this
        needed = self.heightForWidth(self.width()) if self.wordWrap() else self.sizeHint().height()
        self.setFixedHeight(max(1, needed))

    def _restyle(self) -> None:
        style = theme()
        self.setFont(style.font(self._px, self._weight, self._mono))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, style.color(self._token))
        self.setPalette(palette)
        self._fit()


def _spaced(rich: str, below: int = 0) -> str:
    return f'<p style="margin:0 0 {below}px 0; line-height:140%">{rich}</p>'
