"""How the learning rate moves over the planned steps, and how many steps fit into a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.config import TrainingConfig
from engine.errors import BadSetting
from engine.runs import Segment
from engine.settings import number


def learning_rate_at(step: int, segments: Sequence[Segment], config: TrainingConfig) -> float:
    """The learning rate of step 0, 1, ...: linear warm-up, constant, linear fall over the segment's end.

    Each segment (the first plan, and every Continue after it) warms up anew to its own peak.
    """
    segment = next((s for s in segments if step < s.end), segments[-1])
    length = segment.end - segment.start
    position = step - segment.start
    warm_up = min(1.0, (position + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    decay_steps = config.decay_share * length
    fall = min(1.0, (length - position) / decay_steps) if decay_steps > 0 else 1.0
    return segment.learning_rate * min(warm_up, max(0.0, fall))


def fall_begins(segment: Segment, config: TrainingConfig) -> int:
    """After so many steps of the run the learning rate begins to fall: that of the next step is below the peak."""
    length = segment.end - segment.start
    return segment.start + math.floor(length - config.decay_share * length) + 1


def check_end(num_steps: int, step: int, segments: Sequence[Segment], config: TrainingConfig) -> None:
    """Whether the planned end may move to num_steps while the run is at `step`. Raises BadSetting with the reason.

    It may not once the learning rate falls: a later end would have it rise again, on no curve that was planned.
    """
    last = segments[-1]
    if num_steps == last.end:
        return
    reached = max(step, last.start)
    if num_steps <= reached:
        raise BadSetting(f"Stop at must be beyond step {number(reached)}, which this run has reached; "
                         f"{number(num_steps)} is not.", "Stop ends it where it is.")
    fall = fall_begins(last, config)
    if step > fall:
        raise BadSetting(f"Stop at stays at {number(last.end)}: the learning rate has been falling towards it since "
                         f"step {number(fall)}.", "Stop ends the run now; Continue goes on past the end.")


def plan_steps(seconds: float, steps_done: int, seconds_done: float, seconds_per_step: float) -> int:
    """Total steps that fit into `seconds` of training at the measured pace; at least one more than done."""
    left = max(0.0, seconds - seconds_done)
    return max(steps_done + 1, steps_done + int(left / seconds_per_step))


def continued(segments: Sequence[Segment], num_steps: int, config: TrainingConfig) -> list[Segment]:
    """The segments with one more of num_steps at half the peak learning rate."""
    end = segments[-1].end
    return [*segments, Segment(start=end, end=end + num_steps, learning_rate=config.learning_rate / 2)]
