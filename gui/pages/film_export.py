"""What the Forward and the Reverse page can export as an animation."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.diffusion.schedules import Schedule
from engine.events import Trajectory
from engine.export.frames import forward_frames, reverse_frames
from engine.runs import stored_percent
from gui.session import Session
from gui.widgets.export_animation import Take

Float32 = NDArray[np.float32]


def reverse_takes(session: Session, trajectory: Trajectory) -> list[Take]:
    """A trajectory: x_t beside predicted x0, or one of them."""
    run = session.run
    facts = {"run": run.name if run else "", "run_id": run.info.id if run else "", "snapshot": trajectory.snapshot,
             "classes": [trajectory.class_label], "seed": trajectory.seed, "sampling": session.sampling.model_dump(),
             "average_percent": session.average() or (stored_percent(run) if run else None)}
    stem = f"class-{trajectory.class_label}-seed-{trajectory.seed}"

    def take(label: str, name: str, *parts: str) -> Take:
        return Take(label, f"{stem}-{name}", lambda: reverse_frames(trajectory, parts),
                    {"diffuscope": json.dumps({**facts, "parts": parts})})

    return [take("xₜ and predicted x₀", "film", "x", "x0"), take("xₜ", "xt", "x"), take("Predicted x₀", "x0", "x0")]


def forward_takes(session: Session, x0: Float32, eps: Float32, levels: Sequence[int], image: str,
                  name: str) -> list[Take]:
    """A picture (C, H, W) and its noise, mixed at each t of `levels`. image: which it is, in words."""
    shown: Schedule = session.schedule
    facts = {"image": image, "seed": session.seed, "schedule": shown.name, "num_timesteps": shown.num_timesteps}
    return [Take("xₜ", name, lambda: forward_frames(x0, eps, shown, levels), {"diffuscope": json.dumps(facts)})]
