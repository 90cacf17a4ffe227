"""Is it one hand? How much of the slant and the width of drawn digits is due to their seed. Prints JSON.

    python benchmarks/handwriting.py [--run bundled] [--seeds 12] [--variations 0,0.25,0.5,1] [--steps 8]

Every digit is drawn from each seed, as page Use writes it. Of each picture the slant (shear of its ink, from second
moments) and the width of its stroke are measured, and the mean of its class over the seeds is taken off: a one is
always more upright than an eight. `share` is the share of what is left that digits of one seed have in common:
0 says that a seed's digits are no more alike than those of different seeds, 1 that they are equal (intraclass
correlation, one-way).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.config import SamplingConfig
from engine.diffusion.hand import hand_steps
from engine.export.handwriting import PLAIN_LEVEL, enlarged, stroke_width
from engine.paths import resolve_run
from engine.workspace import Workspace


def slant(grey: np.ndarray) -> float:
    """Shear of the ink: how far it moves right for each row up."""
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    total = grey.sum() + 1e-9
    dx, dy = x - (grey * x).sum() / total, y - (grey * y).sum() / total
    return float(-(grey * dx * dy).sum() / ((grey * dy * dy).sum() + 1e-9))


def share(values: np.ndarray) -> float:
    """Intraclass correlation of (seeds, classes), class means taken off."""
    left = values - values.mean(axis=0)
    n, k = left.shape
    between = k * left.mean(axis=1).var(ddof=1)
    within = ((left - left.mean(axis=1, keepdims=True)) ** 2).sum() / (n * (k - 1))
    return float((between - within) / (between + (k - 1) * within))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="bundled")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--variations", default="0,0.25,0.5,1")
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    workspace = Workspace("cpu")
    model = workspace.model(resolve_run(args.run), None)
    own = model.run.info.config.sampling
    sampling = SamplingConfig(sampler="unipc", num_steps=args.steps, guidance_scale=own.guidance_scale,
                              guidance_sigma_low=own.guidance_sigma_low, guidance_sigma_high=own.guidance_sigma_high)
    found = {}
    for variation in map(float, args.variations.split(",")):
        rows = []
        for seed in range(args.seeds):
            *_, x0 = hand_steps(model.denoiser, range(model.num_classes), seed, variation, sampling,
                                shape=model.shape, device=workspace.device)
            greys = ((x0.mean(dim=1) + 1) / 2).clamp(0, 1).numpy()
            rows.append([(slant(grey), stroke_width(enlarged(grey), PLAIN_LEVEL)) for grey in greys])
        values = np.array(rows)
        found[f"{variation:g}"] = {name: round(share(values[:, :, i]), 3) for i, name in enumerate(("slant", "stroke"))}
    workspace.close()
    print(json.dumps({"run": args.run, "seeds": args.seeds, "classes": model.num_classes, "share": found}, indent=2))


if __name__ == "__main__":
    main()
