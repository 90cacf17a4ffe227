"""The Train page on a scripted compute thread: strip, plot, setup sections, drafts, empty state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QLineEdit, QScrollBar
from pytestqt.qtbot import QtBot
from scripted import CLASSES, SIDE, Script, config, make_bundled, make_run, no_more, weights

from engine import paths
from engine.config import RunConfig
from engine.events import ChangeTraining, Marker, TrainingState
from engine.presets import load_preset
from engine.runs import RunInfo, RunWriter
from engine.settings import describe
from gui.app import make_application
from gui.explain import load_topic
from gui.main_window import MainWindow
from gui.pages.train import TrainPage
from gui.pages.train_loss import MOST_RAW, event_words, y_range
from gui.pages.train_samples import earlier_steps, layout_factor
from gui.pages.train_words import changed_from_preset
from gui.session import Session
from gui.theme import theme


@pytest.fixture
def window(qtbot: QtBot, session: Session) -> Iterator[MainWindow]:
    make_application()
    made = MainWindow(session, [TrainPage], keep_state=False)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    yield made
    if session.training:
        session.stop()
        qtbot.waitUntil(no_more(lambda: not session.training), timeout=5000)
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def page(window: MainWindow) -> TrainPage:
    assert isinstance(window.page, TrainPage)
    return window.page


def strips_run(path: Path, steps: tuple[int, ...] = (1, 20, 40, 60, 100), losses: int = 120) -> None:
    """A run with several strips; each picture's brightness is its step."""
    settings = config(num_steps=losses)
    writer = RunWriter.create(path, RunInfo(
        name=path.name, config=settings, class_names=CLASSES, image_shape=(1, SIDE, SIDE), sigma_data=0.5,
        parameters=472548, num_steps=losses, images=60000, state="finished", step=losses,
        machine={"precision": "fp32"}))
    for step in (0, *steps, losses):
        writer.save_snapshot(step, weights(step))
    at = np.arange(1, losses + 1)
    writer.append_losses(at, 1 / np.sqrt(at), at / 10, 1e-3)
    writer.append_marker("paused", 30, 3.0, "paused at 30")
    for step in steps:
        writer.save_samples(step, np.full((10, SIDE, SIDE), step, dtype=np.uint8), range(10), range(10))
    writer.close()


# ---- the empty page -----------------------------------------------------------------------------------

def test_without_a_run_the_page_says_what_comes(page: TrainPage, session: Session) -> None:
    assert page.stack.currentWidget() is page.empty
    assert page.finding.text().startswith("Not started.")
    assert not page.empty.buttons[1].isVisible(), "no run ships here"
    assert page.draft.head.isVisible(), "the next run's settings are there to be changed"
    assert not page.run_section.isVisible()


def test_empty_page_opens_the_bundled_run(page: TrainPage, session: Session) -> None:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    page.refresh()
    assert page.empty.buttons[1].isVisible()
    page.empty.buttons[1].click()
    assert session.run is not None
    assert page.stack.currentWidget() is page.content
    assert page.finding.text().startswith("Finished.")
    assert page.fixed_section.isVisible()
    assert not page.run_section.more.isVisible(), "a shipped run cannot go on"


# ---- a run that is looked at --------------------------------------------------------------------------

def test_strip_shows_the_newest_then_the_nearest(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    assert page.strip.steps() == [20, 40, 60, 100]
    assert page.heading.text() == "Samples step 100, above it 20, 40, 60"
    session.set_step(60)
    assert page.strip.steps() == [1, 20, 40, 60]
    session.set_step(0)
    assert page.strip.steps() == [1]
    assert "nearest drawn to 0" in page.heading.text()


def test_click_on_a_digit_chooses_its_class_and_an_earlier_one_its_step(
        page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    strip = page.strip
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.sample_rect(7).center().toPoint())
    assert session.class_label == 7
    place = strip.earlier_count() - 1  # the last of the earlier ones
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.earlier_rect(2, place).center().toPoint())
    assert session.step == 60
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert session.class_label == 8


def test_earlier_states_are_exactly_as_wide(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    strip = page.strip
    first, last = strip.earlier_rect(4, 0), strip.earlier_rect(4, strip.earlier_count() - 1)
    assert first.left() == strip.sample_rect(4).left()
    assert last.right() == strip.sample_rect(4).right()


@pytest.mark.parametrize(("width", "ratio", "wanted"), [
    (872, 1.0, (3, 3)), (984, 1.0, (3, 3)), (640, 1.0, (2, 2)), (300, 1.0, (1, 1)), (1352, 1.0, (4, 4)),
    (1992, 1.0, (6, 3)), (872, 2.0, (6, 3)), (872, 1.25, (3, 3))])
def test_factors_are_whole_and_divide(width: int, ratio: float, wanted: tuple[int, int]) -> None:
    assert layout_factor(width, 400, ratio, 10, (28, 28)) == wanted


def test_low_pages_get_smaller_samples() -> None:
    assert layout_factor(1992, 130, 1.0, 10, (28, 28)) == (3, 3)


def test_earlier_steps_lie_in_even_ratios() -> None:
    assert earlier_steps(range(0, 1001, 10), 700, 3) == [140, 240, 410]
    assert earlier_steps([1, 100], 100, 3) == [1]
    assert earlier_steps([], 5, 3) == []


def test_plot_shows_losses_snapshots_pauses_and_the_point(
        page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    plot = page.plot
    plot.lay_out()
    assert len(plot.raw.x) == 120
    assert plot.axes.x_view == (0.0, 120.0)
    assert plot.marks.small_ticks == [0, 1, 20, 40, 60, 100, 120]
    assert plot.marks.events == [(30, "paused 0:03")]
    assert plot.marks.current == 120
    session.set_step(40)
    assert plot.marks.current == 40
    assert "at step 40, 0:04" in plot._heading.text()
    plot.set_crosshair(25.0)
    assert plot.legend.text().startswith("raw 0.200")
    assert "at step 25, 0:02" in plot._heading.text()


def test_double_click_moves_the_training_step(page: TrainPage, session: Session, tmp_path: Path,
                                              qtbot: QtBot) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    page.window().grab()  # lays out and paints once
    axes = page.plot.axes
    at = QPointF(axes.x_pixel(58.0), axes.box.center().y()).toPoint()
    QTest.mouseDClick(page.plot.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(at))
    assert session.step == 60
    assert not session.following
    assert axes.zoom is None


def test_smoothing_and_scale_change_the_plot_only(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    said = page.finding.text()
    page.plot.smoothing.setFocus()
    QTest.keyClick(page.plot.smoothing, Qt.Key.Key_Home)
    assert page.curve.smoothing == 0.0
    np.testing.assert_allclose(page.plot.smooth.y, page.plot.raw.y)
    assert page.plot.smoothing_words.text() == "0.00"
    QTest.keyClick(page.plot.smoothing, Qt.Key.Key_End)
    assert page.curve.smoothing == pytest.approx(0.99)
    page.plot.scale._cells[0].click()
    assert not page.plot.axes.log_y
    page.plot.lay_out()
    assert page.plot.axes.y_view[0] == 0.0
    assert page.finding.text() == said


def test_a_long_curve_is_drawn_with_few_points(page: TrainPage) -> None:
    steps = np.arange(1, 50_001)
    page.session._set_losses(np.stack([steps, 1 / steps, steps / 100], axis=1))
    page.refresh()
    page.plot.lay_out()
    assert 500 < len(page.plot.raw.item.xData) <= MOST_RAW
    assert len(page.plot.smooth.item.xData) <= MOST_RAW
    page.plot.set_crosshair(31_337.0)
    assert page.plot.raw.value_at(31_337.0) == pytest.approx(1 / 31_337), "the readout is not of thinned data"


def test_ranges_without_positive_losses() -> None:
    assert y_range(np.array([]), log=True) is None
    assert y_range(np.array([0.0, -1.0]), log=True) is None
    assert y_range(np.array([0.5, 2.0]), log=False) == (0.0, 2.1)


def test_pauses_close_together_share_a_word() -> None:
    markers = [Marker("paused", step, 1.0 * step, "") for step in (100, 101, 102)]
    markers += [Marker("resumed", 102, 102.0, ""), Marker("lr", 500, 500.0, "learning rate 0.001")]
    assert event_words(markers, [0, 700], 1000) == [
        (100, "paused 3 times"), (500, "rate 0.001"), (700, "continued")]


# ---- training -----------------------------------------------------------------------------------------

def test_training_draws_live_and_can_be_changed(page: TrainPage, session: Session, script: Script,
                                                qtbot: QtBot) -> None:
    script.step_seconds = 0.02
    session.start_training(config(num_steps=400))
    assert page.stack.currentWidget() is page.content or page._timer.isActive()
    qtbot.waitUntil(no_more(lambda: len(page.plot.raw.x) > 12 and bool(page.strip.steps())), timeout=8000)
    assert page.run_section.rows["learning_rate"].isVisible()
    assert not page.draft.head.isVisible()
    assert page.finding.text().startswith("Too short to say.")
    editor = page.run_section.rows["learning_rate"].editor
    assert isinstance(editor, QLineEdit)
    editor.setText("5")
    assert not editor.commit(), "5 is beyond the range"
    assert "must be above 0 and at most 1" in page.run_section.rows["learning_rate"].sentence.text()
    editor.setText("0.001")
    assert editor.commit()
    session.pause()
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.PAUSED), timeout=5000)
    changes = [command for command in script.commands if isinstance(command, ChangeTraining)]
    assert [change.changes for change in changes] == [(("learning_rate", 0.001),)]
    qtbot.waitUntil(no_more(lambda: any("paused" in word for _, word in page.plot.marks.events)), timeout=3000)
    session.stop()
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=5000)
    qtbot.waitUntil(no_more(lambda: page.finding.text().startswith("Stopped early.")), timeout=3000)
    assert page.run_section.texts["learning_rate"].isVisible()
    assert not page.run_section.rows["learning_rate"].isVisible()


def test_redraws_are_no_more_than_two_a_second(page: TrainPage, session: Session, qtbot: QtBot,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(page.plot, "update_curve", lambda: drawn.append(1))
    monkeypatch.setattr(type(session), "training", property(lambda _: True))
    for _ in range(40):
        for _ in range(5):
            steps = np.arange(1, len(session.losses) + 2)
            session._set_losses(np.stack([steps, 1 / steps, steps / 10], axis=1))
        qtbot.wait(30)
    monkeypatch.undo()
    assert 2 <= len(drawn) <= 3  # in 1.2 seconds or little more


def test_nothing_is_drawn_behind_another_page(page: TrainPage, session: Session, tmp_path: Path) -> None:
    page.deactivate()
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    assert len(page.curve) == 0
    assert not page._timer.isActive()
    page.activate()
    assert len(page.curve) == 120


# ---- settings -----------------------------------------------------------------------------------------

def test_fixed_rows_tell_the_run(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    told = {label: row.value.text() for label, row in page.fixed_section.rows.items()}
    assert told == {
        "Preset": "Quick", "Data": "MNIST, 60\u202f000", "Image": f"{SIDE} × {SIDE}, grey",
        "Network": "U-Net 16, 48", "Stem": "2 × 2 to depth", "Parameters": "0.47 M",
        "Conditioning": "class, 10\u202f% drop", "Predicts": "EDM mix", "Noise": "ln σ ~ N(0.5, 1)",
        "Batch": "96 images", "Optimiser": "Muon", "Average": "EMA, power 18", "Precision": "fp32", "Seed": "0"}


def test_presets_are_told_apart_from_changed_ones() -> None:
    quick = load_preset("quick")
    assert not changed_from_preset(quick.changed(training={"num_steps": 5, "snapshots": 7}))
    assert changed_from_preset(quick.changed(training={"batch_size": 33}))
    assert changed_from_preset(quick.changed(model={"skips": False}))


def test_duplicate_edits_a_draft_and_leaves_the_run(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    page.fixed_section.button.click()
    assert page.draft.head.isVisible()
    assert not page.fixed_section.isVisible()
    assert session.draft.training.num_steps == 120
    row = page.draft.row("model", "skips")
    row.editor.click()
    assert session.draft.model.skips is False
    assert session.run is not None
    assert session.run.info.config.model.skips is True
    assert page.draft.preset.value.text() == "Quick, changed"
    page.draft.reset.click()
    assert session.draft == load_preset("quick")
    page.draft.back.click()
    assert page.fixed_section.isVisible()
    assert not page.draft.head.isVisible()


def test_every_setting_of_a_run_has_a_row(page: TrainPage) -> None:
    for setting in describe(RunConfig):
        if setting.group in ("data", "model", "diffusion", "training"):
            row = page.draft.row(setting.group, setting.name)
            assert setting.help.split()[0] in row.editor.toolTip(), setting.name


def test_wrong_values_say_the_range_and_apply_nothing(page: TrainPage, session: Session) -> None:
    before = session.draft
    row = page.draft.row("diffusion", "num_timesteps")
    assert isinstance(row.editor, QLineEdit)
    row.editor.setText("0")
    row.editor.commit()
    assert row.sentence.text() == "Steps T must be from 50 to 1\u202f000 steps; 0 is not."
    assert session.draft == before


def test_wrong_combinations_say_so_and_apply_nothing(page: TrainPage, session: Session) -> None:
    before = session.draft
    row = page.draft.row("model", "attention_levels")
    assert isinstance(row.editor, QLineEdit)
    row.editor.setText("5")
    row.editor.commit()
    assert row.sentence.text() == "Attention levels must be from 0 to 1."
    assert session.draft == before


def test_a_chosen_preset_shows_the_draft_and_undo_brings_it_back(
        page: TrainPage, window: MainWindow, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    assert page.fixed_section.isVisible()
    session.edit_draft(load_preset("textbook"))
    assert page.draft.head.isVisible()
    assert page.draft.row("diffusion", "parameterisation").value() == "noise"
    window.history.stack.undo()
    assert page.draft.row("diffusion", "parameterisation").value() == "edm"


def test_continue_by_a_number_of_steps(page: TrainPage, session: Session, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    asked: list[int] = []
    monkeypatch.setattr(session, "continue_training", asked.append)
    editor = page.run_section.more.editor
    assert isinstance(editor, QLineEdit)
    editor.setText("0")
    page.run_section.go_on.click()
    assert asked == []
    assert "must be from 1 to" in page.run_section.more.sentence.text()
    editor.setText("250")
    page.run_section.go_on.click()
    assert asked == [250]


# ---- rules --------------------------------------------------------------------------------------------

def test_controls_have_names_tooltips_and_topics(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    roots = [page, *page.draft.sections, page.run_section, page.fixed_section]
    controls = [widget for root in roots for kind in (QAbstractButton, QLineEdit, QComboBox, QAbstractSlider)
                for widget in root.findChildren(kind)]
    assert len(controls) > 40
    for widget in controls:
        if isinstance(widget, QScrollBar):
            continue
        assert widget.accessibleName(), widget
        topic, at = None, widget
        while at is not None and not topic:
            topic, at = at.property("explain"), at.parentWidget()
        if topic:
            assert load_topic(topic) is not None, f"no topic {topic}"
    topics = {widget.property("explain") for root in roots for widget in root.findChildren(object)
              if hasattr(widget, "property") and widget.property("explain")}
    assert {topic for topic in topics if load_topic(topic) is None} == set()
    assert load_topic(page.explain) is not None


def test_light_and_dark_live(page: TrainPage, session: Session, tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    try:
        theme().set_mode("light")
        light = page.grab().toImage().pixelColor(2, 2)
        theme().set_mode("dark")
        dark = page.grab().toImage().pixelColor(2, 2)
        assert light.lightness() > 200 > 80 > dark.lightness()
    finally:
        theme().set_mode("light")


def test_page_fits_a_small_window_and_large_text(page: TrainPage, window: MainWindow, session: Session,
                                                 tmp_path: Path) -> None:
    strips_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    window.resize(1280, 720)
    window.grab()
    assert window.width() == 1280
    assert window.height() == 720
    assert page.plot.axes.box.height() > 80
