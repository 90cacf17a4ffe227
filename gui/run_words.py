"""What is said of a run folder to whoever only looks at it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.events import TrainingState
from engine.runs import Run
from engine.settings import number


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say in a banner. key: a newer notice of the same key replaces it; kind: error, warning."""

    key: str
    kind: str
    headline: str
    advice: str = ""
    details: str = ""


def state_of(run: Run) -> TrainingState:
    """The state a run folder tells of, seen by a process that does not train it."""
    try:
        state = TrainingState(run.info.state)
    except ValueError:
        return TrainingState.IDLE
    return TrainingState.IDLE if state.active and not run.is_locked() else state


def lock_notice(run: Run) -> Notice | None:
    """That another process trains the run, or did and is gone without closing it; None if neither."""
    holder = run.is_locked()
    if holder:
        return Notice("lock", "warning", f"{run.name} is being trained by {holder}.",
                      "Here it can only be looked at; its snapshots appear as they are saved.")
    lost = "" if run.read_only else run.left_open()
    return Notice("lock", "warning", f"{lost}.", "Nothing up to its last save is lost: Continue goes on from step "
                  f"{number(run.info.step)}.") if lost else None
