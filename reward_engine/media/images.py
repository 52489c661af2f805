"""Decode still images: verified, upright, 8-bit RGB, or refused with the reason."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from reward_engine.errors import MediaError

RGB: TypeAlias = NDArray[np.uint8]

MAX_IMAGE_PIXELS = 60_000_000
"""Largest image that is decoded (60 megapixels take 180 MB as RGB); larger ones are refused unread."""

# Raster formats that generators and cameras write. Everything else that Pillow can open (EPS runs
# Ghostscript, PSD and ICNS nest other formats) is a needless way in for a hostile file.
# MPO (two pictures in a JPEG) comes in through JPEG: Pillow registers no opener of its own for it.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What an image is once decoded: displayed ``width`` and ``height`` in pixels, ``format`` as Pillow names it."""

    width: int
    height: int
    format: str
    frame_count: int


def decode_image(path: str | Path, *, max_pixels: int = MAX_IMAGE_PIXELS, max_side: int | None = None) -> RGB:
    """Decode an image file to uint8 RGB [height, width, 3], the way a viewer would show it.

    EXIF rotation is applied, an embedded colour profile is converted to sRGB, transparency is
    laid over white, 16-bit and float samples are scaled to 8 bits, and of an animation the first
    frame is taken. With ``max_side`` the image is reduced (never enlarged) so that its longer side
    is at most that many pixels; a large JPEG is then decoded at a reduced size, which is much faster.

    Raises :class:`MediaError` with code ``missing``, ``not_an_image``, ``too_large``,
    ``truncated`` or ``corrupt``.
    """
    with _opened(Path(path), max_pixels) as image:
        if max_side is not None and image.format == "JPEG":
            # libjpeg scales while decoding; twice the size leaves the reduction below something to average.
            image.draft(None, (2 * max_side, 2 * max_side))
        image.load()
        upright = _upright(image)
        rgb = _to_rgb(upright)
        if max_side is not None and max(rgb.size) > max_side:
            scale = max_side / max(rgb.size)
            size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
            rgb = rgb.resize(size, Image.Resampling.BOX if scale < 0.25 else Image.Resampling.LANCZOS)
        return np.asarray(rgb, dtype=np.uint8).copy()


def probe_image(path: str | Path, *, max_pixels: int = MAX_IMAGE_PIXELS) -> ImageInfo:
    """Verify an image completely (checksums, then a full decode) and say what it is.

    Raises :class:`MediaError` like :func:`decode_image`.
    """
    with _opened(Path(path), max_pixels) as image:
        image.verify()  # checks what the format has checksums for; the file must be opened anew afterwards
    with _opened(Path(path), max_pixels) as image:
        image.load()
        width, height = _upright(image).size
        return ImageInfo(width, height, image.format or "", int(getattr(image, "n_frames", 1)))


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """Open an image with the pixel limit checked from the header, and turn every failure into a MediaError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is stricter
            opened = Image.open(path, formats=FORMATS)
        with opened as image:
            if image.width * image.height > max_pixels:
                raise _too_large(path, f"{image.width} × {image.height} pixels", max_pixels)
            yield image
    except MediaError:
        raise
    except FileNotFoundError as error:
        raise MediaError(f"{path.name}: there is no such file.", code="missing") from error
    except Image.DecompressionBombError as error:
        raise _too_large(path, "far too many pixels", max_pixels) from error
    except UnidentifiedImageError as error:
        raise MediaError(
            f"{path.name}: this is not an image of a supported kind ({', '.join(FORMATS)}).", code="not_an_image"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError, KeyError, TypeError) as error:
        # Pillow's decoders report damage with all of these.
        text = str(error)
        if "truncated" in text or isinstance(error, EOFError) or "Truncated" in text:
            raise MediaError(
                f"{path.name}: the image is cut off ({text}); upload the complete file.", code="truncated"
            ) from error
        raise MediaError(f"{path.name}: the image is damaged ({text}).", code="corrupt") from error


def _too_large(path: Path, size: str, max_pixels: int) -> MediaError:
    return MediaError(
        f"{path.name}: {size} is over the limit of {max_pixels:,} pixels; reduce the image first.", code="too_large"
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (ValueError, TypeError, SyntaxError, KeyError, OSError, ZeroDivisionError):
        return image  # damaged EXIF data says nothing about the pixels


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return _through_profile(image)


def _eight_bit(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale deep greyscale samples to 8 bits; the range is told by the values, since no header keeps it."""
    values = np.nan_to_num(samples.astype(np.float64), nan=0.0)
    top = float(values.max(initial=0.0))
    if np.issubdtype(samples.dtype, np.floating) and top <= 1.0:
        full = 1.0
    elif top <= 255.0 and samples.dtype.itemsize != 2:
        full = 255.0
    else:
        full = max(65535.0, top)
    return np.asarray(np.clip(np.rint(values * (255.0 / full)), 0, 255), dtype=np.uint8)


def _through_profile(image: Image.Image) -> Image.Image:
    """Convert to sRGB by the embedded profile (Display P3 photographs, CMYK prints) where there is a usable one."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the plain conversion is what viewers fall back to as well
    return image.convert("RGB")
