"""Does it help? Accuracy of small classifiers with and without drawn pictures, and that on drawn ones alone."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine import use_jobs
from engine.diffusion.evaluations import network_evaluations
from engine.errors import BadSetting, DiffuscopeError
from engine.measure.augmentation import (
    Augmentation,
    AugmentationReady,
    AugmentationRequest,
    Gain,
    stored_augmentation,
    total_steps,
)
from engine.measure.classification_score import DEFAULT_COUNT, Score, ScoreReady, ScoreRequest, stored_score
from engine.measure.recipe import QUICK, THOROUGH
from engine.settings import number
from engine.use_config import AugmentationConfig
from gui.job_runner import JobRunner
from gui.pages.use_part import Part
from gui.session import Session
from gui.widgets.buttons import OutlineButton
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.plot import Plot
from gui.widgets.plot_items import Line
from gui.widgets.progress import JobProgressBar

STYLES = (("accent", "solid"), ("text", "dash"), ("muted", "solid"), ("accent", "dash"), ("text2", "solid"),
          ("muted", "dash"))
VERDICTS = {"helps": "Yes: drawn pictures help.", "harms": "No: drawn pictures harm.",
            "uncertain": "Not certain: the interval of the gain holds 0."}


class AugmentationPart(Part):
    """The plot of accuracy over drawn pictures, one curve for each number of real ones, and the score beside it."""

    name, title, explain, group = "augmentation", "Augmentation", "augmentation", "augmentation"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.job, self.scoring = JobRunner(session, "augmentation", self), JobRunner(session, "score", self)
        self.plot = Plot("Accuracy on real test pictures", "%", "drawn pictures added")
        self.plot.setProperty("explain", "augmentation")
        self.gains = Text("", 13, 400, "text2", wrap=True)
        self.caveat = Text("", 12, 400, "warn", wrap=True)
        self.score_words = Text("", 13, 400, "text2", wrap=True)
        self.empty = EmptyState("", "", [("Measure", self.measure)])
        below = QHBoxLayout()
        below.setSpacing(24)
        for words in (self.gains, self.score_words):
            words.setAlignment(Qt.AlignmentFlag.AlignTop)
            below.addWidget(words, 1)
        for widget, stretch in ((self.plot, 1), (self.empty, 1)):
            self.body.addWidget(widget, stretch)
        self.body.addLayout(below)
        self.body.addWidget(self.caveat)
        self.add_rows(AugmentationConfig, "real", "synthetic", "seeds", "honest")
        self.button, self.progress = self._button("Measure", self.measure, self.job)
        self.cost = Text("", 12, 400, "muted", wrap=True)
        self.score_button, self.score_progress = self._button("Measure score", self.measure_score, self.scoring)
        self.section.add(self.button, self.progress, self.cost, self.score_button, self.score_progress)
        self.request: AugmentationRequest | None = None
        self.result: Augmentation | None = None
        self.score_request: ScoreRequest | None = None
        self.score: Score | None = None
        self._lines: list[Line] = []
        self._drawn: Augmentation | None = None
        self.job.said.connect(self._on_result)
        self.scoring.said.connect(self._on_score)
        for runner in (self.job, self.scoring):
            runner.changed.connect(self._show)

    def _button(self, words: str, then: object, runner: JobRunner) -> tuple[OutlineButton, JobProgressBar]:
        button, bar = OutlineButton(words), JobProgressBar("")
        button.clicked.connect(lambda _=False: then())  # type: ignore[operator]
        bar.setAccessibleName(words)
        bar.cancel.setToolTip("End it; nothing of it is kept.")
        bar.cancelled.connect(runner.cancel)
        bar.hide()
        runner.progressed.connect(lambda p: bar.set(p.n, p.total, ""))
        return button, bar

    # ---- what is measured ----

    def refresh(self) -> None:
        self.show_config()
        session, run = self.session, self.session.run
        request = score_request = None
        if run is not None and session.snapshots:
            request = AugmentationRequest(run.path, session.sampling, self.config, session.step, session.average())
            score_request = ScoreRequest(run.path, session.sampling, DEFAULT_COUNT, session.step, session.average())
        if self.front and (request, score_request) != (self.request, self.score_request):
            self.request, self.score_request, self.result, self.score = request, score_request, None, None
            if run is not None and request is not None and score_request is not None:
                try:
                    self.result = stored_augmentation(run, request)
                    self.score = stored_score(run, score_request)
                except (DiffuscopeError, OSError):
                    pass
        self._show()

    def measure(self) -> None:
        """Measure what is looked at."""
        if self.request is not None and not self.job.running and not (self.result and self.result.complete):
            self.progress.start()
            self.job.start(use_jobs.augmentation_job(self.request))

    def measure_score(self) -> None:
        """The classification accuracy score of what is looked at."""
        if self.score_request is not None and not self.scoring.running and self.score is None:
            self.score_progress.start()
            self.scoring.start(use_jobs.score_job(self.score_request))

    def _on_result(self, event: object) -> None:
        if isinstance(event, AugmentationReady) and event.request == self.request:
            self.result = event.result
            self._show()

    def _on_score(self, event: object) -> None:
        if isinstance(event, ScoreReady) and event.request == self.score_request:
            self.score = event.score
            self._show()

    # ---- what is shown ----

    def _show(self) -> None:
        why, result = self.why_not(), self.result
        complete = result is not None and result.complete
        for runner, button, bar, done, what in (
                (self.job, self.button, self.progress, complete, self._what()),
                (self.scoring, self.score_button, self.score_progress, self.score is not None,
                 f"Train a classifier on {number(DEFAULT_COUNT)} drawn pictures alone and one on all real ones, and "
                 f"test both on real pictures: {number(THOROUGH.num_steps)} steps each.")):
            if not runner.running:
                bar.finish()
            button.setVisible(not runner.running)
            button.setEnabled(not why and not done)
            button.setToolTip(why or ("It is measured: the same settings give the same answer." if done else what))
        self.cost.setText("" if why or complete else self._what())
        self.cost.setVisible(bool(self.cost.text()))
        shown = result is not None and result.seeds > 0
        self.plot.setVisible(shown)
        self.empty.setVisible(not shown)
        self.empty.buttons[0].setVisible(not why and not self.job.running)
        self.empty.set_texts(
            why or ("Measuring; the first seed is not done yet" if self.job.running else "Not measured with these "
                    "settings"), "Open a run, or press Train to start one." if why else
            "A small classifier learns some real pictures, then the same with drawn ones added, and is tested on real "
            "pictures it has never seen; again for each seed.")
        self._draw_plot()
        self.gains.setText(self._gain_words())
        self.score_words.setText(self._score_words())
        self.caveat.setText(self._caveat())
        self.caveat.setVisible(bool(self.caveat.text()))
        config = self.config
        self.section.set_state_text(f"{', '.join(map(str, config.real))} + {', '.join(map(str, config.synthetic))}")
        self.said.emit()

    def _what(self) -> str:
        config, run = self.config, self.session.run
        if run is None:
            return ""
        try:
            each = network_evaluations(self.session.sampling, run.schedule())
        except BadSetting as error:
            return error.headline
        drawn = total_steps(config, QUICK) - config.seeds * len(set(config.real)) * QUICK.num_steps
        honest = f" One model is trained for each seed first, {len(config.real) * config.seeds} in all." \
            if config.honest else ""
        return (f"{number(drawn)} pictures of {each} network calls each, and {number(config.seeds)} x "
                f"{number(QUICK.num_steps)} training steps. Fewer sampling steps on Reverse make it quicker.{honest}")

    def _draw_plot(self) -> None:
        result = self.result
        if result is None or result is self._drawn or result.seeds == 0:
            return
        self._drawn = result
        for line in self._lines:
            self.plot.remove_line(line)
        self._lines = []
        for (token, style), k in zip(STYLES, sorted({c.real for c in result.cells}), strict=False):
            cells = [c for c in result.cells if c.real == k and c.accuracy]
            line = self.plot.add_line(f"{number(k)} real", token, 2.0 if style == "solid" else 1.5, style, decimals=1,
                                      points=True, between=False)
            line.set_data(np.array([float(c.synthetic) for c in cells]), np.array([100 * c.mean for c in cells]))
            self._lines.append(line)
            for cell in cells:
                ends = cell.interval
                if ends is not None:
                    bar = self.plot.add_line("", token, 2.0, legend=False, decimals=None)
                    bar.set_data(np.array([cell.synthetic, cell.synthetic], dtype=float),
                                 100 * np.array(ends))
                    self._lines.append(bar)
        most = max(c.synthetic for c in result.cells)
        self.plot.set_x_range(-0.03 * most, 1.03 * most)
        self.plot.set_ticks(x=sorted({c.synthetic for c in result.cells}))
        self.plot.set_subtitle(f"{result.seeds} of {result.config.seeds} seeds, mean and 95 % interval"
                               if not result.complete else f"mean and 95 % interval over {result.seeds} seeds")

    def _best(self) -> Gain | None:
        gains = self.result.gains() if self.result is not None else ()
        return max(gains, key=lambda g: g.mean) if gains else None

    def _gain_words(self) -> str:
        if self.result is None or self.result.seeds == 0:
            return ""
        lines = []
        for gain in self.result.gains():
            ends = gain.interval
            interval = "" if ends is None else f" ({points(ends[0])} to {points(ends[1])})"
            lines.append(f"{number(gain.real)} real + {number(gain.synthetic)} drawn: {points(gain.mean)} points"
                         f"{interval}")
        return "Gain over the real ones alone, paired by seed\n" + "\n".join(lines)

    def _score_words(self) -> str:
        if self.scoring.running:
            return "Classification accuracy score: measuring."
        if self.score is None:
            return "" if self.why_not() else "Classification accuracy score: not measured."
        score = self.score
        return (f"Classification accuracy score: {100 * score.accuracy:.2f}\u202f% after {number(score.count)} drawn "
                f"pictures alone, {100 * score.real_accuracy:.2f}\u202f% after all {number(score.real)} real ones.")

    def _caveat(self) -> str:
        run = self.session.run
        if run is None or (self.result is None and self.score is None):
            return ""
        if self.result is not None and self.result.config.honest:
            return "Honest: each model that draws was trained on the same real pictures as the classifier alone."
        return (f"The model learned {number(run.info.images)} real pictures: what it adds is what it learned of those "
                "that the classifier was not given. Honest, in Setup, draws from models that saw no more than it did.")

    def finding(self) -> tuple[str, str]:
        if why := self.why_not():
            return "", why
        result, best = self.result, self._best()
        if result is None or best is None:
            return ("Measuring." if self.job.running else "Not measured."), ""
        cell, alone = result.cell(best.real, best.synthetic), result.cell(best.real, 0)
        numbers = (f"{number(best.real)} real pictures alone {100 * alone.mean:.1f}\u202f%, with "
                   f"{number(best.synthetic)} drawn ones {100 * cell.mean:.1f}\u202f%; n = {result.seeds} seeds.")
        return VERDICTS[best.verdict] if result.complete else "Measuring.", numbers


def points(share: float) -> str:
    """Percentage points with a sign."""
    return f"{100 * share:+.2f}".replace("-", "\u2212")
