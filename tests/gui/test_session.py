"""A session: runs that are opened, and where one is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scripted import make_run

from engine.errors import BadSetting
from engine.events import (
    TrainingState,
)
from engine.runs import Run
from gui.session import Notice, Session

# ---- opening ----

def test_a_run_opens_at_its_end(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    assert session.open_run(tmp_path / "a")
    assert session.snapshots == [0, 10, 20, 40]
    assert (session.step, session.following, session.num_steps) == (40, True, 40)
    assert len(session.losses) == 40
    np.testing.assert_allclose(session.losses[-1], [40, 1 / 40, 4.0], rtol=1e-6)
    assert session.samples is not None
    assert session.samples.step == 40
    assert [m.kind for m in session.markers] == ["paused"]
    assert session.training_state is TrainingState.FINISHED


def test_losses_are_read_once_and_when_they_are_asked_for(session: Session, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "a")
    read: list[Path] = []
    metrics = Run.metrics
    monkeypatch.setattr(Run, "metrics", lambda run: read.append(run.path) or metrics(run))
    told: list[int] = []
    session.losses_changed.connect(lambda: told.append(1))
    assert session.open_run(tmp_path / "a")
    assert (read, told) == ([], [1])
    assert len(session.losses) == 40
    assert [m.kind for m in session.markers] == ["paused"]
    assert read == [tmp_path / "a"]
    session.open_run(tmp_path / "a")
    session.close_run()
    assert len(session.losses) == 0
    assert read == [tmp_path / "a"]


@pytest.mark.parametrize("kind", ["picture", "pickle", "empty", "missing", "broken"])
def test_what_is_no_run_is_refused_in_words_and_changes_nothing(session: Session, tmp_path: Path,
                                                                kind: str) -> None:
    make_run(tmp_path / "good")
    session.open_run(tmp_path / "good")
    bad = tmp_path / "bad"
    if kind == "picture":
        bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    elif kind == "pickle":
        bad.write_bytes(b"\x80\x04\x95" + bytes(50))
    elif kind == "empty":
        bad.mkdir()
    elif kind == "broken":
        bad.mkdir()
        (bad / "run.json").write_text('{"name": "x"')
    notices: list[Notice] = []
    session.message.connect(notices.append)
    assert not session.open_run(bad)
    assert len(notices) == 1
    assert notices[0].kind == "error"
    assert notices[0].headline.endswith(".")
    assert "Traceback" not in notices[0].headline + notices[0].advice
    assert session.run is not None
    assert session.run.name == "good"
    assert len(session.losses) == 40


def test_an_opened_run_clears_the_banner(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "good")
    cleared: list[str] = []
    session.message_cleared.connect(cleared.append)
    session.open_run(tmp_path / "nothing")
    session.open_run(tmp_path / "good")
    assert "open-run" in cleared


# ---- coordinates ----

def test_a_step_between_snapshots_goes_to_the_nearest(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_step(13)
    assert (session.step, session.following) == (10, False)
    session.follow_live()
    assert (session.step, session.following) == (40, True)


def test_coordinates_stay_in_range(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_noise_level(5000)
    assert session.t == 1000
    session.set_noise_level(-3)
    assert session.t == 0
    session.set_class(99)
    assert session.class_label == 3
    session.set_seed(2**70)
    assert session.seed == 2**63 - 1


def test_previous_seeds_come_back_in_turn(session: Session) -> None:
    for seed in (5, 6, 7):
        session.set_seed(seed)
    session.previous_seed()
    assert session.seed == 6
    session.previous_seed()
    assert session.seed == 5
    session.previous_seed()
    session.previous_seed()
    assert session.seed == 0


def test_large_seeds_travel_whole(session: Session) -> None:
    heard: list[int] = []
    session.seed_changed.connect(heard.append)
    session.set_seed(2**40 + 1)
    assert heard == [2**40 + 1]


def test_a_wrong_sampling_setting_changes_nothing(session: Session) -> None:
    before = session.sampling
    with pytest.raises(BadSetting, match="from 0 to 8"):
        session.set_sampling(guidance_scale=9.0)
    assert session.sampling == before


def test_another_schedule_keeps_the_noise_level(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_noise_level(500)
    sigma = session.sigma()
    session.set_schedule("cosine", 200)
    assert session.schedule.num_timesteps == 200
    assert session.sigma() == pytest.approx(sigma, rel=0.05)
    session.reset_schedule()
    assert (session.schedule.name, session.t) == ("linear", pytest.approx(500, abs=6))


def test_only_what_a_hand_did_is_told_to_undo(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    edits: list[tuple[str, object, object]] = []
    session.edited.connect(lambda *what: edits.append(what))
    session.set_noise_level(300)
    session.set_noise_level(200, by_hand=False)
    session.set_class(5)
    session.restore("class", 2)
    assert edits == [("t", 420, 300), ("class", 3, 5)]
