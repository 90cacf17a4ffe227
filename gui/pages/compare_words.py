"""What the Compare page says: names of lanes, and the finding in words, made from the race that was run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.config import SamplingConfig
from engine.measure.race import LaneFrames, RaceReady, deterministic
from engine.measure.race_quality import THERE_DISTANCE, LaneQuality, interval
from engine.settings import number
from gui.widgets.setting_words import choice_label
from gui.words import capital

NARROW = "\u202f"
SURE = 0.95  # the judge's probability from which on it is called sure
COUNTS = ("no", "one", "two", "three", "four", "five", "six")


def lane_names(lanes: Sequence[SamplingConfig]) -> list[str]:
    """A name for each lane: the sampler, and where two lanes share one, what sets them apart ("DDIM 20": its steps)."""
    names = []
    for lane in lanes:
        twins = [other for other in lanes if other.sampler == lane.sampler]
        steps = len({other.num_steps for other in twins}) > 1
        words = [choice_label(lane.sampler) + (f" {number(lane.num_steps)}" if steps else "")]
        for field, text in (("eta", f"η {number(lane.eta)}"),
                            ("guidance_scale", f"w {number(lane.guidance_scale)}"),
                            ("grid", choice_label(lane.grid).lower())):
            if len({getattr(other, field) for other in twins}) > 1:
                words.append(text)
        names.append(", ".join(words))
    return names


def listed(words: Sequence[str]) -> str:
    """"a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def duration(seconds: float) -> str:
    """0.8 ms, 61 ms, 1.4 s."""
    if seconds < 0.00995:
        return f"{1000 * seconds:.1f} ms"
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def calls(count: int) -> str:
    """"16 network calls"."""
    return f"{number(count)} network call{'' if count == 1 else 's'}"


def calls_briefly(spent: int, total: int) -> str:
    """"16 calls", "8 of 16 calls"."""
    return f"{number(spent)} call{'' if spent == 1 else 's'}" if spent == total else \
        f"{number(spent)} of {number(total)} calls"


def percent(share: float, digits: int = 0) -> str:
    """A share, rounded down where it is not all: 100 % is said only when it is."""
    value = 100 * share
    scale = 10**digits
    if value < 100:
        value = min(round(value * scale), 100 * scale - 1) / scale
    return f"{value:.{digits}f}{NARROW}%"


def distance_words(distance: float) -> str:
    """Two significant digits: 0.0043."""
    return f"{distance:.2g}" if distance >= 1e-4 else "under 0.0001"


@dataclass(frozen=True, slots=True)
class Said:
    """A finding: the answer in bold, its numbers plain."""

    answer: str
    numbers: str


# ---- one picture ----

def settled_from(lane: LaneFrames, judged: bool) -> int | None:
    """The frame from which on to the end the judge is sure of the class asked; without a judge, from which on the
    prediction is near the reference. None if it never is.
    """
    good = lane.probability >= SURE if judged else lane.distance <= THERE_DISTANCE
    first = None
    for frame in reversed(range(len(lane.sigma))):
        if not good[frame]:
            break
        first = frame
    return first


def race_finding(race: RaceReady, class_name: str) -> Said:
    """Where a race stands, or how it ended."""
    names = lane_names([lane.sampling for lane in race.lanes])
    running = [i for i, lane in enumerate(race.lanes) if not lane.arrived]
    if running:
        done = [names[i] for i, lane in enumerate(race.lanes) if lane.arrived]
        arrived = f"{listed(done)} {'has' if len(done) == 1 else 'have'} arrived." if done else \
            "All lanes take turns, one network call each."
        return Said("Racing.", f"Class {class_name}, seed {number(race.request.seed)}: {arrived}")
    winners = [i for i, lane in enumerate(race.lanes) if lane.place == 1]
    first = race.lanes[winners[0]]
    finish = f"{listed([names[i] for i in winners])} finished first, after {calls(first.total)}" + (
        f" ({duration(float(first.seconds[-1]))})" if len(winners) == 1 else " each")
    one = f"Class {class_name}, seed {number(race.request.seed)}, n = 1."
    if not race.judged and not race.complete:
        return Said("Finished.", f"{finish}. {one}")
    found = [settled_from(lane, race.judged) for lane in race.lanes]
    at = {i: int(lane.nfe[frame]) for i, (lane, frame) in enumerate(zip(race.lanes, found, strict=True))
          if frame is not None}
    near = _nearest(race, names)
    goal = f"the judge is sure of {class_name}" if race.judged else "the prediction is near the reference"
    if not at:
        return Said("No lane is there.", f"In none {goal} at the end. {finish}{near}. {one}")
    least = min(at.values())
    there = [i for i in at if at[i] == least]
    if len(there) == len(race.lanes):
        tied = "Both lanes are" if len(there) == 2 else f"All {COUNTS[len(there)]} lanes are"
        return Said(f"{tied} {'readable' if race.judged else 'near the reference'} from {calls(least)} on.",
                    f"{finish}{near}. {one}")
    others = [f"{names[i]} from {number(at[i])}" if i in at else f"{names[i]} never"
              for i in range(len(names)) if i not in there]
    verb = "is" if len(there) == 1 else "are"
    return Said(f"{listed([names[i] for i in there])} {verb} there first.",
                f"From {calls(least)} on {goal}; {', '.join(others)}. {finish}{near}. {one}")


def _nearest(race: RaceReady, names: Sequence[str]) -> str:
    """Whose picture is nearest to the reference, once that is there."""
    off = {i: float(lane.distance[-1]) for i, lane in enumerate(race.lanes) if not np.isnan(lane.distance[-1])}
    if not race.complete or len(off) < 2:
        return ""
    best = min(off, key=lambda i: off[i])
    return f"; {names[best]} is nearest the reference, off by {distance_words(off[best])}"


# ---- many pictures ----

def quality_finding(lanes: Sequence[SamplingConfig], found: Sequence[LaneQuality | None], complete: bool) -> Said:
    """What was measured over many pictures; lanes that were not measured are left out and named."""
    names = lane_names([lane.model_copy(update={"num_steps": 1}) for lane in lanes])
    known = [(name, quality) for name, quality in zip(names, found, strict=True) if quality is not None]
    if not known:
        return Said("Not measured.", "How many pictures each lane gets right has not been measured for these weights.")
    unmeasured = [name for name, quality in zip(names, found, strict=True) if quality is None]
    left = f" Not measured yet: {listed(unmeasured)}." if unmeasured else ""
    places = {name: quality.first_there() for name, quality in known}
    at = {name: (quality.nfe[place], quality.seconds[place], quality, place) for name, quality in known
          if (place := places[name]) is not None}
    if not complete:
        left += " Still measuring."
    n = known[0][1].pictures
    judged = known[0][1].right is not None
    if not at:
        most = max(quality.num_steps[-1] for _, quality in known)
        best_name, best = max(known, key=lambda k: k[1].right[-1] if k[1].right is not None else -_last(k[1]))
        return Said(f"No lane is there within {number(most)} steps.",
                    f"{best_name} comes nearest: {_score(best, len(best.num_steps) - 1)}.{left}")
    least = min(nfe for nfe, *_ in at.values())
    winners = [name for name in at if at[name][0] == least]
    quality, place = at[winners[0]][2:]
    numbers = f"{capital(_score(quality, place))} after {calls(least)} ({number(quality.num_steps[place])} steps, " \
              f"{duration(quality.seconds[place])} a picture)"
    others = [f"{name} needs {number(at[name][0])}" if name in at else f"{name} is not there by {_last_calls(q)}"
              for name, q in known if name not in winners]
    quickest = min(at, key=lambda name: at[name][1])
    if others:
        numbers += f"; {', '.join(others)}"
    if quickest not in winners:
        numbers += f". In seconds {quickest} is first, with {duration(at[quickest][1])}"
    goal = _near(known) if judged else \
        f" There means a mean squared distance of at most {THERE_DISTANCE}; n = {number(n)}."
    verb = "is" if len(winners) == 1 else "are"
    return Said(f"{listed(winners)} {verb} there first.", f"{numbers}.{goal}{left}")


def _near(known: Sequence[tuple[str, LaneQuality]]) -> str:
    """Which lane solves its equation with the fewest calls: the share read right alone hardly tells them apart."""
    near = sorted((quality.nfe[place], name) for name, quality in known if (place := quality.first_near()) is not None)
    if not near:
        return ""
    words = ", ".join(f"{name} {number(nfe)}" for nfe, name in near)
    return f" Calls to within {THERE_DISTANCE} of the reference: {words}."


def _last(quality: LaneQuality) -> float:
    return quality.distance[-1] if quality.distance is not None else float("inf")


def _last_calls(quality: LaneQuality) -> str:
    return number(quality.nfe[-1])


def _score(quality: LaneQuality, place: int) -> str:
    """"99 of 100 read right (95 % interval 95 to 100 %)", or the distance where nobody reads."""
    if quality.right is None:
        return f"mean squared distance {distance_words(quality.distance[place])}" if quality.distance else "no figure"
    low, high = interval(quality.right[place], quality.pictures)
    return (f"{number(quality.right[place])} of {number(quality.pictures)} read right (95{NARROW}% interval "
            f"{100 * low:.0f} to {100 * high:.0f}{NARROW}%)")


# ---- what stands below a lane ----

def reading_words(lane: LaneFrames, frame: int, class_name: str, judged: bool, complete: bool) -> str:
    """The judge's reading of a frame, or how far it is from the reference."""
    if judged:
        return f"judge {class_name}, {percent(float(lane.probability[frame]))}"
    return reference_words(lane, frame, complete)


def reference_words(lane: LaneFrames, frame: int, complete: bool) -> str:
    """How far a frame is from the reference; "not comparable" where fresh noise is drawn."""
    if not deterministic(lane.sampling):
        return "not comparable"
    if not complete or bool(np.isnan(lane.distance[frame])):
        return ""
    return f"off by {distance_words(float(lane.distance[frame]))}"
