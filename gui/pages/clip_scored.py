"""Scored pictures, sorted and by class; and the means of the classes with how CLIP and the judge agree."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.measure.clip_scores import ClipScores
from engine.measure.clip_summary import SCORE, PictureScores, picture_scores
from gui.pages.clip_classes import AgreementTable, ClassMeans
from gui.pages.clip_gallery import Gallery
from gui.pages.clip_jobs import Known
from gui.widgets.choice import Choice
from gui.widgets.labels import Text

WORST, BEST = "worst", "best"
ALL = (-1, "All classes")
AGREEMENT_WIDTH = 280


class ScoredPictures(QWidget):
    """The gallery. `who` and `order` choose what stands in it; whoever owns this lays them out.

    `chosen` (class, seed) tells the picture that a hand or a key went to.
    """

    chosen = Signal(int, int)
    selected_changed = Signal()  # selected() may have another answer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.order = Choice([(WORST, "Worst first"), (BEST, "Best first")], "Order of the pictures")
        self.order.setToolTip("Which pictures stand at the top.")
        self.who = Choice([ALL], "Which classes are shown")
        self.who.setToolTip("Show the pictures of one class alone.")
        for chooser in (self.order, self.who):
            chooser.setMinimumContentsLength(9)
            chooser.changed.connect(self._arrange)
        self.gallery = Gallery("Scored pictures")
        self.gallery.setProperty("explain", "clip-score")
        self.gallery.chosen.connect(self._on_picture)
        self._known: Known | None = None
        self._metric = ""
        self._own: PictureScores | None = None
        self._spoken: list[str] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.gallery)

    def show_scores(self, known: Known, metric: str) -> None:
        """Show these pictures with their figures."""
        scores = known.scores
        if known is not self._known or self._own is None:
            self._own = picture_scores(scores.cosine, scores.class_label, scores.logit_scale)
            self.who.set_choices([ALL, *enumerate(scores.class_names)])
        if (known, metric) != (self._known, self._metric):
            self._known, self._metric = known, metric
            own = self._own
            self._spoken = _spoken(scores, own)
            self.gallery.set_pictures(scores.image, _captions(scores, own, metric),
                                      (own.top != scores.class_label).tolist(), self._spoken)
        self._arrange()

    def selected(self) -> str:
        """All that is known of the picture that was gone to; empty where there is none."""
        place = self.gallery.picture()
        return self._spoken[place] if 0 <= place < len(self._spoken) else ""

    def _arrange(self, *_: object) -> None:
        if self._known is None or self._own is None:
            return
        order = np.argsort(self._own.of(self._metric), kind="stable")
        if self.order.value() == BEST:
            order = order[::-1]
        if (only := self.who.value()) is not None and only >= 0:
            order = order[self._known.scores.class_label[order] == only]
        if not np.array_equal(order, self.gallery.order()):
            self.gallery.set_order(order)
        self.selected_changed.emit()

    def _on_picture(self, place: int) -> None:
        if self._known is not None and place >= 0:
            scores = self._known.scores
            self.chosen.emit(int(scores.class_label[place]), int(scores.seed[place]))
        self.selected_changed.emit()


class ScoredClasses(QWidget):
    """The mean of each class beside that of real pictures; at the right how CLIP and the judge agree."""

    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Text("", 13, 600, "text", elide=True)
        note = Text("accent: generated, ink: real test pictures; mean and 95 % interval; at the right the difference",
                    12, 400, "muted", elide=True)
        self.means = ClassMeans()
        self.means.class_chosen.connect(self.class_chosen)
        self.agreement, self.real_agreement = AgreementTable("Generated pictures"), AgreementTable("Real test pictures")
        self._shown: tuple[Known, str] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(24)
        left = QVBoxLayout()
        left.setSpacing(4)
        left.addWidget(self.title)
        left.addWidget(note)
        left.addWidget(self.means, 1)
        row.addLayout(left, 1)
        self._side = QWidget()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(20)
        side.addWidget(Text("Agreement with the judge", 13, 600, "text"))
        side.addWidget(self.agreement)
        side.addWidget(self.real_agreement)
        side.addStretch(1)
        row.addWidget(self._side)

    def show_scores(self, known: Known, metric: str) -> None:
        """Show the means of a metric, and the agreement."""
        if self._shown == (known, metric):
            return
        self._shown = known, metric
        self.means.set_summary(known.summary, metric)
        self.title.setText(f"Mean {'CLIPScore' if metric == SCORE else 'probability'} of each class")
        self.agreement.set_agreement(known.summary.agreement)
        self.real_agreement.set_agreement(known.summary.real_agreement)

    def fit(self, width: int) -> None:
        """Leave the tables their share of a page so wide."""
        self._side.setMinimumWidth(min(AGREEMENT_WIDTH, max(150, width // 3)))


def _captions(scores: ClipScores, own: PictureScores, metric: str) -> list[str]:
    """Below the pictures: what CLIP reads where that is another class, and the figure."""
    names, shown, digits = scores.class_names, own.of(metric), 2 if metric == SCORE else 3
    captions = []
    for i, label in enumerate(scores.class_label):
        read = names[label] if own.top[i] == label else f"{names[label]}→{names[own.top[i]]}"
        figure = f"{shown[i]:.{digits}f}"
        captions.append(f"{read}  {figure}" if len(read) < 6 else figure)
    return captions


def _spoken(scores: ClipScores, own: PictureScores) -> list[str]:
    """All figures of each picture in words."""
    names, spoken = scores.class_names, []
    for i, label in enumerate(scores.class_label):
        judge = f", the judge reads {names[scores.read[i]]}" if scores.read[i] >= 0 else ""
        spoken.append(f"{names[label]}, seed {scores.seed[i]}: cosine {own.cosine[i]:.3f}, CLIPScore "
                      f"{own.score[i]:.3f}, probability {own.probability[i]:.4f}, rank {own.rank[i]}; CLIP "
                      f"reads {names[own.top[i]]}{judge}")
    return spoken
