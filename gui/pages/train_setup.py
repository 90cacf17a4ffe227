"""The Setup dock of the Train page: what may be changed of the open run, what is fixed, and the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.config import RunConfig, find_setting
from engine.data.catalogue import dataset_names, dataset_title
from engine.errors import BadSetting
from engine.presets import load_preset, preset_names, preset_why
from engine.settings import Setting, describe, number
from gui.pages.train_words import FixedFact, fixed_facts
from gui.session import Session
from gui.theme import theme, tip
from gui.training import CONTINUE_STEPS
from gui.widgets.buttons import Link, OutlineButton
from gui.widgets.fields import Choice, FixedRow, NumberField, SettingRow, TextField, choice_label, value_text
from gui.widgets.labels import Text
from gui.widgets.section import Section
from gui.widgets.setting_words import setting_fault
from gui.words import preset_title

LIVE = ("num_steps", "snapshots", "sample_seconds", "learning_rate")
FIRST_TRAINING = ("num_steps", "learning_rate", "batch_size", "snapshots", "sample_seconds", "seed")
TOPICS = {"num_steps": "stop-at", "learning_rate": "learning-rate", "warmup_steps": "learning-rate",
          "decay_share": "learning-rate", "batch_size": "batch", "snapshots": "snapshots",
          "autosave_seconds": "snapshots", "sample_seconds": "samples", "seed": "training-seed",
          "ema_power": "ema", "precision": "precision",
          "optimiser": "optimiser", "muon_factor": "optimiser", "beta1": "optimiser", "beta2": "optimiser",
          "weight_decay": "optimiser", "gradient_clip": "optimiser", "parameterisation": "predicts",
          "schedule": "training-noise", "num_timesteps": "training-noise", "noise_levels": "training-noise",
          "log_sigma_mean": "training-noise", "log_sigma_std": "training-noise",
          "uniform_share": "training-noise", "stratified": "training-noise", "weighting": "loss",
          "zero_terminal_snr": "training-noise", "label_drop": "conditioning", "conditioning": "conditioning",
          "class_embedding": "conditioning", "dataset": "training-data"}
# Values that need other words than the engine's, or that the engine lists elsewhere.
CHOICES: dict[str, Callable[[], list[tuple[Any, str]]]] = {
    "dataset": lambda: [(name, dataset_title(name)) for name in dataset_names()],
    "stem": lambda: [(2, "2 × 2 patches"), (1, "Single pixels")]}
NETWORK = "network"  # topic of all other settings of the model
MORE = Setting("", "continue_steps", "Continue by", "How many steps to train past the planned end.", "steps",
               CONTINUE_STEPS, 1, 1_000_000, 100.0, (), int, live=True)


class Lock(QWidget):
    """The lock at the right of a section that is fixed for this run."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(words)
        self.setToolTip(tip(words))
        theme().changed.connect(self._theme_changed)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(16), theme().px(24))

    def paintEvent(self, _: QPaintEvent) -> None:
        side = theme().px(16)
        QPainter(self).drawPixmap(QPointF(0, (self.height() - side) / 2), theme().pixmap("lock", "text2", side))

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()


class RunSection(Section):
    """What may be changed of the open run now: boxes while it trains here, plain text otherwise."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("Run", parent=parent)
        self._session = session
        self._shown_for: tuple[Any, ...] = ()
        self.rows: dict[str, SettingRow] = {}
        self.texts: dict[str, FixedRow] = {}
        for name in LIVE:
            setting = find_setting(name, "training")
            row, text = SettingRow(setting), FixedRow(setting.label, "", tooltip=setting.tooltip())
            for widget in (row, text, row.editor):
                widget.setProperty("explain", TOPICS[name])
            row.committed.connect(self._commit)
            self.rows[name], self.texts[name] = row, text
            self.body.addWidget(text)
            self.body.addWidget(row)
        end = self.rows["num_steps"]
        assert isinstance(end.editor, NumberField)
        end.editor.set_check(lambda typed: setting_fault(end.setting, typed) or session.end_fault(int(typed)))
        self.more = SettingRow(MORE)
        self.go_on = OutlineButton("Continue")
        self.go_on.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.go_on.setToolTip("Train on past the planned end: the learning rate warms up again to half its peak "
                              "and falls over the last steps.")
        for part in (self.more, self.more.editor, self.go_on):
            part.setProperty("explain", "stop-at")
        self.body.addWidget(self.more)
        self.body.addWidget(self.go_on)
        self.go_on.clicked.connect(self._continue)

    def refresh(self) -> None:
        """Boxes or text, and the values of the open run."""
        session = self._session
        run = session.run
        if run is None:
            return
        training = session.training_settings
        open_end = not session.can_continue() and run.info.num_steps <= run.info.step
        now = (run.info.id, session.training, session.num_steps, open_end, training)
        if now == self._shown_for:
            return
        self._shown_for = now
        for name in LIVE:
            at_rest = name == "num_steps" and not session.training
            value = session.num_steps if at_rest else getattr(training, name)
            self.rows[name].setVisible(session.training)
            self.texts[name].setVisible(not session.training)
            self.texts[name].set_value(value_text(self.rows[name].setting, value))
            self.rows[name].set_value(value)
        for widget in (self.more, self.go_on):
            widget.setVisible(open_end)
        self.set_state_text(f"{number(session.num_steps)} steps")

    def _commit(self, name: str, value: Any) -> None:
        self._session.change_by_hand(**{name: value})

    def _continue(self) -> None:
        editor = self.more.editor
        if isinstance(editor, NumberField) and editor.commit():
            self._session.continue_training(int(editor.value()))


class FixedSection(Section):
    """What was decided when the run began, as plain text under one lock."""

    duplicate = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Fixed for this run", tail=Lock(
            "Fixed for this run: its snapshots, losses and resume points belong to these settings. "
            "Duplicate it to change them."), parent=parent)
        self.setProperty("explain", "train")
        self.rows: dict[str, FixedRow] = {}
        self.body.setSpacing(2)
        self.button = OutlineButton("Duplicate with changes…")
        self.button.setToolTip("Take these settings over into a new run, where each of them can be changed. "
                               "This run stays as it is.")
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.clicked.connect(self.duplicate)
        self.body.addSpacing(8)
        self.body.addWidget(self.button)

    def show_facts(self, facts: list[FixedFact]) -> None:
        """One row a fact, made once."""
        for place, fact in enumerate(facts):
            row = self.rows.get(fact.label)
            if row is None:
                row = self.rows[fact.label] = FixedRow(fact.label, fact.value, tooltip=fact.help)
                row.setProperty("explain", fact.topic)
                self.body.insertWidget(place, row)
            row.set_value(fact.value)
        self.set_state_text(facts[0].value if facts else "")


class DraftSection(Section):
    """Some settings of the next run. A right value changes the draft, a wrong one says what would be right."""

    def __init__(self, title: str, settings: list[Setting], session: Session, folded: bool = False,
                 parent: QWidget | None = None) -> None:
        super().__init__(title, folded, parent=parent)
        self._session = session
        self.rows: dict[str, SettingRow] = {}
        for setting in settings:
            row = SettingRow(setting, choices=CHOICES[setting.name]() if setting.name in CHOICES else ())
            if setting.name == "attention_levels" and isinstance(row.editor, TextField):
                row.editor.setPlaceholderText("none")
            topic = TOPICS.get(setting.name, NETWORK)
            for widget in (row, row.editor):
                widget.setProperty("explain", topic)
            row.committed.connect(lambda _, value, at=row: self._commit(at, value))
            self.rows[setting.name] = row
            self.body.addWidget(row)

    def refresh(self, draft: RunConfig) -> None:
        """The values of the draft."""
        for row in self.rows.values():
            value = getattr(getattr(draft, row.setting.group), row.setting.name)
            if row.setting.name == "dataset" and isinstance(row.editor, Choice):
                offered = CHOICES["dataset"]()  # sets are downloaded, imported and removed meanwhile
                known = [name for name, _ in offered]
                row.editor.set_choices(offered if value in known else [*offered, (value, dataset_title(value))])
            if row.value() != value:
                row.set_value(value)
            row.show_error("")

    def _commit(self, row: SettingRow, value: Any) -> None:
        setting = row.setting
        try:
            draft = self._session.draft.changed(**{setting.group: {setting.name: value}})
        except BadSetting as error:
            row.show_error(error.headline)
            return
        row.show_error("")
        self._session.edit_draft(draft)


class DraftSections:
    """All settings of the next run in foldable sections; "New run" says where they come from."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.head = Section("New run")
        self.preset = FixedRow("Preset", "", tooltip="The named settings this run starts from; chosen in the bar "
                               "on top.")
        self.preset.setProperty("explain", "presets")
        self.note = Text("", 12, 400, "muted", wrap=True)
        self.reset = Link("Back to the preset’s values")
        self.reset.setToolTip("Put every setting back to what the preset says.")
        self.back = Link("Back to the open run")
        self.back.setToolTip("Show the settings of the open run. The draft is kept.")
        self.why = Text("", 12, 400, "text2", wrap=True)
        self.head.add(self.preset, self.why, self.note)
        for link in (self.reset, self.back):
            link.setProperty("explain", "presets")
            self.head.body.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        known = list(describe(RunConfig))
        training = [s for s in known if s.group == "training"]
        first = [next(s for s in training if s.name == name) for name in FIRST_TRAINING]
        rest = [s for s in training if s.name not in FIRST_TRAINING]
        self.training = DraftSection("Training", first, session)
        self.model = DraftSection("Model", [s for s in known if s.group in ("data", "model")], session)
        self.data_sets = Link("More data sets…")
        self.data_sets.setToolTip("Download others, or import pictures of your own.")
        self.data_sets.setProperty("explain", "data-sets")
        self.data_sets.clicked.connect(session.data_sets_asked)
        self.model.body.insertWidget(1, self.data_sets, 0, Qt.AlignmentFlag.AlignLeft)
        self.diffusion = DraftSection("Diffusion", [s for s in known if s.group == "diffusion"], session)
        self.optimiser = DraftSection("Optimiser and saving", rest, session, folded=True)
        self.groups = [self.training, self.model, self.diffusion, self.optimiser]
        self.reset.clicked.connect(self._reset)

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.head, *self.groups]

    def row(self, group: str, name: str) -> SettingRow:
        """The row of a setting; KeyError if there is none."""
        for section in self.groups:
            row = section.rows.get(name)
            if row is not None and row.setting.group == group:
                return row
        raise KeyError(f"{group}.{name}")

    def refresh(self) -> None:
        """The draft's values."""
        session, draft = self._session, self._session.draft
        changed = self._changed(draft)
        self.preset.set_value(preset_title(draft.preset) + (", changed" if changed else ""))
        self.why.setText(preset_why(draft.preset))
        self.why.setVisible(bool(self.why.text()))
        self.reset.setVisible(changed)
        run = session.run
        self.back.setVisible(run is not None)
        if run is not None:
            self.back.setText(f"Back to {run.name}")
        self.note.setText("Train starts it once the present run has ended." if session.training else
                          "Train starts it from random weights.")
        for section in self.groups:
            section.refresh(draft)
        model, diffusion, training = draft.model, draft.diffusion, draft.training
        self.head.set_state_text(preset_title(draft.preset))
        self.training.set_state_text(f"{number(training.num_steps)} steps")
        self.model.set_state_text("U-Net " + ", ".join(map(str, model.widths)))
        self.diffusion.set_state_text(f"{choice_label(diffusion.parameterisation)}, T "
                                      f"{number(diffusion.num_timesteps)}")
        self.optimiser.set_state_text(f"{choice_label(training.optimiser)}, EMA power {number(training.ema_power)}")

    def _changed(self, draft: RunConfig) -> bool:
        if draft.preset not in preset_names():
            return False
        return draft != load_preset(draft.preset)

    def _reset(self) -> None:
        self._session.edit_draft(load_preset(self._session.draft.preset))


def facts_of(session: Session) -> list[FixedFact]:
    """The fixed rows of the open run; none without one."""
    return fixed_facts(session.run.info) if session.run is not None else []

