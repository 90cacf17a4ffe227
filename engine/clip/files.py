"""The in-domain CLIP that ships: its config for open_clip, its weights and the record beside them. Free of torch."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import DiffuscopeError
from engine.paths import RESOURCES

IN_DOMAIN = "in-domain"  # as a source
IN_DOMAIN_CONFIG = RESOURCES / "clip" / "diffuscope-in-domain.json"
IN_DOMAIN_ARCHITECTURE = IN_DOMAIN_CONFIG.stem  # under this name open_clip knows it
IN_DOMAIN_FILE = RESOURCES / "models" / "clip-in-domain.safetensors"


@lru_cache(maxsize=4)
def in_domain_record(path: Path = IN_DOMAIN_FILE) -> dict[str, Any]:
    """How the in-domain CLIP was trained, how well it reads test pictures, which words it knows, its sha256.

    Raises DiffuscopeError for a record that is missing or cannot be read.
    """
    try:
        return dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise DiffuscopeError(f"The record {path.stem}.json of the in-domain CLIP cannot be read.",
                              f"Restore {path}, or make it anew with benchmarks/train_clip.py.") from None
