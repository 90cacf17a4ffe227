"""Alerts of the loss curve in words: on the curve, and in a line below the finding.

The rule is engine.measure.alerts, told to the reader by resources/explain/alerts.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from engine.measure.alerts import Alert, AlertKind
from engine.measure.verdict import MATTERS
from engine.settings import number
from gui.theme import theme
from gui.widgets.buttons import Link
from gui.widgets.labels import Text

NARROW = "\u202f"
RECENT = 0.2  # of the steps: a spike that is over is told so long, and then only marked
SAME_PLACE = 0.04  # of the x axis: spikes nearer than that share a word


def events_of(alerts: Sequence[Alert], num_steps: int) -> list[tuple[float, str]]:
    """Where to mark the curve, and with which word; spikes close together share one."""
    events: list[tuple[float, str]] = []
    spikes: list[list[Alert]] = []
    for alert in alerts:
        if alert.kind is AlertKind.SPIKE:
            if spikes and alert.step - spikes[-1][-1].step < SAME_PLACE * max(1, num_steps):
                spikes[-1].append(alert)
            else:
                spikes.append([alert])
        else:
            events.append((alert.step, "flat from here" if alert.kind is AlertKind.PLATEAU else "not finite"))
    events += [(group[0].step, "spike" if len(group) == 1 else f"{len(group)} spikes") for group in spikes]
    return sorted(events)


def words_of(alerts: Sequence[Alert], last_step: int) -> tuple[str, str]:
    """(token, sentence) of the alert that matters most now; two empty words for none."""
    by_kind = {kind: [alert for alert in alerts if alert.kind is kind] for kind in AlertKind}
    if bad := by_kind[AlertKind.NOT_FINITE]:
        return "error", f"The loss of step {number(bad[0].step)} is no longer a number."
    spikes = by_kind[AlertKind.SPIKE]
    if spikes and spikes[-1].over_step is None:
        return "warn", f"{_spiked(spikes[-1])} and has not come back since."
    if flat := by_kind[AlertKind.PLATEAU]:
        return "text2", (f"Flat since about step {number(flat[0].step)}: the training loss stays near "
                         f"{flat[0].level:.3f}, within {100 * MATTERS:.0f}{NARROW}%.")
    recent = [s for s in spikes if s.over_step is not None and last_step - s.over_step <= RECENT * last_step]
    if recent:
        spike = recent[-1]
        assert spike.over_step is not None
        more = f"; {len(recent)} spikes lately" if len(recent) > 1 else ""
        return "text2", f"{_spiked(spike)} and was back {number(spike.over_step - spike.step)} steps later{more}."
    return "", ""


def _spiked(spike: Alert) -> str:
    return f"The loss rose at step {number(spike.step)} to {spike.times:.1f} times the usual {spike.level:.3f}"


class AlertLine(QWidget):
    """Icon, sentence and where it is; no height without an alert."""

    explain_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token = ""
        self.icon = QLabel()
        self.icon.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.text = Text("", 13, 400, "text2", elide=True)
        self.link = Link("What this means")
        self.link.setProperty("explain", "alerts")
        self.link.setToolTip("When a spike, a plateau or a loss that is no number is told, in Explain")
        self.link.clicked.connect(self.explain_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.icon)
        row.addWidget(self.text, 1)
        row.addWidget(self.link)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()
        theme().changed.connect(self._restyle)

    def set_alerts(self, alerts: Sequence[Alert], last_step: int) -> None:
        """Say what matters most now."""
        token, sentence = words_of(alerts, last_step)
        self.text.setText(sentence)
        self.setAccessibleName(sentence)
        if token != self._token:
            self._token = token
            self._restyle()
        self.setVisible(bool(sentence))

    def _restyle(self) -> None:
        if not self._token:
            return
        shown = self._token in ("warn", "error")
        self.icon.setVisible(shown)
        if shown:
            self.icon.setPixmap(theme().pixmap("warning" if self._token == "warn" else "error", self._token,
                                               theme().px(16)))
        self.text.set_token(self._token)
