"""The Use page: handwriting, sketch, labelled sets, and whether drawn pictures help a classifier."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from engine.use_config import UseConfig
from gui.pages.base import MARGIN_X, Page
from gui.pages.use_augment import AugmentationPart
from gui.pages.use_handwriting import Handwriting
from gui.pages.use_part import Part
from gui.pages.use_set import SyntheticPart
from gui.pages.use_sketch import Sketch
from gui.session import Session
from gui.theme import theme
from gui.widgets.choice import Choice
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented

HELP = {"handwriting": "Write a word in the model's own hand.",
        "sketch": "Noise a drawing and let the model denoise it as a class.",
        "set": "Draw a labelled set of pictures into a folder.",
        "augmentation": "Measure whether drawn pictures help a classifier."}


class UsePage(Page):
    """One part in front; its section in the Setup dock is unfolded, and unfolding another brings its part."""

    name = "use"
    title = "Use"
    explain = "use"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.parts: list[Part] = [Handwriting(session), Sketch(session), SyntheticPart(session),
                                  AugmentationPart(session)]
        self.choice = Segmented([(part.name, part.title) for part in self.parts], "What to do with the model")
        self.choice.set_tooltips([HELP[part.name] for part in self.parts])
        self.choice.setProperty("explain", "use")
        self.choice.setMinimumWidth(1)  # the page may be narrower: then the list below takes its place
        self.choice.changed.connect(self.show_part)
        self.list = Choice([(part.name, part.title) for part in self.parts], "What to do with the model")
        self.list.setToolTip("\n".join(HELP[part.name] for part in self.parts))
        self.list.changed.connect(self.show_part)  # in place of the row of words where there is no room for it
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.choice)
        head.addWidget(self.list)
        head.addStretch(1)
        self.body.addLayout(head)
        self._stack = QStackedLayout()
        for part in self.parts:
            self._stack.addWidget(part)
            part.setProperty("explain", part.explain)
            part.said.connect(self._say)
            part.section.fold_changed.connect(lambda folded, p=part: self._on_fold(p, folded))
        self.body.addLayout(self._stack, 1)
        self._links: list[str] = []
        for moved in (session.run_changed, session.snapshots_changed, session.step_changed, session.average_changed,
                      session.sampling_changed, session.seed_changed, session.class_changed, session.schedule_changed):
            moved.connect(self._on_point)
        session.noise_level_changed.connect(self._on_t)
        session.restored.connect(self._on_restored)
        session.use_changed.connect(self._on_config)
        self._show_part()

    @property
    def part(self) -> Part:
        """The part in front."""
        return next(part for part in self.parts if part.name == self.session.use.part)

    def setup_sections(self) -> list[Section]:
        return [part.section for part in self.parts]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = self.choice.sizeHint().width() <= self.width() - 2 * theme().px(MARGIN_X)
        self.choice.setVisible(room)
        self.list.setVisible(not room)

    def activate(self) -> None:
        super().activate()
        self.part.activate()

    def deactivate(self) -> None:
        super().deactivate()
        self.part.deactivate()

    def refresh(self) -> None:
        self.part.refresh()
        self._say()

    def ready(self) -> bool:
        return self.part.ready()

    def show_part(self, name: str) -> None:
        """Bring a part to the front."""
        self.session.set_use(self.session.use.model_copy(update={"part": name}))

    # ---- what happens ----

    def _on_point(self, *_: object) -> None:
        if self.active:
            self.part.refresh()

    def _on_t(self, *_: object) -> None:
        part = self.part
        if self.active and isinstance(part, Sketch):
            part.on_t()

    def _on_config(self) -> None:
        if self._stack.currentWidget() is not self.part:
            self._show_part()
        self.part.refresh() if self.active else None
        for part in self.parts:
            part.show_config()

    def _on_restored(self, name: str, value: object) -> None:
        if name == "use" and isinstance(value, UseConfig):
            self._on_config()

    def _on_fold(self, part: Part, folded: bool) -> None:
        if not folded:
            self.show_part(part.name)

    def _show_part(self) -> None:
        before, now = self._stack.currentWidget(), self.part
        if self.active and isinstance(before, Part) and before is not now:
            before.deactivate()
        self._stack.setCurrentWidget(now)
        self.choice.set_value(now.name)
        self.list.set_value(now.name)
        for part in self.parts:
            if part.section.folded == (part is now):
                part.section.set_folded(part is not now)
                part.section.fold_changed.emit(part.section.folded)  # the dock lays its sections out anew
        if self.active and not now.front:
            now.activate()
        self._say()

    def _say(self) -> None:
        part = self.part
        self.finding.set(*part.finding())
        links = part.links()
        if [label for label, _, _ in links] != self._links:
            self._links = [label for label, _, _ in links]
            self.finding.set_links(links)
        if self.active:
            self.ready_changed.emit()
