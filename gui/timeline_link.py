"""Between the timeline and the session: what a hand does goes in, what changed comes back."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine.settings import number
from gui.pages.base import Page
from gui.session import Session
from gui.undo import History
from gui.widgets.timeline import Timeline


class TimelineLink(QObject):
    """Connects one timeline to one session. `show_page` gives play the stops of the page in front."""

    def __init__(self, timeline: Timeline, session: Session, history: History) -> None:
        super().__init__(timeline)
        self.timeline, self.session = timeline, session
        self._page: Page | None = None
        timeline.step_changed.connect(self._step_moved)
        timeline.t_changed.connect(self._t_moved)
        timeline.class_changed.connect(session.set_class)
        timeline.seed_changed.connect(session.set_seed)
        timeline.new_seed_requested.connect(session.new_seed)
        timeline.previous_seed_requested.connect(session.previous_seed)
        timeline.follow_live.connect(session.follow_live)
        timeline.drag_started.connect(lambda _: history.begin_drag())
        timeline.drag_finished.connect(lambda _: history.end_drag())
        session.snapshots_changed.connect(self._show_steps)
        session.run_changed.connect(self._show_run)
        session.training_changed.connect(self._show_live)
        session.progressed.connect(self._show_live)
        session.step_changed.connect(self._show_step)
        session.following_changed.connect(lambda _: self._show_live())
        session.noise_level_changed.connect(timeline.set_t)
        session.class_changed.connect(timeline.set_class)
        session.seed_changed.connect(self._show_seed)
        session.schedule_changed.connect(self._show_schedule)
        session.trajectories_changed.connect(self._give_stops)
        self._planned = -1
        self._show_schedule()
        self._show_run()
        timeline.set_t(session.t)
        timeline.set_class(session.class_label)
        self._show_seed()
        for widget, topic in ((timeline.step_slider, "training-step"), (timeline.step_box, "training-step"),
                              (timeline.step_play, "training-step"), (timeline.t_slider, "noise-level"),
                              (timeline.t_box, "noise-level"), (timeline.t_play, "noise-level"),
                              (timeline.classes, "class"), (timeline.seed, "seed")):
            widget.setProperty("explain", topic)

    def show_page(self, page: Page) -> None:
        """Another page is in front: playing stops, and the noise row plays that page's way."""
        self.timeline.stop_play()
        self._page = page
        levels = page.play_levels()
        self.timeline.set_direction(bool(levels) and levels[0] < levels[-1])
        self._give_stops()

    def _give_stops(self) -> None:
        self.timeline.set_play_stops(self._page.play_levels() if self._page else None)

    def _step_moved(self, step: int) -> None:
        self.session.set_step(step, by_hand=self.timeline.playing != "step")

    def _t_moved(self, t: int) -> None:
        by_hand = self.timeline.playing != "t"
        if by_hand:
            self.session.bridge.compute.hand.moved()  # training waits a moment
        self.session.set_noise_level(t, by_hand=by_hand)

    def _show_run(self) -> None:
        self.timeline.set_class_names(self.session.class_names)
        self.timeline.set_class(self.session.class_label)
        self._show_steps()

    def _show_steps(self) -> None:
        self._planned = self.session.num_steps
        self.timeline.set_steps(self.session.snapshots, self._planned)
        self._show_step()
        self._show_live()

    def _show_step(self, *_: object) -> None:
        self.timeline.set_step(self.session.step)
        self._show_live()

    def _show_live(self) -> None:
        session, timeline = self.session, self.timeline
        if session.num_steps != self._planned:
            self._planned = session.num_steps
            timeline.set_steps(session.snapshots, self._planned)
            timeline.set_step(session.step)
        if session.training or session.locked_by:
            timeline.set_live(session.live_step)
            words = "" if session.following else \
                f"Viewing {number(session.step)}, live is {number(session.live_step)}."
            timeline.set_following(session.following, words)
            return
        timeline.set_live(None)
        if not session.snapshots:
            words = "No snapshot yet"
        elif session.step == session.snapshots[-1]:
            words = "Viewing the last snapshot"
        else:
            words = f"Viewing {session.snapshots.index(session.step) + 1} of {len(session.snapshots)}" \
                if session.step in session.snapshots else "Viewing a snapshot"
        timeline.set_following(None, words)

    def _show_seed(self, *_: object) -> None:
        self.timeline.set_seed(self.session.seed, bool(self.session.previous_seeds))

    def _show_schedule(self) -> None:
        self.timeline.set_schedule(self.session.schedule)
        self.timeline.set_t(self.session.t)
        self._give_stops()
