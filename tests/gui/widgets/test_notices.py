"""Sections, banners, empty states, progress and findings."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.theme import theme
from gui.widgets import progress as progress_module
from gui.widgets.banner import Banner, BannerArea
from gui.widgets.buttons import Button, IconButton, PrimaryButton
from gui.widgets.empty_state import EmptyState
from gui.widgets.finding import Finding
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar, time_left
from gui.widgets.section import Section, SectionList


def press(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_section_folds_and_tells(qtbot: QtBot) -> None:
    section = Section("Training", state_text="finished", tail=IconButton("undo", "Defaults"))
    qtbot.addWidget(section)
    row = QLabel("row")
    section.add(row)
    section.show()
    told: list[bool] = []
    section.fold_changed.connect(told.append)
    head = next(b for b in section.findChildren(Button) if b.text() == "Training")
    assert row.isVisible()
    assert head.accessibleName() == "Training, section, unfolded"
    open_height = section.sizeHint().height()
    press(qtbot, head)
    assert not row.isVisible()
    assert head.accessibleName() == "Training, section, folded"
    assert head.accessibleDescription() == "finished"
    assert section.sizeHint().height() < open_height
    qtbot.keyClick(head, Qt.Key.Key_Space)
    assert told == [True, False]
    section.set_folded(True)
    assert told == [True, False], "only a person's folding is told"


def test_section_list_keeps_the_sections_it_lets_go(qtbot: QtBot) -> None:
    shared, other = Section("One"), Section("Two")
    sections = SectionList([shared, other])
    qtbot.addWidget(sections)
    sections.show()
    assert sections.sections() == [shared, other]
    sections.set_sections([shared])
    assert shared.isVisible()
    assert not other.isVisible()
    sections.set_sections([other, shared])
    assert other.isVisible()
    assert other.y() < shared.y() or not sections.layout().activate()  # type: ignore[union-attr]


def test_a_hidden_section_takes_its_hairline_along(qtbot: QtBot) -> None:
    first, second, third = Section("One"), Section("Two"), Section("Three")
    sections = SectionList([first, second, third])
    qtbot.addWidget(sections)
    sections.show()

    def lines() -> list[bool]:
        return [line.isVisible() for line in sections._lines]

    assert lines() == [True, True]
    second.hide()
    assert lines() == [False, True]
    first.hide()
    assert lines() == [False, False]
    second.show()
    assert lines() == [False, True]


def test_banner_says_and_does(qtbot: QtBot) -> None:
    done: list[str] = []
    banner = Banner("error", "The loss is no longer a number (step 812).", "The snapshot of step 800 is kept.",
                    [("Go on from 800", lambda: done.append("go"))], details="Traceback")
    qtbot.addWidget(banner)
    banner.resize(600, 100)
    banner.show()
    assert banner.accessibleName() == "Error: The loss is no longer a number (step 812)."
    assert [link.text() for link in banner.links if link.isVisible()] == ["Go on from 800", "Details"]
    press(qtbot, banner.links[0])
    assert done == ["go"]
    press(qtbot, banner.links[1])
    text = banner.findChild(QPlainTextEdit)
    assert text is not None
    assert text.isVisible()
    assert text.toPlainText() == "Traceback"
    press(qtbot, banner.links[2])
    assert QGuiApplication.clipboard().text() == "Traceback"
    press(qtbot, banner.links[1])
    assert not text.isVisible()
    middle = banner.grab().toImage().pixelColor(banner.width() - 6, banner.height() // 2)
    assert middle == theme().color("error_ground")


def test_banner_area_has_one_for_each_key(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    assert not area.isVisibleTo(None)
    first = area.show("disk", "warning", "The disk is full.", "Saving is tried again every 30 s.")
    again = area.show("disk", "warning", "The disk is full.", "Saving is tried again every 30 s.")
    assert again is first, "the same news does not flicker"
    area.show("loss", "error", "The loss is no longer a number.")
    assert set(area.keys()) == {"disk", "loss"}
    layout = area.layout()
    assert layout is not None
    assert layout.itemAt(0).widget() is area.banner("loss"), "errors stand above warnings"  # type: ignore[union-attr]
    replaced = area.show("disk", "warning", "The disk is still full.")
    assert replaced is not first
    area.clear("disk")
    area.clear("never shown")
    assert area.keys() == ["loss"]
    assert area.isVisible()
    area.clear()
    assert not area.isVisible()


def test_banner_that_may_be_closed(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    banner = area.show("crash", "warning", "The last session ended suddenly.", closable=True)
    assert banner is not None
    press(qtbot, next(b for b in banner.findChildren(IconButton)))
    assert area.keys() == []


def test_empty_state_offers_a_way(qtbot: QtBot) -> None:
    done: list[str] = []
    state = EmptyState("No snapshot to look at yet", "The first one comes 2 s after training starts.",
                       [("Train", lambda: done.append("train"), "play"), ("Open", lambda: done.append("open"))],
                       primary=True)
    qtbot.addWidget(state)
    state.show()
    assert isinstance(state.buttons[0], PrimaryButton)
    for button in state.buttons:
        press(qtbot, button)
    assert done == ["train", "open"]
    assert state.accessibleName() == "No snapshot to look at yet"


def test_times_in_words() -> None:
    assert time_left(28) == "0:28 left"
    assert time_left(3725) == "1:02:05 left"
    assert time_left(-1) == "0:00 left"


def test_progress_estimates_from_what_was_done(qtbot: QtBot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    bar = JobProgressBar("Recognition")
    qtbot.addWidget(bar)
    bar.start()
    assert not bar.isVisible(), "short jobs never flash"
    bar.set(0, 1000, "samples")
    assert bar.words() == "Recognition 0 of 1\u202f000 samples, estimating"
    now[0] += 10
    bar.set(250, 1000, "samples")
    assert bar.words() == "Recognition 250 of 1\u202f000 samples, 0:30 left"
    now[0] += 0.05
    bar.set(251, 1000, "samples")
    assert "250" in bar.words(), "at most ten repaints a second"
    bar.set(1000, 1000, "samples")
    assert bar.words() == "Recognition 1\u202f000 of 1\u202f000 samples"
    bar.finish()


def test_progress_appears_after_half_a_second_and_cancels_once(qtbot: QtBot) -> None:
    bar = JobProgressBar("Recognition")
    qtbot.addWidget(bar)
    bar.start()
    qtbot.waitUntil(bar.isVisible, timeout=3000)
    told: list[int] = []
    bar.cancelled.connect(lambda: told.append(1))
    press(qtbot, bar.cancel)
    press(qtbot, bar.cancel)
    assert told == [1]
    bar.finish()
    assert not bar.isVisible()


def test_finding_keeps_thin_spaces_and_escapes(qtbot: QtBot) -> None:
    finding = Finding()
    qtbot.addWidget(finding)
    finding.set("Still learning.", "a < b & 93\u202f%")
    assert finding.text() == "Still learning. a < b & 93\u202f%"
    assert finding.accessibleName() == finding.text()
    label = finding.findChild(QLabel)
    assert label is not None
    assert "&lt; b &amp; 93\u202f%" in label.text()
    assert "pre-wrap" in label.text()
    done: list[int] = []
    finding.set_links([("How this is decided", lambda: done.append(1), "")])
    finding.set_links([("Save", lambda: done.append(2), "save")])
    finding.show()
    assert [link.text() for link in finding.links] == ["Save"]
    press(qtbot, finding.links[0])
    assert done == [2]


def test_text_that_is_cut_says_it_all_in_the_tooltip(qtbot: QtBot) -> None:
    text = Text("class, 10 % drop, and more", elide=True)
    qtbot.addWidget(text)
    text.resize(60, 20)
    text.show()
    assert text.toolTip() == "class, 10 % drop, and more"
    text.resize(600, 20)
    assert text.toolTip() == ""


def test_new_words_of_a_finding_lay_out_anew_only_for_another_height(qtbot: QtBot) -> None:
    finding = Finding()
    page = QWidget()
    column = QVBoxLayout(page)
    column.addWidget(finding)
    column.addStretch(1)
    page.resize(400, 300)
    qtbot.addWidget(page)
    finding.set("67 % of the picture is settled.", "At 40 % denoised.")
    page.show()
    qtbot.waitExposed(page)
    QApplication.processEvents()
    asked: list[int] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            asked.append(1) if event.type() == QEvent.Type.LayoutRequest else None
            return False

    watch = Watch()
    page.installEventFilter(watch)
    height = finding.height()
    finding.set("100 % of the picture is settled.", "At 98 % denoised.")
    for _ in range(3):  # one layout may ask for the next
        QApplication.processEvents()
    assert asked == []
    finding.set("100 % of the picture is settled.", "And much more that is to be said about it. " * 4)
    qtbot.waitUntil(lambda: bool(asked) and finding.height() > height)
