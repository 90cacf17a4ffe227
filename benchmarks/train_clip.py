"""Train the in-domain CLIP and write its weights and its record into resources/models.

    python benchmarks/train_clip.py [--half a] [--steps 1600] [--seed 0] [--threads 1] [--out FILE.safetensors]

It learns the training pictures of half a of MNIST and of Fashion-MNIST (the other half is left to judges of what it
guides), shifted by up to two pixels and now and then drowned in noise, each with a caption: one of several templates
with one of the names of its class. The test pictures decide nothing.

open_clip's ClipLoss takes every other pair of a batch for a mismatch. In a batch drawn at random most classes come
twice or more, and a 3 would be pushed away from another 3's caption. So a batch is made of groups, each with one
picture and one caption of every class: inside a group no mismatch is false, and the loss is ClipLoss group by group.
The captions of a step are few, for groups share their templates; each distinct one is encoded once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.clip.files import IN_DOMAIN_FILE
from engine.clip.loading import new_in_domain
from engine.clip.model import ClipModel
from engine.clip.prompts import (
    LEARNED_NAMES,
    LEARNED_TEMPLATES,
    default_templates,
    learned_words,
    prompt,
)
from engine.data.catalogue import load_dataset
from engine.data.halves import HALVES, Half, half_of
from engine.measure.judge import to_input
from engine.measure.judge_training import SHIFT, noised, shifted

NOISED = 0.1  # share of a batch that is drowned in noise
GROUPS = 12  # each with every class once
CAPTION_SETS = 4  # drawn in a step; groups share them


@dataclass(frozen=True, eq=False)
class Source:
    """Grey pictures uint8 (N, 28, 28) and classes of one data set, learned and tested."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def sources(half: Half | None) -> list[Source]:
    """The data sets that have captions and are here, a half of the training pictures of each (None: all of them)."""
    found = []
    for name in LEARNED_NAMES:
        data = load_dataset(name)
        chosen = slice(None) if half is None else half_of(half)
        found.append(Source(name, data.train_images[chosen, 0], data.train_labels[chosen], data.test_images[:, 0],
                            data.test_labels))
    return found


class Draws:
    """Pictures of every class without end, each of a class once before any comes again."""

    def __init__(self, data: Sequence[Source], generator: torch.Generator) -> None:
        self.generator = generator
        self.images = torch.cat([torch.from_numpy(one.images) for one in data])
        first = np.cumsum([0, *(len(one.images) for one in data)])
        self.places = [torch.from_numpy(start + np.flatnonzero(one.labels == label))
                       for start, one in zip(first, data, strict=False) for label in range(10)]
        self._left = [torch.empty(0, dtype=torch.long) for _ in self.places]

    def pictures(self) -> Tensor:
        """uint8 (GROUPS * classes, 28, 28), group by group."""
        chosen = []
        for i, places in enumerate(self.places):
            if len(self._left[i]) < GROUPS:
                order = torch.randperm(len(places), generator=self.generator)
                self._left[i] = torch.cat([self._left[i], places[order]])
            chosen.append(self._left[i][:GROUPS])
            self._left[i] = self._left[i][GROUPS:]
        return self.images[torch.stack(chosen, dim=1).flatten()]

    def captions(self, data: Sequence[Source]) -> list[str]:
        """One caption for every class: one template for each data set, one name for each class."""
        def choose(options: Sequence[str]) -> str:
            return options[int(torch.randint(len(options), (1,), generator=self.generator))]

        texts = []
        for one in data:
            template = choose(LEARNED_TEMPLATES[one.name])
            texts += [prompt(template, choose(names)) for names in LEARNED_NAMES[one.name]]
        return texts


def train(model: ClipModel, data: Sequence[Source], steps: int, rate: float, generator: torch.Generator) -> float:
    """Teach the model; CPU seconds."""
    network, draws = model.network, Draws(data, generator)
    classes, loss_of = len(draws.places), open_clip.ClipLoss()
    decayed = [p for p in network.parameters() if p.ndim > 1]
    optimizer = torch.optim.AdamW([
        {"params": decayed, "weight_decay": 1e-2},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0}], lr=rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.15)
    began, total = time.process_time(), 0.0
    for step in range(1, steps + 1):
        x = noised(to_input(shifted(draws.pictures(), generator)), NOISED, generator)
        texts = [draws.captions(data) for _ in range(CAPTION_SETS)]
        distinct = list(dict.fromkeys(text for group in texts for text in group))
        place = {text: i for i, text in enumerate(distinct)}
        text_features = network.encode_text(model.tokenize(distinct), normalize=True)
        image_features = network.encode_image(model.preprocess(x), normalize=True)
        scale = network.logit_scale.exp()
        losses = []
        for group in range(GROUPS):
            rows = [place[text] for text in texts[group % CAPTION_SETS]]
            part = image_features[group * classes : (group + 1) * classes]
            losses.append(loss_of(part, text_features[rows], scale))
        loss = torch.stack(losses).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            network.logit_scale.clamp_(0, float(np.log(100)))
        total += float(loss.detach())
        if step % 100 == 0:
            print(f"step {step}/{steps}  loss {total / 100:.4f}  {time.process_time() - began:.0f} s", flush=True)
            total = 0.0
    return time.process_time() - began


def zero_shot(model: ClipModel, one: Source) -> dict[str, float]:
    """Share of test pictures read right: with the default ensemble, with other names, with every template alone."""
    with torch.inference_mode():
        features = torch.cat([model.encode_prepared(model.prepare(part))
                              for part in np.array_split(one.test_images, 20)])

        def accuracy(templates: Sequence[str], names: Sequence[str]) -> float:
            read = model.cosines(features, model.class_features(templates, names)).argmax(dim=1)
            return float((read.numpy() == one.test_labels).mean())

        names = [variants[0] for variants in LEARNED_NAMES[one.name]]
        other = [variants[-1] for variants in LEARNED_NAMES[one.name]]
        single = [accuracy([template], names) for template in LEARNED_TEMPLATES[one.name]]
        default = default_templates(one.name)
        return {"test_accuracy": accuracy(default, names), "test_accuracy_other_names": accuracy(default, other),
                "test_accuracy_worst_template": min(single), "test_pictures": len(one.test_labels)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=(*HALVES, "all"), default="a")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=IN_DOMAIN_FILE)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)  # initial weights
    generator = torch.Generator().manual_seed(args.seed)  # pictures, captions, shifts and noise
    half = None if args.half == "all" else args.half
    data = sources(half)
    model = new_in_domain()
    network = model.network.train().requires_grad_(True)
    seconds = train(model, data, args.steps, args.learning_rate, generator)

    network.eval().requires_grad_(False)
    packed = save({name: (value.half() if value.is_floating_point() else value).contiguous()
                   for name, value in network.state_dict().items()})
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(packed)
    for value in network.state_dict().values():  # tested is what the file holds
        if value.is_floating_point():
            value.copy_(value.half())
    record = {
        "in_domain": True,
        "sha256": hashlib.sha256(packed).hexdigest(),
        "architecture": model.architecture,
        "parameters": sum(p.numel() for p in network.parameters()),
        "logit_scale": round(model.logit_scale, 3),
        "half": args.half,
        "data": {one.name: {
            "train_pictures": len(one.images),
            "train_sha256": hashlib.sha256(one.images.tobytes() + one.labels.tobytes()).hexdigest(),
            "test_sha256": hashlib.sha256(one.test_images.tobytes() + one.test_labels.tobytes()).hexdigest(),
            **zero_shot(model, one)} for one in data},
        "steps": args.steps, "groups": GROUPS, "caption_sets": CAPTION_SETS, "learning_rate": args.learning_rate,
        "shift": SHIFT, "noised": NOISED, "seed": args.seed, "threads": args.threads,
        "torch": torch.__version__, "open_clip": open_clip.__version__, "cpu_seconds": round(seconds, 1),
        "words": learned_words(),
    }
    args.out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
