"""Controls in one line or two."""

from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui.widgets.buttons import OutlineButton
from gui.widgets.labels import Text
from gui.widgets.one_or_two_lines import OneOrTwoLines


def test_the_second_group_goes_below_where_one_line_has_no_room(qtbot: QtBot) -> None:
    first, second, other = (OutlineButton(words) for words in ("Pictures and classes", "All classes", "Worst first"))
    between = Text("as long as it may be, this is shortened before the line breaks", elide=True)
    line = OneOrTwoLines([first], [second, other], between)
    window = QWidget()
    qtbot.addWidget(window)
    line.setParent(window)
    need = sum(button.sizeHint().width() for button in (first, second, other)) + 3 * 8
    line.resize(need + 40, 60)
    window.resize(800, 200)
    window.show()
    QApplication.processEvents()
    assert not line.two()
    assert second.y() == first.y()
    assert second.x() > first.geometry().right()
    assert other.geometry().right() == line.width() - 1
    line.resize(need - 1, 80)
    QApplication.processEvents()
    assert line.two()
    assert second.y() > first.geometry().bottom()
    assert second.x() == 0
    for button in (first, second, other):
        assert button.width() >= button.sizeHint().width()
    other.hide()
    QApplication.processEvents()
    assert not line.two(), "one line is enough again"
