"""The Reverse page: from noise to picture, frame by frame, at any of the recorded noise levels."""

from __future__ import annotations

from functools import cached_property

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from engine.diffusion.headway import headway
from engine.events import Trajectory
from engine.settings import number
from gui.animation_export import AnimationExport, add_export
from gui.pages.base import MARGIN_Y, Page
from gui.pages.reverse_advanced import one_prediction
from gui.pages.reverse_film import ReverseFilm
from gui.pages.reverse_save import open_below, save_menu
from gui.pages.reverse_setup import ReverseSetup
from gui.pages.reverse_stage import AUTOGUIDE_HELP, CLASS_DIFFERENCE, GUIDE_HELP, PICTURE_HELP, ReverseStage
from gui.pages.without_pictures import say_no_pictures
from gui.session import Session
from gui.theme import theme
from gui.trajectories import is_complete
from gui.widgets.empty_state import EmptyState
from gui.widgets.picture_values import signed_span
from gui.widgets.section import Section

# The last pictures stay so long while new ones are waited for: mostly those come sooner, and nothing flickers.
OLD_STAYS_MS, OLD_CLASSES_STAY_MS = 300, 1200


class ReversePage(Page):
    """x_t beside predicted x0 at the session's point, the ten classes of its seed, and the film."""

    name = "reverse"
    title = "Reverse"
    explain = "reverse"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._trajectory: Trajectory | None = None  # what is drawn, maybe still the last one
        self._how = (session.sampling, session.average_percent)  # and how
        self._drawn: tuple[Trajectory | None, int, int] = (None, -1, 0)  # with frame, and frames filled
        self._classes: dict[int, tuple[Trajectory, int]] = {}  # what the class buttons show
        self._all: dict[int, tuple[Trajectory, int]] = {}  # and the view of all ten, with its frame
        self._all_ten = False
        self.setup = ReverseSetup(session, self)
        self.stage = ReverseStage(session.class_names)
        self.film = ReverseFilm()
        self.empty = EmptyState("", "", [("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("A trained digit model that came with the program")
        self._whole = QWidget()
        column = QVBoxLayout(self._whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.stage, 1)
        column.addWidget(self.film)
        self._either = QStackedLayout()
        self._either.addWidget(self._whole)
        self._either.addWidget(self.empty)
        self.body.addLayout(self._either, 1)
        self.finding.set_links([("How this is decided", self._explain_finding, ""),
                                ("Is it copying?", self.nearest_asked.emit, ""), ("Save…", self._save, "save")])
        self.decided, self.copying, self.save = self.finding.links
        self.copying.setProperty("explain", "nearest")
        self.copying.setToolTip("The training pictures nearest to this one (N)")
        self.decided.setProperty("explain", "settled")
        self.decided.setToolTip("What settled means and how it is counted, in Explain")
        self.save.setToolTip("Predicted x₀, x_t or the film as a PNG picture, or all of it as an animation, with the "
                             "settings inside")
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(OLD_STAYS_MS)
        self._wait.timeout.connect(self._clear)
        self._wait_classes = QTimer(self)
        self._wait_classes.setSingleShot(True)
        self._wait_classes.setInterval(OLD_CLASSES_STAY_MS)
        self._wait_classes.timeout.connect(self._clear_old_classes)
        self._again = QTimer(self)  # whether what is waited for still comes
        self._again.setSingleShot(True)
        self._again.setInterval(OLD_STAYS_MS)
        self._again.timeout.connect(self._still_waiting)
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        session = self.session
        self.stage.class_pressed.connect(self._press_class)
        self.stage.all_ten_pressed.connect(lambda: self.show_all_ten(not self._all_ten))
        self.film.frame_clicked.connect(self._go_to_frame)
        session.run_changed.connect(self._on_run)
        session.snapshots_changed.connect(self._on_snapshots)
        session.training_changed.connect(self._on_training)
        session.noise_level_changed.connect(self._on_noise_level)
        session.class_changed.connect(self._on_class)
        for moved in (session.step_changed, session.seed_changed):
            moved.connect(self._on_point)
        session.sampling_changed.connect(self._on_sampling)
        session.average_changed.connect(self._on_point)
        session.schedule_changed.connect(self._on_noise_level)
        session.trajectories_changed.connect(self._on_trajectories)
        theme().changed.connect(self._make_room)

    # ---- what a page is ----

    def setup_sections(self) -> list[Section]:
        return self.setup.sections

    def ready(self) -> bool:
        return not self.session.drawing()

    def deactivate(self) -> None:
        super().deactivate()
        for timer in (self._wait, self._wait_classes, self._again):
            timer.stop()

    def refresh(self) -> None:
        session = self.session
        self.stage.set_class_names(session.class_names)
        self.stage.set_shape(session.image_shape[1:])
        self._show_setup()
        if session.point() is None:
            self._show_empty()
            return
        self._either.setCurrentWidget(self._whole)
        self._show_chosen()
        self._take()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Where there is not room for all, the film goes first: the slider shows the same frames."""
        room = self.height() - 2 * MARGIN_Y - self.finding.height() - 12
        self.film.setVisible(room - self.film.sizeHint().height() >= self.stage.comfortable_height())

    def play_levels(self) -> list[int]:
        """The t of the recorded frames, T first; even ones while there is no trajectory."""
        trajectory = self.session.trajectory() if self.active else None
        if trajectory is None:
            return super().play_levels()
        return sorted({self._level(trajectory, frame) for frame in range(len(trajectory.t))}, reverse=True)

    def _level(self, trajectory: Trajectory, frame: int) -> int:
        """The display schedule's t of a frame."""
        run, shown = self.session.run, self.session.schedule
        own = run.schedule() if run is not None else shown
        if (own.name, own.num_timesteps) == (shown.name, shown.num_timesteps):
            return int(trajectory.t[frame])
        return shown.t_of_sigma(float(trajectory.sigma[frame]))

    # ---- the session moved ----

    def _on_run(self) -> None:
        self._classes.clear()
        self._trajectory = None
        self._clear()
        if self.active:
            self.refresh()

    def _on_snapshots(self) -> None:
        if self.active:
            self.refresh()

    def _on_training(self) -> None:
        if self.active:
            self.setup.show_facts()
            if self.session.point() is None:
                self._show_empty()

    def _on_noise_level(self, *_: object) -> None:
        if self.active:
            self._show_frame()

    def _on_class(self, *_: object) -> None:
        self._all_ten = False
        self._on_point()

    def _on_point(self, *_: object) -> None:
        if self.active and self.session.point() is not None:
            self.setup.show_weights()
            self._show_chosen()
            if self._live():
                self._wait_classes.stop()
            else:
                self._wait_classes.start()
            self._take()

    def _on_sampling(self) -> None:
        if self.active:
            self.setup.show_sampling()
            self._on_point()

    def _on_trajectories(self) -> None:
        if self.active and self.session.point() is not None:
            self._take()
            self.setup.show_cost()

    # ---- hands ----

    def _press_class(self, class_label: int) -> None:
        self._all_ten = False
        self.session.set_class(class_label)
        self._show_chosen()
        self._show_frame()

    def show_all_ten(self, on: bool = True) -> None:
        """All classes at this noise level in place of the pair, or the pair again."""
        self._all_ten = on
        self._show_chosen()
        self._show_frame()

    def _go_to_frame(self, frame: int) -> None:
        if self._trajectory is not None:
            self.session.set_noise_level(self._level(self._trajectory, frame))

    def _explain_finding(self) -> None:
        self.explain_asked.emit("settled")

    def _save(self) -> None:
        trajectory, frame, _ = self._drawn
        if trajectory is not None and frame >= 0:
            menu = save_menu(self, self.session, trajectory, frame, self.film.columns())
            add_export(menu, self.export_animation, is_complete(trajectory))
            open_below(menu, self.save)

    def export_animation(self) -> None:
        """Ask how the trajectory that is looked at is written as an animation."""
        from gui.pages.film_export import reverse_takes

        if self._trajectory is not None:
            self.exports.open(reverse_takes(self.session, self._trajectory))

    @cached_property
    def exports(self) -> AnimationExport:
        """Writes the trajectory as a picture that moves."""
        return AnimationExport(self.session, self)

    # ---- showing ----

    def _show_setup(self) -> None:
        self.setup.show_sampling()
        self.setup.show_weights()
        self.setup.show_facts()

    def _show_chosen(self) -> None:
        self.stage.set_chosen(self.session.class_label, self._all_ten)
        against = self.session.sampling.autoguide_step
        self.stage.set_difference(CLASS_DIFFERENCE if against is None else f"D − D<sub>{number(against)}</sub>")
        self._show_alone()

    def _show_alone(self) -> None:
        """Why there is no second prediction at this frame, if there is none."""
        trajectory, frame, _ = self._drawn
        last = len(trajectory.sigma) - 2 if trajectory is not None else 0  # the picture itself repeats that answer
        sigma = float(trajectory.sigma[min(frame, last)]) if trajectory is not None and frame >= 0 else None
        short, whole = one_prediction(self.session.sampling, sigma)
        self.stage.set_alone(short)
        self.stage.alone.setToolTip(whole)

    def _show_empty(self) -> None:
        say_no_pictures(self.session, self.empty, self.finding, "its first snapshot shows here")
        self._either.setCurrentWidget(self.empty)

    def _take(self) -> None:
        """Look for the trajectories of this point; asking for them makes the session record them."""
        session = self.session
        trajectory = session.trajectory()
        for label in range(len(session.class_names)):
            self._take_class(label)
        if self._keeps_up(trajectory):
            self._wait.stop()
            self._show_frame()
            return
        if trajectory is None or trajectory.filled == 0:
            if self._trajectory is not None and not self._wait.isActive():
                self._wait.start()
            self._say_drawing(None)
            return
        self._wait.stop()
        self._trajectory, self._how = trajectory, (session.sampling, session.average_percent)
        self.film.set_trajectory(trajectory)
        self._show_frame()

    def _live(self) -> bool:
        """Whether training runs and this point goes with it."""
        return self.session.training and self.session.following

    def _keeps_up(self, new: Trajectory | None) -> bool:
        """Following training, the last snapshot's frames stay until the new ones are all there."""
        old, session = self._trajectory, self.session
        how = (session.sampling, session.average_percent)
        return self._live() and old is not None and not is_complete(new) and self._how == how \
            and (old.class_label, old.seed) == (session.class_label, session.seed)

    def _still_waiting(self) -> None:
        if self.active and self.session.point() is not None and self.session.trajectory() is None:
            self._say_drawing(None)

    def _take_class(self, label: int) -> None:
        """The picture on a class button: the finished one, or the best guess so far."""
        trajectory = self.session.trajectory(label)
        if trajectory is None or trajectory.filled == 0:
            return
        known = self._classes.get(label)
        if known is not None and known[0] is trajectory and known[1] == trajectory.filled:
            return
        done = is_complete(trajectory)
        if not done and self._live() and known is not None and known[0].seed == trajectory.seed:
            return
        self._classes[label] = (trajectory, trajectory.filled)
        if label < len(self.stage.buttons):
            self.stage.buttons[label].set_image(trajectory.x[-1] if done else trajectory.x0[trajectory.filled - 1])

    def _clear(self) -> None:
        """The new pictures are not there yet: show none rather than those of another point."""
        self._wait.stop()
        self._trajectory = None
        self._drawn = (None, -1, 0)
        self._all.clear()
        self.film.set_trajectory(None)
        for picture in (self.stage.x_t, self.stage.x0, self.stage.eps, self.stage.guide):
            picture.set_image(None)
        self._clear_old_classes()
        self._say_drawing(None)

    def _clear_old_classes(self) -> None:
        """Class buttons and cells of all ten whose picture is of another point become empty."""
        for label, button in enumerate(self.stage.buttons):
            found = self.session.trajectory(label) if self.active else None
            if found is None or found.filled == 0:
                self._classes.pop(label, None)
                self._all.pop(label, None)
                button.set_image(None)
                self.stage.all_view.set_pair(label, None, None)

    def _show_frame(self) -> None:
        """The frame at this noise level. Runs in the slider's own event: only what changed is made anew."""
        trajectory = self._trajectory
        if trajectory is None or self.session.point() is None:
            return
        frame = self.session.frame(trajectory)
        if frame < 0:
            return
        if self._drawn[:2] != (trajectory, frame):
            stage = self.stage
            stage.x_t.set_image(trajectory.x[frame])
            stage.x0.set_image(trajectory.x0[frame])
            stage.eps.set_image(trajectory.eps[frame])
            stage.guide.set_image(trajectory.guidance[frame])
            self.film.set_frame(frame)
            span = f"{signed_span(trajectory.guidance[frame]):.2f}"
            about = GUIDE_HELP if self.session.sampling.autoguide_step is None else AUTOGUIDE_HELP
            stage.guide.setToolTip(f"{about} Here ±{span}.\n{PICTURE_HELP}")
        if self._all_ten:
            self._show_all()
        self._drawn = (trajectory, frame, trajectory.filled)
        self._show_alone()
        self._say(trajectory, frame)

    def _show_all(self) -> None:
        for label in range(len(self.session.class_names)):
            trajectory = self.session.trajectory(label)
            frame = self.session.frame(trajectory) if trajectory is not None else -1
            if trajectory is None or frame < 0:
                continue
            known = self._all.get(label)
            if known is None or known[0] is not trajectory or known[1] != frame:
                self._all[label] = (trajectory, frame)
                self.stage.all_view.set_pair(label, trajectory.x[frame], trajectory.x0[frame])

    # ---- words ----

    def _say(self, trajectory: Trajectory, frame: int) -> None:
        """The finding: how much of predicted x0 is already what it will be."""
        level = self._level(trajectory, frame)
        self.stage.x_head.set_note("" if level == self.session.t else f"nearest frame t = {number(level)}")
        step = self.session.step
        self.stage.x0_head.set_note("" if trajectory.snapshot == step else
                                    f"of step {number(trajectory.snapshot)}; {number(step)} is coming")
        if not is_complete(trajectory):
            self._say_drawing(trajectory)
            return
        found = headway(trajectory, frame)
        for link in self.finding.links:
            link.show()
        if found is None:
            return
        # Rounded down: 100 % is said only when it is.
        settled = int(100 * found.settled)
        percent = f"{self.session.schedule.percent_denoised(level):.0f}\u202f%"
        rest = "nothing is left to decide." if frame == len(trajectory.t) - 1 else \
            f"its pixels still move by {found.change:.2f} on average."
        self.finding.set(f"{settled}\u202f% of the picture is settled.", f"At {percent} denoised {rest}")

    def _say_drawing(self, trajectory: Trajectory | None) -> None:
        if self.session.point() is None:
            return
        total = self.session.sampling.num_steps + 1
        filled = trajectory.filled if trajectory is not None else 0
        of = f"frame {number(filled)} of {number(total)}" if filled else ""
        label = self.session.class_names[self.session.class_label]
        if not filled and not self.session.drawing() and self.active:
            self.finding.set("Not drawn.", f"Class {label}, seed {number(self.session.seed)} could not be drawn; "
                             "the banner above says why.")
            return
        if not filled and self.active:
            self._again.start()
        self.finding.set("Drawing.", f"Class {label}, seed {number(self.session.seed)}" + (f": {of}." if of else "."))
