"""Step folders, `step-00001200/`: files with a manifest that says their size and sha256.

The manifest is written last and the folder renamed into place, so a folder with a step's name is complete.
Saving a step again makes `step-00001200.1/` before the old one goes: never in place, never a moment without.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.runs.atomic import (
    Buffer,
    check_free_space,
    new_folder,
    remove,
    saving,
    write_file,
    write_new,
)
from engine.runs.jsontext import canonical
from engine.settings import number

MANIFEST = "manifest.json"
_STEP = re.compile(r"step-(\d{8,})(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class StepFolder:
    """One saved step; revision counts the saves of the same step."""

    step: int
    revision: int
    path: Path


def step_name(step: int, revision: int = 0) -> str:
    """`step-00001200`; a second save of the step is `step-00001200.1`."""
    return f"step-{step:08d}" + (f".{revision}" if revision else "")


def step_of(name: str) -> int | None:
    """The step in a name made by `step_name`, else None."""
    match = _STEP.fullmatch(name)
    return int(match[1]) if match else None


def step_folders(parent: Path) -> list[StepFolder]:
    """Saved steps, newest step and revision first; every revision that is still there."""
    found = []
    try:
        names = os.listdir(parent)
    except OSError:
        return []
    for name in names:
        match = _STEP.fullmatch(name)
        if match:
            found.append(StepFolder(int(match[1]), int(match[2] or 0), parent / name))
    return sorted(found, key=lambda folder: (folder.step, folder.revision), reverse=True)


def _sealed(body: Mapping[str, Any]) -> bytes:
    sealed = {**body, "sha256": hashlib.sha256(canonical(body)).hexdigest()}
    return canonical(sealed)


def write_step(parent: Path, step: int, files: Mapping[str, Sequence[Buffer]],
               facts: Mapping[str, Any]) -> Path:
    """Save a step's files with a manifest; returns the folder. Raises SaveFailed, nothing is left then."""
    size = sum(len(memoryview(b).cast("B")) for buffers in files.values() for b in buffers)
    with saving(parent):
        parent.mkdir(exist_ok=True)
    check_free_space(parent, size)
    older = [folder for folder in step_folders(parent) if folder.step == step]
    path = parent / step_name(step, older[0].revision + 1 if older else 0)
    with new_folder(path) as temporary:
        entries = {}
        for name, buffers in files.items():
            length, digest = write_new(temporary / name, buffers)
            entries[name] = {"size": length, "sha256": digest}
        write_new(temporary / MANIFEST, [_sealed({"step": step, "files": entries, "facts": dict(facts)})])
    for folder in older:
        remove(folder.path)
    return path


def rewrite_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Replace what a manifest says beside its files. Raises SaveFailed or ValueError (manifest damaged)."""
    manifest = read_manifest(path)
    body = {"step": manifest["step"], "files": manifest["files"], "facts": dict(facts)}
    write_file(path / MANIFEST, [_sealed(body)])


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a step folder. Raises FileNotFoundError, OSError, or ValueError when it is damaged."""
    data = (path / MANIFEST).read_bytes()
    try:
        manifest = json.loads(data)
        body = {key: manifest[key] for key in ("step", "files", "facts")}
    except (ValueError, KeyError, TypeError):
        raise ValueError("its manifest cannot be read") from None
    if _sealed(body) != data:
        raise ValueError("its manifest was altered")
    if body["step"] != step_of(path.name):
        raise ValueError("its manifest belongs to another step")
    return body


def drop_file(path: Path, name: str) -> None:
    """Take one file out of a step folder. Raises SaveFailed or ValueError (manifest damaged)."""
    manifest = read_manifest(path)
    files = {other: entry for other, entry in manifest["files"].items() if other != name}
    # First the manifest: a file it does not name is of no account, should the second half not come.
    write_file(path / MANIFEST, [_sealed({"step": manifest["step"], "files": files, "facts": manifest["facts"]})])
    with saving(path / name):
        (path / name).unlink(missing_ok=True)


def read_files(path: Path, names: Sequence[str] | None = None) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Files of a step folder (None: all), checked against the manifest, and the manifest's facts.

    Raises FileNotFoundError when the folder vanished, KeyError for a name that the manifest lacks, ValueError
    with the reason when it is damaged.
    """
    manifest = read_manifest(path)
    contents = {}
    for name in manifest["files"] if names is None else names:
        entry = manifest["files"][name]
        try:
            data = (path / name).read_bytes()
        except FileNotFoundError:
            if not path.exists():
                raise
            raise ValueError(f"{name} is missing") from None
        if len(data) != entry["size"]:
            raise ValueError(f"{name} has {number(len(data))} of {number(entry['size'])} bytes")
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(f"{name} does not match its checksum")
        contents[name] = data
    return contents, manifest["facts"]
