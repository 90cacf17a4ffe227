"""A small dialog that writes a picture that moves: what, format, size, speed; then progress, and where it lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.errors import BadSetting, DiffuscopeError
from engine.export.animation import CAPTION, SUFFIXES, Animation, check_format
from engine.export.animation_config import AnimationConfig
from engine.settings import describe, number
from gui.theme import theme
from gui.widgets.buttons import Link, PlainButton, PrimaryButton
from gui.widgets.fields import SettingRow
from gui.widgets.labels import Text
from gui.widgets.picture_values import Uint8, draw_aligned, to_image, to_pixmap
from gui.widgets.progress import JobProgressBar
from gui.widgets.segmented import Segmented

SETTINGS = {setting.name: setting for setting in describe(AnimationConfig)}
FORMATS = [("gif", "GIF"), ("apng", "APNG"), ("webp", "WebP"), ("mp4", "MP4")]
LABEL = 68
PREVIEW_FPS_MOST = 24  # the preview leaves frames out rather than load the window
WIDE, TALL = 380, 120  # px of the preview


@dataclass(frozen=True)
class Take:
    """Something that can be exported. make() gives frames and captions; name is of the file, without ending."""

    label: str
    name: str
    make: Callable[[], tuple[list[Uint8], list[str]]]
    facts: dict[str, str]


class _Preview(QWidget):
    """The frames as they will follow each other, at the largest whole factor that fits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frames: list[Uint8] = []
        self._at = 0.0
        self._fps = 12.0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._advance)
        self.setAccessibleName("Preview")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_frames(self, frames: list[Uint8]) -> None:
        """Show these from the beginning."""
        self._frames, self._at = frames, 0.0
        self.update()

    def play(self, fps: float) -> None:
        """Go on at this speed."""
        self._fps = fps
        self._timer.start(round(1000 / min(fps, PREVIEW_FPS_MOST)))

    def stop(self) -> None:
        """Rest where it is."""
        self._timer.stop()

    def _advance(self) -> None:
        if self._frames:
            self._at = (self._at + self._fps * self._timer.interval() / 1000) % len(self._frames)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(WIDE), theme().px(TALL))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color("sunken"))
        if self._frames:
            frame = self._frames[int(self._at) % len(self._frames)]
            ratio, (tall, wide) = self.devicePixelRatioF(), frame.shape[:2]
            factor = min(int(self.width() * ratio / wide), int(self.height() * ratio / tall))
            if factor >= 1:
                pixmap = to_pixmap(frame, factor, ratio)
                draw_aligned(painter, (self.width() - wide * factor / ratio) / 2,
                             (self.height() - tall * factor / ratio) / 2, pixmap)
            else:  # wider than there is room for: the only place where a picture is made smaller, and it says so
                image: QImage = to_image(frame).scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
                painter.drawImage((self.width() - image.width()) // 2, (self.height() - image.height()) // 2, image)
        painter.end()


class AnimationDialog(QDialog):
    """`save_asked` carries the Animation and a path; who writes it tells `progressed`, `written` or `failed`."""

    save_asked = Signal(object, object)
    cancel_asked = Signal()
    config_changed = Signal(object)  # AnimationConfig

    def __init__(self, takes: Sequence[Take], config: AnimationConfig, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export animation")
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.config, self._takes, self._take = config, list(takes), 0
        self._made: tuple[list[Uint8], list[str]] = ([], [])
        self._path: Path | None = None
        self.writing = False
        self.preview = _Preview()
        self.takes = Segmented([(i, take.label) for i, take in enumerate(takes)], "What is exported")
        self.takes.setVisible(len(takes) > 1)
        self.takes.changed.connect(self._choose)
        self.rows = {name: SettingRow(SETTINGS[name], getattr(config, name), label_width=LABEL,
                                      choices=FORMATS if name == "format" else ()) for name in SETTINGS}
        for row in self.rows.values():
            row.committed.connect(self._set)
        self.size_words = Text("", 12, 400, "muted", wrap=True)
        self.problem = Text("", 12, 400, "error", wrap=True)
        self.problem.hide()
        self.progress = JobProgressBar("Writing")
        self.progress.cancel.setToolTip("End writing; no file is left.")
        self.progress.cancelled.connect(self.cancel_asked)
        self.progress.hide()
        self.outcome = Text("", 13, 400, "text2", wrap=True)
        self.outcome.hide()
        self.folder = Link("Show folder")
        self.folder.setToolTip("Open the folder of the file")
        self.folder.hide()
        self.folder.clicked.connect(self._show_folder)
        self.save = PrimaryButton("Save…")
        self.save.setToolTip("Choose a file and write it in the background")
        self.save.clicked.connect(self._save)
        self.close_button = PlainButton("Close")
        self.close_button.clicked.connect(self.close)
        self._lay_out()
        self.setProperty("explain", "animation")
        theme().changed.connect(self._restyle)
        self._restyle()
        self._choose(0)

    def _lay_out(self) -> None:
        end = QHBoxLayout()
        end.setSpacing(8)
        end.addWidget(self.folder)
        end.addStretch(1)
        end.addWidget(self.close_button)
        end.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setSpacing(6)
        column.addWidget(self.preview)
        column.addWidget(self.takes)
        column.addSpacing(2)
        for row in self.rows.values():
            column.addWidget(row)
        for widget in (self.size_words, self.problem, self.outcome, self.progress):
            column.addWidget(widget)
        column.addStretch(1)
        column.addLayout(end)

    def _restyle(self) -> None:
        px = theme().px
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(px(16), px(16), px(16), px(12))
        self.preview.updateGeometry()
        self.setMinimumWidth(px(WIDE + 32))

    # ---- what is set ----

    def animation(self) -> Animation:
        """What would be written. Raises BadSetting."""
        frames, captions = self._made
        config = self.config
        return Animation(frames, config.scale, config.fps, config.loop, captions if config.captions else (),
                         self._takes[self._take].facts)

    def _choose(self, index: int) -> None:
        self._take = index
        self._made = self._takes[index].make()
        self.preview.set_frames(self._made[0])
        self._show()

    def _set(self, name: str, value: Any) -> None:
        self.config = self.config.model_copy(update={name: value})
        self.config_changed.emit(self.config)
        self._show()

    def _show(self) -> None:
        """Size and length in words, or what is wrong."""
        config = self.config
        try:
            check_format(Path("file" + SUFFIXES[config.format]))
            made = self.animation()
        except BadSetting as error:
            words, problem = "", " ".join(filter(None, (error.headline, error.advice)))
        except DiffuscopeError as error:
            words, problem = "", f"{error.headline} {error.advice}"
        else:
            below = f", {CAPTION} of them the caption" if made.captions else ""
            words = (f"{number(len(made.frames))} frames, {made.seconds:.1f} s, {number(made.width)} × "
                     f"{number(made.height)} pixels{below}")
            problem = ""
        self.size_words.setText(words)
        self.size_words.setVisible(bool(words))
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.save.setEnabled(not problem and not self.writing)
        self.rows["loop"].set_enabled(config.format != "mp4", "MP4 leaves that to the player.")
        if self.isVisible():
            self.preview.play(config.fps)

    # ---- saving ----

    def _save(self) -> None:
        ending = SUFFIXES[self.config.format]
        label = dict(FORMATS)[self.config.format]
        chosen, _ = QFileDialog.getSaveFileName(self, "Export animation", self._takes[self._take].name + ending,
                                                f"{label} (*{ending})")
        if chosen:
            path = Path(chosen)
            self.save_to(path if path.suffix.lower() == ending else path.with_name(path.name + ending))

    def save_to(self, path: Path) -> None:
        """Have it written to this file."""
        self._path, self.writing = path, True
        self._say("")
        self.folder.hide()
        self.save.setEnabled(False)
        self.progress.start()
        self.save_asked.emit(self.animation(), path)

    def progressed(self, n: int, total: int) -> None:
        """So many frames are written."""
        self.progress.set(n, total, "frames")

    def written(self, words: str) -> None:
        """It is written."""
        self._ended()
        self._say(words)
        self.folder.show()

    def failed(self, words: str) -> None:
        """It is not; empty words: it was cancelled."""
        self._ended()
        self._say(words, "error" if words else "text2")

    def _ended(self) -> None:
        self.writing = False
        self.progress.finish()
        self._show()

    def _say(self, words: str, token: str = "text2") -> None:
        self.outcome.setText(words)
        self.outcome.set_token(token)
        self.outcome.setVisible(bool(words))

    def _show_folder(self) -> None:
        if self._path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._path.parent)))

    # ---- Qt ----

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.preview.play(self.config.fps)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.preview.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.writing:
            self.cancel_asked.emit()
        super().closeEvent(event)
