"""The formula of the Forward page, its curves and its schedule."""

from __future__ import annotations

import numpy as np
import pytest
from jumps_scripted import LEVELS, Jumpers, eights, expected, wait_ready, x_t
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from engine.diffusion.forward import noise_like
from engine.diffusion.forward_view import ForwardPoint, film_levels, pixel_density, trained_at
from engine.diffusion.schedules import schedule
from gui.pages.forward import ForwardPage, shares_in_words, signed
from gui.pages.forward_image import ImageChoice
from gui.undo import History

# ---- the formula ----

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


# ---- the schedule ----

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


# ---- plots ----

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
