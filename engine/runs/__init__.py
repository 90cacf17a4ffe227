"""Run folders: written by one process, readable by any, valid at every instant. Torch-free.

    run.json                      what the run is and how far it got (`RunInfo`), replaced atomically
    run.lock                      which process is writing it
    metrics.jsonl                 losses and markers, append-only
    snapshots/step-00001200/      ema.safetensors and manifest.json with sizes and sha256; mostly
                                  ema-wide.safetensors, the second average of the same steps
    state/step-00001200/          all that a resume needs; the newest two
    samples/step-00001200.safetensors
    recorded/*.safetensors        trajectories that a slider can show before torch is loaded
    measurements/*.json
"""

from engine.runs.atomic import SaveFailed
from engine.runs.averages import load_average, percent_range, stored_percent
from engine.runs.info import RunInfo, Segment
from engine.runs.library import list_runs, new_run_path, rename_run, scan_runs, trash_run
from engine.runs.measurements import measurement_key
from engine.runs.metrics import Metrics
from engine.runs.migration import SCHEMA_VERSION
from engine.runs.posthoc import percent_of_gamma
from engine.runs.reader import Run, Snapshot
from engine.runs.recorded import Recording
from engine.runs.thinning import snapshot_steps
from engine.runs.writer import RunWriter

__all__ = [
    "SCHEMA_VERSION", "Metrics", "Recording", "Run", "RunInfo", "RunWriter", "SaveFailed", "Segment",
    "Snapshot", "list_runs", "load_average", "measurement_key", "new_run_path", "percent_of_gamma",
    "percent_range", "rename_run", "scan_runs", "snapshot_steps", "stored_percent", "trash_run",
]
