"""What may be set on the CLIP page: who scores, with which prompts, how many; and the export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from engine.clip.config import ClipConfig
from engine.clip.files import IN_DOMAIN
from engine.clip.hub import Offer
from engine.clip.prompts import default_templates, parse_templates
from engine.clip.sources import FILE_ARCHITECTURES, GENERAL, GeneralClip, file_of, general
from engine.errors import BadSetting
from engine.settings import describe, number, parse
from gui.session import Session
from gui.theme import theme, tip
from gui.widgets.buttons import Link, OutlineButton
from gui.widgets.choice import Choice
from gui.widgets.fields import NARROW, SettingRow
from gui.widgets.labels import Text
from gui.widgets.number_field import NumberField
from gui.widgets.progress import JobProgressBar
from gui.widgets.section import Section
from gui.words import NARROW as THIN

SETTINGS = {setting.name: setting for setting in describe(ClipConfig)}
FILE = "file"  # in the list: choose one
APPLY_MS = 400  # after the last key in the templates
EDITOR_LINES = 4


def size_words(count: int) -> str:
    """605 MB, 1.7 GB."""
    return f"{count / 1e6:.0f}{THIN}MB" if count < 1e9 else f"{count / 1e9:.1f}{THIN}GB"


def source_label(one: GeneralClip, here: bool) -> str:
    """As the list has it."""
    return f"{one.architecture} {one.tag}" + ("" if here else f", {size_words(one.about_bytes)}")


class ClipSetup(QObject):
    """The sections of the Setup dock."""

    config_changed = Signal(object)  # ClipConfig
    source_asked = Signal(str)
    offer_asked = Signal(object)  # GeneralClip
    download_agreed = Signal()
    offer_dropped = Signal()
    measure_asked = Signal()
    cancel_asked = Signal(str)  # "scores", "courses", "download", "load"
    export_asked = Signal(str)  # "csv", "json", "png"

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.config = ClipConfig()
        self._pending: GeneralClip | None = None  # chosen, and not here
        self._labels: list[tuple[str, str]] = []
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(APPLY_MS)
        self._typing.timeout.connect(self._apply_templates)
        self._make_model()
        self._make_prompts()
        self._make_measure()
        self._make_export()
        theme().changed.connect(self._restyle)
        self._restyle()

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.model, self.prompts, self.measuring, self.export]

    # ---- parts ----

    def _make_model(self) -> None:
        self.model = Section("CLIP")
        self.model.setProperty("explain", "clip-model")
        self.source = Choice([(IN_DOMAIN, "In-domain")], "CLIP that scores")
        self.source.setToolTip(SETTINGS["source"].help + "\nWeights that are not here are downloaded only after you "
                               "agree to their size.")
        self.source.changed.connect(self._choose)
        self.about = Text("", 12, 400, "muted", wrap=True)
        self.architecture = Choice([(name, name) for name in FILE_ARCHITECTURES], "Architecture of a file of weights")
        self.architecture.setToolTip(SETTINGS["architecture"].help)
        self.architecture.changed.connect(lambda value: self._set("architecture", value))
        self.file = OutlineButton("Choose file…")
        self.file.setToolTip("Weights of the architecture above: a safetensors file, or one of torch that holds "
                             "tensors and nothing else. Nothing in it is run.")
        self.file.clicked.connect(self._choose_file)
        self.file_row = _group(self.architecture, self.file)
        self.get = OutlineButton("Download…")
        self.get.setToolTip("Ask the hub for the exact size first; nothing is downloaded before you agree.")
        self.get.clicked.connect(self._ask)
        self.other_file = Link("Use a file instead")
        self.other_file.setToolTip("Choose a file of weights that you have already.")
        self.other_file.clicked.connect(self._show_file_row)
        self.get_row = _group(self.get, self.other_file)
        self.offer = Text("", 12, 400, "text2", wrap=True)
        self.agree, self.refuse = OutlineButton("Download"), OutlineButton("Not now")
        self.agree.setToolTip("Download the weights into the cache that other programs use too.")
        self.refuse.setToolTip("Nothing is downloaded.")
        self.agree.clicked.connect(self.download_agreed)
        self.refuse.clicked.connect(self.offer_dropped)
        self.offer_row = _group(self.agree, self.refuse)
        self.progress = self._bar("Downloading CLIP weights", "End the download; what came is kept and goes on later.",
                                  "download")
        self.loading = Text("", 12, 400, "muted", wrap=True)
        self.model.add(self.source, self.about, self.file_row, self.get_row, self.offer, self.offer_row, self.progress,
                       self.loading)

    def _make_prompts(self) -> None:
        self.prompts = Section("Prompts")
        self.prompts.setProperty("explain", "clip-prompts")
        self.editor = QPlainTextEdit()
        self.editor.setTabChangesFocus(True)
        self.editor.setAccessibleName("Templates, one a line")
        self.editor.setToolTip(tip(SETTINGS["templates"].help))
        self.editor.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.editor.textChanged.connect(self._on_typed)
        self.error = Text("", 12, 400, "error", wrap=True)
        self.unknown = Text("", 12, 400, "warn", wrap=True)
        self.reset = Link("Those of the data set")
        self.reset.setToolTip("Put the data set's own templates back.")
        self.reset.clicked.connect(lambda: self._set("templates", ""))
        for text in (self.error, self.unknown):
            text.hide()
        self.prompts.add(self.editor, self.error, self.unknown, self.reset)

    def _make_measure(self) -> None:
        self.measuring = Section("Measure")
        self.measuring.setProperty("explain", "clip-score")
        self.rows = {name: SettingRow(SETTINGS[name], label_width=NARROW) for name in
                     ("count", "each", "upscaling", "batch")}
        for row in self.rows.values():
            row.committed.connect(self._set)
        batch = self.rows["batch"].editor
        assert isinstance(batch, NumberField)
        batch.set_word(0, "auto")
        self.measure = OutlineButton("Score")
        self.measure.clicked.connect(self.measure_asked)
        self.bar = self._bar("Scoring with CLIP", "End it; nothing of it is kept.", "scores")
        self.course_bar = self._bar("Following the score", "End it; nothing of it is kept.", "courses")
        self.state = Text("", 12, 400, "muted", wrap=True)
        self.measuring.add(*self.rows.values(), self.measure, self.bar, self.course_bar, self.state)

    def _make_export(self) -> None:
        self.export = Section("Export")
        self.buttons: dict[str, tuple[OutlineButton, str]] = {}
        for kind, label, what in (("csv", "Save table…", "One row for each picture, generated and real, as CSV."),
                                  ("json", "Save JSON…", "All figures, as the command line prints them."),
                                  ("png", "Save picture…", "The page as it is shown, as a PNG picture.")):
            button = OutlineButton(label)
            button.clicked.connect(lambda _=False, kind=kind: self.export_asked.emit(kind))
            self.buttons[kind] = button, what
            self.export.add(button)

    def _bar(self, name: str, end: str, what: str) -> JobProgressBar:
        bar = JobProgressBar("")
        bar.setAccessibleName(name)
        bar.cancel.setAccessibleName(f"Cancel: {name}")
        bar.cancel.setToolTip(end)
        bar.cancelled.connect(lambda: self.cancel_asked.emit(what))
        bar.hide()
        return bar

    def _restyle(self) -> None:
        self.editor.setFont(theme().font(12))
        self.editor.setFixedHeight(EDITOR_LINES * theme().metrics(12).lineSpacing() + theme().px(16))

    # ---- showing ----

    def show(self, config: ClipConfig, dataset: str, here: Sequence[str], asking: bool, getting: bool, loading: bool,
             offer: Offer | None) -> None:
        """These settings and what is known of sources. here: published weights in the cache."""
        self.config = config
        for name, row in self.rows.items():
            if row.value() != getattr(config, name):
                row.set_value(getattr(config, name))
        text = config.templates or "\n".join(default_templates(dataset))
        if text != self.editor.toPlainText() and not self._typing.isActive():
            self.editor.blockSignals(True)
            self.editor.setPlainText(text)
            self.editor.blockSignals(False)
            self._show_error("")
        self.reset.setVisible(bool(config.templates))
        self._show_sources(config, here)
        self._show_download(asking, getting, loading, offer)

    def _show_sources(self, config: ClipConfig, here: Sequence[str]) -> None:
        labels = [(IN_DOMAIN, "In-domain (ships)"),
                  *((one.source, source_label(one, one.source in here)) for one in GENERAL)]
        if config.source not in dict(labels):
            architecture, path = file_of(config.source)
            labels.append((config.source, f"{path.name}, {architecture}"))
        labels.append((FILE, "A file of weights…"))
        if labels != self._labels:
            self._labels = labels
            self.source.set_choices(labels)
        if self._pending is not None and (self._pending.source in here or config.source == self._pending.source):
            self._pending = None
        self.source.set_value(self._pending.source if self._pending is not None else config.source)
        if self.architecture.value() != config.architecture and config.architecture in FILE_ARCHITECTURES:
            self.architecture.set_value(config.architecture)

    def _show_download(self, asking: bool, getting: bool, loading: bool, offer: Offer | None) -> None:
        pending = self._pending
        shown = pending or general(self.config.source)
        if shown is not None:
            speed = f"{shown.about_per_second:.1g} pictures a second"
            self.about.setText(f"{shown.parameters:.0f} million parameters; about {speed} on two cores. Zero-shot as "
                               f"published: MNIST {shown.mnist:.0f}{THIN}%, CIFAR-10 {shown.cifar10:.0f}{THIN}%.")
        elif self.config.source == IN_DOMAIN:
            self.about.setText("Learned digits and clothes from MNIST and Fashion-MNIST, and nothing else.")
        else:
            self.about.setText("Your own weights; nothing is known of how well they read these pictures.")
        self.get_row.setVisible(pending is not None and offer is None and not getting)
        self.get.setEnabled(not asking)
        self.get.setText("Asking…" if asking else
                         f"Download {size_words(pending.about_bytes)}…" if pending is not None else "Download…")
        self.offer.setVisible(offer is not None and not getting)
        self.offer_row.setVisible(offer is not None and not getting)
        if offer is not None:
            left = offer.bytes - offer.have
            kept = f"{size_words(offer.have)} of it are here already. " if offer.have else ""
            self.offer.setText(f"{offer.known.source}: {size_words(offer.bytes)}. {kept}Kept in {offer.folder.parent}, "
                               f"where {size_words(offer.free)} are free.")
            self.agree.setText(f"Download {size_words(left)}")
        if getting and self.progress.isHidden():
            self.progress.start()
        elif not getting:
            self.progress.finish()
        self.loading.setText("Loading…" if loading else "Not on this computer; scores still come from "
                             f"{'the in-domain CLIP' if self.config.source == IN_DOMAIN else 'the one before'}."
                             if pending is not None else "")
        self.loading.setVisible(bool(self.loading.text()))
        self.file_row.setVisible(self._file_wanted or (self.config.source != IN_DOMAIN
                                                       and general(self.config.source) is None and pending is None))
        self.model.set_state_text(dict(self._labels).get(self.config.source, ""))

    _file_wanted = False

    def show_measuring(self, scoring: bool, following: bool, words: str, why_not: str, exportable: bool) -> None:
        """Progress while something is measured, else the button. why_not: why it is switched off."""
        for busy, bar in ((scoring, self.bar), (following, self.course_bar)):
            if busy and bar.property("busy") is not True:
                bar.start()
            elif not busy:
                bar.finish()
            bar.setProperty("busy", busy)
        self.measure.setVisible(not scoring)
        self.measure.setEnabled(not why_not)
        self.measure.setToolTip(why_not or "Draw the pictures in the background and score each. It can be cancelled; "
                                "the result is kept with the run.")
        self.state.setText(words)
        self.state.setVisible(bool(words))
        self.measuring.set_state_text("" if scoring else words)
        for kind, (button, what) in self.buttons.items():
            able = exportable or kind == "png"
            button.setEnabled(able)
            button.setToolTip(what if able else "There is nothing to save before it was scored.")

    def show_unknown(self, words: Sequence[str]) -> None:
        """Words of the prompts that the in-domain CLIP never learned."""
        self.unknown.setText(f"The in-domain CLIP never learned: {', '.join(words)}." if words else "")
        self.unknown.setVisible(bool(words))

    # ---- hands ----

    def _choose(self, source: str) -> None:
        if source == FILE:
            self.source.set_value(self.config.source)
            self._show_file_row()
            return
        self._file_wanted = False
        self.offer_dropped.emit()
        known = general(source)
        here = known is None or dict(self._labels)[source] == source_label(known, True)
        self._pending = None if here else known
        if here:
            self.source_asked.emit(source)
        else:
            self.config_changed.emit(self.config)  # nothing changes but what is offered

    def _show_file_row(self) -> None:
        self._file_wanted = True
        self.file_row.show()
        self.file.setFocus()

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self.file, "Choose CLIP weights", str(Path.home()),
                                                "Weights (*.safetensors *.bin *.pt *.pth);;All files (*)")
        if chosen:
            self._pending = None
            self.source_asked.emit(f"{self.architecture.value()}@{chosen}")

    def _ask(self) -> None:
        if self._pending is not None:
            self.offer_asked.emit(self._pending)

    def _on_typed(self) -> None:
        self._show_error(self._fault())
        self._typing.start()

    def _fault(self) -> str:
        try:
            parse_templates(self.editor.toPlainText())
        except BadSetting as error:
            return error.headline
        return ""

    def _show_error(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))

    def _apply_templates(self) -> None:
        if not self._fault():
            self._set("templates", "\n".join(parse_templates(self.editor.toPlainText())))

    def _set(self, name: str, value: Any) -> None:
        self.config_changed.emit(parse(ClipConfig, {**self.config.model_dump(), name: value}))

    def cost(self, count: int) -> str:
        """What scoring takes."""
        return f"{number(count)} pictures and as many real ones."


def _group(*widgets: QWidget) -> QWidget:
    """Widgets one below the other that come and go together."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for widget in widgets:
        column.addWidget(widget)
    holder.hide()
    return holder
