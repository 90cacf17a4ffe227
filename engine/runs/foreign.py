"""What is not a run, told apart in words. Only the first bytes are looked at; nothing is ever unpickled."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import BadRun
from engine.runs.atomic import is_temporary
from engine.runs.info import RUN_FILE

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_CHOOSE = "Choose a run folder: one with a run.json in it."


def refuse_foreign(path: Path) -> None:
    """Raise BadRun with one sentence unless `path` is a folder with a run.json."""
    try:
        if not path.exists():
            raise BadRun(f"There is no run at {path}.", "Check the name, or choose another folder.")
        if not path.is_dir():
            raise BadRun(*_about_file(path))
        if (path / RUN_FILE).exists():
            return
        names = [name for name in os.listdir(path) if not is_temporary(name)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadRun(f"{path} cannot be opened: {reason}.", _CHOOSE) from None
    if not names:
        raise BadRun(f"The folder {path.name} is empty.", _CHOOSE)
    raise BadRun(f"{path.name} is not a run: it has no run.json.", _CHOOSE)


def _about_file(path: Path) -> tuple[str, str]:
    if path.name == RUN_FILE:
        return (f"{path} is the file of a run, not its folder.", f"Open the folder {path.parent} instead.")
    with open(path, "rb") as file:
        start = file.read(64)
    if not start:
        return (f"{path.name} is an empty file, not a run.", _CHOOSE)
    if start.startswith(_PICTURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return (f"{path.name} is a picture, not a run.", _CHOOSE)
    if start[:1] == b"\x80" or (start[:2] == b"PK" and path.suffix != ".zip") \
            or path.suffix in (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin"):
        return (f"{path.name} is a pickle or PyTorch file, which can run any program when it is loaded, so "
                "Diffuscope never loads one.", _CHOOSE)
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        return (f"{path.name} is a file of weights, not a run.", _CHOOSE)
    return (f"{path.name} is a file, not a run folder.", _CHOOSE)
