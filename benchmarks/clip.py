"""How fast CLIP scores pictures.

    python benchmarks/clip.py in-domain [--count 500] [--threads 2]     seconds for so many pictures, prompts included
    python benchmarks/clip.py general [--count 64] [--rounds 3]         ViT-B-32 with random weights, beside open_clip
                                                                        called by hand on the same pictures in turns
    python benchmarks/clip.py list [--count 16]                         every published architecture, random weights

Prints JSON. By hand means: open_clip's own transform on each picture, then encode_image in batches, normalised.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.clip.loading import load_clip, new_model
from engine.clip.model import ClipModel
from engine.clip.prompts import DIGIT_TEMPLATES
from engine.clip.scoring import batch_size, image_features
from engine.clip.sources import GENERAL
from engine.data.catalogue import load_dataset
from engine.device import cpu_name

HAND_BATCH = 32


def ours(model: ClipModel, images: NDArray[np.uint8]) -> float:
    """Seconds to score pictures against ten classes."""
    began = time.perf_counter()
    work = image_features(model, images)
    while True:
        try:
            next(work)
        except StopIteration as stop:
            features = stop.value
            break
    cosine = torch.from_numpy(features).to(model.device) @ model.class_features(
        DIGIT_TEMPLATES, [str(c) for c in range(10)]).T
    model.log_probs(cosine).exp().argmax()
    return time.perf_counter() - began


def by_hand(network: Any, prepare: Any, images: NDArray[np.uint8]) -> float:
    """Seconds of open_clip alone for the features of the same pictures."""
    began = time.perf_counter()
    with torch.inference_mode():
        for begin in range(0, len(images), HAND_BATCH):
            batch = torch.stack([prepare(Image.fromarray(image)) for image in images[begin : begin + HAND_BATCH]])
            features = network.encode_image(batch)
            features /= features.norm(dim=-1, keepdim=True)
    return time.perf_counter() - began


def in_domain(count: int) -> dict[str, Any]:
    began = time.perf_counter()
    model = load_clip("in-domain")
    loaded = time.perf_counter() - began
    images = load_dataset("mnist").test_images[:count, 0]
    first = ours(model, images)
    again = [ours(model, images) for _ in range(3)]
    return {"what": "in-domain", "count": count, "load_s": round(loaded, 2), "first_s": round(first, 3),
            "again_s": [round(s, 3) for s in again], "batch": batch_size(model)}


def general(count: int, rounds: int) -> dict[str, Any]:
    torch.manual_seed(0)
    network, _, prepare = open_clip.create_model_and_transforms("ViT-B-32")
    network.eval()
    model = new_model("ViT-B-32")
    model.network.load_state_dict(network.state_dict())
    images = load_dataset("mnist").test_images[:count, 0]
    ours(model, images[:16])
    by_hand(network, prepare, images[:16])
    mine, hand = [], []
    for _ in range(rounds):  # in turns, so that a slow minute is slow for both
        hand.append(count / by_hand(network, prepare, images))
        mine.append(count / ours(model, images))
    return {"what": "ViT-B-32, random weights", "count": count, "ours_images_s": [round(v, 2) for v in mine],
            "by_hand_images_s": [round(v, 2) for v in hand], "batch": batch_size(model),
            "share": round(statistics.median(mine) / statistics.median(hand), 3)}


def every(count: int) -> dict[str, Any]:
    images, found = load_dataset("mnist").test_images[:count, 0], {}
    for architecture in dict.fromkeys(one.architecture for one in GENERAL):
        model = new_model(architecture)
        ours(model, images[:2])
        found[architecture] = round(count / ours(model, images), 2)
    return {"what": "images/s with random weights", "count": count, "images_s": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("in-domain", "general", "list"))
    parser.add_argument("--count", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.what == "in-domain":
        told = in_domain(args.count or 500)
    elif args.what == "general":
        told = general(args.count or 64, args.rounds)
    else:
        told = every(args.count or 16)
    print(json.dumps({**told, "threads": args.threads, "cpu": cpu_name(), "torch": torch.__version__,
                      "open_clip": open_clip.__version__}, indent=2))


if __name__ == "__main__":
    main()
