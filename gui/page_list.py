"""The pages there are, in the order of their tabs. A page's code is loaded when the page is first built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.pages.base import Page
    from gui.session import Session


@dataclass(frozen=True, slots=True)
class LazyPage:
    """A page that is not built yet: what its tab and its key need, and how to get its class.

    Called with a session it makes the page, just as a page class does.
    """

    name: str
    title: str
    load: Callable[[], type[Page]]

    def __call__(self, session: Session) -> Page:
        return self.load()(session)


def _train() -> type[Page]:
    from gui.pages.train import TrainPage

    return TrainPage


def _forward() -> type[Page]:
    from gui.pages.forward import ForwardPage

    return ForwardPage


def _reverse() -> type[Page]:
    from gui.pages.reverse import ReversePage

    return ReversePage


def _time_machine() -> type[Page]:
    from gui.pages.time_machine import TimeMachinePage

    return TimeMachinePage


def _recognition() -> type[Page]:
    from gui.pages.recognition import RecognitionPage

    return RecognitionPage


def _clip() -> type[Page]:
    from gui.pages.clip import ClipPage

    return ClipPage


def _race() -> type[Page]:
    from gui.pages.compare import ComparePage

    return ComparePage


def _use() -> type[Page]:
    from gui.pages.use import UsePage

    return UsePage


def page_classes() -> list[LazyPage]:
    """The pages in the order of their tabs; none of their code is loaded by this."""
    return [LazyPage("train", "Train", _train), LazyPage("forward", "Forward", _forward),
            LazyPage("reverse", "Reverse", _reverse), LazyPage("time-machine", "Time machine", _time_machine),
            LazyPage("recognition", "Recognition", _recognition),
            LazyPage("clip", "CLIP", _clip),
            LazyPage("race", "Compare", _race), LazyPage("use", "Use", _use)]
