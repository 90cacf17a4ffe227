"""A CLIP that scores pictures: open_clip's network with its tokenizer and its preparation of a picture.

The scores are those of open_clip called by hand: cosine of unit features, and a softmax over the prompts of all
classes at the model's own logit scale (Radford et al. 2021, arXiv 2103.00020). Always float32: half precision raises
errors on a CPU. Pictures to be scored are prepared as open_clip does it, through 8-bit pictures; `preprocess` does
the same on tensors, so that a gradient passes: without rounding to bytes, and clipped once where the transform, with
bicubic upscaling, clips what overshoots after each of its two passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.clip.prompts import prompt

CLIPSCORE_WEIGHT = 2.5  # Hessel et al. 2021 (arXiv 2104.08718): brings cosines into about 0..1
UPSCALINGS = ("bicubic", "bilinear", "nearest")


@dataclass(eq=False)
class ClipModel:
    """A loaded CLIP; see `engine.clip.loading` for how to come by one.

    network: open_clip's, in evaluation mode. tokenizer: texts to (N, length). mean, std: of the three colours.
    size: height and width of its pictures. source, title, sha256: which weights these are.
    """

    network: Any
    tokenizer: Callable[[list[str]], Tensor]
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    source: str = ""
    title: str = ""
    architecture: str = ""
    sha256: str = ""
    record: dict[str, Any] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    kept: dict[Any, NDArray[np.float32]] = field(default_factory=dict)  # features of real pictures, by who asked

    def __post_init__(self) -> None:
        self.network = self.network.float().to(self.device).eval().requires_grad_(False)
        self._mean = torch.tensor(self.mean, device=self.device).view(1, 3, 1, 1)
        self._std = torch.tensor(self.std, device=self.device).view(1, 3, 1, 1)
        self._features: dict[tuple[tuple[str, ...], tuple[str, ...]], Tensor] = {}

    @classmethod
    def load(cls, source: str = "in-domain", *, device: torch.device | str = "cpu") -> ClipModel:
        """The model of a source: "in-domain", an open_clip tag like ViT-B-32/datacomp_xl_s13b_b90k, or a file,
        ARCHITECTURE@PATH.

        Nothing is downloaded. Raises what `engine.clip.loading.load_clip` raises.
        """
        from engine.clip.loading import load_clip

        return load_clip(source, device=device)

    @property
    def in_domain(self) -> bool:
        """Whether it learned the very data sets that are scored, and nothing else."""
        return bool(self.record.get("in_domain"))

    @property
    def logit_scale(self) -> float:
        """What cosines are multiplied by before the softmax."""
        return math.exp(float(self.network.logit_scale))

    # ---- pictures -------------------------------------------------------------------------------------

    def preprocess(self, x: Tensor, upscaling: str = "bicubic") -> Tensor:
        """(N, C, H, W) in -1..1, grey or colour, to (N, 3, size, size) as the network takes it; differentiable.

        Values beyond -1..1, which upscaling and a predicted x0 have, are clipped as an 8-bit picture would.
        """
        x = (x.clamp(-1, 1) + 1) / 2
        if x.shape[-1] != self.size or x.shape[-2] != self.size:
            smooth = upscaling != "nearest"
            x = functional.interpolate(x, (self.size, self.size), mode=upscaling if smooth else "nearest-exact",
                                       align_corners=False if smooth else None, antialias=smooth)
            x = x.clamp(0, 1)
        return (x.expand(-1, 3, -1, -1) - self._mean) / self._std

    def encode_images(self, x: Tensor, upscaling: str = "bicubic") -> Tensor:
        """Unit features (N, D) of pictures (N, C, H, W) in -1..1; differentiable."""
        return self.encode_prepared(self.preprocess(x, upscaling))

    def encode_prepared(self, prepared: Tensor) -> Tensor:
        """Unit features (N, D) of what `preprocess` or `prepare` made."""
        features: Tensor = self.network.encode_image(prepared, normalize=True)
        return features

    def prepare(self, images: NDArray[np.uint8], upscaling: str = "bicubic") -> Tensor:
        """uint8 (N, H, W) or (N, H, W, 3) to (N, 3, size, size), picture by picture as open_clip's own transform."""
        from PIL import Image

        transform = self._transform(upscaling)
        return torch.stack([transform(Image.fromarray(image)) for image in images]).to(self.device)

    def _transform(self, upscaling: str) -> Callable[[Any], Tensor]:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        if upscaling != "nearest":
            cfg = PreprocessCfg(size=self.size, mean=self.mean, std=self.std, interpolation=upscaling)
            made: Callable[[Any], Tensor] = image_transform_v2(cfg, is_train=False)
            return made
        from torchvision import transforms

        nearest: Callable[[Any], Tensor] = transforms.Compose([
            transforms.Resize((self.size, self.size), interpolation=transforms.InterpolationMode.NEAREST),
            lambda picture: picture.convert("RGB"), transforms.ToTensor(),
            transforms.Normalize(self.mean, self.std)])
        return nearest

    # ---- words ----------------------------------------------------------------------------------------

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Tokens (N, length); a text that is too long is cut, as open_clip does."""
        return self.tokenizer(list(texts)).to(self.device)

    def class_features(self, templates: Sequence[str], class_names: Sequence[str]) -> Tensor:
        """Unit features (K, D), one for each class: of all its prompts normalised, their mean, normalised again.

        The recipe that CLIP's authors published for prompt ensembles. Kept: asking again costs nothing.
        """
        key = (tuple(templates), tuple(class_names))
        if key not in self._features:
            rows = []
            with torch.inference_mode():
                for name in class_names:
                    tokens = self.tokenize([prompt(template, name) for template in templates])
                    mean = self.network.encode_text(tokens, normalize=True).mean(dim=0)
                    rows.append(functional.normalize(mean, dim=0))
            self._features[key] = torch.stack(rows).clone()
        # A clone outside of inference mode is an ordinary tensor, which a gradient may pass by.
        return self._features[key].clone()

    # ---- both -----------------------------------------------------------------------------------------

    def cosines(self, image_features: Tensor, class_features: Tensor) -> Tensor:
        """(N, K)."""
        return image_features @ class_features.T

    def log_probs(self, cosines: Tensor) -> Tensor:
        """Log-probability of each class (N, K) from cosines, at the model's logit scale."""
        return functional.log_softmax(self.network.logit_scale.exp() * cosines, dim=-1)

    def image_log_probs(self, images: Tensor, class_prompts_features: Tensor, upscaling: str = "bicubic") -> Tensor:
        """Log-probability of each class (N, K) for pictures (N, C, H, W) in -1..1; differentiable."""
        return self.log_probs(self.cosines(self.encode_images(images, upscaling), class_prompts_features))


def clip_score(cosine: NDArray[np.float32]) -> NDArray[np.float32]:
    """CLIPScore, 2.5 max(cos, 0) (Hessel et al. 2021, arXiv 2104.08718)."""
    return np.float32(CLIPSCORE_WEIGHT) * np.maximum(cosine, np.float32(0))


def clip_scorer(model: ClipModel, class_names: Sequence[str], templates: Sequence[str],
                upscaling: str = "bicubic") -> Callable[[Tensor], Tensor]:
    """A function from x0 (N, C, H, W) in -1..1 to log-probabilities (N, K) of the classes; differentiable."""
    features = model.class_features(templates, class_names)

    def score(x0: Tensor) -> Tensor:
        return model.image_log_probs(x0.float(), features, upscaling)

    return score

