"""Draw pictures from the weights beside this file, with PyTorch and safetensors alone.

    python sample.py [--classes 0,1,2] [--count 10] [--seed 0] [--out pictures.npy]

Writes float32 (N, C, H, W) in -1..1 as .npy, and a grid as .pgm or .ppm beside it. Picture i has class
classes[i % len(classes)] and seed SEED + i. The network is a U-Net that is told the noise level and the class
(Ronneberger et al. 2015; Ho et al. 2020); the samplers are DDIM (Song et al. 2020) and DPM-Solver++ 2M (Lu et al.
2022) with classifier-free guidance (Ho and Salimans 2022).
"""

import argparse
import itertools
import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

HERE = Path(__file__).resolve().parent


def norm(channels):
    groups = min(8, max(1, channels // 4))
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels)


class Block(nn.Module):
    def __init__(self, c_in, c_out, width, scale_shift):
        super().__init__()
        self.scale_shift = scale_shift
        self.norm1, self.conv1 = norm(c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.condition = nn.Linear(width, 2 * c_out if scale_shift else c_out)
        self.norm2, self.conv2 = norm(c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.residual = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)

    def forward(self, x, condition):
        h, c = self.conv1(functional.silu(self.norm1(x))), self.condition(condition)[:, :, None, None]
        if self.scale_shift:
            scale, shift = c.chunk(2, dim=1)
            h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        else:
            h = self.norm2(h + c)
        return self.residual(x) + self.conv2(functional.silu(h))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.heads, self.norm = max(1, min(4, channels // 16)), norm(channels)
        self.query_key_value, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        parts = self.query_key_value(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, h * w)
        q, k, v = parts.transpose(-1, -2).unbind(1)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return x + self.out(mixed.transpose(-1, -2).reshape(b, c, h, w))


class Stage(nn.Module):
    def __init__(self, c_in, c_out, config, attention):
        super().__init__()
        self.block = Block(c_in, c_out, config["embedding_width"], config["conditioning"] == "scale-shift")
        self.attention = Attention(c_out) if attention else nn.Identity()

    def forward(self, x, condition):
        return self.attention(self.block(x, condition))


class Resize(nn.Module):  # half the size by a strided convolution, or twice the size and a convolution
    def __init__(self, c_in, c_out, down):
        super().__init__()
        self.down, self.conv = down, nn.Conv2d(c_in, c_out, 3, stride=2 if down else 1, padding=1)

    def forward(self, x):
        return self.conv(x if self.down else functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class Embedding(nn.Module):
    def __init__(self, c_in, width):
        super().__init__()
        self.hidden, self.out = nn.Linear(c_in, width), nn.Linear(width, width)

    def forward(self, x):
        return self.out(functional.silu(self.hidden(x)))


def sinusoid(label, width, longest=10_000.0):
    steps = torch.arange(width // 2, dtype=torch.float32)
    angles = label.float()[:, None] * torch.exp(-math.log(longest) * steps / (width // 2))[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class UNet(nn.Module):
    def __init__(self, config, channels, num_classes):
        super().__init__()
        widths, blocks, width = config["widths"], config["blocks"], config["embedding_width"]
        self.config, self.num_classes, self.width = config, num_classes, width
        self.time = Embedding(width, width) if config["time_embedding"] else None
        self.label = Embedding(num_classes, width) if config["class_embedding"] else None

        def stage(c_in, level):
            return Stage(c_in, widths[level], config, level in config["attention_levels"])

        last, levels = len(widths) - 1, range(len(widths))
        self.stem = nn.Conv2d(channels * config["stem"] ** 2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.ModuleList(stage(widths[i], i) for _ in range(blocks)) for i in levels)
        self.downsample = nn.ModuleList(Resize(widths[i], widths[i + 1], True) for i in levels[:-1])
        self.middle = stage(widths[last], last)
        joined = 2 if config["skips"] else 1
        self.up = nn.ModuleList(nn.ModuleList(stage(joined * widths[i], i) for _ in range(blocks))
                                for i in reversed(levels))
        self.upsample = nn.ModuleList(Resize(widths[i], widths[i - 1], False) for i in reversed(levels[1:]))
        self.out_norm = norm(widths[0])
        self.out = nn.Conv2d(widths[0], channels * config["stem"] ** 2, 3, padding=1)

    def forward(self, x, noise_label, classes, mask):
        condition = torch.zeros(len(x), self.width)
        if self.time is not None:
            condition = condition + self.time(sinusoid(noise_label, self.width))
        if self.label is not None:
            one_hot = functional.one_hot(classes, self.num_classes).float()
            condition = condition + self.label(one_hot) * mask[:, None]
        condition, stem, skips = functional.silu(condition), self.config["stem"], []
        h = self.stem(functional.pixel_unshuffle(x, stem) if stem > 1 else x)
        for i, stages in enumerate(self.down):
            for one in stages:
                h = one(h, condition)
                skips.append(h)
            if i < len(self.downsample):
                h = self.downsample[i](h)
        h = self.middle(h, condition)
        for i, stages in enumerate(self.up):
            for one in stages:
                skip = skips.pop()
                h = one(torch.cat([h, skip], dim=1) if self.config["skips"] else h, condition)
            if i < len(self.upsample):
                h = self.upsample[i](h)
        h = self.out(functional.silu(self.out_norm(h)))
        return functional.pixel_shuffle(h, stem) if stem > 1 else h


class Denoiser:
    """What the network makes of x = x0 + sigma eps: the picture x0."""

    def __init__(self, settings, weights):
        self.kind, self.sigma_data = settings["parameterisation"], settings["sigma_data"]
        self.log_sigmas = torch.tensor(settings["schedule_sigmas"], dtype=torch.float64).log().float()
        self.network = UNet(settings["model"], settings["image_shape"][0], len(settings["class_names"]))
        self.network.load_state_dict(weights)
        self.network.eval()

    def label(self, sigma):
        log_sigma, logs = sigma.log(), self.log_sigmas
        if self.kind == "edm":
            return 100 * log_sigma
        above = torch.searchsorted(logs, log_sigma.contiguous()).clamp(1, len(logs) - 1)
        low, high = logs[above - 1], logs[above]
        return (above + ((log_sigma - low) / (high - low)).clamp(0, 1)) * (1000 / len(logs))

    def __call__(self, x, sigma, classes, mask):
        wide, signal = sigma[:, None, None, None], (1 + sigma**2).rsqrt()[:, None, None, None]
        if self.kind == "noise":
            skip, out, scale = 1.0, -wide, signal
        elif self.kind == "x0":
            skip, out, scale = 0.0, 1.0, signal
        elif self.kind == "v":
            skip, out, scale = signal**2, -wide * signal, signal
        else:  # edm, Karras et al. 2022
            total = wide**2 + self.sigma_data**2
            skip, out, scale = self.sigma_data**2 / total, wide * self.sigma_data * total.rsqrt(), total.rsqrt()
        return skip * x + out * self.network(x * scale, self.label(sigma), classes, mask)


@torch.inference_mode()
def draw(denoiser, settings, classes, seeds):
    """(N, C, H, W) in -1..1. Each picture's noise depends on its own seed alone."""
    how, sigmas, shape = settings["sampling"], settings["sigmas"], settings["image_shape"]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def noise():
        return torch.stack([torch.randn(shape, generator=g) for g in generators])

    classes, mask, w = torch.tensor(classes), torch.ones(len(classes)), how["guidance_scale"]

    def guided(x, sigma):
        at = x.new_full((len(x),), sigma)
        if w == 1 or not how["guidance_sigma_low"] < float(at[0]) <= how["guidance_sigma_high"]:
            return denoiser(x, at, classes, mask)
        if w == 0:
            return denoiser(x, at, classes, torch.zeros_like(mask))
        both = denoiser(torch.cat([x, x]), torch.cat([at, at]), torch.cat([classes, classes]),
                        torch.cat([mask, torch.zeros_like(mask)]))
        conditional, unconditional = both.chunk(2)
        return unconditional + w * (conditional - unconditional)

    x, before, before_h = noise() * math.sqrt(1 + sigmas[0] ** 2), None, 0.0
    for sigma, following in itertools.pairwise(sigmas):
        x0 = guided(x, sigma)
        if how["clip_x0"]:
            x0 = x0.clamp(-1, 1)
        if following == 0:
            return x0
        if how["sampler"] == "dpmpp-2m":
            h, target = math.log(sigma / following), x0
            if before is not None:
                r = before_h / h
                target = (1 + 1 / (2 * r)) * x0 - (1 / (2 * r)) * before
            x, before, before_h = (following / sigma) * x - math.expm1(-h) * target, x0, h
        else:  # DDIM; at eta 1 it is DDPM
            up = how["eta"] * following * math.sqrt(sigma**2 - following**2) / sigma
            x = x0 + (math.sqrt(following**2 - up**2) / sigma) * (x - x0)
            x = x + up * noise() if up > 0 else x
    raise ValueError("noise levels must end at 0")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--classes", default="", help="numbers with commas between; default all")
    parser.add_argument("--count", type=int, help="default one a class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="pictures.npy")
    args = parser.parse_args()
    settings = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    wanted = [int(c) for c in args.classes.split(",")] if args.classes else list(range(len(settings["class_names"])))
    count = args.count or len(wanted)
    classes = [wanted[i % len(wanted)] for i in range(count)]
    denoiser = Denoiser(settings, load_file(HERE / "model.safetensors"))
    pictures = draw(denoiser, settings, classes, [args.seed + i for i in range(count)])
    out = Path(args.out)
    write_npy(out, pictures)
    pixels = ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    row = torch.cat(list(pixels), dim=2)  # one beside the other
    kind, ending = (b"P5", ".pgm") if len(row) == 1 else (b"P6", ".ppm")
    header = kind + b"\n%d %d\n255\n" % (row.shape[2], row.shape[1])
    out.with_suffix(ending).write_bytes(header + bytes(row.permute(1, 2, 0).flatten().tolist()))
    print(f"{count} pictures in {out} and {out.with_suffix(ending)}")


def write_npy(path, tensor):
    """The .npy format is short enough to need no numpy."""
    shape = ", ".join(map(str, tensor.shape))
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape},), }}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    body = bytes(tensor.contiguous().flatten().view(torch.uint8).tolist())
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + body)


if __name__ == "__main__":
    main()
