"""Prompts and sources of the CLIP page."""

from __future__ import annotations

from pathlib import Path

import pytest
from clip_scripted import Jobs, settle
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.clip.config import ClipConfig
from engine.clip.hub import Offer
from engine.clip.sources import DEFAULT_GENERAL
from engine.errors import DiffuscopeError
from gui.pages.clip import ClipPage
from gui.undo import History

# ---- prompts ----

def test_a_wrong_template_is_told_at_once_and_not_applied(qtbot: QtBot, clip_page: ClipPage) -> None:
    clip_page.setup.editor.setPlainText("a {}\nno place")
    assert "Line 2: It needs {}" in clip_page.setup.error.text()
    clip_page.setup._typing.timeout.emit()
    assert clip_page.session.clip.templates == ""
    clip_page.setup.editor.setPlainText("a {}\nthe {}")
    assert not clip_page.setup.error.isVisible()
    clip_page.setup._typing.timeout.emit()
    clip_page.setup._typing.stop()
    assert clip_page.session.clip.templates == "a {}\nthe {}"
    assert clip_page.jobs.request.clip.templates == ("a {}", "the {}")
    clip_page.setup.reset.click()
    assert clip_page.session.clip.templates == ""
    assert "handwritten digit" in clip_page.setup.editor.toPlainText()


def test_words_the_in_domain_clip_never_learned_are_flagged(clip_page: ClipPage) -> None:
    assert not clip_page.setup.unknown.isVisible()
    clip_page.session.set_clip(ClipConfig(templates="a zebra like {}"))
    assert clip_page.setup.unknown.text() == "The in-domain CLIP never learned: zebra, like."


def test_settings_can_be_undone_and_are_kept(clip_page: ClipPage) -> None:
    history = History(clip_page.session)
    clip_page.setup.rows["count"].committed.emit("count", 100)
    assert clip_page.session.clip.count == 100
    assert clip_page.jobs.request.count == 100
    history.stack.undo()
    assert clip_page.session.clip.count == 500


# ---- sources ----

def choose(clip_page: ClipPage, source: str) -> None:
    values = [value for value, _ in clip_page.setup._labels]
    clip_page.setup.source.setCurrentIndex(values.index(source))
    clip_page.setup.source.activated.emit(values.index(source))


def test_weights_that_are_not_here_are_offered_at_their_size_and_scores_stay(qtbot: QtBot, scored: ClipPage,
                                                                            clip_jobs: Jobs) -> None:
    setup = scored.setup
    choose(scored, DEFAULT_GENERAL.source)
    assert scored.session.clip.source == "in-domain"
    assert scored.jobs.known is not None  # the scores that are there stay
    assert setup.get.isVisible()
    assert setup.get.text() == "Download 605\u202fMB…"
    assert setup.other_file.isVisible()
    assert "Not on this computer" in setup.loading.text()
    assert "MNIST 81" in setup.about.text()
    setup.get.click()
    settle(qtbot, scored)
    assert setup.offer.isVisible()
    assert "605\u202fMB. 100\u202fMB of it are here already" in setup.offer.text()
    assert setup.agree.text() == "Download 505\u202fMB"
    assert not any(isinstance(asked, Offer) for asked in clip_jobs.asked)  # nobody has said yes
    setup.refuse.click()
    assert not setup.offer.isVisible()


def test_after_a_yes_they_are_downloaded_and_used(qtbot: QtBot, clip_page: ClipPage, clip_jobs: Jobs) -> None:
    choose(clip_page, DEFAULT_GENERAL.source)
    clip_page.setup.get.click()
    settle(qtbot, clip_page)
    clip_page.setup.agree.click()
    qtbot.waitUntil(lambda: clip_page.session.clip.source == DEFAULT_GENERAL.source, timeout=8000)
    settle(qtbot, clip_page)
    assert any(isinstance(asked, Offer) for asked in clip_jobs.asked)
    assert clip_page.jobs.request.clip.source == DEFAULT_GENERAL.source
    assert not clip_page.setup.get.isVisible()


def test_without_a_network_it_says_so_and_the_page_goes_on(qtbot: QtBot, clip_page: ClipPage, clip_jobs: Jobs) -> None:
    told = []
    clip_page.session.message.connect(told.append)
    choose(clip_page, DEFAULT_GENERAL.source)
    clip_jobs.failure = DiffuscopeError("The hub cannot be reached.", "Choose a file of weights.")
    clip_page.setup.get.click()
    settle(qtbot, clip_page)
    assert told[-1].headline == "The hub cannot be reached."
    assert clip_page.setup.other_file.isVisible()
    clip_jobs.failure = None
    clip_page.jobs.measure()
    qtbot.waitUntil(lambda: clip_page.jobs.known is not None, timeout=8000)


def test_a_file_is_loaded_for_the_architecture_and_a_bad_one_changes_nothing(
        qtbot: QtBot, scored: ClipPage, clip_jobs: Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    choose(scored, "file")
    assert scored.setup.file_row.isVisible()
    clip_jobs.failure = DiffuscopeError("weights.safetensors holds no weights.")
    scored.setup.file.click()
    settle(qtbot, scored)
    assert clip_jobs.asked[-1] == f"ViT-B-32@{file}"
    assert scored.session.clip.source == "in-domain"
    assert scored.jobs.known is not None
    clip_jobs.failure = None
    scored.setup.file.click()
    settle(qtbot, scored)
    assert scored.session.clip.source == f"ViT-B-32@{file}"
    assert scored.jobs.known is None  # nothing was scored with this one
