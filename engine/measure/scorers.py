"""Who reads predicted pictures while they are drawn, by the name that clip_model has. Imports no torch by itself.

"in-domain" is the CLIP that ships, JUDGE the judge of the run's data set (a control that is no CLIP), anything else
published weights or a file of weights as engine.clip.sources names them. A reader is a function from x0 (N, C, H, W) in
-1..1 to log-probabilities (N, K) of a run's classes; it is differentiable, and what it says of a picture does not
depend on the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.config import SamplingConfig
from engine.errors import BadSetting
from engine.measure.judge_files import judge_for, judge_record
from engine.runs import Run

if TYPE_CHECKING:
    from engine.diffusion.clip_guidance import Scorer
    from engine.workspace import Workspace

JUDGE = "judge"
IN_DOMAIN = "in-domain"


def scorer_mark(source: str, run: Run) -> str:
    """Which weights a source means for a run: what a measurement under CLIP guidance is keyed by.

    Raises DiffuscopeError for a record that cannot be read.
    """
    if source == JUDGE:
        file = judge_for(run)
        return "" if file is None else str(judge_record(file).get("sha256", ""))
    if source == IN_DOMAIN:
        from engine.clip.files import in_domain_record

        return str(in_domain_record().get("sha256", ""))
    from engine.clip.sources import file_of, general

    if general(source) is None and (weights := file_of(source)[1]).is_file():  # some hundred megabytes: not read here
        facts = weights.stat()
        return f"{file_of(source)[0]}@{weights.resolve()} {facts.st_size} {facts.st_mtime_ns}"
    return source


def clip_mark(sampling: SamplingConfig, run: Run) -> dict[str, str]:
    """What CLIP guidance adds to the key of a measurement: nothing where there is none."""
    return {"clip": scorer_mark(sampling.clip_model, run)} if sampling.clips else {}


def scorer_name(source: str) -> str:
    """As it is said of a picture: who guided it."""
    if source in (JUDGE, IN_DOMAIN):
        return "the judge" if source == JUDGE else "the in-domain CLIP"
    from engine.clip.sources import title

    return title(source)


def guidance_words(sampling: SamplingConfig) -> str:
    """How pictures are guided: "guidance 2", or who guides and how."""
    scale = f"guidance {sampling.guidance_scale:g}"
    if sampling.clip_guidance == "off":
        return scale
    if not sampling.clips:
        return "guidance 1"
    by = f"CLIP guidance by {sampling.clip_guidance}"
    if sampling.clip_guidance == "scale":
        by += f" up to w = {sampling.guidance_scale:g}, {sampling.clip_mode}"
    return f"{by}, strength {sampling.clip_strength:g}, {scorer_name(sampling.clip_model)} reading"


def make_scorer(source: str, run: Run, workspace: Workspace) -> Scorer:
    """The reader of a source, for the classes of a run, with the prompts of the data set that the run learned.

    Raises BadSetting where a judge is asked for and the data set has none, and whatever loading a CLIP raises.
    """
    import torch

    # Ordinary tensors, even where a sampler's inference mode is on: a gradient may pass by them.
    with torch.inference_mode(False):
        return _judge_scorer(run, workspace) if source == JUDGE else _clip_scorer(source, run, workspace)


def _judge_scorer(run: Run, workspace: Workspace) -> Scorer:
    from engine.measure.judge import Judge

    file = judge_for(run)
    if file is None:
        raise BadSetting(f"There is no judge for {run.info.config.data.dataset}, so it cannot guide {run.name}.",
                         "Guide by a CLIP, or train one: File, Data sets.")
    network: Any = Judge.load(file, workspace.device).network
    return lambda x0: network(x0.float()).log_softmax(dim=-1)


def _clip_scorer(source: str, run: Run, workspace: Workspace) -> Scorer:
    from engine.clip.model import clip_scorer
    from engine.clip.prompts import default_names, default_templates

    dataset = run.info.config.data.dataset
    names = default_names(dataset, run.info.class_names)
    return clip_scorer(workspace.clip(source), names, default_templates(dataset))
