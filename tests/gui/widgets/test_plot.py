"""Plots: numbers, thinning, log axes, readout, crosshair, zoom, copying."""

import math

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.theme import theme
from gui.widgets.plot import Plot
from gui.widgets.plot_numbers import clean, linear_ticks, log_ticks, thin, tick_label, value_at, visible


def test_linear_ticks_are_round_and_hold_both_ends() -> None:
    assert linear_ticks(0, 1000, 5) == [0, 250, 500, 750, 1000]
    assert linear_ticks(0, 1100, 6) == [0, 200, 400, 600, 800, 1000]
    assert linear_ticks(0, 1, 3) == [0, 0.5, 1]
    assert linear_ticks(-44, 44, 5) == [-40, -20, 0, 20, 40]


def test_log_ticks_are_one_two_three_five_or_fewer() -> None:
    assert log_ticks(0.16, 2.3) == [0.2, 0.3, 0.5, 1, 2]
    assert log_ticks(0.001, 1000, 6) == [0.001, 0.1, 10, 1000]
    assert log_ticks(-1, 5) == []


def test_labels_have_thin_thousands_and_a_true_minus() -> None:
    assert tick_label(1000.0) == "1\u202f000"
    assert tick_label(-20.0) == "\u221220"
    assert tick_label(0.30000000000000004) == "0.3"


def test_thinning_keeps_every_extreme_and_the_order() -> None:
    rng = np.random.default_rng(0)
    x, y = np.arange(100_003.0), rng.normal(size=100_003)
    y[54_321], y[77] = 50, -50
    few_x, few_y = thin(x, y, 4000)
    assert len(few_x) <= 4000
    assert (np.diff(few_x) >= 0).all()
    assert few_y.max() == 50
    assert few_y.min() == -50
    assert few_x[few_y.argmax()] == 54_321


def test_visible_part_keeps_one_point_more_at_each_side() -> None:
    x = np.arange(10.0)
    assert visible(x, x, 3.5, 5.5)[0].tolist() == [3, 4, 5, 6]


def test_value_between_points_or_of_the_nearest() -> None:
    x, y = np.array([0.0, 10.0]), np.array([0.0, 1.0])
    assert value_at(x, y, 4, True) == pytest.approx(0.4)
    assert value_at(x, y, 4, False) == 0
    assert value_at(x, y, 6, False) == 1
    assert math.isnan(value_at(x, y, 11, True))


def test_points_that_are_not_finite_are_left_out_and_order_is_mended() -> None:
    x, y = clean([3, 1, 2, 4], [30, 10, np.nan, 40])
    assert x.tolist() == [1, 3, 4]
    assert y.tolist() == [10, 30, 40]
    with pytest.raises(ValueError, match="places"):
        clean([1, 2], [1])


@pytest.fixture
def plot(qtbot):
    made = Plot("Loss", x_name="step")
    qtbot.addWidget(made)
    made.line = made.add_line("smoothed")
    made.line.set_data([0, 100, 200], [2.0, 1.0, 0.5])
    made.resize(500, 300)
    made.show()
    QApplication.processEvents()
    return made


def test_places_and_pixels_are_inverse(plot) -> None:
    axes = plot.axes
    assert axes.x_at(axes.x_pixel(70)) == pytest.approx(70)
    assert axes.y_at(axes.y_pixel(0.7)) == pytest.approx(0.7)
    assert axes.x_pixel(0) < axes.x_pixel(100)


def test_t_axes_count_down_to_the_right(qtbot) -> None:
    plot = Plot("Shares", x_name="t", reversed_x=True)
    qtbot.addWidget(plot)
    plot.add_line("image").set_data(np.arange(1001), np.linspace(1, 0, 1001))
    plot.resize(400, 200)
    plot.show()
    QApplication.processEvents()
    assert plot.axes.x_pixel(1000) < plot.axes.x_pixel(0)
    assert plot.axes.x_at(plot.axes.box.left()) == pytest.approx(1000)


def test_curve_lies_where_the_axes_say(plot) -> None:
    theme().set_mode("light")
    QApplication.processEvents()
    shown = plot.view.grab().toImage()
    x, y = plot.axes.x_pixel(100), plot.axes.y_pixel(1.0)
    accent = theme().color("accent")
    near = [shown.pixelColor(round(x) + a, round(y) + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    assert any(abs(c.red() - accent.red()) < 40 and abs(c.green() - accent.green()) < 40 for c in near)
    theme().set_mode("system")


def test_log_axis_leaves_out_what_is_not_above_zero(plot) -> None:
    plot.line.set_data([0, 1, 2, 3], [0.0, 10.0, 1.0, -1.0])
    plot.set_log_y(True)
    QApplication.processEvents()
    assert plot.line.item.xData.tolist() == [1, 2]
    assert plot.axes.y_at(plot.axes.y_pixel(plot.axes.to_view(3.0))) == pytest.approx(3)
    assert plot.axes.y_labels()[0][1] == "1"


def test_legend_reads_the_crosshair_then_the_current_point_then_the_end(plot) -> None:
    assert plot.legend.text() == "smoothed 0.500"
    plot.set_current(100)
    assert plot.legend.text() == "smoothed 1.000"
    places: list[object] = []
    plot.crosshair_moved.connect(places.append)
    plot.pointer_at(QPointF(plot.axes.x_pixel(50), plot.axes.box.center().y()))
    assert plot.legend.text() == "smoothed 1.500"
    assert places == [pytest.approx(50)]
    plot.pointer_at(None)
    assert places[-1] is None
    assert plot.legend.text() == "smoothed 1.000"
    assert "step 100" in plot.accessibleDescription()


def test_wheel_zooms_about_the_pointer_and_double_click_resets(plot) -> None:
    axes = plot.axes
    at = axes.x_pixel(50)
    plot.zoom_at(at, 3)
    QApplication.processEvents()
    assert axes.x_at(at) == pytest.approx(50)
    assert axes.x_view[1] - axes.x_view[0] == pytest.approx(200 * 0.8**3)
    went: list[float] = []
    plot.point_double_clicked.connect(went.append)
    plot.double_clicked(QPointF(at, axes.box.center().y()))
    QApplication.processEvents()
    assert axes.x_view == (0, 200)
    assert went == [pytest.approx(50)]


def test_zoom_out_stops_at_the_whole(plot) -> None:
    plot.zoom_at(plot.axes.x_pixel(50), -5)
    QApplication.processEvents()
    assert plot.axes.x_view == (0, 200)


def test_many_points_are_drawn_as_few(plot) -> None:
    raw = plot.add_line("raw", style="raw")
    x = np.arange(50_000.0)
    raw.set_data(x, np.sin(x))
    QApplication.processEvents()
    assert 1000 < len(raw.item.xData) <= 4000
    assert raw.item.opts["antialias"] is False
    assert raw.item.opts["pen"].width() == round(plot.devicePixelRatioF())


def test_values_can_be_copied(plot) -> None:
    texts = [action.text() for action in plot.menu().actions()]
    assert texts == ["Copy values", "Copy picture", "Save picture…", "Save as SVG…"]
    plot.menu().actions()[0].trigger()
    assert QApplication.clipboard().text().splitlines() == ["step\tsmoothed", "0\t2", "100\t1", "200\t0.5"]


def test_keys_move_the_crosshair_and_enter_goes_there(qtbot, plot) -> None:
    plot.set_current(100)
    went: list[float] = []
    plot.point_double_clicked.connect(went.append)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert went == [pytest.approx(102)]


def test_an_empty_plot_and_a_single_point_can_be_drawn(qtbot) -> None:
    plot = Plot("Loss", log_y=True)
    qtbot.addWidget(plot)
    line = plot.add_line("raw", style="raw")
    plot.resize(300, 200)
    assert not plot.grab().isNull()
    line.set_data([5], [0.3])
    assert not plot.grab().isNull()


def test_markers_and_bars_are_drawn(plot) -> None:
    before = plot.view.grab().toImage()
    plot.set_events([(50, "paused 0:12")])
    with_event = plot.view.grab().toImage()
    plot.set_small_ticks([10, 20])
    with_ticks = plot.view.grab().toImage()
    plot.add_bars().set_data([0, 50, 100], [1, 2])
    with_bars = plot.view.grab().toImage()
    assert before != with_event != with_ticks != with_bars


def test_a_moved_marker_is_painted_without_the_curves(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    plot = Plot("Loss", x_name="t")
    line = plot.add_line("loss")
    line.set_data([0, 1, 2, 3], [0, 1, 0, 1])
    plot.resize(300, 200)
    qtbot.addWidget(plot)
    plot.show()
    before = plot.grab().toImage()
    made: list[float] = []
    below = plot.view._below
    monkeypatch.setattr(plot.view, "_below", lambda ratio: made.append(ratio) or below(ratio))
    plot.set_current(1.5)
    marked = plot.grab().toImage()
    assert marked != before
    assert made == []
    line.set_data([0, 1, 2, 3], [1, 0, 1, 0])
    assert plot.grab().toImage() != marked
    assert made == [1]
