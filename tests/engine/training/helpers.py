"""A run small enough to train in a blink, and drivers for its generator."""

from pathlib import Path

from engine.config import RunConfig
from engine.events import Command, Event, StateChanged, TrainingState
from engine.training.trainer import Trainer
from engine.workspace import Workspace


def tiny(num_steps: int = 12, **training) -> RunConfig:
    values = {"num_steps": num_steps, "batch_size": 8, "warmup_steps": 3, "precision": "fp32",
              "memory_layout": "contiguous", "snapshots": 5, **training}
    return RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16}, training=values)


def drive(trainer: Trainer, commands: dict[int, list[Command]] | None = None) -> list[Event]:
    """All events of a trainer; commands by step are sent in once that step is done, then one each pause."""
    from engine.events import StepDone

    waiting = {step: list(found) for step, found in (commands or {}).items()}
    events: list[Event] = []
    generator = trainer.run()
    command: Command | None = None
    current = 0
    while True:
        try:
            event = generator.send(command) if events else next(generator)
        except StopIteration:
            return events
        events.append(event)
        command = None
        if isinstance(event, StepDone):
            current = event.step
        paused = isinstance(event, StateChanged) and event.state is TrainingState.PAUSED
        if (isinstance(event, StepDone) or paused) and waiting.get(current):
            command = waiting[current].pop(0)


def states(events: list[Event]) -> list[str]:
    return [str(e.state) for e in events if isinstance(e, StateChanged)]


def train(workspace: Workspace, path: Path, config: RunConfig | None = None, **options) -> list[Event]:
    commands = options.pop("commands", None)
    return drive(Trainer(workspace, path, config, **options), commands)


def last_event(events: list[Event], kind: type[Event]):
    return [e for e in events if isinstance(e, kind)][-1]
