"""Errors that a person reads: what happened, and what to do."""

from __future__ import annotations

import traceback
from dataclasses import dataclass


class DiffuscopeError(Exception):
    """An expected failure, told in one or two sentences and never as a traceback.

    headline: one sentence, what happened, with the number or name that was wrong.
    advice: one sentence, what was kept and what to do; may be empty.
    """

    def __init__(self, headline: str, advice: str = "") -> None:
        super().__init__(f"{headline} {advice}".strip())
        self.headline = headline
        self.advice = advice


class BadSetting(DiffuscopeError):
    """A setting out of range or a combination that cannot work."""


class BadRun(DiffuscopeError):
    """A run folder that cannot be read: missing, damaged, foreign, or from a newer version."""


class RunLocked(DiffuscopeError):
    """Another process is writing this run."""


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """A failure as text, so that it can cross threads without keeping frames or tensors alive.

    kind: "not-finite", "out-of-memory", "disk-full", "expected" or "unexpected".
    """

    kind: str
    headline: str
    advice: str
    details: str = ""


def report(error: BaseException, *, kind: str = "") -> ErrorReport:
    """Turn an exception into text; an expected one keeps its own words."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, DiffuscopeError):
        return ErrorReport(kind or "expected", error.headline, error.advice, details)
    name = type(error).__name__
    return ErrorReport(
        kind or "unexpected",
        f"{name}: {error}" if str(error) else name,
        "The work up to here is kept. Copy the details into a problem report.",
        details,
    )
