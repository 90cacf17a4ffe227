"""Where a CLIP comes from: the in-domain one, open_clip's published weights, or a file. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.clip.files import IN_DOMAIN, in_domain_record
from engine.errors import BadSetting

GFLOPS_OF_VIT_B_32, SECOND_OF_VIT_B_32 = 14.8, 9.0
WEIGHTS_NAME = "open_clip_model.safetensors"  # in each repository of the list


@dataclass(frozen=True, slots=True)
class GeneralClip:
    """Published weights: architecture and tag as open_clip names them, the hub's repository that holds them.

    parameters in millions, gflops of one picture and one text, zero-shot accuracy in percent: open_clip's published
    tables. No zero-shot figure on Fashion-MNIST is published.
    """

    architecture: str
    tag: str
    repository: str
    size: int  # of its pictures, pixels
    parameters: float
    gflops: float
    mnist: float
    cifar10: float

    @property
    def source(self) -> str:
        """How it is asked for."""
        return f"{self.architecture}/{self.tag}"

    @property
    def about_bytes(self) -> int:
        """Of its weights in float32: the most that a download takes. The hub is asked for the true size first."""
        return round(self.parameters * 4e6)

    @property
    def about_per_second(self) -> float:
        """Pictures a second on two CPU cores: measured for ViT-B-32 (docs/benchmarks.md), by GFLOPs for the others."""
        return SECOND_OF_VIT_B_32 * GFLOPS_OF_VIT_B_32 / self.gflops


GENERAL = (
    GeneralClip("ViT-B-32", "datacomp_xl_s13b_b90k", "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K", 224,
                151.3, 14.8, 81.2, 95.6),
    GeneralClip("ViT-B-32", "laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 224, 151.3, 14.8, 70.0, 93.6),
    GeneralClip("ViT-B-32", "openai", "timm/vit_base_patch32_clip_224.openai", 224, 151.3, 14.8, 48.4, 89.8),
    GeneralClip("ViT-B-16", "datacomp_xl_s13b_b90k", "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", 224,
                149.6, 41.1, 76.5, 96.2),
    GeneralClip("ViT-L-14", "commonpool_xl_s13b_b90k", "laion/CLIP-ViT-L-14-CommonPool.XL-s13B-b90K", 224,
                427.6, 175.3, 90.8, 98.0),
)
DEFAULT_GENERAL = GENERAL[0]
FILE_ARCHITECTURES = ("ViT-B-32", "ViT-B-32-quickgelu", "ViT-B-32-256", "ViT-B-16", "ViT-B-16-quickgelu", "ViT-L-14",
                      "ViT-L-14-quickgelu", "RN50", "RN50-quickgelu")


def general(source: str) -> GeneralClip | None:
    """The published weights of a source like ViT-B-32/datacomp_xl_s13b_b90k, or of a tag alone; None for another."""
    for one in GENERAL:
        if source in (one.source, f"{one.architecture}:{one.tag}"):
            return one
    return next((one for one in GENERAL if source == one.tag), None)


def check_source(source: str) -> str:
    """The source as it is stored: a file's as ARCHITECTURE@PATH, with ViT-B-32 where none is named.

    Raises BadSetting for what is no source and no file.
    """
    if source == IN_DOMAIN:
        return source
    if (known := general(source)) is not None:
        return known.source
    architecture, path = file_of(source)
    if path.is_file():
        return f"{architecture}@{path.resolve()}"
    names = ", ".join(one.source for one in GENERAL)
    raise BadSetting(f"There is no CLIP called {source}, and no such file.",
                     f"It is {IN_DOMAIN}, a file of weights (ARCHITECTURE@FILE), or one of {names}.")


def file_of(source: str) -> tuple[str, Path]:
    """Architecture and path of a source that is a file."""
    architecture, at, path = source.partition("@")
    if at and architecture and "/" not in architecture and "\\" not in architecture:
        return architecture, Path(path).expanduser()
    return DEFAULT_GENERAL.architecture, Path(source).expanduser()


def source_mark(source: str) -> str:
    """Which weights a source means now: what is measured with them is keyed by it.

    The checksum of the one that ships; of a file its path, size and time, for it may be large. Raises DiffuscopeError
    for a record that cannot be read.
    """
    if source == IN_DOMAIN:
        return str(in_domain_record().get("sha256", ""))
    if general(source) is None:
        path = file_of(source)[1]
        if path.is_file():
            facts = path.stat()
            return f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}"
    return source


def title(source: str) -> str:
    """What people are told."""
    if source == IN_DOMAIN:
        return "In-domain CLIP"
    if (known := general(source)) is not None:
        return f"{known.architecture}, {known.tag}"
    architecture, path = file_of(source)
    return f"{path.name}, {architecture}"
