"""From a saved picture back to what was looked at: run, step, noise level, class, seed, sampling, page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import paths
from engine.diffusion.schedules import fits
from engine.errors import BadSetting, DiffuscopeError
from engine.export.picture_facts import PictureFacts, read_facts
from engine.runs import Run, list_runs
from engine.runs.averages import is_stored
from engine.settings import number
from gui.coordinates import ImageChoice
from gui.session import Notice, Session

if TYPE_CHECKING:
    from gui.main_window import MainWindow

KEY = "open-run"  # a run that is opened afterwards answers it too


def open_picture(window: MainWindow, path: Path) -> bool:
    """Look at what a saved picture shows; whether all of it was found. What is missing is said in a banner."""
    session = window.session
    try:
        facts = read_facts(path)
    except DiffuscopeError as error:
        session.message.emit(Notice(KEY, "error", error.headline, error.advice))
        return False
    missing = restore(session, facts, window.state.recent)
    if facts.page in {page.name for page in window.pages}:
        window.show_page(facts.page)
    elif facts.t is not None:
        window.show_page("reverse")
    if missing:
        session.message.emit(Notice(KEY, "warning", f"Not all of {path.name} was found.",
                                    f"Missing: {'; '.join(missing)}. The rest is as it was when it was saved."))
        return False
    session.message_cleared.emit(KEY)
    window.status.say(f"{path.name}: everything is as it was when it was saved")
    return True


def restore(session: Session, facts: PictureFacts, recent: Sequence[str] = ()) -> list[str]:
    """Move the session to where a picture was saved; what could not be found, in words."""
    missing: list[str] = []
    same = _open(session, facts, recent, missing)
    if same:
        _weights(session, facts, missing)
    _sampling(session, facts, missing)
    if facts.schedule is not None:
        try:
            session.set_schedule(*facts.schedule)
        except BadSetting as error:
            missing.append(error.headline.rstrip("."))
    elif same:
        session.reset_schedule()
    if facts.t is not None:
        if facts.t > session.schedule.num_timesteps:
            missing.append(f"t {number(facts.t)}, for here it ends at {number(session.schedule.num_timesteps)}")
        session.set_noise_level(facts.t)
    if facts.classes:
        _class(session, facts.classes, missing)
    if facts.seed is not None:
        session.set_seed(facts.seed)
    if isinstance(facts.image, tuple):
        session.restore("image", ImageChoice(*facts.image))
    elif facts.image is not None:
        missing.append(f"the picture {facts.image}, which lies outside the program")
    return missing


def find_run(run_id: str, recent: Sequence[str] = ()) -> Path | None:
    """Where the run of an id lies: shipped, in the folder of runs, or among those opened lately."""
    for folder in (paths.BUNDLED_RUNS, paths.runs_dir()):
        for run in list_runs(folder):
            if run.info.id == run_id:
                return run.path
    for path in recent:
        try:
            if Run.open(path).info.id == run_id:
                return Path(path)
        except DiffuscopeError:
            continue
    return None


def _open(session: Session, facts: PictureFacts, recent: Sequence[str], missing: list[str]) -> bool:
    """Open the picture's run; whether it is open now."""
    if not facts.run_id:
        return False
    name = facts.run or facts.run_id
    if session.run is not None and session.run.info.id == facts.run_id:
        return True
    found = find_run(facts.run_id, recent)
    if found is None:
        missing.append(f"the run {name}")
        return False
    if session.training:
        missing.append(f"the run {name}, which can be opened once training has stopped")
        return False
    if not session.open_run(found):
        missing.append(f"the run {name}, which cannot be opened")
        return False
    return True


def _weights(session: Session, facts: PictureFacts, missing: list[str]) -> None:
    """Step and average of the open run."""
    run, step = session.run, facts.snapshot
    if run is None or step is None or not session.snapshots:
        return
    session.set_step(step)
    if session.step != step:
        missing.append(f"the snapshot at step {number(step)}; the nearest is at {number(session.step)}")
    elif facts.weights:
        try:
            changed = run.weights_hash(step) != facts.weights
        except DiffuscopeError:
            changed = True
        if changed:
            missing.append(f"the weights of step {number(step)}, which are others now")
    percent = facts.average_percent
    if percent is None or is_stored(run, percent):
        session.set_average(None)
        return
    session.set_average(percent)
    if session.average() != percent:
        missing.append(f"the average over the last {number(round(percent, 1))}\u202f% of training")


def _sampling(session: Session, facts: PictureFacts, missing: list[str]) -> None:
    sampling, run = facts.sampling, session.run
    if sampling is None:
        return
    if run is not None and not fits(sampling, run.schedule()):
        missing.append(f"{number(sampling.num_steps)} steps, for this run has {number(run.schedule().num_timesteps)} "
                       "timesteps")
        return
    guide = sampling.autoguide_step
    if guide is not None and guide not in session.snapshots:
        missing.append(f"the snapshot at step {number(guide)} that was guided against")
        sampling = sampling.model_copy(update={"autoguide_step": None})
    session.replace_sampling(sampling)


def _class(session: Session, classes: Sequence[int], missing: list[str]) -> None:
    """Of several classes the one that is looked at stays, if it is among them."""
    known = [c for c in classes if c < len(session.class_names)]
    if not known:
        missing.append(f"class {classes[0]}")
    elif session.class_label not in known:
        session.set_class(known[0])
