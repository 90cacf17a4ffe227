"""Who reads predicted pictures while they are drawn, by the name that clip_model has. Imports no torch by itself.

"in-domain" is the CLIP that ships, JUDGE the digit judge (a control that is no CLIP), anything else an open_clip tag or
a file of weights. A reader is a function from x0 (N, C, H, W) in -1..1 to log-probabilities (N, K) of a run's classes;
it is differentiable, and what it says of a picture does not depend on the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import SamplingConfig
from engine.errors import BadSetting
from engine.measure.judge_files import JUDGE_FILE, judge_record
from engine.runs import Run

if TYPE_CHECKING:
    import torch

    from engine.diffusion.clip_guidance import Scorer

JUDGE = "judge"
IN_DOMAIN = "in-domain"


def scorer_mark(source: str) -> str:
    """Which weights a source means: what a measurement under CLIP guidance is keyed by.

    Raises DiffuscopeError for a record that cannot be read.
    """
    if source == JUDGE:
        return str(judge_record(JUDGE_FILE).get("sha256", ""))
    if source == IN_DOMAIN:
        from engine.clip.files import in_domain_record

        return str(in_domain_record().get("sha256", ""))
    file = Path(source).expanduser()
    if file.is_file():  # some hundred megabytes: not read for a key
        facts = file.stat()
        return f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}"
    return source


def clip_mark(sampling: SamplingConfig) -> dict[str, str]:
    """What CLIP guidance adds to the key of a measurement: nothing where there is none."""
    return {"clip": scorer_mark(sampling.clip_model)} if sampling.clips else {}


def scorer_name(source: str) -> str:
    """As it is said of a picture: who guided it."""
    return {JUDGE: "the judge", IN_DOMAIN: "the in-domain CLIP"}.get(source, source)


def make_scorer(source: str, run: Run, device: torch.device | str = "cpu") -> Scorer:
    """The reader of a source, for the classes of a run, with the prompts of the data set that the run learned.

    Raises BadSetting where the judge is asked to read what it never saw, and whatever loading a CLIP raises.
    """
    import torch

    # Ordinary tensors, even where a sampler's inference mode is on: a gradient may pass by them.
    with torch.inference_mode(False):
        return _judge_scorer(run, device) if source == JUDGE else _clip_scorer(source, run, device)


def _judge_scorer(run: Run, device: torch.device | str) -> Scorer:
    from engine.measure.judge import Judge

    data = judge_record(JUDGE_FILE).get("data", "mnist")
    if run.info.config.data.dataset != data or run.info.image_shape != (1, 28, 28):
        raise BadSetting(f"The judge reads {data}; {run.name} learned {run.info.config.data.dataset}.",
                         "Guide by a CLIP, or without one.")
    network: Any = Judge.load(device=device).network
    return lambda x0: network(x0.float()).log_softmax(dim=-1)


def _clip_scorer(source: str, run: Run, device: torch.device | str) -> Scorer:
    from engine.clip.model import ClipModel, clip_scorer
    from engine.clip.prompts import default_names, default_templates

    dataset = run.info.config.data.dataset
    names = default_names(dataset, run.info.class_names)
    return clip_scorer(ClipModel.load(source, device=device), names, default_templates(dataset))
