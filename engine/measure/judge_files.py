"""The judges that ship, by name. Free of torch: what was measured with them can be looked up before it loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import DiffuscopeError
from engine.paths import RESOURCES

JUDGE_FILE = RESOURCES / "models" / "mnist-judge.safetensors"
SECOND_JUDGE_FILE = RESOURCES / "models" / "mnist-judge-2.safetensors"
JUDGE_FILES = {"first": JUDGE_FILE, "second": SECOND_JUDGE_FILE}


def judge_record(path: Path) -> dict[str, Any]:
    """How the judge of a weights file was trained, how accurate it is, and the file's sha256; {} without a record.

    Raises DiffuscopeError for a record that cannot be read.
    """
    try:
        return dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError):
        raise DiffuscopeError(f"The judge's record {path.stem}.json cannot be read.", restoring(path)) from None


def restoring(path: Path) -> str:
    """What to do where a judge's file is not what it was."""
    return f"Restore {path}, or make it anew with benchmarks/train_judge.py."
