"""The Advanced fold of the Reverse page: levels, interval, rescale, autoguidance; and what the page says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import config, make_run
from test_reverse import make_page, wait_drawn

from engine.config import LARGEST_SIGMA, SamplingConfig, find_setting
from engine.diffusion.schedules import schedule
from gui.explain import load_topic
from gui.pages.reverse import ReversePage
from gui.pages.reverse_advanced import one_prediction, reach_words, state_words
from gui.session import Session
from gui.theme import apply_theme
from gui.undo import History
from gui.widgets.level_field import LevelField
from gui.window_state import WindowState, load_state, save_state

PLAN = schedule("linear", 1000)


@pytest.fixture
def page(qtbot: QtBot, session: Session, tmp_path: Path) -> ReversePage:
    """The page in front, with a run of which seed 11 is recorded, snapshots at 0, 10, 20 and 40."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made = make_page(qtbot, session)
    made.resize(902, 681)
    made.show()
    made.test_dock.show()
    made.activate()
    wait_drawn(qtbot, made)
    return made


# ---- a slider over noise levels ----

@pytest.fixture
def high(qtbot: QtBot) -> LevelField:
    field = LevelField(find_setting("guidance_sigma_high", "sampling"), PLAN)
    qtbot.addWidget(field)
    return field


@pytest.fixture
def low(qtbot: QtBot) -> LevelField:
    field = LevelField(find_setting("guidance_sigma_low", "sampling"), PLAN)
    qtbot.addWidget(field)
    return field


def test_noise_is_left_and_the_ends_mean_all_there_is(high: LevelField, low: LevelField) -> None:
    assert (high.value(), high.slider.value()) == (LARGEST_SIGMA, 0)
    assert (low.value(), low.slider.value()) == (0, 1000)
    seen = []
    high.committed.connect(lambda name, value: seen.append((name, value)))
    high.slider._jump(600)  # t = 400
    assert seen[-1][0] == "guidance_sigma_high"
    assert seen[-1][1] == pytest.approx(float(PLAN.sigma[400]), rel=1e-3)
    assert seen[-1][1] >= float(PLAN.sigma[400]), "the step that starts there lies within"
    assert PLAN.t_of_sigma(high.value()) == 400
    high.slider._jump(0)
    assert seen[-1][1] == LARGEST_SIGMA
    assert high.editor.text() == "∞"
    high.editor.setText("5")
    assert high.editor.commit()
    high.editor.setText("∞")
    assert high.editor.commit()
    assert [value for _, value in seen[-2:]] == [5.0, LARGEST_SIGMA]
    low.slider._jump(1000)
    assert low.value() == 0


def test_every_place_of_the_slider_means_its_own_timestep(high: LevelField) -> None:
    for place in range(1, 1000):
        assert PLAN.t_of_sigma(high._level(place)) == 1000 - place
        assert high._place(high._level(place)) == place


def test_a_typed_level_moves_the_handle_and_a_wrong_one_is_not_applied(low: LevelField) -> None:
    seen = []
    low.committed.connect(lambda _, value: seen.append(value))
    low.editor.setText("0.5")
    low.editor.commit()
    assert seen == [0.5]
    assert low.slider.value() == 1000 - PLAN.t_of_sigma(0.5)
    low.editor.setText("-1")
    low.editor.commit()
    assert "must be from 0 to 100" in low.sentence.text()
    assert seen == [0.5]


def test_another_schedule_has_other_ends(low: LevelField) -> None:
    low.set_value(0.5)
    low.set_schedule(schedule("cosine", 100))
    assert low.slider.maximum() == 100
    assert low.slider.value() == 100 - schedule("cosine", 100).t_of_sigma(0.5)
    assert low.value() == 0.5


# ---- the fold ----

def test_it_is_folded_and_says_at_the_right_what_it_holds(page: ReversePage) -> None:
    section = page.setup.advanced.section
    assert section.folded
    assert section.state_text == "as usual"
    page.session.set_sampling(grid="log-snr", guidance_rescale=0.5, guidance_sigma_low=0.3)
    assert section.state_text == "Even log SNR, interval, rescale 0.5"
    QTest.mouseClick(section._head, Qt.MouseButton.LeftButton)
    assert page.setup.advanced.rescale.isVisible()


def test_every_row_sets_its_setting_and_can_be_undone(page: ReversePage, qtbot: QtBot) -> None:
    session, advanced = page.session, page.setup.advanced
    history, own = History(session), page.session.sampling
    for row, value, changed in (
            (advanced.grid, "karras", {"grid": "karras"}),
            (advanced.high, 5.0, {"guidance_sigma_high": 5.0}),
            (advanced.low, 0.5, {"guidance_sigma_low": 0.5}),
            (advanced.rescale, 0.7, {"guidance_rescale": 0.7}),
            (advanced.against, 10, {"autoguide_step": 10})):
        row.committed.emit(row.setting.name, value)
        assert session.sampling == own.model_copy(update=changed), row.setting.name
        assert row.value() == value
        history.stack.undo()
        assert session.sampling == own
        assert row.value() == getattr(own, row.setting.name)
    wait_drawn(qtbot, page)


def test_the_copied_command_holds_all_of_it(page: ReversePage, qtbot: QtBot) -> None:
    page.session.set_sampling(grid="karras", guidance_sigma_low=0.5, guidance_sigma_high=9.0, guidance_rescale=0.7,
                              autoguide_step=10)
    text = page.setup.command_text()
    for part in ("--grid karras", "--guidance-interval 0.5 9.0", "--autoguide 10", "sampling.guidance_rescale=0.7"):
        assert part in text
    wait_drawn(qtbot, page)


def test_an_interval_upside_down_is_refused_under_its_row(page: ReversePage, qtbot: QtBot) -> None:
    advanced, session = page.setup.advanced, page.session
    session.set_sampling(guidance_sigma_low=2.0)
    advanced.high.committed.emit("guidance_sigma_high", 1.0)
    assert advanced.high.sentence.text() == "The guidance interval must rise; from 2 to 1 it does not."
    assert session.sampling.guidance_sigma_high == LARGEST_SIGMA
    wait_drawn(qtbot, page)


def test_a_grid_of_timesteps_takes_no_more_steps_than_there_are(qtbot: QtBot, session: Session,
                                                                tmp_path: Path) -> None:
    make_run(tmp_path / "short", config=config().changed(diffusion={"num_timesteps": 100}), recorded=11)
    session.open_run(tmp_path / "short")
    page = make_page(qtbot, session)
    page.activate()
    session.set_sampling(sampler="unipc", num_steps=200)
    page.setup._set("grid", "timesteps")
    assert (session.sampling.grid, session.sampling.num_steps) == ("timesteps", 100)


def test_snapshots_before_the_one_that_draws_are_offered(page: ReversePage, qtbot: QtBot) -> None:
    session, choice = page.session, page.setup.advanced.against.editor
    assert [choice.itemText(i) for i in range(choice.count())] == ["No class", "Step 0", "Step 10", "Step 20"]
    session.set_step(20)
    assert [choice.itemText(i) for i in range(choice.count())] == ["No class", "Step 0", "Step 10"]
    session.set_sampling(autoguide_step=10)
    assert page.setup.advanced.against.value() == 10
    assert page.setup.advanced.against.sentence.text() == ""
    session.set_step(10)
    assert page.setup.advanced.against.value() == 10, "what is set stays shown"
    assert page.setup.advanced.against.sentence.text() == ("Step 10 is not before step 10, which draws. Choose an "
                                                           "earlier one, or look at a later step.")
    wait_drawn(qtbot, page)


def test_what_does_nothing_is_switched_off_and_says_why(page: ReversePage, qtbot: QtBot) -> None:
    session, advanced = page.session, page.setup.advanced
    assert all(row.isEnabled() for row in advanced.rows.values())
    session.set_sampling(guidance_scale=1.0)
    for name in ("guidance_sigma_high", "guidance_sigma_low", "guidance_rescale", "autoguide_step"):
        row = advanced.rows[name]
        assert not row.isEnabled(), name
        assert "At w = 1 " in row.label.toolTip(), name
    assert advanced.high.slider.toolTip().startswith("At w = 1 ")
    assert advanced.grid.isEnabled()
    session.set_sampling(guidance_scale=0.0)
    assert not advanced.rescale.isEnabled()
    assert advanced.against.isEnabled()
    session.set_sampling(guidance_scale=2.0)
    assert all(row.isEnabled() for row in advanced.rows.values())
    wait_drawn(qtbot, page)


def test_sliders_and_boxes_are_named_and_explained(page: ReversePage) -> None:
    advanced = page.setup.advanced
    assert advanced.high.slider.accessibleName() == "Guide from noise level σ"
    assert advanced.against.editor.accessibleName() == "Guide against"
    for row in advanced.rows.values():
        assert load_topic(str(row.property("explain"))) is not None
        assert row.editor.toolTip() if hasattr(row, "editor") else row.slider.toolTip()


# ---- words ----

def test_where_guidance_acts_is_said_in_t_and_in_steps() -> None:
    usual = SamplingConfig(sampler="dpmpp-2m", num_steps=20)
    assert reach_words(usual, PLAN) == "Guided at every noise level."
    assert reach_words(usual.model_copy(update={"guidance_scale": 1.0}), PLAN) == "No guidance at w = 1."
    some = usual.model_copy(update={"guidance_sigma_low": 0.5, "guidance_sigma_high": 9.0})
    high, low = PLAN.t_of_sigma(9.0), PLAN.t_of_sigma(0.5)
    assert reach_words(some, PLAN) == f"t {high} to {low}: 7 of 20 steps guided."


def test_why_there_is_no_difference_is_said() -> None:
    usual = SamplingConfig(guidance_scale=2.0)
    assert one_prediction(usual, 1.0) == ("", "")
    assert one_prediction(usual.model_copy(update={"guidance_scale": 1.0}), None)[0].startswith("w = 1")
    old = usual.model_copy(update={"guidance_scale": 0.0, "autoguide_step": 10})
    assert "only as it was at step 10" in one_prediction(old, 1.0)[1]
    some = usual.model_copy(update={"guidance_sigma_low": 0.5})
    assert one_prediction(some, 0.6) == ("", "")
    assert one_prediction(some, 0.5)[0] == "not guided here: only one prediction was made"
    assert state_words(usual) == "as usual"


def test_guidance_by_clip_is_said_where_sampling_is_shown() -> None:
    clip = SamplingConfig(guidance_scale=2.0, clip_guidance="scale")
    assert state_words(clip) == "CLIP scale"
    assert state_words(clip.model_copy(update={"clip_strength": 0.0})) == "as usual"
    assert one_prediction(clip, 1.0) == ("", "")
    gradient = clip.model_copy(update={"clip_guidance": "gradient"})
    assert one_prediction(gradient, 1.0)[0] == "CLIP guides here: only one prediction was made"


def test_the_page_says_who_guides_and_copies_it(page: ReversePage) -> None:
    assert page.setup.guidance.isEnabled()
    page.session.set_sampling(clip_guidance="blend", clip_model="judge")
    assert page.setup.note.text() == "The judge guides by blend: page CLIP."
    assert not page.setup.guidance.isEnabled()
    assert "--clip-guidance blend --clip-strength 1.0 --clip-model judge" in page.setup.command_text()
    page.session.set_sampling(clip_guidance="off")
    assert page.setup.guidance.isEnabled()
    assert "--clip-guidance" not in page.setup.command_text()


def test_the_page_names_the_difference_and_frames_without_one(page: ReversePage, qtbot: QtBot) -> None:
    session, stage = page.session, page.stage
    assert stage.guide_head.accessibleName().startswith("D c − D u")
    session.set_sampling(autoguide_step=10)
    wait_drawn(qtbot, page)
    assert stage.guide_head.accessibleName().startswith("D − D 10")
    assert "earlier snapshot" in stage.guide.toolTip()
    session.set_sampling(autoguide_step=None, guidance_sigma_low=50.0)
    wait_drawn(qtbot, page)
    session.set_noise_level(1000)
    assert stage.guide.isVisible()
    session.set_noise_level(0)
    assert not stage.guide.isVisible()
    assert stage.alone.text() == "not guided here: only one prediction was made"


# ---- over a restart ----

def test_sampling_is_kept_over_a_restart(own_home: Path) -> None:
    state = WindowState()
    state.place.sampling = SamplingConfig(sampler="unipc", autoguide_step=10, guidance_sigma_low=0.5)
    save_state(state)
    assert load_state().place.sampling == state.place.sampling
