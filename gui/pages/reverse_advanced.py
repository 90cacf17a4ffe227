"""The fold in the Sampling section: which noise levels are visited, and where and against what guidance acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.config import SamplingConfig, find_setting
from engine.diffusion.evaluations import guided_steps, idle_settings
from engine.diffusion.schedules import Schedule
from engine.settings import Setting, number
from gui.session import Session
from gui.widgets.fields import NARROW, SettingRow, SliderField
from gui.widgets.labels import Text
from gui.widgets.level_field import LevelField
from gui.widgets.section import Section
from gui.widgets.setting_words import choice_label

NO_CLASS = "No class"
NOT_EARLIER = "Step {against} is not before step {step}, which draws. Choose an earlier one, or look at a later step."
INTERVAL = ("guidance_sigma_high", "guidance_sigma_low")  # as the slider goes: noise first


class AdvancedSampling:
    """Rows that show the session's sampling. change(name, value) sets one setting and says what is wrong with it."""

    def __init__(self, session: Session, change: Callable[[str, Any], None]) -> None:
        self._session = session
        self._offered: list[int | None] = []
        self.section = Section("Advanced", folded=True)
        self.grid = SettingRow(_named("grid", "Levels"), label_width=NARROW)
        self.high = LevelField(_named("guidance_sigma_high", "Guide from"), session.schedule)
        self.low = LevelField(_named("guidance_sigma_low", "Guide to"), session.schedule)
        self.reach = Text("", 12, 400, "muted", wrap=True)
        self.reach.setToolTip("Where guidance acts, and how many of the steps that are.\nOutside, the network is asked "
                              "once a step and the class pulls no harder than it was learned.")
        self.rescale = SliderField(find_setting("guidance_rescale", "sampling"))
        self.against = SettingRow(_named("autoguide_step", "Against"), label_width=NARROW, choices=[(None, NO_CLASS)])
        self.against.editor.setAccessibleName("Guide against")
        self.rows: dict[str, SettingRow | SliderField] = {
            "grid": self.grid, "guidance_sigma_high": self.high, "guidance_sigma_low": self.low,
            "guidance_rescale": self.rescale, "autoguide_step": self.against}
        self.section.add(self.grid, self.high, self.low, self.reach, self.rescale, self.against)
        for row, topic in ((self.grid, "grid"), (self.high, "interval"), (self.low, "interval"),
                           (self.reach, "interval"), (self.rescale, "rescale"), (self.against, "autoguidance")):
            row.setProperty("explain", topic)
        self.section.setProperty("explain", "grid")
        for name, words in (("high", "Guide from noise level σ"), ("low", "Guide down to noise level σ")):
            field = getattr(self, name)
            field.slider.setAccessibleName(words)
            field.editor.setAccessibleName(words)
        for row in self.rows.values():
            row.committed.connect(change)
            if isinstance(row, LevelField | SliderField):
                row.moved.connect(change)

    def show(self) -> None:
        """The session's sampling settings, and which of them do nothing beside the others."""
        session, sampling = self._session, self._session.sampling
        schedule = session.run.schedule() if session.run else session.schedule
        self.high.set_schedule(schedule)
        self.low.set_schedule(schedule)
        self._offer_snapshots()
        for name, row in self.rows.items():
            if row.value() != getattr(sampling, name):
                row.set_value(getattr(sampling, name))
            row.show_error("")
        idle = idle_settings(sampling, schedule)
        for name in (*INTERVAL, "guidance_rescale", "autoguide_step"):
            self.rows[name].set_enabled(name not in idle, idle.get(name, ""))
        against = sampling.autoguide_step
        if against is not None and against >= session.step and "autoguide_step" not in idle:
            self.against.show_error(NOT_EARLIER.format(against=number(against), step=number(session.step)))
        self.reach.setText(reach_words(sampling, schedule))
        self.section.set_state_text(state_words(sampling))

    def _offer_snapshots(self) -> None:
        """Those before the step that is looked at, and the one that is set."""
        session, chosen = self._session, self._session.sampling.autoguide_step
        steps = {step for step in session.snapshots if step < session.step}
        offered: list[int | None] = [None, *sorted(steps | ({chosen} if chosen is not None else set()))]
        choice = self.against.editor
        if offered != self._offered and hasattr(choice, "set_choices"):
            self._offered = offered
            choice.set_choices([(step, NO_CLASS if step is None else f"Step {number(step)}") for step in offered])


def reach_words(sampling: SamplingConfig, schedule: Schedule) -> str:
    """Where guidance acts, in t and in steps."""
    if sampling.clip_guidance == "off" and sampling.guidance_scale == 1:
        return "No guidance at w = 1."
    if sampling.guided_everywhere:
        return "Guided at every noise level."
    high, low = (schedule.t_of_sigma(getattr(sampling, name)) for name in INTERVAL)
    return (f"t {number(high)} to {number(low)}: {number(guided_steps(sampling, schedule))} of "
            f"{number(sampling.num_steps)} steps guided.")


def state_words(sampling: SamplingConfig) -> str:
    """What the fold holds, short: what is not as usual."""
    words = [] if sampling.grid == "auto" else [choice_label(sampling.grid)]
    if not sampling.guided_everywhere:
        words.append("interval")
    if sampling.guidance_rescale:
        words.append(f"rescale {number(sampling.guidance_rescale)}")
    if sampling.autoguide_step is not None:
        words.append(f"against {number(sampling.autoguide_step)}")
    if sampling.clips:
        words.append(f"CLIP {sampling.clip_guidance}")
    return ", ".join(words) or "as usual"


def one_prediction(sampling: SamplingConfig, sigma: float | None) -> tuple[str, str]:
    """Why there is no difference of two predictions to show at noise level sigma, short and whole; "" where there is.

    sigma None: not known yet.
    """
    w = sampling.guidance_scale
    if sampling.clip_guidance != "off":
        if not sampling.guided:
            return ("CLIP guides here: only one prediction was made",
                    "The network is asked with the class alone, so there is no second answer to compare with.")
    elif w in (0, 1):
        which = "only without the class" if w == 0 else "only with the class"
        if sampling.autoguide_step is not None:
            which = f"only as it was at step {number(sampling.autoguide_step)}" if w == 0 else "only as it is"
        return (f"w = {number(w)}: only one prediction was made",
                f"At w = {number(w)} the network is asked {which}, so there is no second answer to compare with.")
    if sigma is not None and not sampling.guides_at(sigma):
        return ("not guided here: only one prediction was made",
                f"Guidance acts at noise levels above σ = {number(sampling.guidance_sigma_low)} and up to "
                f"{number(sampling.guidance_sigma_high)}. Here σ = {sigma:.3g}.")
    return "", ""


def _named(name: str, label: str) -> Setting:
    """A sampling setting under a label that fits beside a slider."""
    return replace(find_setting(name, "sampling"), label=label)
