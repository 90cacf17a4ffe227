"""The style sheet: what Qt's own widgets look like. No sizes for custom-painted ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template

# $name is a colour token, ${px_n} the size n scaled, ${icon_x} the path of a tinted icon.
SHEET = """
QMainWindow, QDialog { background: $bg; }
QWidget#page, QStackedWidget#pages, QWidget#middle { background: $surface; }
QMainWindow#mainWindow, QWidget#dockBody { background: $bg; }
QToolBar { border: 0; padding: 0; margin: 0; spacing: 0; }
QMainWindow::separator { background: $line; width: 1px; height: 1px; }
QSplitter::handle { background: $line; }
QDockWidget { color: $text; }
QDockWidget::title { background: $bg; padding: ${px_8} ${px_16}; text-align: left; }
QDockWidget > QWidget { background: $bg; }

QToolTip { background: $text; color: $bg; border: 1px solid $text; padding: ${px_4} ${px_8}; }

QMenuBar { background: $bg; color: $text; border: none; padding: 0 ${px_8}; }
QMenuBar::item { background: transparent; padding: ${px_5} ${px_10}; border-radius: 4px; }
QMenuBar::item:selected { background: $hover; }
QMenuBar::item:pressed { background: $pressed; }
QMenu { background: $bg; color: $text; border: 1px solid $line; padding: ${px_4}; }
QMenu::item { padding: ${px_5} ${px_24} ${px_5} ${px_28}; border-radius: 4px; }
QMenu::item:selected { background: $pressed; }
QMenu::item:disabled { color: $disabled; background: transparent; }
QMenu::separator { height: 1px; background: $line; margin: ${px_4} ${px_8}; }
QMenu::icon { left: ${px_8}; }
QMenu::indicator { width: ${px_16}; height: ${px_16}; left: ${px_6}; }
QMenu::indicator:checked { image: url("${icon_check_accent}"); }
QMenu::right-arrow { image: url("${icon_chevron_right}"); width: ${px_14}; height: ${px_14}; right: ${px_4}; }

QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox {
    background: $surface; color: $text; border: 1px solid $ctl; border-radius: 4px;
    selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit { padding: 0 ${px_8}; }
QLineEdit:focus { border: 2px solid $accent; padding: 0 ${px_7}; }
QPlainTextEdit:focus, QTextEdit:focus, QAbstractSpinBox:focus { border: 2px solid $accent; }
QLineEdit:disabled, QPlainTextEdit:disabled, QTextEdit:disabled, QAbstractSpinBox:disabled {
    background: transparent; color: $disabled; border-color: $line; }
QLineEdit[wrong="true"], QLineEdit[wrong="true"]:focus {
    border: 1px solid $error; padding: 0 ${px_8}; }
QLineEdit[wrong="true"]:focus { border: 2px solid $error; padding: 0 ${px_7}; }
QPlainTextEdit#well, QTextBrowser#well, QTextEdit#well {
    background: $sunken; border: none; border-radius: 4px; padding: ${px_6}; }
QTextBrowser { border: none; background: transparent; }
QTextBrowser:focus { border: none; }

QComboBox { background: $surface; color: $text; border: 1px solid $ctl; border-radius: 4px;
    padding: 0 ${px_8}; combobox-popup: 0; }
QComboBox:hover { background: $hover; }
.QComboBox:focus { border: 2px solid $accent; padding: 0 ${px_7}; }
QComboBox:disabled { background: transparent; color: $disabled; border-color: $line; }
QComboBox::drop-down { border: none; width: ${px_22}; subcontrol-origin: padding;
    subcontrol-position: center right; }
QComboBox::down-arrow { image: url("${icon_chevron_down}"); width: ${px_14}; height: ${px_14}; }
QComboBox::down-arrow:disabled { image: url("${icon_chevron_down_off}"); }
QComboBox QAbstractItemView { background: $surface; color: $text; border: 1px solid $ctl; outline: none;
    padding: ${px_2}; selection-background-color: $soft; selection-color: $accent; }
QComboBox QAbstractItemView::item { min-height: ${px_24}; padding: 0 ${px_6}; }
QComboBox QAbstractItemView::item:selected { background: $soft; color: $accent; }

QCheckBox, QRadioButton { color: $text; spacing: ${px_8}; border: 2px solid transparent; border-radius: 4px; }
.QCheckBox:focus, QRadioButton:focus { border-color: $accent; }
QCheckBox:disabled, QRadioButton:disabled { color: $disabled; }
QCheckBox::indicator { width: ${px_14}; height: ${px_14}; border: 1px solid $ctl; border-radius: 3px;
    background: $surface; }
QCheckBox::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url("${icon_check}"); }
QCheckBox::indicator:checked:hover { background: $accent_hover; border-color: $accent_hover; }
QCheckBox::indicator:disabled { border-color: $line; background: transparent; }
QCheckBox::indicator:checked:disabled { background: $disabled; border-color: $disabled; }
QRadioButton::indicator { width: ${px_14}; height: ${px_14}; border: 1px solid $ctl; border-radius: ${px_7};
    background: $surface; }
QRadioButton::indicator:checked { border: ${px_5} solid $accent; width: ${px_6}; height: ${px_6};
    background: $on_accent; }

QScrollArea, QScrollArea > QWidget > QWidget#transparent { background: transparent; border: none; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: ${px_10}; }
QScrollBar:horizontal { height: ${px_10}; }
QScrollBar::handle { background: $ctl; border-radius: 3px; }
QScrollBar::handle:vertical { min-height: ${px_28}; margin: 2px 2px 2px ${px_2}; }
QScrollBar::handle:horizontal { min-width: ${px_28}; margin: 2px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTabBar { background: $bg; border: none; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $text2; border: none; border-bottom: 2px solid transparent;
    padding: ${px_8} ${px_13}; font-weight: 500; }
QTabBar::tab:hover { color: $text; background: $hover; }
QTabBar::tab:selected { color: $text; background: $surface; border-bottom: 2px solid $accent; }
QTabBar::tab:disabled { color: $disabled; }
QTabWidget::pane { border: none; border-top: 1px solid $line; background: $surface; }

QPushButton { background: transparent; color: $text; border: 1px solid $ctl; border-radius: 4px;
    padding: ${px_5} ${px_12}; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $pressed; }
QPushButton:focus { border: 2px solid $accent; padding: ${px_4} ${px_11}; }
QPushButton:default { background: $accent; color: $on_accent; border-color: $accent; }
QPushButton:default:hover { background: $accent_hover; }
QPushButton:default:focus { border-color: $text; }
QPushButton:disabled { color: $disabled; border-color: $line; background: transparent; }
QToolButton { background: transparent; color: $text; border: 2px solid transparent; border-radius: 4px;
    padding: ${px_3}; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $pressed; }
QToolButton:checked { background: $soft; color: $accent; }
QToolButton:disabled { color: $disabled; }

QListView, QTreeView, QTableView { background: $surface; color: $text; border: 1px solid $line;
    alternate-background-color: $bg; selection-background-color: $soft; selection-color: $text;
    gridline-color: $grid; outline: none; }
QListView::item, QTreeView::item, QTableView::item { padding: ${px_4} ${px_6}; border: none; }
QListView::item:hover, QTreeView::item:hover, QTableView::item:hover { background: $hover; }
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {
    background: $soft; color: $text; }
QHeaderView { background: $surface; }
QHeaderView::section { background: $surface; color: $muted; border: none; border-bottom: 1px solid $line;
    padding: ${px_4} ${px_6}; font-weight: 400; }
QProgressBar { background: $line; border: none; border-radius: 2px; max-height: ${px_4};
    min-height: ${px_4}; text-align: center; color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QGroupBox { border: none; margin-top: ${px_22}; color: $text; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; }
QFrame#hairline { background: $line; border: none; max-height: 1px; min-height: 1px; }
"""

SIZES = range(1, 65)


def stylesheet(colours: Mapping[str, str], name: str, px: Callable[[float], int], tinted: Path) -> str:
    """The sheet for these colours; name: "light" or "dark"; px: scales a size; tinted: folder of icons."""
    values: dict[str, str] = dict(colours)
    values.update({f"px_{size}": f"{px(size)}px" for size in SIZES})
    for icon in ("check", "check_accent", "chevron_down", "chevron_down_off", "chevron_right"):
        values[f"icon_{icon}"] = (tinted / f"{icon.replace('_', '-')}-{name}.svg").as_posix()
    return Template(SHEET).substitute(values)
