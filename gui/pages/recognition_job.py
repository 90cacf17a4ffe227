"""What is known of recognition and of the U-turn at the session's point, and the measurements that make it known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine import jobs
from engine.compute import Job
from engine.events import Event
from engine.measure.recognition import (
    FORWARD,
    NOISY,
    Recognition,
    RecognitionReady,
    RecognitionRequest,
    stored_recognition,
)
from engine.measure.recognition_summary import Beside, Summary, drawn_otherwise, summarise
from engine.measure.u_turn import (
    UTurn,
    UTurnReady,
    UTurnRequest,
    UTurnSummary,
    stored_u_turn,
    summarise_u_turn,
)
from engine.runs import Run
from gui.pages.kept_measurement import KeptMeasurement


@dataclass(frozen=True, eq=False)
class Known:
    """A measurement and what it says."""

    recognition: Recognition
    summary: Summary
    otherwise: tuple[Beside, ...] = ()  # the same weights, drawn with other samplers, steps or guidance


class Recognitions(KeptMeasurement[RecognitionRequest, Known]):
    """When pictures can be read."""

    key = "recognition"

    def make_request(self, run: Run) -> RecognitionRequest | None:
        config, session = self.session.recognition, self.session
        if config.direction == FORWARD:
            return RecognitionRequest(run.path, session.sampling, seeds=config.seeds, direction=FORWARD)
        return RecognitionRequest(
            run.path, session.sampling, session.step, seeds=config.seeds,
            reading=NOISY if config.reading == "person" else config.reading, unconditional=config.unconditional,
            average_percent=session.average())

    def stored(self, run: Run, request: RecognitionRequest) -> Known | None:
        found = stored_recognition(run, request)
        return None if found is None else self._known(run, found)

    @staticmethod
    def _known(run: Run, found: Recognition) -> Known:
        return Known(found, summarise(found), tuple(drawn_otherwise(run, found)))

    def job(self, request: RecognitionRequest) -> Job:
        return jobs.recognition_job(request, self.key)

    def answer(self, event: Event) -> tuple[Any, RecognitionRequest, Known] | None:
        if not isinstance(event, RecognitionReady):
            return None
        run = self.session.run
        known = Known(event.recognition, summarise(event.recognition)) if run is None else \
            self._known(run, event.recognition)
        return event.request.run, event.request, known


@dataclass(frozen=True, eq=False)
class KnownTurn:
    """A measurement and what it says."""

    u_turn: UTurn
    summary: UTurnSummary


class UTurns(KeptMeasurement[UTurnRequest, KnownTurn]):
    """Real pictures into noise and back. `other` is the contrast: told the class where `known` was not, and so on."""

    key = "u-turn"

    def make_request(self, run: Run, *, contrast: bool = False) -> UTurnRequest | None:
        session, config = self.session, self.session.recognition
        return UTurnRequest(run.path, session.sampling, session.step, pictures=config.turned,
                            guided=config.towards != contrast, average_percent=session.average())

    def stored(self, run: Run, request: UTurnRequest) -> KnownTurn | None:
        found = stored_u_turn(run, request)
        return None if found is None else KnownTurn(found, summarise_u_turn(found))

    def job(self, request: UTurnRequest) -> Job:
        return jobs.u_turn_job(request, self.key)

    def answer(self, event: Event) -> tuple[Any, UTurnRequest, KnownTurn] | None:
        if not isinstance(event, UTurnReady):
            return None
        return event.request.run, event.request, KnownTurn(event.u_turn, summarise_u_turn(event.u_turn))

    @property
    def other(self) -> KnownTurn | None:
        """What was measured with the class told and not told the other way round; None where it was not."""
        run = self.session.run
        if run is None or self.known is None:
            return None
        request = self.make_request(run, contrast=True)
        assert request is not None
        return self.find(run, request)
