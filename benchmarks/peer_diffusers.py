"""Ours against the common course recipe, timed in turn in one run. Prints JSON with the ratio of images/s.

    python benchmarks/peer_diffusers.py [--preset quick] [--windows 3] [--window-seconds 6] [--seconds 600]

The recipe is what courses teach with diffusers: a class-conditional UNet2DModel for 28x28 (channels 32, 64, 64, two
layers a block, attention in the two lower levels, a class embedding of 4 as further input channels), DDPM of 1,000
squared-cosine steps that predicts the noise, Adam at 1e-3, batch 128. It is given its pictures from memory and
waits for no logging; ours is timed as a run with its saves and strips of samples.

Each lives in a process of its own and rests while the other is timed (A B A B). The peer's process imports torch
with torch's own thread settings, before anything of ours; it is tried with one thread and with all cores, and
timed with the better. A window begins after a step that is not counted. With --seconds the peer then trains on
until it has trained so long, and the judge reads --samples of its pictures, by the recipe's own DDPM.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BATCH = 128
RATE = 1e-3
NUM_TIMESTEPS = 1000
REST_S = 0.5  # before a window: the other's threads fall asleep


# ---- the parent ----

class Child:
    """One of the two, in its own process: answers each line with a line of JSON."""

    def __init__(self, which: str, args: argparse.Namespace) -> None:
        # The peer must not find what the engine sets for itself.
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "KMP_", "GOMP_", "MKL_"))}
        command = [sys.executable, __file__, which, "--preset", args.preset, "--device", args.device,
                   "--peer-batch", str(args.peer_batch)]
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The process that trains ended with code {self._process.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@contextmanager
def child(which: str, args: argparse.Namespace) -> Iterator[Child]:
    made = Child(which, args)
    try:
        yield made
    finally:
        made.close()


def measure(args: argparse.Namespace) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    from engine.device import cores, cpu_name

    with child("_ours", args) as ours:
        say("ours: choosing its layout, warming up")
        about_ours = ours.ask(do="begin")
        # Only now, for what the peer imports would decide which layout is quickest.
        with child("_peer", args) as peer:
            tried = {}
            for threads in sorted({1, cores()}):
                say(f"peer: trying {threads} thread{'' if threads == 1 else 's'}")
                about_peer = peer.ask(do="begin", threads=threads)
                tried[threads] = rate(peer.ask(do="window", seconds=args.try_seconds, rested=False))
            threads = max(tried, key=lambda n: tried[n])
            peer.ask(do="begin", threads=threads)
            rows = []
            for i in range(args.windows):
                row = {"ours": ours.ask(do="window", seconds=args.window_seconds),
                       "peer": peer.ask(do="window", seconds=args.window_seconds)}
                rows.append({name: {**window, "images_per_second": rate(window)} for name, window in row.items()})
                say(f"window {i + 1}: ours {rate(row['ours']):.1f} images/s, peer {rate(row['peer']):.1f} images/s")
            medians = {name: median(row[name]["images_per_second"] for row in rows) for name in ("ours", "peer")}
            result: dict[str, Any] = {
                "cpu": cpu_name(), "cores": cores(),
                "ours": {**about_ours, "images_per_second": medians["ours"]},
                "peer": {**about_peer, "threads": threads, "images_per_second": medians["peer"],
                         "tried_images_per_second": tried},
                "ratio": medians["ours"] / medians["peer"],
                "ratios": [row["ours"]["images_per_second"] / row["peer"]["images_per_second"] for row in rows],
                "windows": rows,
            }
            if args.seconds:
                ours.close()
                say(f"peer: training on to {args.seconds:.0f} s, then {args.samples} samples")
                result["peer_samples"] = judge(peer, args)
    return result


def judge(peer: Child, args: argparse.Namespace) -> dict[str, Any]:
    """What the judge makes of the peer's pictures after so many seconds of training in all."""
    import numpy as np

    from engine.measure.judge import Judge

    trained = peer.ask(do="train", seconds=args.seconds)
    with tempfile.TemporaryDirectory() as folder:
        drawn = peer.ask(do="sample", count=args.samples, out=str(Path(folder) / "pictures.npz"))
        with np.load(Path(folder) / "pictures.npz") as file:
            images, labels = file["images"], file["labels"]
    read = Judge.load().read(images).argmax(axis=1)
    return {**trained, **drawn, "accuracy": float((read == labels).mean())}


def rate(window: dict[str, Any]) -> float:
    return float(window["images"] / window["seconds"])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---- the children ----

def serve(answers: Any) -> None:
    """Answer the parent's lines until it closes them."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer
    for line in sys.stdin:
        request = json.loads(line)
        out.write(json.dumps(getattr(answers, request.pop("do"))(**request)) + "\n")
        out.flush()


def run_ours(args: argparse.Namespace) -> None:
    sys.path.insert(0, str(ROOT))
    from engine.measure.bench import Headless
    from engine.presets import load_preset
    from engine.workspace import Workspace

    with Headless(Workspace(args.device), load_preset(args.preset)) as run:
        class Answers:
            def begin(self) -> dict[str, Any]:
                run.window(0.0)
                learner = run.trainer.learner
                return {"preset": args.preset, "batch_size": learner.batch_size, "precision": learner.layout.precision,
                        "channels_last": learner.layout.channels_last,
                        "parameters": sum(p.numel() for p in learner.denoiser.network.parameters())}

            def window(self, seconds: float) -> dict[str, Any]:
                time.sleep(REST_S)
                run.window(0.0)
                timed = run.window(seconds)
                return {"images": timed.images, "seconds": timed.seconds}

        serve(Answers())


def run_peer(args: argparse.Namespace) -> None:
    import diffusers
    import torch
    from torch import nn

    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device)
    torch.manual_seed(0)

    class ClassUNet(nn.Module):
        """The class as four further channels of the picture, the same at every pixel."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(10, 4)
            self.unet = diffusers.UNet2DModel(
                sample_size=28, in_channels=1 + 4, out_channels=1, layers_per_block=2,
                block_out_channels=(32, 64, 64),
                down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
                up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"))

        def forward(self, x: torch.Tensor, t: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            told = self.embedding(labels)[:, :, None, None].expand(-1, -1, x.shape[2], x.shape[3])
            predicted: torch.Tensor = self.unet(torch.cat([x, told], dim=1), t).sample
            return predicted

    network = ClassUNet().to(device)
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=NUM_TIMESTEPS, beta_schedule="squaredcos_cap_v2")
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    # Only now: torch has read its thread settings already.
    sys.path.insert(0, str(ROOT))
    from engine.data.catalogue import load_dataset

    dataset = load_dataset("mnist")
    images = torch.from_numpy(dataset.train_images).to(device)
    labels = torch.from_numpy(dataset.train_labels).to(device)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    def step() -> None:
        index = torch.randint(len(images), (args.peer_batch,), device=device)
        x0 = images[index].float() / 127.5 - 1
        noise = torch.randn_like(x0)
        t = torch.randint(0, NUM_TIMESTEPS, (len(x0),), device=device)
        loss = nn.functional.mse_loss(network(scheduler.add_noise(x0, noise, t), t, labels[index]), noise)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    class Answers:
        trained_images = 0
        trained_seconds = 0.0

        def begin(self, threads: int) -> dict[str, Any]:
            torch.set_num_threads(threads)
            self._train(0.0)
            return {"batch_size": args.peer_batch, "diffusers": diffusers.__version__,
                    "parameters": sum(p.numel() for p in network.parameters())}

        def window(self, seconds: float, rested: bool = True) -> dict[str, Any]:
            if rested:
                time.sleep(REST_S)
                self._train(0.0)
            return self._train(seconds)

        def train(self, seconds: float) -> dict[str, Any]:
            self._train(seconds - self.trained_seconds)
            return {"trained_seconds": self.trained_seconds, "trained_images": self.trained_images}

        def _train(self, seconds: float) -> dict[str, Any]:
            wait()
            began, count = time.perf_counter(), 0
            while not count or time.perf_counter() - began < seconds:
                step()
                count += args.peer_batch
            wait()
            taken = time.perf_counter() - began
            self.trained_images += count
            self.trained_seconds += taken
            return {"images": count, "seconds": taken}

        @torch.no_grad()
        def sample(self, count: int, out: str) -> dict[str, Any]:
            import numpy as np

            network.eval()
            asked = torch.arange(count, device=device) % 10
            generator = torch.Generator(device).manual_seed(0)
            x = torch.randn(count, 1, 28, 28, generator=generator, device=device)
            began = time.perf_counter()
            scheduler.set_timesteps(NUM_TIMESTEPS)
            for t in scheduler.timesteps:
                x = scheduler.step(network(x, t.to(device), asked), t, x, generator=generator).prev_sample
            pictures = ((x[:, 0] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
            np.savez(out, images=pictures, labels=asked.cpu().numpy())
            return {"samples": count, "sampling_steps": NUM_TIMESTEPS, "sampling_seconds": time.perf_counter() - began}

    serve(Answers())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("child", nargs="?", choices=["_ours", "_peer"], help=argparse.SUPPRESS)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--windows", type=int, default=3, help="of each")
    parser.add_argument("--window-seconds", type=float, default=6.0)
    parser.add_argument("--try-seconds", type=float, default=2.0, help="for each thread count of the peer")
    parser.add_argument("--peer-batch", type=int, default=BATCH)
    parser.add_argument("--seconds", type=float, default=0.0, help="train the peer so long in all, and judge it")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.child == "_ours":
        run_ours(args)
    elif args.child == "_peer":
        run_peer(args)
    else:
        print(json.dumps(measure(args), indent=2))


if __name__ == "__main__":
    main()
