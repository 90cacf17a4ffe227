"""What was measured of recognition: ten curves, the ranking with every seed, the claim judged."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.measure.recognition import PREDICTED
from engine.measure.recognition_summary import DENOISED, SNR, chosen, curve, first_recognition, scale
from gui.pages.recognition_claims import ClaimsPanel
from gui.pages.recognition_curves import Curve, CurveGrid
from gui.pages.recognition_job import Known
from gui.pages.recognition_ranking import Ranking, Row
from gui.pages.recognition_words import SCALE_NAMES, class_words, on_scale, plus_minus
from gui.theme import theme
from gui.widgets.labels import Text
from gui.widgets.words import Words

CLAIM = 70.0  # % denoised, of the common claim
CLAIMS_WIDTH = 312
LOW = 480  # px of a page, below which the plots need the room of their title
CAUTION = "Told the class, a model predicts its average digit from the first step: no test of what can be seen."


class MeasuredView(QWidget):
    """`show_known` for another measurement or another axis, `show_place` for the point that is looked at."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figures = Text("", 12, 400, "text2", wrap=True)
        self.caution = Text("", 12, 400, "warn", wrap=True)
        self.curves, self.ranking, self.claims = CurveGrid(), Ranking(), ClaimsPanel()
        self.curves_title, self.ranking_title = Words(), Words()
        self.note = Text("", 12, 400, "muted", elide=True)
        self._shown: tuple[Known, str] | None = None
        heading = QHBoxLayout()
        heading.setContentsMargins(0, 0, 0, 0)
        heading.setSpacing(8)
        heading.addWidget(self.curves_title)
        heading.addWidget(self.note, 1)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(2)
        left.addWidget(self.ranking_title)
        left.addWidget(self.ranking, 1)
        below = QHBoxLayout()
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(24)
        below.addLayout(left, 1)
        below.addWidget(self.claims)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.figures)
        column.addWidget(self.caution)
        column.addLayout(heading)
        column.addWidget(self.curves, 10)
        column.addLayout(below, 11)
        for widget in (self.curves, self.ranking):
            widget.setProperty("explain", "first-recognition")

    def show_known(self, known: Known, name: str) -> None:
        """A measurement on the axis of that name."""
        if self._shown == (known, name):
            return
        self._shown = known, name
        recognition, summary = known.recognition, known.summary
        places = scale(recognition, name)
        shown = np.isfinite(places[:-1])  # no sigma, no dB
        curves, rows = [], []
        first = places[first_recognition(recognition.probability.astype(np.float32))]
        for one in summary.classes:
            mean, low, high = curve(recognition, one.class_label)
            there = one.first[name]
            words = "never" if there.mean is None else on_scale(there.mean, name)
            curves.append(Curve(one.class_label, one.name, places[:-1][shown], mean[shown], low[shown], high[shown],
                                there.mean, words, class_words(one, recognition.forward)))
        for one in summary.ranking():
            members = chosen(recognition, one.class_label)
            there = one.first[name]
            rows.append(Row(one.class_label, one.name, first[members], recognition.seed[members], there.mean,
                            there.ci95, plus_minus(there), class_words(one, recognition.forward)))
        self.curves.set_curves(curves, *span_of(places, name))
        self.ranking.set_rows(rows, CLAIM if name == DENOISED else None)
        self.claims.set(summary, recognition.class_names, recognition.forward)
        of = "predicted x₀" if recognition.reading == PREDICTED else "xₜ of real pictures" if recognition.forward \
            else "xₜ"
        self.curves_title.set_parts((f"Chance of reading the class in {of}", "text", 600, 13, ""))
        first_words = "Readable down to" if recognition.forward else "First readable"
        self.ranking_title.set_parts(
            (f"{first_words}, {SCALE_NAMES[name]}", "text", 600, 13, ""),
            (f"a dot a {'picture' if recognition.forward else 'seed'}; mean and 95 % interval", "muted", 400, 12, ""))
        self.note.setText(f"mean, middle 80 % of seeds, dashes {first_words.lower()}")
        self.note.setToolTip(f"Line: mean over seeds. Band: the middle 80 % of them. Dashes: {first_words.lower()}, "
                             "on average. Grey: the other classes. Line in the accent colour: the noise slider.")
        told = recognition.reading == PREDICTED and not recognition.unconditional
        self.caution.setText(CAUTION if told else "")
        self.caution.setVisible(told)

    def forget(self) -> None:
        """Nothing is shown any more."""
        self._shown = None

    def show_place(self, known: Known, class_label: int, sigma: float, name: str) -> None:
        """The current class, and the noise level as a line."""
        self.curves.set_chosen(class_label)
        self.ranking.set_chosen(class_label)
        self.curves.set_current(place_of(np.array(known.recognition.sigma), scale(known.recognition, name), sigma))

    def fit(self, width: int, height: int, small: bool) -> None:
        """Room for the column at the right in a page of this width; its lines of words go first where it is low."""
        px = theme().px
        low = height < px(LOW)
        for words in (self.curves_title, self.note):
            words.setVisible(not low)
        self.claims.fit(min(px(CLAIMS_WIDTH), max(px(150), width * 9 // 25)), small, low)


def place_of(levels: np.ndarray, places: np.ndarray, sigma: float) -> float:
    """Where a noise level lies on a scale of falling levels."""
    there = np.isfinite(places[:-1])
    return float(np.interp(sigma, levels[there][::-1], places[:-1][there][::-1]))  # numpy interpolates over rising ones


def span_of(places: np.ndarray, name: str) -> tuple[tuple[float, float], tuple[float, ...]]:
    """The range of an axis and its labels."""
    if name != SNR:
        return (0.0, 100.0), (0.0, 50.0, 100.0)
    there = places[np.isfinite(places)]
    low, high = float(there.min()), float(there.max())
    return (low, high), tuple(float(v) for v in np.arange(np.ceil(low / 20) * 20, high + 1e-9, 20))
