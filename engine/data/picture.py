"""One picture file of the user's as pixels of a data set's size."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import DiffuscopeError

# A fixed list: other decoders of Pillow have had holes, and nobody keeps digits in them.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MAX_PIXELS = 64_000_000
_ADVICE = "Choose a PNG, JPEG, WebP, BMP or GIF picture."


def load_picture(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """A picture file as uint8 (channels, size, size), fitted whole and centred on its own background.

    channels 1 gives grey, light on dark as MNIST is: a picture with a light border (ink on paper) is turned
    round. channels 3 gives RGB. Of an animation the first frame is taken; transparency becomes background.
    Raises DiffuscopeError for a file that is no picture, damaged, or larger than 64 megapixels.
    """
    if channels not in (1, 3):
        raise ValueError(f"pictures have 1 or 3 channels, not {channels}")
    path = Path(path)
    if path.is_dir():
        raise DiffuscopeError(f"{path.name} is a folder, not a picture.", _ADVICE)
    picture = flatten(_decode(path))
    picture = picture.convert("L" if channels == 1 else "RGB")
    background = _border(picture)
    if channels == 1 and background[0] > 127:
        picture = ImageOps.invert(picture)
        background = (255 - background[0],)
    fitted = _fit(picture, size, background)
    pixels = np.asarray(fitted, dtype=np.uint8).reshape(size, size, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _decode(path: Path) -> Image.Image:
    """The first frame, upright. The size is judged from the header, before pixels are unpacked."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and of odd metadata; the limit below is stricter than its own.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DiffuscopeError(
                        f"{path.name} has {image.width * image.height / 1e6:.0f} megapixels; "
                        f"the limit is {MAX_PIXELS // 1_000_000}.", "Make it smaller first.")
                image.load()
                return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise DiffuscopeError(f"There is no file {path}.", "") from None
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise DiffuscopeError(f"{path.name} is not a picture that can be opened.", _ADVICE) from None
    except DiffuscopeError:
        raise
    except PermissionError:
        raise DiffuscopeError(f"{path.name} may not be read.", "Check its permissions.") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError):
        # What Pillow raises for truncated and damaged files differs by format.
        raise DiffuscopeError(f"{path.name} is damaged and cannot be read.", _ADVICE) from None


def flatten(image: Image.Image) -> Image.Image:
    """Without transparency: laid on white where the visible part is dark, on black where it is light."""
    if "transparency" not in image.info and image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
        # 16-bit grey would be clipped, not scaled, by convert("L").
        if image.mode.startswith("I"):
            values = np.asarray(image, dtype=np.float64)
            top = 65535.0 if values.max(initial=0) > 255 else 255.0
            return Image.fromarray((values * (255 / top)).clip(0, 255).astype(np.uint8))
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    pixels = np.asarray(rgba, dtype=np.float64)
    weight = pixels[..., 3].sum()
    light = weight > 0 and (pixels[..., :3].mean(axis=-1) * pixels[..., 3]).sum() / weight > 127
    ground = Image.new("RGBA", rgba.size, (0, 0, 0, 255) if light else (255, 255, 255, 255))
    return Image.alpha_composite(ground, rgba).convert("RGB")


def _border(image: Image.Image) -> tuple[int, ...]:
    """The median colour of the outermost pixels."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(v) for v in np.median(edge, axis=0))


def _fit(image: Image.Image, size: int, background: tuple[int, ...]) -> Image.Image:
    """The whole picture in size x size, its proportions kept, the rest filled with its background."""
    scale = size / max(image.width, image.height)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # Lanczos averages over all source pixels when it shrinks: thin strokes stay.
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    canvas = Image.new(image.mode, (size, size), background[0] if len(background) == 1 else background)
    canvas.paste(small, ((size - width) // 2, (size - height) // 2))
    return canvas
