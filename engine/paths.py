"""Where things live: what ships with the program, and the user's own folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
BUNDLED_RUNS = RESOURCES / "runs"
DEFAULT_BUNDLED_RUN = BUNDLED_RUNS / "mnist"
MNIST_DIR = RESOURCES / "data" / "mnist"


def data_dir() -> Path:
    """The user's data folder; the environment variable DIFFUSCOPE_HOME replaces it."""
    home = os.environ.get("DIFFUSCOPE_HOME")
    if home:
        return Path(home)
    return Path(platformdirs.user_data_path("diffuscope", appauthor=False))


def preferences_file() -> Path:
    """Preferences shared by window and command line (JSON)."""
    return data_dir() / "preferences.json"


def runs_dir() -> Path:
    """Where new runs are made: the preference `runs_dir` if set, else `runs` in the data folder.

    The environment variable DIFFUSCOPE_RUNS_DIR, which --runs-dir sets, goes before both.
    """
    flag = os.environ.get("DIFFUSCOPE_RUNS_DIR")
    if flag:
        return Path(flag)
    try:
        chosen = json.loads(preferences_file().read_text(encoding="utf-8")).get("runs_dir")
    except (OSError, ValueError, AttributeError):
        chosen = None
    return Path(chosen) if chosen else data_dir() / "runs"


def datasets_dir() -> Path:
    """Data sets that were downloaded or imported: the user's, beside their runs' settings."""
    return data_dir() / "datasets"


def crash_file() -> Path:
    """Written by faulthandler; a non-empty one at the next start is shown to the user."""
    return data_dir() / "crash.log"


def measurements_dir(run_id: str) -> Path:
    """Measurements of runs that cannot be written (shipped ones, or trained by another process)."""
    return data_dir() / "measurements" / run_id


def is_bundled(path: Path) -> bool:
    """Whether a run ships with the program and is therefore read-only."""
    return Path(path).resolve().is_relative_to(BUNDLED_RUNS.resolve())


def bundled_runs() -> list[Path]:
    """The runs that ship, the one of MNIST first."""
    found = sorted(path.parent for path in BUNDLED_RUNS.glob("*/run.json"))
    return sorted(found, key=lambda path: path != DEFAULT_BUNDLED_RUN)


def resolve_run(name: str | Path) -> Path:
    """A run given on the command line: `bundled` (of MNIST), `bundled-fashion-mnist`, a path, or the name of a run in
    `runs_dir()`.
    """
    if str(name) == "bundled":
        return DEFAULT_BUNDLED_RUN
    for bundled in bundled_runs():
        if str(name) == f"bundled-{bundled.name}":
            return bundled
    path = Path(name).expanduser()
    if not path.exists() and path.name == str(name) and (runs_dir() / path).exists():
        return runs_dir() / path
    return path
