"""Numbers and units in sentences."""

from PySide6.QtWidgets import QLabel

from gui.widgets.labels import Text
from gui.words import NARROW, bound


def test_a_percent_sign_stays_with_its_number() -> None:
    assert bound("99.2 % of 500 (95 % 98.0 to 99.7), all % and 5") == \
        f"99.2{NARROW}% of 500 (95{NARROW}% 98.0 to 99.7), all % and 5"


def test_a_label_paints_them_together_and_says_what_it_was_given(qtbot) -> None:
    for label in (Text("95 % of 500", 13, 400, wrap=True), Text("", 13, 400, wrap=True)):
        qtbot.addWidget(label)
        label.setText("95 % of 500")
        assert QLabel.text(label) == f"95{NARROW}% of 500"
        assert label.text() == label.accessibleName() == "95 % of 500"
