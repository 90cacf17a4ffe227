"""Pictures drawn from a run, and the training pictures nearest to each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from engine.config import SamplingConfig
from engine.events import Command, Event
from engine.measure.augmentation import whole_dataset
from engine.measure.drawing import draw
from engine.measure.nearest import SUSPECT, Nearest, Neighbours, look_up
from engine.runs import Run

if TYPE_CHECKING:
    from engine.workspace import Workspace


@dataclass(frozen=True, eq=False)
class NearestDrawn(Event):
    """What was found for each picture, in the order drawn."""

    channel: ClassVar[str] = "control"
    snapshot: int
    sampling: SamplingConfig
    seeds: tuple[int, ...]
    found: tuple[Nearest, ...]

    def values(self) -> dict[str, Any]:
        """As plain values."""
        pictures = [{"class_label": one.class_label, "seed": seed, "pixels": _values(one.pixels, one.held_pixels),
                     "features": _values(one.features, one.held_features)}
                    for one, seed in zip(self.found, self.seeds, strict=True)]
        return {"snapshot": self.snapshot, "sampling": self.sampling.model_dump(), "suspect_below": SUSPECT,
                "pictures": pictures}

    def lines(self, class_names: Sequence[str]) -> list[str]:
        """For people: a line for each picture."""
        lines = ["Distance of the nearest training picture, and how many real test pictures of the class have a nearer "
                 "one", "", f"{'class':>8}{'seed':>10}{'pixels':>10}{'nearer':>9}{'features':>10}{'nearer':>9}"]
        for one, seed in zip(self.found, self.seeds, strict=True):
            lines.append(f"{class_names[one.class_label]:>8}{seed:>10}{_line(one.pixels)}{_line(one.features)}"
                         + ("  suspect" if one.suspect else ""))
        suspect = sum(one.suspect for one in self.found)
        return [*lines, "", f"{suspect} of {len(self.found)} are suspect: nearer to a training picture than "
                f"{100 * (1 - SUSPECT):.0f} % of real test pictures."]


def _values(part: Neighbours | None, held: float | None) -> dict[str, Any] | None:
    return None if part is None else {"index": list(part.index), "distance": list(part.distance),
                                      "nearer_than": part.nearer_than, "held_out_median": held,
                                      "suspect": part.suspect}


def _line(part: Neighbours | None) -> str:
    return f"{'-':>10}{'-':>9}" if part is None else f"{part.distance[0]:>10.2f}{100 * part.nearer_than:>7.0f} %"


def nearest_drawn(workspace: Workspace, run: Run, labels: Sequence[int], seeds: Sequence[int], sampling: SamplingConfig,
                  snapshot: int | None = None,
                  average_percent: float | None = None) -> Generator[Event, Command | None, None]:
    """Draw pictures and look them up, as a long job: JobProgress, then NearestDrawn. Raises what both raise."""
    dataset = whole_dataset(run, 0)
    model = workspace.model(run.path, snapshot, average_percent)
    images = yield from draw(workspace, model, labels, seeds, sampling)
    found = yield from look_up(workspace, run, dataset, images, np.array(labels, dtype=np.int64))
    yield NearestDrawn(model.snapshot, sampling, tuple(seeds), found)
