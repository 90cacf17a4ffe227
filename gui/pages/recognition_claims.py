"""The common claim judged on this model, and what was read by mistake on the way."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.measure.recognition_summary import Confusion, Summary
from gui.pages.recognition_curves import YELLOW
from gui.pages.recognition_words import claim_title, claim_words, percent
from gui.theme import theme
from gui.widgets.labels import Hairline, Text

MOST_CONFUSIONS = 3
FEWER = 2  # where there is little height
ON_MODEL, ON_REAL = "The common claim, on this model", "The common claim, on real pictures"
MARKS = {"yes": ("check", "ok"), "no": ("close", "error"), "uncertain": ("help", "muted")}


class _Claim(QWidget):
    """Mark, the claim's words, and below them the verdict."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict = "uncertain"
        self.mark = QLabel()
        self.mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.title = Text("", 12, 600, "text", wrap=True)
        self.words = Text("", 12, 400, "text2", wrap=True)
        row, column = QHBoxLayout(self), QVBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addWidget(self.words)
        row.addWidget(self.mark)
        row.addLayout(column, 1)
        theme().changed.connect(self._restyle)

    def set(self, verdict: str, title: str, words: str) -> None:
        """Show this."""
        self.verdict = verdict
        self.title.setText(title)
        self.words.setText(words)
        self.setAccessibleName(f"{title} {words}")
        self._restyle()

    def _restyle(self) -> None:
        icon, token = MARKS[self.verdict]
        self.mark.setPixmap(theme().pixmap(icon, token))
        self.mark.setFixedWidth(theme().px(16))


class Confusions(QWidget):
    """Rows of "5 taken for 3", with the share at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, str, int, str, str]] = []
        self.most = MOST_CONFUSIONS
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.updateGeometry)

    def set(self, confusions: Sequence[Confusion], names: Sequence[str]) -> None:
        """The most frequent ones."""
        self.rows = [(one.class_label, names[one.class_label], one.taken_for, names[one.taken_for],
                      percent(one.share)) for one in confusions[:MOST_CONFUSIONS]]
        # A screen reader hears all of them, however many there is room for.
        self.setAccessibleName("; ".join(f"{a} taken for {b} {share}" for _, a, _, b, share in self.rows)
                               or "No class was taken for another")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(180), max(1, min(self.most, len(self.rows))) * theme().height(20, 12))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        high = style.height(20, 12)
        if not self.rows:
            painter.setFont(style.font(12))
            painter.setPen(style.color("muted"))
            painter.drawText(QRectF(0, 0, self.width(), high), Qt.AlignmentFlag.AlignVCenter, "None.")
        for i, (label, name, other, other_name, share) in enumerate(self.rows[:self.most]):
            line = QRectF(0, i * high, self.width(), high)
            x = self._name(painter, 0, line, label, name)
            painter.setFont(style.font(12))
            painter.setPen(style.color("text2"))
            painter.drawText(line.adjusted(x, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, "taken for")
            self._name(painter, x + style.advance("taken for", 12) + style.px(8), line, other, other_name)
            painter.setFont(style.font(12, 600))
            painter.setPen(style.color("text"))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, share)

    @staticmethod
    def _name(painter: QPainter, left: float, line: QRectF, label: int, name: str) -> float:
        """A class beside its colour; where what follows may begin."""
        style = theme()
        dot = style.px(7)
        painter.setPen(QPen(style.color("muted"), 0.6) if label == YELLOW else Qt.PenStyle.NoPen)
        painter.setBrush(style.class_color(label))
        painter.drawEllipse(QPointF(left + dot / 2 + 1, line.center().y()), dot / 2, dot / 2)
        left += dot + style.px(7)
        painter.setFont(style.font(12, 600))
        painter.setPen(style.color("text"))
        painter.drawText(line.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)
        return left + style.advance(name, 12, 600) + style.px(8)


class ClaimsPanel(QWidget):
    """The right column of the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.claims = [_Claim() for _ in range(3)]
        self.none = Text("Needs the digits 1, 5, 7 and 8.", 12, 400, "muted", wrap=True)
        self.confusions = Confusions()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        title = self.title = Text(ON_MODEL, 13, 600, "text", elide=True)
        title.setToolTip("“A digit can be read at about 70 % of the way, simple ones such as 1 and 7 earlier than 8 "
                         "and 5.” About 70 % is taken as 65 to 75 %; before and after need a corrected p below 0.05.")
        column.addWidget(title)
        for claim in self.claims:
            column.addWidget(claim)
        column.addWidget(self.none)
        column.addWidget(Hairline())
        mistakes = Text("Read as something else on the way", 13, 600, "text", elide=True)
        mistakes.setToolTip("Share of a class's pictures for which the judge gave another class at least 50 % at some "
                            "step.")
        column.addWidget(mistakes)
        column.addWidget(self.confusions)
        column.addStretch(1)

    def set(self, summary: Summary, names: Sequence[str], forward: bool = False) -> None:
        """The verdicts and the mistakes of a measurement; forward: of real pictures on their way into noise."""
        self.title.setText(ON_REAL if forward else ON_MODEL)
        for row, claim in zip(self.claims, summary.claims, strict=False):
            row.set(claim.verdict, claim_title(claim), claim_words(claim, summary))
        for i, row in enumerate(self.claims):
            row.setVisible(i < len(summary.claims))
        self.none.setVisible(len(summary.claims) < len(self.claims))
        self.confusions.set(summary.confusions, names)

    def fit(self, width: int, small: bool, low: bool = False) -> None:
        """This width, and as much height as the words then need; low: there is next to none."""
        self.confusions.most = 1 if low else FEWER if small else MOST_CONFUSIONS
        self.confusions.updateGeometry()
        column = self.layout()
        assert column is not None
        column.setSpacing(theme().px(3 if small else 7))
        self.setFixedWidth(width)
        self.setMinimumHeight(column.heightForWidth(width))
