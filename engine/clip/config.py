"""Settings of the CLIP page; part of no run."""

from __future__ import annotations

from typing import Literal

from engine.clip.files import IN_DOMAIN
from engine.settings import Group, setting


class ClipConfig(Group):
    """How a run's pictures are scored with CLIP."""

    source: str = setting(
        IN_DOMAIN, "Model", "Which CLIP scores: the in-domain one that ships, published weights, or a file of weights.",
        min_length=1, max_length=1000)
    architecture: str = setting(
        "ViT-B-32", "Architecture", "What a file of weights was made for. A file of another one is refused.",
        min_length=1, max_length=100)
    templates: str = setting(
        "", "Templates", "Prompts with {} for the name of the class, one a line. Several are an ensemble: the features "
        "of a class are the mean over them. Empty: those of the data set.", max_length=30_000)
    count: int = setting(
        500, "Pictures", "How many pictures are drawn and scored, as many of each class. More take longer and make the "
        "intervals narrower.", ge=20, le=10_000, step=50)
    each: int = setting(
        10, "Each class", "Pictures of each class at every snapshot, or at every step of denoising.", ge=2, le=1000,
        step=10)
    upscaling: Literal["bicubic", "bilinear", "nearest"] = setting(
        "bicubic", "Upscaling", "How pictures are made as large as CLIP takes them. Bicubic is what CLIP was trained "
        "with; nearest keeps the pixels as squares.")
    batch: int = setting(
        0, "Batch", "Pictures scored at once; 0, or auto: as many as the memory holds. It changes no score.", ge=0,
        le=4096, step=8)
