"""What a page of pictures says where there are none: no run is open, or it has no snapshot yet."""

from __future__ import annotations

from engine import paths
from gui.session import Session
from gui.widgets.empty_state import EmptyState
from gui.widgets.finding import Finding


def say_no_pictures(session: Session, empty: EmptyState, finding: Finding, what: str) -> None:
    """what: becomes of a new model here, as the end of a sentence. The buttons, which open the run that ships, show
    where no run is open and one ships; the finding says nothing.
    """
    if session.run is None:
        empty.set_texts("No run is open.", f"Open one, or press Train to start a new model; {what}.")
    else:
        empty.set_texts("This run has no snapshot yet.",
                        "The first comes within seconds of pressing Train." if not session.training
                        else "The first comes as soon as training has begun.")
    for button in empty.buttons:
        button.setVisible(session.run is None and paths.DEFAULT_BUNDLED_RUN.exists())
    finding.set("", "")
    for link in finding.links:
        link.hide()
