"""Docks of the whole window: which are open, and what they show."""

from __future__ import annotations

import pytest
from windows import Make, Plain


@pytest.mark.parametrize(("width", "setup", "explain"), [(1440, True, True), (1280, True, False),
                                                         (1000, False, False)])
def test_docks_start_as_the_width_allows(make: Make, width: int, setup: bool, explain: bool) -> None:
    window = make(width=width)
    assert (window.setup_dock.isVisible(), window.explain_dock.isVisible()) == (setup, explain)
    assert window.tab_row.question.isVisible() == (setup and explain)
    if not explain:
        window.tab_row.explain.click()
        assert window.explain_dock.isVisible()


def test_a_narrower_window_closes_a_dock_and_a_wider_one_brings_it_back(make: Make) -> None:
    window = make(width=1440)
    window.resize(1200, 800)
    assert not window.explain_dock.isVisible()
    window.resize(1500, 800)
    assert window.explain_dock.isVisible()
    window.explain_dock.title.close_button.click()
    window.resize(1200, 800)
    window.resize(1500, 800)
    assert not window.explain_dock.isVisible(), "what a hand closed stays closed"


def test_setup_follows_the_page(make: Make) -> None:
    window = make()
    pages = window.build_pages()
    for page in pages:
        window.show_page(page.name)
        assert window.page is page
        assert isinstance(page, Plain)
        assert page.section.isVisible()
        assert [p.section.isVisible() for p in pages if p is not page] == [False, False]


def test_explain_follows_focus_and_page(make: Make) -> None:
    window = make()
    assert window.explain_dock.topic is not None
    window.timeline.t_slider.setFocus()
    assert window.explain_dock.topic.name == "noise-level"
    window.timeline.seed.box.setFocus()
    assert window.explain_dock.topic.name == "seed"
    window.show_page("reverse")
    assert window.explain_dock.topic.name == "class"
