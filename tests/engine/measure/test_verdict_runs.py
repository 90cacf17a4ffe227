"""The verdict on runs that were really trained: five held out of a kind, and some that its rule may be fitted to.

benchmarks/record_verdict_runs.py made them and says how the state of each is known without the rule. Curves that were
made stand in test_verdict.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import paths
from engine.measure.learning import LearningPoint, judge
from engine.measure.sample_check import stored_check
from engine.measure.validation import stored_validation
from engine.measure.verdict import Kind, Verdict, verdict
from engine.runs import Run

FOLDER = Path(__file__).parent / "verdict_runs"
KINDS = {"learning": Kind.LEARNING, "finished": Kind.FINISHED, "diverging": Kind.DIVERGING, "short": Kind.TOO_SHORT}
RUNS: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
HELD = [run for run in RUNS if run["name"].startswith("held-")]
TUNED = [run for run in RUNS if run["name"].startswith("tune-")]
HARD = [run for run in RUNS if run["name"].startswith("hard-")]


def said(run: dict[str, Any]) -> Verdict:
    """The verdict on a recording."""
    losses = np.array([np.nan if loss is None else loss for loss in run["losses"]])
    validation = np.array(run["validation"], dtype=np.float64).reshape(-1, 2)
    read = np.array(run["read_right"], dtype=np.float64).reshape(-1, 3)
    right = (read[:, 0], read[:, 1] / read[:, 2], int(read[-1, 2])) if len(read) else None
    return verdict(run["first_step"] + np.arange(len(losses)), losses, (validation[:, 0], validation[:, 1]), right)


@pytest.mark.parametrize("run", TUNED, ids=lambda run: run["name"])
def test_recordings_that_the_rule_may_be_fitted_to(run: dict[str, Any]) -> None:
    assert said(run).kind is KINDS[run["kind"]]


@pytest.mark.parametrize("run", HELD, ids=lambda run: run["name"])
def test_held_out_recordings(run: dict[str, Any]) -> None:
    assert said(run).kind is KINDS[run["kind"]]


@pytest.mark.parametrize("run", HARD, ids=lambda run: run["name"])
def test_what_cannot_be_told_yet_is_not_called_something_else(run: dict[str, Any]) -> None:
    assert said(run).kind is Kind.TOO_SHORT
    assert run["kind"] == "learning"


def test_there_are_five_held_out_of_a_kind_that_share_no_seed_with_the_others() -> None:
    assert {run["kind"] for run in RUNS} == set(KINDS)
    for kind in KINDS:
        assert sum(run["kind"] == kind for run in HELD) == 5
        assert any(run["kind"] == kind for run in TUNED)
    seeds = [{run["settings"]["training"]["seed"] for run in runs} for runs in (TUNED, HELD)]
    assert not seeds[0] & seeds[1]
    assert len(seeds[1]) == len(HELD)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


def test_the_run_that_ships_is_finished() -> None:
    """The second half of its 7000 steps took 2 % off the validation loss."""
    run = Run.open(paths.DEFAULT_BUNDLED_RUN)
    metrics = run.metrics()
    points = [LearningPoint(s.step, stored_validation(run, s.step), stored_check(run, s.step))
              for s in run.snapshots()]
    assert all(point.validation is not None for point in points)
    assert judge(metrics.steps.astype(float), metrics.losses.astype(float), points).kind is Kind.FINISHED


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["name"])
def test_the_state_of_each_is_known_without_the_rule(run: dict[str, Any]) -> None:
    found = run["evidence"]
    if run["kind"] == "learning":
        assert found["steps"] == 2 * len(run["losses"])
        assert found["validation"] <= 0.97 * found["own_validation"]
    elif run["kind"] == "finished":
        assert found["steps"] == len(run["losses"]) // 2 == run["settings"]["training"]["num_steps"] // 2
        assert found["own_validation"] >= 0.97 * found["validation"]
    elif run["kind"] == "diverging":
        assert found["last_20"] is None or found["last_20"] >= 1.25 * found["lowest_20"]
    else:
        assert found["steps"] == len(run["losses"]) < 200
