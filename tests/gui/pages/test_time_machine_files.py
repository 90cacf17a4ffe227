"""What the time machine says in words, and what it saves."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from time_machine_scripted import LEVELS

from gui.pages.time_machine import TimeMachinePage
from gui.pages.time_machine_words import finding, own_finding


def test_words() -> None:
    from engine.measure.time_machine_line import Comparison, Decides, LinePoint

    first, last = LinePoint(130, 66.0, 20, 24), LinePoint(1100, 58.0, 24, 24)
    found = Comparison(Decides.EARLIER, first, last, -8.0, (-11.0, -5.0), 20)
    assert finding(found, "8").numbers == (
        "An 8 is first readable at 66\u202f% denoised after step 130, at 58\u202f% after 1\u202f100; \u22128.0 points, "
        "\u221211.0 to \u22125.0, 20 seeds.")
    assert finding(replace(found, decides=Decides.SAME), "3").answer == "No certain change."
    assert finding(replace(found, decides=Decides.LATER), "3").answer == "It comes to decide later."
    assert finding(Comparison(Decides.UNREAD, last=LinePoint(9, None, 2, 24)), "3").numbers == \
        "After step 9 the judge reads 2 of 24 seeds as 3 to the end."
    assert finding(Comparison(Decides.SHORT, first, last), "3").answer == "Too few seeds for a verdict."
    assert finding(Comparison(Decides.SHORT, last, last), "3").answer == "Only the last snapshot is readable."
    assert own_finding([], "3", 1).answer == "Filling the map."
    assert own_finding([LinePoint(0, None, 0, 1)], "3", 1).answer == "Not readable with this seed."


def test_the_table_has_a_row_for_each_cell(filled: TimeMachinePage, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "map"), ""))
    QTest.mouseClick(filled.setup.table, Qt.MouseButton.LeftButton)
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * LEVELS
    one = next(row for row in rows if row["training_step"] == "20" and row["t"] == "333")
    assert (one["run"], one["class"], one["read"], one["first_readable"]) == ("a", "3", "3", "1")
    assert float(one["probability"]) == pytest.approx(0.96, abs=1e-3)
    assert float(one["percent_denoised"]) == pytest.approx(66.7)
    assert sum(row["first_readable"] == "1" for row in rows) == 5 + 7 + 9 + 13


def test_the_picture_is_the_whole_map(filled: TimeMachinePage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.resize(500, 300)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "map.png"), ""))
    QTest.mouseClick(filled.setup.picture, Qt.MouseButton.LeftButton)
    image = QImage(str(tmp_path / "map.png"))
    ratio = filled.devicePixelRatioF()
    assert image.width() == round(filled.view.full_size().width() * ratio)
    assert image.height() == round(filled.view.full_size().height() * ratio)
    assert '"classes": [3]' in image.text("diffuscope")
    assert '"page": "time-machine"' in image.text("diffuscope")


def test_what_cannot_be_written_is_said(filled: TimeMachinePage, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    filled.session.message.connect(heard.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "map.csv"), ""))
    filled.files.save_table()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "map.png"), ""))
    filled.files.save_picture()
    assert [told.headline for told in heard] == ["map.csv could not be written.", "map.png could not be written."]
