"""Which picture the Forward page noises: a test image by class and number, or a file of the user's."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from engine.data.catalogue import Dataset, load_test_half
from engine.data.picture import load_picture
from engine.diffusion.forward_view import images_of_class
from engine.errors import DiffuscopeError
from engine.settings import number
from gui.coordinates import ImageChoice
from gui.session import Notice, Session
from gui.theme import theme, tip
from gui.widgets.buttons import IconButton, Link, OutlineButton
from gui.widgets.fields import NumberField
from gui.widgets.labels import Text
from gui.widgets.picture_grid import PictureGrid
from gui.widgets.section import Section

ROWS = COLUMNS = 4
PAGE = ROWS * COLUMNS
LABEL = 56  # px of a label's column; the numbers behind the fields need the rest
POLL_MS = 15
FILES = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.gif);;All files (*)"

# Digits read better as words: "of 974 eights".
DIGITS = dict(zip("0123456789", ("zeros", "ones", "twos", "threes", "fours", "fives", "sixes", "sevens", "eights",
                                 "nines"), strict=True))

_read: dict[str, Dataset] = {}  # data sets that are there at once


class DataSetReader(QObject):
    """Reads a data set beside the window: unpacking takes longer than a frame may."""

    arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.error: DiffuscopeError | None = None
        self._name = ""
        self._answers: SimpleQueue[tuple[str, Dataset | DiffuscopeError]] = SimpleQueue()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def ask(self, name: str) -> None:
        """Have this data set; at once if it was read before, else `arrived` tells."""
        if name == self._name and (self.dataset or self._timer.isActive()):
            return
        self._name, self.error = name, None
        self.dataset = _read.get(name)
        if self.dataset is not None:
            self.arrived.emit()
            return
        answers = self._answers

        def work() -> None:
            try:
                answers.put((name, load_test_half(name)))
            except DiffuscopeError as error:
                answers.put((name, error))
            except Exception as error:  # whatever it is, the page must not wait for ever
                answers.put((name, DiffuscopeError(f"The data set cannot be read: {error}.")))

        threading.Thread(target=work, name="data set", daemon=True).start()
        self._timer.start()

    def forget(self) -> None:
        """Sets may be others now, or gone: what was read of them counts no more."""
        _read.clear()
        self._timer.stop()
        self._answers = SimpleQueue()  # what is still being read is of before
        self._name, self.dataset, self.error = "", None, None

    def _poll(self) -> None:
        try:
            name, answer = self._answers.get_nowait()
        except Empty:
            return
        if isinstance(answer, Dataset):
            _read[name] = answer
        if name != self._name:
            return
        self._timer.stop()
        if isinstance(answer, Dataset):
            self.dataset = answer
        else:
            self.error = answer
        self.arrived.emit()


class Picker(PictureGrid):
    """The grid of images; Page up and down, arrows past an edge and the wheel (when focused) turn its pages."""

    turned = Signal(int)  # so many images on

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.index()
        way = {Qt.Key.Key_PageDown: PAGE, Qt.Key.Key_PageUp: -PAGE}.get(Qt.Key(event.key()))
        over = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -COLUMNS,
                Qt.Key.Key_Down: COLUMNS}.get(Qt.Key(event.key()), 0)
        if way is None and index >= 0 and over and not 0 <= index + over < PAGE:
            way = over
        if way is None:
            super().keyPressEvent(event)
        else:
            self.turned.emit(way)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y()
        if not self.hasFocus() or not turned:
            event.ignore()  # scrolling the dock must not change the image on the way
            return
        self.turned.emit(-PAGE if turned > 0 else PAGE)
        event.accept()


class ImageChooser(QObject):
    """Owns the choice and the section of the Setup dock that makes it. `pixels` is uint8 (C, H, W) or None."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.reader = DataSetReader(self)
        kept = session.image
        self.choice = kept if kept and kept.class_label == session.class_label else ImageChoice(session.class_label, 1)
        self.pixels: NDArray[np.uint8] | None = None
        self._numbers = {self.choice.class_label: self.choice.number}  # the last one looked at of each class
        self._files: dict[str, NDArray[np.uint8]] = {}
        self._places: dict[int, NDArray[np.int64]] = {}
        self._chance = np.random.default_rng()
        self._build()
        self.reader.arrived.connect(self._on_data)
        session.class_changed.connect(self._on_class)
        session.restored.connect(self._on_restored)
        session.data_sets_changed.connect(self._on_data_sets)

    def _build(self) -> None:
        self.dice = IconButton("dice", "Shuffle: another image of this class, drawn by chance.")
        self.section = Section("Image", tail=self.dice)
        self.number = NumberField(1, 1, name="Number")
        self.number.setToolTip("Number\nWhich of the test images of this class is noised. None of them was used "
                               "in training.")
        self.total = Text("", 13, 400, "muted", elide=True)
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 2)
        line.setSpacing(8)
        self._label = Text("Number", 13, 400, "text2")
        self._label.setBuddy(self.number)
        line.addWidget(self._label)
        line.addWidget(self.number)
        line.addWidget(self.total, 1)
        self.picker = Picker("Test images", ROWS, COLUMNS, 2)
        self.picker.setToolTip(tip("Click an image to noise it. Arrow keys move, Page up and Page down turn to "
                                   "the next 16."))
        self.open = OutlineButton("Open picture…", "picture")
        self.open.setToolTip("Noise a picture of your own: PNG, JPEG, WebP, BMP or GIF. It is scaled to the size "
                             "the model knows; dark on light is turned round.")
        self.hint = Text("", 12, 400, "muted", wrap=True)
        self.back = Link("Back to the test images", "undo")
        self.back.setToolTip("Noise a test image again instead of your own picture.")
        buttons = QWidget()
        row_of_buttons = QHBoxLayout(buttons)
        row_of_buttons.setContentsMargins(0, 5, 0, 0)
        row_of_buttons.addWidget(self.open)
        row_of_buttons.addStretch(1)
        self.section.add(row, self.picker, buttons, self.hint, self.back)
        self.section.body.setAlignment(self.back, Qt.AlignmentFlag.AlignLeft)
        for widget in (self.dice, self.number, self.picker, self.open, self.back):
            widget.setProperty("explain", "image")
        self.dice.clicked.connect(self.shuffle)
        self.number.committed.connect(lambda n: self.choose(ImageChoice(self.choice.class_label, int(n))))
        self.picker.selected.connect(self._picked)
        self.picker.turned.connect(self._turned)
        self.open.clicked.connect(self.ask_for_file)
        self.back.clicked.connect(lambda: self.choose(ImageChoice(self.choice.class_label, self.choice.number)))
        theme().changed.connect(self._restyle)
        self._restyle()
        self._show()

    # ---- what is chosen ----

    @property
    def dataset(self) -> Dataset | None:
        """The data set, once it is read."""
        return self.reader.dataset

    def key(self) -> tuple[object, ...]:
        """Tells one picture from another."""
        dataset = self.dataset
        return (self.choice.file or (dataset.name if dataset else ""),
                *((self.choice.class_label, self.choice.number) if not self.choice.file else ()))

    def words(self) -> str:
        """The picture in a few words, for captions and file names."""
        if self.choice.file:
            return Path(self.choice.file).name
        return f"{self._class_name()}, number {number(self.choice.number)}"

    def refresh(self) -> None:
        """Read the data set of the open run, if that is not done."""
        run = self.session.run
        config = run.info.config if run else self.session.draft
        self.reader.ask(config.data.dataset)

    def choose(self, choice: ImageChoice, *, by_hand: bool = True) -> None:
        """Take another picture; a number beyond the class's images becomes the last one."""
        count = self._count(choice.class_label)
        if count:
            choice = ImageChoice(choice.class_label, min(max(1, choice.number), count), choice.file)
        if choice.file and self._load_file(choice.file) is None:
            return
        before, self.choice = self.choice, choice
        self.session.image = choice
        self._numbers[choice.class_label] = choice.number
        self._take()
        if by_hand and before != choice:
            self.session.edited.emit("image", before, choice)

    def shuffle(self) -> None:
        """Another image of this class by chance."""
        count = self._count(self.choice.class_label)
        if count > 1:
            other = 1 + int(self._chance.integers(count - 1))
            self.choose(ImageChoice(self.choice.class_label, other + (other >= self.choice.number)))

    def ask_for_file(self) -> None:
        """Let the user pick a picture file."""
        chosen, _ = QFileDialog.getOpenFileName(self.section.window(), "Open picture", "", FILES)
        if chosen:
            self.open_file(chosen)

    def open_file(self, path: str | Path) -> bool:
        """Noise a picture file; whether it could be read. A bad one is told in a banner and changes nothing."""
        path = str(path)
        self._files.pop(path, None)  # it may have changed on the disk
        if self._load_file(path) is None:
            return False
        self.choose(ImageChoice(self.choice.class_label, self.choice.number, path))
        return True

    def _load_file(self, path: str) -> NDArray[np.uint8] | None:
        if path not in self._files:
            channels, size, _ = self._shape()
            try:
                self._files[path] = load_picture(Path(path), size, channels)
            except DiffuscopeError as error:
                self.session.message.emit(Notice("picture", "error", error.headline, error.advice))
                return None
            while len(self._files) > 16:
                del self._files[next(iter(self._files))]
        self.session.message_cleared.emit("picture")
        return self._files[path]

    # ---- inside ----

    def _shape(self) -> tuple[int, int, int]:
        return self.dataset.shape if self.dataset else self.session.image_shape

    def _class_name(self) -> str:
        names = self.dataset.class_names if self.dataset else self.session.class_names
        label = self.choice.class_label
        return names[label] if label < len(names) else str(label)

    def _places_of(self, class_label: int) -> NDArray[np.int64]:
        dataset = self.dataset
        if dataset is None:
            return np.zeros(0, dtype=np.int64)
        if class_label not in self._places:
            self._places[class_label] = images_of_class(dataset.test_labels, class_label)
        return self._places[class_label]

    def _count(self, class_label: int) -> int:
        return len(self._places_of(class_label))

    def _take(self) -> None:
        choice, dataset = self.choice, self.dataset
        if choice.file:
            self.pixels = self._files.get(choice.file)
        elif dataset is not None and 0 < choice.number <= self._count(choice.class_label):
            self.pixels = dataset.test_images[self._places_of(choice.class_label)[choice.number - 1]]
        else:
            self.pixels = None
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        choice = self.choice
        count = self._count(choice.class_label)
        self.number.set_range(1, max(1, count))
        self.number.set_value(choice.number)
        self.number.setEnabled(count > 0)
        self.dice.setEnabled(count > 1)
        self.total.setText(f"of {number(count)} {DIGITS.get(self._class_name(), self._class_name())}" if count else "")
        first = (choice.number - 1) // PAGE * PAGE
        shown = self._places_of(choice.class_label)[first:first + PAGE]
        if self.dataset is not None:
            self.picker.set_images(list(self.dataset.test_images[shown]),
                                   [f"{self._class_name()}, number {first + i + 1}" for i in range(len(shown))])
        self.picker.set_index(-1 if choice.file else choice.number - 1 - first)
        _, size, width = self._shape()
        scaled = f"{width} × {size}"
        self.hint.setText(f"{Path(choice.file).name}, scaled to {scaled}." if choice.file
                          else f"or drop one here; it is scaled to {scaled}.")
        self.back.setVisible(bool(choice.file))
        self.section.set_state_text(Path(choice.file).name if choice.file
                                    else f"{self._class_name()}, {number(choice.number)}")

    def _restyle(self) -> None:
        self._label.setFixedWidth(theme().px(LABEL))
        self.number.setFixedWidth(theme().px(60))

    def _picked(self, index: int) -> None:
        first = (self.choice.number - 1) // PAGE * PAGE
        self.choose(ImageChoice(self.choice.class_label, first + index + 1))

    def _turned(self, way: int) -> None:
        self.choose(ImageChoice(self.choice.class_label, self.choice.number + way))

    def _on_data(self) -> None:
        self._places.clear()
        if self.reader.error is not None:
            error = self.reader.error
            self.session.message.emit(Notice("data", "error", error.headline, error.advice))
        self._files.clear() if self.choice.file and self.choice.file not in self._files else None
        self.choose(self.choice, by_hand=False)

    def _on_data_sets(self) -> None:
        self.reader.forget()
        self.pixels = None
        self.refresh()

    def _on_class(self, class_label: int) -> None:
        self.choose(ImageChoice(class_label, self._numbers.get(class_label, 1)), by_hand=False)

    def _on_restored(self, name: str, value: object) -> None:
        if name == "image" and isinstance(value, ImageChoice):
            self.choose(value, by_hand=False)
