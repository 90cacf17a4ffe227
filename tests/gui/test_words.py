"""Numbers and units in sentences."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics

from gui.widgets.labels import Text
from gui.words import NARROW, bound


def test_a_percent_sign_stays_with_its_number() -> None:
    assert bound("99.2 % of 500 (95 % 98.0 to 99.7), all % and 5") == \
        f"99.2{NARROW}% of 500 (95{NARROW}% 98.0 to 99.7), all % and 5"


def test_a_wrapped_label_breaks_before_the_number(qtbot) -> None:
    label = Text("so many read right (95 % of 500)", 13, 400, wrap=True)
    qtbot.addWidget(label)
    metrics = QFontMetrics(label.font())
    label.setFixedWidth(metrics.horizontalAdvance("so many read right (95") + 3)
    flags = int(Qt.TextFlag.TextWordWrap)
    whole = QRect(0, 0, label.width(), 1000)
    assert metrics.boundingRect(whole, flags, "so many read right (95 % of 500)").width() \
        > metrics.boundingRect(whole, flags, label.shown()).width()
    assert label.text() == "so many read right (95 % of 500)"
