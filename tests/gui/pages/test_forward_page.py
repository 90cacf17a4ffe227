"""The Forward page: what it shows at a point, what its controls do, what the model's rows say."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QLineEdit, QScrollBar, QWidget
from pytestqt.qtbot import QtBot
from scripted import Script, make_run
from shown import show_beside_sections

from engine.compute import Job
from engine.data.catalogue import load_dataset
from engine.diffusion.forward import noise_like, noised, to_float
from engine.diffusion.forward_view import ForwardPoint, film_levels, pixel_density, trained_at
from engine.diffusion.schedules import schedule
from engine.errors import BadRun
from engine.events import JumpRequest, JumpsReady
from gui.explain import load_topic
from gui.pages.forward import ForwardPage, shares_in_words, signed
from gui.pages.forward_board import ForwardBoard
from gui.pages.forward_film import MANY, NOISED, ONE
from gui.pages.forward_image import ImageChoice
from gui.session import Notice, Session
from gui.theme import apply_theme, theme
from gui.undo import History

LEVELS = film_levels(1000)


class Jumpers:
    """Stands in for engine.jobs.jump_job: every picture of a row is one grey that tells level and snapshot."""

    def __init__(self) -> None:
        self.asked: list[JumpRequest] = []
        self.fail: Exception | None = None
        self.hold = False

    def job(self, request: JumpRequest, key: str = "forward") -> Job:
        self.asked.append(request)
        return Job(key, lambda _: self.run(request))

    def run(self, request: JumpRequest) -> Generator[Any, Any, None]:
        if self.fail is not None:
            raise self.fail
        count = len(request.timesteps)
        one = np.stack([np.full_like(request.x0, t / 2000, dtype=np.float16) for t in request.timesteps])
        for step in range(3):
            yield JumpsReady(request, request.snapshot or 0, one, one * np.float16((step + 1) / 3),
                             (True,) * count, step == 2)
            while self.hold and step == 1:
                time.sleep(0.001)
                yield JumpsReady(request, request.snapshot or 0, one, one, (True,) * count, False)


@pytest.fixture
def jumpers(monkeypatch: pytest.MonkeyPatch) -> Jumpers:
    made = Jumpers()
    monkeypatch.setattr("engine.jobs.jump_job", made.job)
    monkeypatch.setattr("scripted.SIDE", 28)
    return made


def make_page(qtbot: QtBot, session: Session) -> ForwardPage:
    """The page in front, and its sections in something like a dock."""
    apply_theme(QGuiApplication.instance())
    page = ForwardPage(session)
    show_beside_sections(qtbot, page, page.setup_sections(), (904, 683))  # 1440 x 900 with both docks
    page.activate()
    return page


@pytest.fixture
def page(qtbot: QtBot, session: Session, jumpers: Jumpers, tmp_path: Path) -> ForwardPage:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_class(8)
    session.set_noise_level(300)
    made = make_page(qtbot, session)
    wait_ready(qtbot, made)
    return made


def wait_ready(qtbot: QtBot, page: ForwardPage) -> None:
    qtbot.waitUntil(page.ready, timeout=8000)


def x_t(page: ForwardPage) -> np.ndarray:
    assert page.formula.mixed.values is not None
    return page.formula.mixed.values


def expected(page: ForwardPage, t: int) -> np.ndarray:
    assert page.images.pixels is not None
    x0 = to_float(page.images.pixels)
    return noised(x0, noise_like(x0.shape, page.session.seed), page.session.schedule, t)


def eights() -> np.ndarray:
    mnist = load_dataset("mnist")
    return mnist.test_images[mnist.test_labels == 8]


def notices(session: Session) -> list[Notice]:
    heard: list[Notice] = []
    session.message.connect(heard.append)
    return heard


# ---- the formula --------------------------------------------------------------------------------------

def test_x_t_is_image_and_noise_mixed_at_t(page: ForwardPage) -> None:
    np.testing.assert_array_equal(page.images.pixels, eights()[0])
    np.testing.assert_allclose(x_t(page), expected(page, 300))
    linear = schedule("linear", 1000)
    alpha_bar = linear.alpha_bar[300]
    assert page.formula.weights() == (f"{alpha_bar ** 0.5:.3f}", f"{(1 - alpha_bar) ** 0.5:.3f}")
    assert page.formula.captions()[2] == "at t 300"
    assert "0.630 times the image plus 0.777 times the noise" in page.formula.accessibleName()


def test_moving_t_redraws_in_the_same_event_and_asks_the_model_nothing(page: ForwardPage, jumpers: Jumpers) -> None:
    asked = len(jumpers.asked)
    for t in (0, 700, 1000):
        page.session.set_noise_level(t)
        np.testing.assert_allclose(x_t(page), expected(page, t))
        assert LEVELS[page.film.nearest()] == t
        assert page.plots.shares.marks.current == t
        assert page.plots.snr.marks.current == t
        np.testing.assert_allclose(page.plots.bars.heights, pixel_density(x_t(page)))
    QTest.qWait(60)
    assert len(jumpers.asked) == asked


def test_the_finding_is_made_from_the_point(page: ForwardPage) -> None:
    assert page.finding.text().startswith("40\u202f% image, 60\u202f% noise by power. At t 300: SNR −1.8 dB, ")
    page.session.set_noise_level(0)
    assert page.finding.text() == "The image itself. At t 0 no noise has been added yet."
    page.session.set_noise_level(1000)
    assert page.finding.text().startswith("Practically pure noise: under 0.1\u202f% image. ")
    assert "At t 1\u202f000: SNR −43.9 dB" in page.finding.text()


@pytest.mark.parametrize(("power", "words"), [
    (0.5, "50\u202f% image, 50\u202f% noise by power."), (0.994, "99.4\u202f% image, 0.6\u202f% noise by power."),
    (0.003, "0.3\u202f% image, 99.7\u202f% noise by power."),
    (0.0001, "Practically pure noise: under 0.1\u202f% image.")])
def test_neither_share_reads_as_nothing(power: float, words: str) -> None:
    assert shares_in_words(ForwardPoint(5, power**0.5, (1 - power) ** 0.5, power, 1 - power, 0.0, None)) == words


def test_signed_numbers() -> None:
    assert [signed(-1.84, 1), signed(-0.01, 1), signed(float("inf"), 1)] == ["−1.8", "0.0", "infinite"]


def test_another_seed_is_another_draw_of_the_same_noise(page: ForwardPage, qtbot: QtBot) -> None:
    before = x_t(page).copy()
    page.session.set_seed(5)
    assert page.formula.captions()[1] == "noise of seed 5"
    np.testing.assert_array_equal(page.formula.noise.values, noise_like((1, 28, 28), 5))
    assert np.abs(before - x_t(page)).max() > 0.5
    wait_ready(qtbot, page)


# ---- the film -----------------------------------------------------------------------------------------

def test_the_rows_are_the_noised_picture_and_what_the_model_says(page: ForwardPage, jumpers: Jumpers) -> None:
    request = jumpers.asked[-1]
    assert request.timesteps == LEVELS
    assert (request.snapshot, request.seed, request.num_steps, request.use_class) == (40, page.session.seed, 25, False)
    rows = page.film._rows
    for i, t in enumerate(LEVELS):
        np.testing.assert_allclose(rows[NOISED][i], expected(page, t))
        assert float(np.asarray(rows[ONE][i])[0, 0, 0]) == float(np.float16(t / 2000))
        assert float(np.asarray(rows[MANY][i])[0, 0, 0]) == float(np.float16(t / 2000))
    assert page.film.well is None


def test_a_click_on_a_column_goes_to_its_t(page: ForwardPage) -> None:
    film = page.film.film
    where = film.cell_rect(1, 3).center().toPoint()
    QTest.mouseClick(film, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
    assert page.session.t == 700
    film.setFocus()
    QTest.keyClick(film, Qt.Key.Key_Right)
    assert page.session.t == 600


def test_a_new_point_asks_once_and_a_known_one_not_again(page: ForwardPage, jumpers: Jumpers, qtbot: QtBot) -> None:
    asked = len(jumpers.asked)
    page.session.set_step(10)
    wait_ready(qtbot, page)
    assert [r.snapshot for r in jumpers.asked[asked:]] == [10]
    page.session.set_step(40)
    assert page.ready()
    QTest.qWait(60)
    assert len(jumpers.asked) == asked + 1
    page.session.set_seed(77)
    page.images.choose(ImageChoice(8, 3))
    wait_ready(qtbot, page)
    assert len(jumpers.asked) == asked + 2  # two changes in one event are one request
    np.testing.assert_array_equal(jumpers.asked[-1].x0, to_float(eights()[2]))


def test_the_rows_stream_and_leaving_the_page_cancels(session: Session, jumpers: Jumpers, qtbot: QtBot,
                                                      tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    jumpers.hold = True
    page = make_page(qtbot, session)
    qtbot.waitUntil(lambda: page.jumps.answer is not None, timeout=8000)
    assert not page.ready()
    assert page.film._rows[ONE][0] is not None
    page.deactivate()
    qtbot.waitUntil(lambda: not session.bridge.compute.busy(), timeout=8000)
    jumpers.hold = False
    page.activate()
    wait_ready(qtbot, page)


def test_a_failure_is_told_in_the_rows_and_can_be_tried_again(session: Session, jumpers: Jumpers, qtbot: QtBot,
                                                              tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    jumpers.fail = BadRun("Snapshot 40 is damaged.")
    page = make_page(qtbot, session)
    qtbot.waitUntil(lambda: page.film.well is not None, timeout=8000)
    assert page.film.well is not None
    assert page.film.well.sentence.text() == "Snapshot 40 is damaged."
    assert page.ready()
    jumpers.fail = None
    page.film.well.buttons[0].click()
    qtbot.waitUntil(lambda: page.film.well is None and page.ready(), timeout=8000)
    assert page.film._rows[MANY][0] is not None


def test_without_a_run_the_rows_say_what_is_missing_and_the_rest_works(session: Session, jumpers: Jumpers,
                                                                      qtbot: QtBot) -> None:
    page = make_page(qtbot, session)
    wait_ready(qtbot, page)
    assert page.film.well is not None
    assert page.film.well.title.text() == "No model yet"
    assert not page.film.well.buttons  # none ships here
    session.set_noise_level(500)
    np.testing.assert_allclose(x_t(page), expected(page, 500))
    assert not jumpers.asked


def test_a_run_of_other_pictures_is_not_asked(session: Session, script: Script, qtbot: QtBot, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("engine.jobs.jump_job", lambda *a, **k: asked.append(a))
    make_run(tmp_path / "small")
    session.open_run(tmp_path / "small")
    page = make_page(qtbot, session)
    wait_ready(qtbot, page)
    assert page.film.well is not None
    assert "8 × 8" in page.film.well.sentence.text()
    assert not asked


# ---- the schedule -------------------------------------------------------------------------------------

def test_another_schedule_changes_the_display_and_marks_what_was_not_trained(page: ForwardPage, jumpers: Jumpers,
                                                                             qtbot: QtBot) -> None:
    chooser = page.schedules
    assert chooser.own.isHidden()
    sigma = page.session.sigma()
    cosine_cell = chooser.name.findChildren(QAbstractButton)[1]
    QTest.mouseClick(cosine_cell, Qt.MouseButton.LeftButton)
    shown = page.session.schedule
    assert shown.name == "cosine"
    assert page.session.sigma() == pytest.approx(sigma, rel=0.02)
    assert page.plots.own_snr.name == "cosine"
    assert page.plots.other_snr.name == "linear"
    assert page._trained == trained_at(shown, LEVELS, page.session.readable_sigma_max())
    assert page._trained.count(False) == 1
    assert not page.film.notes.isHidden()
    page.session.set_noise_level(1000)
    assert "not trained here" in page.finding.text()
    wait_ready(qtbot, page)
    assert jumpers.asked[-1].schedule == "cosine"
    assert not chooser.own.isHidden()
    chooser.own.click()
    assert page.session.schedule.name == "linear"
    assert page.film.notes.isHidden()


def test_steps_scale_the_columns_and_a_wrong_number_changes_nothing(page: ForwardPage) -> None:
    box = page.schedules.steps
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "20")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert page.session.schedule.num_timesteps == 1000
    assert "from 50 to 1\u202f000" in page.schedules.fault.text()
    box.selectAll()
    QTest.keyClicks(box, "200")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert page.session.schedule.num_timesteps == 200
    assert page.film._levels == film_levels(200)
    assert page.schedules.fault.isHidden()
    assert page.play_levels() == list(range(0, 201, 2))


def test_schedule_and_image_can_be_undone(page: ForwardPage) -> None:
    history = History(page.session)
    page.session.set_schedule("cosine", 500)
    page.images.choose(ImageChoice(8, 5))
    history.stack.undo()
    np.testing.assert_array_equal(page.images.pixels, eights()[0])
    history.stack.undo()
    assert (page.session.schedule.name, page.session.schedule.num_timesteps) == ("linear", 1000)
    history.stack.redo()
    assert page.session.schedule.name == "cosine"
    history.stack.redo()
    np.testing.assert_array_equal(page.images.pixels, eights()[4])


def test_the_check_line_says_where_the_schedule_ends(page: ForwardPage) -> None:
    assert "= 0.006" in page.schedules.check.text.text()
    page.session.set_schedule("cosine", 1000)
    assert "&lt; 0.001" in page.schedules.check.text.text()


# ---- the image ----------------------------------------------------------------------------------------

def test_the_class_strip_changes_the_image_and_each_class_keeps_its_number(page: ForwardPage) -> None:
    page.images.choose(ImageChoice(8, 38))
    page.session.set_class(3)
    mnist = load_dataset("mnist")
    np.testing.assert_array_equal(page.images.pixels, mnist.test_images[mnist.test_labels == 3][0])
    page.session.set_class(8)
    assert page.images.choice.number == 38
    assert page.images.total.text() == "of 974 eights"


def test_number_picker_and_dice_choose_images(page: ForwardPage) -> None:
    box, picker = page.images.number, page.images.picker
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "38")
    QTest.keyClick(box, Qt.Key.Key_Return)
    np.testing.assert_array_equal(page.images.pixels, eights()[37])
    assert picker.index() == 5  # 33 to 48 are shown
    QTest.mouseClick(picker, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                     picker.cell_rect(0).center().toPoint())
    assert page.images.choice.number == 33
    picker.setFocus()
    QTest.keyClick(picker, Qt.Key.Key_Left)  # past the edge, to the page before
    assert page.images.choice.number == 32
    QTest.keyClick(picker, Qt.Key.Key_PageDown)
    assert page.images.choice.number == 48
    for _ in range(5):
        before = page.images.choice
        page.images.dice.click()
        assert page.images.choice != before
        assert page.images.choice.class_label == 8


def test_a_number_beyond_the_class_is_refused_with_the_range(page: ForwardPage) -> None:
    box = page.images.number
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "975")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.error == "Number must be from 1 to 974; 975 is not."
    assert page.images.choice.number == 1


def picture_file(path: Path) -> Path:
    pixels = np.full((60, 90), 255, dtype=np.uint8)
    pixels[20:40, 40:50] = 0
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_of_ones_own_is_noised_and_left_again(page: ForwardPage, jumpers: Jumpers, qtbot: QtBot,
                                                        tmp_path: Path) -> None:
    assert page.images.open_file(picture_file(tmp_path / "ink.png"))
    assert page.formula.captions()[0] == "your picture"
    assert page.images.pixels is not None
    assert page.images.pixels.shape == (1, 28, 28)
    assert page.images.pixels[0, 0, 0] == 0  # ink on paper is turned round
    assert page.images.picker.index() == -1
    wait_ready(qtbot, page)
    assert jumpers.asked[-1].x0.max() > 0.5
    page.images.back.click()
    np.testing.assert_array_equal(page.images.pixels, eights()[0])


def test_a_dropped_picture_is_opened_and_a_bad_one_told(page: ForwardPage, qtbot: QtBot, tmp_path: Path) -> None:
    heard = notices(page.session)

    def drop(path: Path) -> QDropEvent:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                           Qt.KeyboardModifier.NoModifier)
        page.dropEvent(event)
        page.kept = data  # type: ignore[attr-defined]  # the event does not own it
        return event

    assert drop(picture_file(tmp_path / "ink.png")).isAccepted()
    qtbot.waitUntil(lambda: page.images.choice.file.endswith("ink.png"), timeout=2000)
    bad = tmp_path / "notes.txt"
    bad.write_text("no picture")
    drop(bad)
    qtbot.waitUntil(lambda: bool(heard), timeout=2000)
    assert (heard[0].key, heard[0].kind) == ("picture", "error")
    assert heard[0].headline == "notes.txt is not a picture that can be opened."
    assert page.images.choice.file.endswith("ink.png")
    assert not drop(tmp_path).isAccepted()  # a folder is a run


# ---- plots --------------------------------------------------------------------------------------------

def test_t_counts_down_to_the_right_and_snr_has_no_value_at_0(page: ForwardPage) -> None:
    for plot in (page.plots.shares, page.plots.snr):
        plot.lay_out()
        assert plot.axes.x_pixel(1000) < plot.axes.x_pixel(0)
        assert [label for _, label in plot.axes.x_labels()] == ["0", "250", "500", "750", "1\u202f000"]
    page.session.set_noise_level(0)
    assert page.plots.snr.legend.text().startswith("linear")
    assert not any(c.isdigit() for c in page.plots.snr.legend.text())
    assert "image 1.000" in page.plots.shares.legend.text()


def test_black_and_white_lie_where_the_weight_puts_them(page: ForwardPage) -> None:
    ends = [x for x, *_ in page.plots.histogram.marks.verticals]
    weight = float(np.sqrt(page.session.schedule.alpha_bar[300]))
    assert ends == pytest.approx([-weight, weight])


# ---- the page -----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("width", "height", "scale"), [
    (904, 683, 1.0), (1016, 503, 1.0), (868, 319, 1.0), (1440, 800, 1.0), (1900, 960, 2.0), (500, 400, 1.0),
    (1016, 503, 1.12)])
def test_nothing_overlaps_and_nothing_leaves_the_page(page: ForwardPage, width: int, height: int,
                                                      scale: float) -> None:
    try:
        theme().set_scale(scale)
        page.resize(width, height)
        QTest.qWait(30)
        board: ForwardBoard = page.board
        boxes = [w.geometry() for w in (page.formula, page.film, *page.plots.all)]
        for i, box in enumerate(boxes):
            assert board.rect().contains(box), i
            assert not any(box.intersects(other) for other in boxes[i + 1:]), i
        for picture in page.formula.pictures:
            assert page.formula.rect().contains(picture.geometry())
            assert picture.device_factor() == page.formula.factor()
        last = page.film.film.columns() - 1
        assert page.film.film.cell_rect(2, last).right() <= page.film.film.width() + 1
        first, second = (page.film.film.cell_rect(0, i) for i in (0, 1))
        assert first.right() < second.left()
    finally:
        theme().set_scale(1.0)


def test_in_the_design_size_nothing_scrolls(page: ForwardPage) -> None:
    assert not page.area.verticalScrollBar().isVisible()
    assert page.formula.factor() == 7
    page.resize(1016, 503)  # 1280 x 720 with Setup open
    QTest.qWait(30)
    assert not page.area.verticalScrollBar().isVisible()
    assert len(page.film.film._captions) == 11


def test_the_pictures_can_be_saved_and_a_failure_is_told(page: ForwardPage, tmp_path: Path) -> None:
    assert page.save_pictures(tmp_path / "page")
    with Image.open(tmp_path / "page.png") as saved:
        assert saved.size == (page.board.width(), page.board.height())
    heard = notices(page.session)
    assert not page.save_pictures(tmp_path / "nowhere" / "page.png")
    assert heard[0].headline == "page.png cannot be written."


def test_it_plays_from_picture_to_noise(page: ForwardPage) -> None:
    levels = page.play_levels()
    assert (levels[0], levels[-1], len(levels)) == (0, 1000, 101)
    assert levels == sorted(levels)


def test_everything_has_a_name_a_topic_and_a_tooltip(page: ForwardPage) -> None:
    dock: QWidget = page.test_dock  # type: ignore[attr-defined]
    for root in (page, dock):
        for widget in root.findChildren(QWidget):
            around = widget.parentWidget()
            inner = isinstance(around, QAbstractScrollArea) and around.viewport() is widget
            if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or inner or isinstance(widget, QScrollBar):
                continue
            assert widget.accessibleName(), widget
    for control in (*dock.findChildren(QLineEdit), page.images.dice, page.images.open, page.images.picker,
                    page.images.back, page.schedules.own, page.finding.links[0], *page.plots.all):
        assert control.toolTip(), control.accessibleName()
        assert load_topic(control.property("explain")) is not None, control.accessibleName()
    for cell in page.schedules.name.findChildren(QAbstractButton):
        assert cell.toolTip()
    assert load_topic(ForwardPage.explain) is not None


def test_it_redraws_in_the_other_theme(page: ForwardPage) -> None:
    before = page.grab().toImage()
    try:
        theme().set_mode("dark" if theme().name == "light" else "light")
        after = page.grab().toImage()
    finally:
        theme().set_mode("light")
    at = QPoint(4, page.height() - 4)
    assert before.pixelColor(at) != after.pixelColor(at)
