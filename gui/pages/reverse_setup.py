"""What may be set on the Reverse page: how a picture is drawn from the weights that are looked at."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication

from engine.cli.command import sample_arguments, sample_command
from engine.compute import Message
from engine.config import SamplingConfig, find_setting
from engine.diffusion.evaluations import idle_settings, network_evaluations
from engine.diffusion.schedules import timestep_grid
from engine.errors import BadSetting
from engine.events import TrajectoriesReady
from engine.measure.scorers import scorer_name
from engine.page_config import AVERAGE
from engine.settings import number
from gui.pages.reverse_advanced import AdvancedSampling
from gui.pages.reverse_command import CommandWell
from gui.session import Session
from gui.widgets.buttons import IconButton
from gui.widgets.fields import NARROW, FixedRow, SettingRow, SliderField, setting_fault
from gui.widgets.labels import Text
from gui.widgets.section import Section
from gui.words import capital, clock

COPIED_MS = 1500
SETTLE_MS = 100  # a new average is made of many files: asked for once the handle rests a moment
PICTURE_FILE = "picture.png"


class ReverseSetup(QObject):
    """The sections of the Setup dock, and what keeps them in step with the session."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._before_ddpm: int | None = None
        self._cost: tuple[SamplingConfig, int, float, int] | None = None  # settings, nfe, seconds, pictures
        self._make_sampling()
        self._make_weights()
        self._make_command()
        self._make_facts()
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(COPIED_MS)
        self._copied.timeout.connect(lambda: self.copy.set_icon("copy"))
        session.bridge.picture.connect(self._on_picture)

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.sampling, self.weights, self.command, self.schedule, self.training]

    # ---- making ----

    def _make_sampling(self) -> None:
        self.undo = IconButton("undo", "Reset sampling: the settings this run was saved with")
        self.undo.setProperty("explain", "sampler")
        self.undo.clicked.connect(self._reset)
        self.sampling = Section("Sampling", tail=self.undo)
        self.sampler = SettingRow(find_setting("sampler", "sampling"), label_width=NARROW)
        self.steps = SliderField(find_setting("num_steps", "sampling"))
        self.eta = SliderField(find_setting("eta", "sampling"))
        self.guidance = SliderField(find_setting("guidance_scale", "sampling"), ticks=(1.0,))
        self.clip = SettingRow(find_setting("clip_x0", "sampling"), label_width=NARROW)
        self.note = Text("", 12, 400, "muted", wrap=True)
        self.cost = Text("", 12, 400, "muted", wrap=True)
        self.cost.setToolTip("Network calls for one picture. Guidance needs two a step, except at w = 0 and w = 1.\n"
                             "The time is that of the last drawing here.")
        self.advanced = AdvancedSampling(self.session, self._set)
        self.sampling.add(self.sampler, self.steps, self.note, self.eta, self.guidance, self.clip, self.cost)
        self.sampling.body.addSpacing(6)
        self.sampling.add(self.advanced.section)
        self.steps.box.set_check(self._steps_fault)
        self.eta.slider.setAccessibleName("η, fresh noise")
        self.eta.box.setAccessibleName("η, fresh noise")
        for row, topic in ((self.sampler, "sampler"), (self.steps, "steps"), (self.eta, "eta"),
                           (self.guidance, "guidance"), (self.clip, "clip-x0"), (self.cost, "steps")):
            row.setProperty("explain", topic)
        for row in (self.steps, self.eta, self.guidance):
            row.moved.connect(self._set)
            row.committed.connect(self._set)
        self.clip.committed.connect(self._set)
        self.sampler.committed.connect(lambda _, name: self._set_sampler(name))

    def _make_weights(self) -> None:
        self.weights = Section("Weights")
        self.snapshot = FixedRow("Snapshot", "", NARROW, "The saved weights the picture is drawn from.\n"
                                 "Set by the training step slider below.")
        self.average = FixedRow("Average", "", NARROW, "Snapshots hold averaged weights (EMA): they draw cleaner "
                                "pictures than those of a single step.")
        self.width = SliderField(AVERAGE, low_first=True)
        self.width.slider.setAccessibleName("Average over the last percent of training")
        self.width.box.setAccessibleName("Average over the last percent of training")
        self.width_note = Text("", 12, 400, "muted", wrap=True)
        self.weights.add(self.snapshot, self.average, self.width, self.width_note)
        self.weights.setProperty("explain", "snapshots")
        self.average.setProperty("explain", "ema")
        for row in (self.width, self.width_note):
            row.setProperty("explain", "average")
            row.hide()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(lambda: self._set_average(self.width.value()))
        self.width.moved.connect(self._average_moved)
        self.width.committed.connect(lambda _, percent: self._set_average(percent))

    def _make_command(self) -> None:
        self.copy = IconButton("copy", "Copy the command: it draws this picture again, finished, into a file")
        self.copy.clicked.connect(self._copy)
        self.command = Section("Same picture by command", tail=self.copy)
        self.well = CommandWell()
        self.well.clicked.connect(self._copy)
        self.command.add(self.well)
        self.command.setProperty("explain", "same-picture")

    def _make_facts(self) -> None:
        self.schedule = Section("Noise schedule", folded=True)
        self.schedule.setProperty("explain", "schedule")
        self.schedule_rows = {name: FixedRow(name, "") for name in ("Schedule", "Steps T", "Signal at T")}
        self.schedule.add(*self.schedule_rows.values())
        self.training = Section("Training", folded=True)
        self.training.setProperty("explain", "training-step")
        self.training_rows = {name: FixedRow(name, "") for name in ("State", "Steps", "Images", "Time")}
        self.training.add(*self.training_rows.values())

    # ---- showing ----

    def show_sampling(self) -> None:
        """The session's sampling settings."""
        sampling = self.session.sampling
        for row, value in ((self.sampler, sampling.sampler), (self.steps, sampling.num_steps),
                           (self.eta, sampling.eta), (self.guidance, sampling.guidance_scale),
                           (self.clip, sampling.clip_x0)):
            if row.value() != value:
                row.set_value(value)
            row.show_error("")
        run = self.session.run
        idle = idle_settings(sampling, run.schedule() if run else self.session.schedule)
        self.eta.set_enabled("eta" not in idle, idle.get("eta", ""))
        self.advanced.show()
        total = run.info.config.diffusion.num_timesteps if run else 0
        ddpm = sampling.sampler == "ddpm"
        notes = [f"DDPM walks all {number(total)} steps." if sampling.num_steps == total else
                 f"DDPM on {number(sampling.num_steps)} of {number(total)} steps."] if ddpm else []
        if sampling.clips:
            notes.append(f"{capital(scorer_name(sampling.clip_model))} guides by {sampling.clip_guidance}: page CLIP.")
        self.note.setText("\n".join(notes))
        self.note.setVisible(bool(notes))
        why = idle.get("guidance_scale", "") if sampling.clip_guidance != "off" else ""
        self.guidance.set_enabled(not why, why)
        self.undo.setEnabled(run is not None and run.info.config.sampling != sampling)
        self.show_cost()
        self.show_command()

    def show_cost(self) -> None:
        """Network calls and, once something was drawn with these settings, the time they took."""
        sampling, known = self.session.sampling, self._cost
        run = self.session.run
        calls = network_evaluations(sampling, run.schedule() if run else self.session.schedule)
        words = f"{number(calls)} network call{'s' if calls != 1 else ''}"
        if known is not None and known[0] == sampling:
            pictures = "" if known[3] == 1 else f" for {known[3]} pictures"
            words += f", {_duration(known[2])}{pictures} here"
        elif self.session.drawing():
            words += ", measuring"
        elif self.session.trajectory() is not None:
            words += "; came with the run"
        self.cost.setText(words)

    def show_weights(self) -> None:
        """Which snapshot, and how its weights were averaged."""
        session, run = self.session, self.session.run
        last = bool(session.snapshots) and session.step == session.snapshots[-1]
        if not session.snapshots:
            words = "none yet"
        else:
            words = f"step {number(session.step)}" + (", the last" if last else "")
        self.snapshot.set_value(words)
        self.advanced.show()
        own, wide = session.stored_averages()
        self.average.set_value(f"EMA, last {own}\u202f%" if run else "none yet")
        there = session.average_range()
        self.average.setVisible(there is None)
        self.width.setVisible(there is not None)
        self.width_note.setVisible(there is not None)
        if there is not None and not self._settle.isActive():
            percent = session.average() or own
            self.width.set_span(*there, own, (own, wide))
            self.width.set_value(percent)
            self._say_average(percent)
        self.show_command()

    def show_command(self) -> None:
        """The command of the current point."""
        session, run = self.session, self.session.run
        self.copy.setEnabled(session.point() is not None)
        if run is None or session.point() is None:
            self.well.set_lines(["no run is open" if run is None else "no snapshot yet"], "")
            return
        lines = sample_arguments(run, session.step, session.class_label, session.seed, session.sampling,
                                 session.average())
        first, *rest = [" ".join(words) for words in lines]
        self.well.set_lines([f"sample {first}", *(f" {line}" for line in rest)], self.command_text())

    def command_text(self) -> str:
        """What is copied; "" without a run."""
        session, run = self.session, self.session.run
        if run is None or session.point() is None:
            return ""
        return sample_command(run, session.step, session.class_label, session.seed, session.sampling, PICTURE_FILE,
                              session.average())

    def show_facts(self) -> None:
        """Schedule and training of the run, in plain text."""
        run, session = self.session.run, self.session
        if run is None:
            for section, rows in ((self.schedule, self.schedule_rows), (self.training, self.training_rows)):
                section.set_state_text("no run")
                for row in rows.values():
                    row.set_value("none yet")
            return
        info, schedule = run.info, run.schedule()
        self.schedule.set_state_text(f"{schedule.name}, T = {number(schedule.num_timesteps)}")
        for name, text in (("Schedule", capital(schedule.name)), ("Steps T", number(schedule.num_timesteps)),
                           ("Signal at T", f"{100 * schedule.terminal_signal:.2f}\u202f%")):
            self.schedule_rows[name].set_value(text)
        state = session.training_state.value
        self.training.set_state_text(state)
        step, seconds = session.live_step, info.seconds
        if session.training and session.progress:
            seconds = session.progress.seconds
        seen = step * info.config.training.batch_size
        for name, text in (("State", capital(state)), ("Steps", f"{number(step)} of {number(session.num_steps)}"),
                           ("Images", number(seen)), ("Time", clock(seconds))):
            self.training_rows[name].set_value(text)

    # ---- hands ----

    def _steps_fault(self, steps: float, sampler: str | None = None) -> str:
        """The engine's sentence for a number of steps that the schedule has not."""
        if fault := setting_fault(find_setting("num_steps", "sampling"), int(steps)):
            return fault
        run = self.session.run
        sampling = self.session.sampling
        if run is None or not sampling.model_copy(update={"sampler": sampler or sampling.sampler}).timesteps:
            return ""
        try:
            timestep_grid(run.schedule().num_timesteps, int(steps))
        except BadSetting as error:
            return error.headline
        return ""

    def _set(self, name: str, value: Any) -> None:
        rows = {"num_steps": self.steps, "eta": self.eta, "guidance_scale": self.guidance, "clip_x0": self.clip,
                **self.advanced.rows}
        fault = self._steps_fault(value) if name == "num_steps" else ""
        if not fault:
            changes = {name: value, **(self._fewer_steps(grid=value) if name == "grid" else {})}
            try:
                self.session.set_sampling(**changes)
            except BadSetting as error:
                fault = error.headline
        rows[name].show_error(fault)

    def _set_sampler(self, name: str) -> None:
        before, run = self.session.sampling, self.session.run
        total = run.info.config.diffusion.num_timesteps if run else 1000
        steps = before.num_steps
        if name == "ddpm":
            self._before_ddpm = steps if before.sampler != "ddpm" else self._before_ddpm
            steps = total
        elif before.sampler == "ddpm" and steps == total:
            own = run.info.config.sampling.num_steps if run else SamplingConfig().num_steps
            steps = self._before_ddpm or own
        changes: dict[str, Any] = {"sampler": name, "num_steps": steps}
        self.session.set_sampling(**{**changes, **self._fewer_steps(**changes)})

    def _fewer_steps(self, **changes: Any) -> dict[str, int]:
        """No more steps than T where they become timesteps; nothing where they may stay."""
        after, run = self.session.sampling.model_copy(update=changes), self.session.run
        total = run.info.config.diffusion.num_timesteps if run else 1000
        return {"num_steps": total} if after.timesteps and after.num_steps > total else {}

    def _average_moved(self, _: str, percent: float) -> None:
        self._say_average(percent)
        self._settle.start()

    def _set_average(self, percent: float) -> None:
        self._settle.stop()
        self.session.set_average(None if percent == self.session.stored_averages()[0] else percent)

    def _say_average(self, percent: float) -> None:
        own, wide = self.session.stored_averages()
        how = "as the snapshot holds it" if percent == own else "the snapshot's second one" if percent == wide \
            else "made from those in the snapshots"
        self.width_note.setText(f"EMA over the last {number(percent)}\u202f% of training, {how}.")

    def _reset(self) -> None:
        if self.session.run is not None:
            self.session.replace_sampling(self.session.run.info.config.sampling)

    def _copy(self) -> None:
        if text := self.command_text():
            QGuiApplication.clipboard().setText(text)
            self.copy.set_icon("check")
            self._copied.start()

    def _on_picture(self, message: Message) -> None:
        event = message.event
        if not isinstance(event, TrajectoriesReady) or not event.complete:
            return
        known, pictures = self._cost, len(event.trajectories)
        if known is not None and known[0] == event.request.sampling and known[3] < pictures:
            return  # the time of one picture alone says more
        self._cost = (event.request.sampling, event.nfe, event.seconds, pictures)
        self.show_cost()


def _duration(seconds: float) -> str:
    """61 ms, 1.4 s."""
    if seconds < 0.9995:
        return f"{max(1, round(1000 * seconds))} ms"
    return f"{seconds:.1f} s"

