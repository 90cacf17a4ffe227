"""Jobs about data sets for the compute thread. Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.compute import Job, JobGenerator, Priority
from engine.data.importing import ImportRequest, import_pictures, preview
from engine.events import Event

if TYPE_CHECKING:
    from engine.measure.judge_job import JudgeRequest
    from engine.workspace import Workspace


def preview_job(request: ImportRequest, key: str = "data") -> Job:
    """What an import would give; somebody waits for it."""
    return Job(key, lambda _: preview(request))


def import_job(request: ImportRequest, key: str = "data") -> Job:
    """The import itself."""
    return Job(key, lambda _: import_pictures(request))


def download_job(name: str, key: str = "data") -> Job:
    """A set of the catalogue from where it is published."""
    def make(_: Workspace) -> JobGenerator:
        return _downloaded(name)

    return Job(key, make, Priority.BACKGROUND)


def local_job(name: str, source: Path, key: str = "data") -> Job:
    """A set of the catalogue from the user's own copy."""
    def make(_: Workspace) -> JobGenerator:
        from engine.data.catalogue import use_local

        return use_local(name, source)

    return Job(key, make, Priority.BACKGROUND)


def judges_job(request: JudgeRequest, key: str = "data") -> Job:
    """Judges of a data set, trained here."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.judge_job import train_judges

        return train_judges(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def _downloaded(name: str) -> Generator[Event, Any, None]:
    from engine.data.catalogue import forget_loaded
    from engine.data.download import download
    from engine.data.known import KNOWN
    from engine.paths import datasets_dir

    yield from download(KNOWN[name], datasets_dir() / name)
    forget_loaded()
