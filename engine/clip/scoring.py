"""Many pictures through a CLIP, in batches that fit the memory and let others have a turn between them."""

from __future__ import annotations

import os
from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from engine.clip.model import ClipModel

BYTES_EACH = 600  # of memory for each pixel of a picture on its way through a network, measured generously
MEMORY_SHARE = 0.25  # of what is free
CPU_PIXELS = 16 * 224 * 224  # in a batch: about half a second of ViT-B-32 on two cores
CPU_MOST, GPU_MOST = 64, 256
LEAST_FREE = 1 << 30  # bytes, where the system does not tell


def free_memory(device: torch.device) -> int:
    """Bytes that are free for pictures on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # not on this system
        return LEAST_FREE


def batch_size(model: ClipModel, asked: int = 0) -> int:
    """How many pictures at once: `asked` (0: as many as suit), never more than a quarter of the free memory holds."""
    pixels = model.size**2
    fits = int(free_memory(model.device) * MEMORY_SHARE / (pixels * BYTES_EACH))
    suits = GPU_MOST if model.device.type == "cuda" else min(CPU_MOST, max(1, CPU_PIXELS // pixels))
    return max(1, min(asked or suits, fits))


@torch.inference_mode()
def image_features(model: ClipModel, images: NDArray[np.uint8], upscaling: str = "bicubic",
                   batch: int = 0) -> Generator[int, None, NDArray[np.float32]]:
    """Returns unit features (N, D) of uint8 pictures (N, H, W) or (N, H, W, 3); yields how many are done."""
    size = batch_size(model, batch)
    parts, begin = [np.empty((0, 0), np.float32)], 0
    while begin < len(images):
        try:
            features = model.encode_prepared(model.prepare(images[begin : begin + size], upscaling))
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            torch.cuda.empty_cache()
            size = (size + 1) // 2
            continue
        parts.append(features.float().cpu().numpy())
        begin += size
        yield min(begin, len(images))
    return np.concatenate(parts[1:]) if len(parts) > 1 else parts[0]
