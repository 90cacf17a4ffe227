"""The U-turn: how many pictures keep their class, by where they turned; when each class is lost; one example."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.measure.recognition_summary import spread
from engine.measure.u_turn import kept_from, noised_examples, turning_scale
from gui.pages.recognition_curves import Curve, CurveGrid
from gui.pages.recognition_job import KnownTurn
from gui.pages.recognition_measured import place_of, span_of
from gui.pages.recognition_ranking import Ranking, Row
from gui.pages.recognition_turn_words import kept_words, turn_figures
from gui.pages.recognition_words import SCALE_NAMES, on_scale, plus_minus
from gui.theme import theme
from gui.widgets.film import Film
from gui.widgets.labels import Text
from gui.widgets.words import Words

MOST_COLUMNS = 12


class TurnView(QWidget):
    """`show_known` for another measurement, contrast, axis or class."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figures = Text("", 12, 400, "text2", wrap=True)
        self.all_title, self.ranking_title, self.film_title = Words(), Words(), Words()
        self.all = CurveGrid(columns=1)
        self.all.setAccessibleName("Share that is still its class")
        self.ranking = Ranking()
        self.ranking.setAccessibleName("Classes by how much noise they survive")
        self.film = Film("U-turn of one picture", rows=[("xₜ", "turned here"), ("back", "denoised")], factor=2)
        self._shown: tuple[object, ...] = ()
        self._places: dict[int, int] = {}  # of the film's columns: the level each shows
        parts = QHBoxLayout()
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(24)
        for title, widget, share in ((self.all_title, self.all, 4), (self.ranking_title, self.ranking, 5)):
            column = QVBoxLayout()
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(title)
            column.addWidget(widget, 1)
            parts.addLayout(column, share)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(self.figures)
        whole.addLayout(parts, 1)
        whole.addWidget(self.film_title)
        whole.addWidget(self.film)
        for part in (self.all, self.ranking, self.film):
            part.setProperty("explain", "u-turn")
        theme().changed.connect(self.forget)

    def forget(self) -> None:
        """Nothing is shown any more."""
        self._shown = ()

    def level(self, column: int) -> int | None:
        """Which level a column of the film shows."""
        return self._places.get(column)

    def show_known(self, known: KnownTurn, other: KnownTurn | None, name: str, class_label: int) -> None:
        """A measurement on the axis of that name; other: the contrast, dashed."""
        if self._shown == (known, other, name, class_label):
            return
        self._shown = known, other, name, class_label
        found, summary = known.u_turn, known.summary
        self.figures.setText(turn_figures(known, other))
        places = turning_scale(found, name)
        shares = np.array([[one.share, one.low, one.high] for one in summary.shares])
        dashed = None
        if other is not None:
            dashed = np.array([one.share for one in other.summary.shares])
        first = places[kept_from(found)]
        overall = spread(first)
        words = "never" if overall.median is None else f"half at {on_scale(overall.median, name)}"
        self.all.set_curves(
            [Curve(-1, "all classes", places[:-1], shares[:, 0], shares[:, 1], shares[:, 2], overall.median, words,
                   "", dashed)], *span_of(places, name))
        self.all.setAccessibleDescription("; ".join(
            f"{100 * one.share:.0f} % at t {one.t}" for one in summary.shares))
        told = "" if other is None else ", dashed: told its class" if not found.guided else ", dashed: told no class"
        self.all_title.set_parts((f"Still its class, by where it turned, {SCALE_NAMES[name]}", "text", 600, 13, ""),
                                 (f"n = {summary.n}{told}", "muted", 400, 12, ""))
        rows = []
        for c, group_name in enumerate(found.class_names):
            members = np.flatnonzero(found.class_label == c)
            there = spread(first[members])
            rows.append((np.inf if there.mean is None else there.mean, Row(
                c, group_name, first[members], found.seed[members], there.mean, there.ci95, plus_minus(there),
                kept_words(summary.classes[c], found.num_timesteps))))
        rows.sort(key=lambda row: row[0])
        self.ranking.set_rows([row for _, row in rows], None)
        self.ranking.set_chosen(class_label)
        self.ranking_title.set_parts((f"Class kept down to, {SCALE_NAMES[name]}", "text", 600, 13, ""),
                                     ("a dot a picture", "muted", 400, 12, ""))
        self._show_film(known, class_label)

    def show_place(self, known: KnownTurn, sigma: float, name: str) -> None:
        """The noise level that is looked at, as a line and in the film."""
        found = known.u_turn
        self.all.set_current(place_of(np.array(found.sigma), turning_scale(found, name), sigma))
        levels = np.array(found.sigma)
        nearest = min(self._places, key=lambda c: abs(np.log(levels[self._places[c]] / max(sigma, 1e-6))), default=-1)
        self.film.set_index(nearest)

    def _show_film(self, known: KnownTurn, class_label: int) -> None:
        found = known.u_turn
        members = np.flatnonzero(found.class_label == class_label)
        if not len(members):
            self.film.set_images(0, [])
            self.film.set_images(1, [])
            return
        picture = members[np.flatnonzero(found.seed[members] == found.first_seed)[0]]
        count = min(MOST_COLUMNS, len(found.t))
        levels = np.unique(np.rint(np.linspace(0, len(found.t) - 1, count)).astype(int)).tolist()
        self._places = dict(enumerate(levels))
        noised = noised_examples(found, class_label)
        names = found.class_names
        self.film.set_images(0, [noised[i] for i in levels] + [found.real[class_label]])
        self.film.set_images(1, [found.examples[class_label, i] for i in levels] + [found.real[class_label]])
        self.film.set_captions([f"{found.t[i]}: {names[found.top[picture, i]]}" for i in levels] + ["real"])
        self.film_title.set_parts(
            (f"One {names[class_label]} at each turn", "text", 600, 13, ""),
            ("below: t, and what the judge reads in what came back", "muted", 400, 12, ""))

