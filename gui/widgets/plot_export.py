"""Plots into files: PNG as shown, or SVG, drawn anew with lines and letters in place of pixels."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine.runs import SaveFailed
from engine.runs.atomic import write_file
from gui.theme import theme
from gui.widgets.plot_view import PlotView

KINDS = {"PNG": ("PNG picture (*.png)", ".png"), "SVG": ("SVG drawing (*.svg)", ".svg")}


def svg_of(widget: QWidget) -> bytes:
    """A plot, or a widget with plots in it, as an SVG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    drawing = QSvgGenerator()
    drawing.setOutputDevice(buffer)
    drawing.setSize(QSize(widget.width(), widget.height()))
    drawing.setViewBox(QRect(0, 0, widget.width(), widget.height()))
    drawing.setTitle(widget.accessibleName())
    painter = QPainter(drawing)
    painter.fillRect(widget.rect(), theme().color("surface"))
    _draw(widget, painter, QPoint(0, 0))
    painter.end()
    return bytes(buffer.data().data())


def png_of(widget: QWidget) -> bytes:
    """The widget as it is shown, as a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    widget.grab().save(buffer, "PNG")
    return bytes(buffer.data().data())


def _draw(widget: QWidget, painter: QPainter, at: QPoint) -> None:
    """A widget and all in it, with its left top corner at a point; curves not from the picture that a view keeps."""
    if isinstance(widget, PlotView):
        plot = widget.plot
        painter.save()
        painter.translate(at)
        plot.lay_out()
        plot.paint_grid(painter)
        for bars in plot.bars:
            bars.paint(painter)
        plot.paint_lines(painter)
        painter.setClipping(False)
        plot.overlay.paint(painter)
        painter.restore()
        return
    widget.render(painter, at, QRegion(), QWidget.RenderFlag(0))
    for child in widget.children():
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
            _draw(child, painter, at + child.pos())


def save_plot(widget: QWidget, title: str, kind: str) -> bool:
    """Ask for a file of a kind of KINDS and write it, whole or not at all; whether it was written."""
    words, suffix = KINDS[kind]
    chosen, _ = QFileDialog.getSaveFileName(widget, f"Save as {kind}", f"{title}{suffix}", words)
    if not chosen:
        return False
    path = Path(chosen)
    path = path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)
    try:
        write_file(path, [svg_of(widget) if kind == "SVG" else png_of(widget)])
    except SaveFailed:
        return False
    return True


def add_saving(menu: QMenu, widget: QWidget, title: str) -> None:
    """Copy picture, Save picture, Save as SVG: for the menu of a plot."""
    clipboard = QGuiApplication.clipboard()
    menu.addAction("Copy picture").triggered.connect(lambda: clipboard.setPixmap(widget.grab()))
    menu.addAction("Save picture…").triggered.connect(lambda: save_plot(widget, title, "PNG"))
    menu.addAction("Save as SVG…").triggered.connect(lambda: save_plot(widget, title, "SVG"))


def offer_saving(widget: QWidget, title: str) -> None:
    """Give a plot that paints itself a menu of its own, for the right button and the menu key."""
    def popup(at: QPoint) -> None:
        menu = plot_menu(widget, title)
        menu.popup(widget.mapToGlobal(at))

    widget.setProperty("plot", title)
    widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    widget.customContextMenuRequested.connect(popup)


def plot_menu(widget: QWidget, title: str) -> QMenu:
    """The menu that `offer_saving` opens."""
    menu = QMenu(widget)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    add_saving(menu, widget, title)
    return menu
