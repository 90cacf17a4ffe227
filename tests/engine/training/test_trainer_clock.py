"""The clock that training reads: planned seconds are its seconds, and a stopped one stops nothing else."""

from helpers import last_event, tiny

from engine.events import Progress, StepDone
from engine.runs import Run
from engine.training.trainer import Trainer


def test_planned_seconds_are_those_of_the_clock_that_was_given(workspace, tmp_path) -> None:
    """Half a second a step by that clock, however long the step takes on this machine."""
    now = [100.0]
    trainer = Trainer(workspace, tmp_path / "run", tiny(100_000, snapshots=2, sample_seconds=3600), seconds=20.0,
                      clock=lambda: now[0])
    events = []
    for event in trainer.run():
        events.append(event)
        if isinstance(event, StepDone):
            now[0] += 0.5
    assert last_event(events, StepDone).step == 40
    assert Run.open(tmp_path / "run").info.num_steps == 40
    assert last_event(events, Progress).seconds == 20.0
