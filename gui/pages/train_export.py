"""What the Train page can export as an animation: the history of all classes, or of the one looked at."""

from __future__ import annotations

import json

from engine.export.frames import history_frames
from gui.sample_history import SampleHistory
from gui.session import Session
from gui.widgets.export_animation import Take


def history_takes(session: Session, history: SampleHistory) -> list[Take]:
    """All classes beside each other, and the chosen one alone, over the snapshots that are drawn."""
    rows, seed, run = dict(history.rows), session.seed, session.run
    facts = {"run": run.name if run else "", "run_id": run.info.id if run else "", "seed": seed,
             "snapshots": sorted(rows)}

    def take(label: str, name: str, classes: list[int]) -> Take:
        return Take(label, name, lambda: history_frames(rows, classes),
                    {"diffuscope": json.dumps({**facts, "classes": classes})})

    every, one = list(range(len(session.class_names))), session.class_label
    return [take("All classes", f"history-seed-{seed}", every),
            take(f"Class {session.class_names[one]}", f"history-class-{one}-seed-{seed}", [one])]
