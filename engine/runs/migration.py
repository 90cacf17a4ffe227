"""Old run files brought up to date: pure functions, dict to dict, one for each step of the format.

To change the format: raise SCHEMA_VERSION, append a function to MIGRATIONS that turns the values of the
version before into the new ones, and put a run.json of the old version into tests/engine/runs/fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import BadRun

Migration = Callable[[dict[str, Any]], dict[str, Any]]

SCHEMA_VERSION = 1

# MIGRATIONS[i] turns format i + 1 into format i + 2.
MIGRATIONS: tuple[Migration, ...] = ()


def migrate(values: dict[str, Any], name: str, *, migrations: Sequence[Migration] | None = None,
            current: int | None = None) -> dict[str, Any]:
    """The values of run.json in today's format; the argument is left as it is.

    Raises BadRun for a newer format, or when there is no format number.
    """
    migrations = MIGRATIONS if migrations is None else migrations
    current = SCHEMA_VERSION if current is None else current
    version = values.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise BadRun(f"run.json of {name} does not say its format.", "Is this folder a run of Diffuscope?")
    if version > current:
        raise BadRun(
            f"{name} was made by a newer Diffuscope (format {version}; this one reads up to {current}).",
            "Update Diffuscope to open it.")
    for older in range(version, current):
        values = {**migrations[older - 1](dict(values)), "schema_version": older + 1}
    return values
