"""The log: round trip, resume, several readers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import new_run

from engine.runs import Run, RunWriter
from engine.runs.metrics import MetricsLog, MetricsReader, loss_line

floats32 = st.floats(width=32, allow_nan=True, allow_infinity=True)
chunk = st.lists(st.tuples(floats32, st.floats(0, 1e6, width=32)), min_size=0, max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(chunk, st.floats(0, 1)), max_size=6))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory,
                    chunks: list[tuple[list[tuple[float, float]], float]]) -> None:
    path = tmp_path_factory.mktemp("log") / "metrics.jsonl"
    log, reader = MetricsLog(path), MetricsReader(path)
    step, rates = 0, []
    for points, lr in chunks:
        steps = np.arange(step + 1, step + 1 + len(points))
        log.append(loss_line(steps, [p[0] for p in points], [p[1] for p in points], lr))
        step += len(points)
        rates += [lr] * len(points)
        assert reader.read().steps.tolist() == list(range(1, step + 1))  # piece by piece, as it grows
    log.close()
    for metrics in (reader.read(), MetricsReader(path).read()):
        points = [p for points, _ in chunks for p in points]
        losses = np.array([p[0] for p in points], np.float32)
        losses[~np.isfinite(losses)] = np.nan
        assert np.array_equal(metrics.losses, losses, equal_nan=True)
        assert np.array_equal(metrics.seconds, np.array([p[1] for p in points], np.float32))
        assert metrics.lr.tolist() == rates
        assert metrics.skipped == 0
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"bare {word}"))


def test_resume_supersedes_what_came_after(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:  # resume points at 5 and 10
        writer.append_losses(range(4, 16), np.arange(12) + 100, np.arange(12), 1e-3)
        writer.append_marker("paused", 8, 0.8, "Paused")
        writer.append_marker("lr", 14, 1.4, "Learning rate 0.002")
        run = Run.open(writer.path)
        assert len(run.metrics()) == 15
    with RunWriter.reopen(tmp_path / "run") as writer:
        assert writer.load_state()[0] == 10
        assert len(run.metrics()) == 15  # loading alone changes nothing
        writer.append_losses([11, 12], [0.5, math.nan], [1.1, 1.2], 2e-3)
        writer.append_losses([13], [0.25], [1.3], 2e-3)
    for metrics in (run.metrics(), Run.open(tmp_path / "run").metrics()):
        assert metrics.steps.tolist() == list(range(1, 14))
        assert metrics.losses[9] == 106
        assert metrics.losses[[10, 12]].tolist() == [0.5, 0.25]
        assert math.isnan(metrics.losses[11])
        assert metrics.lr[[9, 10]].tolist() == [1e-3, 2e-3]
        assert [m["kind"] for m in metrics.markers] == ["paused"]
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "resume"] == [10]


def test_explicit_resume_marker_is_not_doubled(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        writer.load_state()
        writer.append_marker("resume", 2, 0.2, "Resumed")
        writer.append_losses([3], [9.0], [0.3], 1e-3)
        metrics = Run.open(writer.path).metrics()
    assert metrics.steps.tolist() == [1, 2, 3]
    assert metrics.losses.tolist() == [np.float32(0.9), 0.5, 9.0]
    assert metrics.markers == [{"kind": "resume", "step": 2, "seconds": 0.2, "text": "Resumed"}]


def test_steps_that_come_again_without_a_resume_row(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(loss_line([1, 2, 3], [1, 2, 3], [1, 2, 3], 1) + loss_line([2, 3], [5, 6], [1, 2], 1))
    assert MetricsReader(path).read().losses.tolist() == [1, 5, 6]


@pytest.mark.parametrize("line", [
    "nonsense", "[]", "17", "{}", '{"kind": "loss"}', '{"kind": "paused"}', '{"kind": "paused", "step": "x"}',
    '{"kind": "loss", "step": [1, 2], "loss": [1], "seconds": [1, 2]}', "\u2028", "[" * 100_000,
    '{"kind": "loss", "step": [2, 1], "loss": [1, 1], "seconds": [1, 2]}',
    '{"kind": "loss", "step": [1e400], "loss": [1], "seconds": [1]}',
    '{"kind": "loss", "step": 4, "loss": 1, "seconds": 1}', '{"kind": "loss", "step": ["a"], "loss": [1]}',
    '{"kind": "loss", "step": [4], "loss": [1], "seconds": [1], "eps_mse": [1, 2]}',
    '{"kind": "loss", "step": [4], "loss": [1], "seconds": [1], "eps_mse": 1}',
    '{"kind": "loss", "step": [4], "loss": [1], "seconds": [1], "eps_mse": null}',
])
def test_lines_that_cannot_be_read_are_counted_and_left_out(tmp_path: Path, line: str) -> None:
    path = tmp_path / "metrics.jsonl"
    good = loss_line([1], [1], [1], 1), loss_line([2], [2], [2], 1)
    path.write_bytes(good[0] + line.encode() + b"\n\n" + good[1])
    metrics = MetricsReader(path).read()
    assert metrics.steps.tolist() == [1, 2]
    assert metrics.skipped == 1


def test_log_replaced_by_a_shorter_one_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = MetricsReader(path)
    assert len(reader.read()) == 0  # no file yet
    path.write_bytes(loss_line(range(100), range(100), range(100), 1))
    assert len(reader.read()) == 100
    path.write_bytes(loss_line([1], [1], [1], 1))
    assert reader.read().steps.tolist() == [1]


def test_what_a_log_refuses(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as writer:
        with pytest.raises(ValueError, match="equally many"):
            writer.append_losses([1, 2], [1.0], [1.0], 1e-3)
        with pytest.raises(ValueError, match="as many as the steps"):
            writer.append_losses([1], [1.0], [1.0], 1e-3, [1.0, 2.0])
        with pytest.raises(ValueError, match="kind loss"):
            writer.append_marker("loss", 1, 1.0)
    with pytest.raises(Exception, match="closed"):
        writer.append_marker("paused", 1, 1.0)


def test_the_noise_error_stands_beside_the_loss_where_it_was_logged(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    old = b'{"kind":"loss","step":[1,2],"loss":[0.9,0.8],"seconds":[0.1,0.2],"lr":0.001}\n'
    new = loss_line([3, 4], [0.7, 0.6], [0.3, 0.4], 1e-3, [0.31, math.inf])
    assert b'"eps_mse":[0.31,null]' in new
    assert b"eps_mse" not in loss_line([1], [1.0], [1.0], 1e-3)
    path.write_bytes(old)
    reader = MetricsReader(path)
    assert np.isnan(reader.read().eps_mse).all()
    path.write_bytes(old + new + loss_line([5], [0.5], [0.5], 1e-3, [0.25]))
    for metrics in (reader.read(), MetricsReader(path).read()):
        assert metrics.losses.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
        np.testing.assert_array_equal(metrics.eps_mse, np.array([np.nan, np.nan, 0.31, np.nan, 0.25], np.float32))
        assert metrics.skipped == 0


def test_a_resume_supersedes_the_noise_error_too(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(loss_line([1, 2, 3], [1, 2, 3], [1, 2, 3], 1, [4, 5, 6]) + b'{"kind":"resume","step":1}\n'
                     + loss_line([2], [7], [2], 1, [8]))
    assert MetricsReader(path).read().eps_mse.tolist() == [4, 8]
