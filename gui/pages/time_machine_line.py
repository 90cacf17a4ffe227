"""The line of first recognition: its curves over the map, and what is said of it above."""

from __future__ import annotations

from collections.abc import Sequence

from engine.measure.time_machine_line import LinePoint
from gui.pages.time_machine_image import Place
from gui.pages.time_machine_maps import RunMap
from gui.pages.time_machine_paper import Curve
from gui.pages.time_machine_words import Said, finding, own_finding


def curves(maps: Sequence[RunMap], places: Sequence[Place], class_label: int, over_seeds: bool,
           difference: bool) -> list[Curve]:
    """Over seeds, and while that is not all there the map's own seed, dashed."""
    found = []
    for which, each in enumerate(maps):
        at = {place.step if place.number == which else place.minus: index for index, place in enumerate(places)
              if place.number == which or (which == 1 and place.minus is not None)}
        seeds: list[LinePoint] = each.line() if over_seeds else []
        own = [] if over_seeds and each.comparison() is not None else each.own_line(class_label)
        name = f"first readable, {each.run.name}" if which == 1 and difference else "first readable"
        for points, dashed in ((seeds, False), (own, over_seeds)):
            there = tuple((at[p.snapshot], None if p.percent is None else p.percent / 100) for p in points
                          if p.snapshot in at)
            if there:
                found.append(Curve(there, class_label, dashed, "" if dashed else name))
    return found


def said_of(own: RunMap, class_label: int, class_name: str, seed: int, over_seeds: bool, filling: bool) -> Said:
    """The verdict over seeds; before that is measured, what the open run's own seed shows."""
    if over_seeds and (found := own.comparison()) is not None:
        return finding(found, class_name)
    said = own_finding(own.own_line(class_label), class_name, seed)
    if over_seeds and filling:
        return Said("Measuring the line." if own.first else "Filling the map.", said.numbers)
    return said
