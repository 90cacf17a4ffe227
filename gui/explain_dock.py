"""The dock at the right: what the thing in focus means, in three depths."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

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
        column.setContentsMargins(16, 6, 16, 12)
        column.setSpacing(8)
        self.heading = _label()
        self.sentence = _label()
        self.how = _label()
        self.formula = _label("formulaWell")
        self.code = _label("codeWell")
        self.function = _label()
        self.how_section = Section("How it works")
        self.how_section.body.addWidget(self.how)
        self.formula_section = Section("Formula")
        self.formula_section.body.addWidget(self.formula)
        self.code_section = Section("In code")
        self.code_section.body.addWidget(self.code)
        self.code_section.body.addWidget(self.function)
        for widget in (self.heading, self.sentence, self.how_section, self.formula_section,
                       self.code_section):
            column.addWidget(widget)
        column.addStretch(1)
        self.area.setWidget(inner)
        self.code.setTextFormat(Qt.TextFormat.PlainText)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)
        theme().changed.connect(self._restyle)
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
        self.how.setText("".join(_spaced(coloured(p, noise, signal), below=8) for p in topic.how))
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
        if not hasattr(self, "heading"):
            return
        style = theme()
        fonts = {self.heading: style.font(15, 600), self.sentence: style.font(13), self.how: style.font(13),
                 self.formula: style.font(14), self.code: style.font(11, mono=True),
                 self.function: style.font(11, mono=True)}
        colours = {self.heading: "text", self.sentence: "text", self.how: "text2", self.formula: "text",
                   self.code: "text2", self.function: "muted"}
        for label, font in fonts.items():
            label.setFont(font)
            well = label in (self.formula, self.code)
            ground = f"background: {style.color('sunken').name()}; border-radius: 4px; padding: 8px 10px;" \
                if well else ""
            label.setStyleSheet(f"QLabel {{ color: {style.color(colours[label]).name()}; {ground} }}")
        self._fill()


def _spaced(rich: str, below: int = 0) -> str:
    return f'<p style="margin:0 0 {below}px 0; line-height:150%">{rich}</p>'


def _label(name: str = "") -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label
