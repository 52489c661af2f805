"""Decode still images: verified, upright, opaque, 8-bit sRGB, or refused with the reason."""

from __future__ import annotations

import io
import struct
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
from reward_engine.media import color
from reward_engine.media.png import PngColors, is_png, read_png

RGB: TypeAlias = NDArray[np.uint8]

MAX_IMAGE_PIXELS = 60_000_000
"""Largest image that is decoded (60 megapixels take 180 MB as RGB); larger ones are refused unread."""

# Raster formats that generators and cameras write. Everything else that Pillow can open (EPS runs
# Ghostscript, PSD and ICNS nest other formats) is a needless way in for a hostile file.
# MPO (two pictures in a JPEG) comes in through JPEG: Pillow registers no opener of its own for it.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
_TITLES = {"WEBP": "WebP"}


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What an image is once decoded.

    Displayed ``width`` and ``height`` in pixels, ``format`` as Pillow names it.

    ``plain``: every viewer shows the file as :func:`decode_image` decodes it, because it is upright, opaque sRGB of 8
    bits. Of any other file a view is made (:func:`write_image_view`).
    """

    width: int
    height: int
    format: str
    plain: bool


def decode_image(
    path: str | Path, *, max_pixels: int = MAX_IMAGE_PIXELS, max_side: int | None = None, spare: float = 2.0
) -> RGB:
    """Decode an image file the way a viewer would show it, uint8 RGB.

    The array is [height, width, 3]. The orientation is applied, what the file says of its colors (an ICC profile, gAMA
    and cHRM, cICP, an AVIF's color codes) is converted to sRGB, transparency is laid over white, and 16-bit and float
    samples are scaled to 8 bits. With ``max_side`` the image is reduced (never enlarged) so that its longer side is at
    most that many pixels; a large JPEG is then decoded at a reduced size, at least ``spare`` times as large as asked
    for, which is much faster.

    Raises:
        MediaError: With code ``missing``, ``not_an_image``, ``animated``, ``too_large``, ``truncated`` or ``corrupt``.
    """
    with _opened(Path(path), max_pixels) as (image, said):
        _refuse_animated(Path(path), image)
        if max_side is not None and image.format == "JPEG":
            # libjpeg scales while decoding; twice the size leaves the reduction below something to average.
            image.draft(None, (round(spare * max_side), round(spare * max_side)))
        image.load()
        rgb = _to_rgb(_upright(image), said)
        if max_side is not None and max(rgb.size) > max_side:
            scale = max_side / max(rgb.size)
            size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
            rgb = rgb.resize(size, Image.Resampling.BOX if scale < 0.25 else Image.Resampling.LANCZOS)
        return np.asarray(rgb, dtype=np.uint8).copy()


def probe_image(path: str | Path, *, max_pixels: int = MAX_IMAGE_PIXELS) -> ImageInfo:
    """Verify an image completely (checksums, then a full decode) and say what it is.

    Raises:
        MediaError: Like :func:`decode_image`.
    """
    path = Path(path)
    with _opened(path, max_pixels) as (image, _):
        image.verify()  # checks what the format has checksums for; the file must be opened anew afterwards
    with _opened(path, max_pixels) as (image, said):
        _refuse_animated(path, image)
        image.load()
        upright = _upright(image)
        return ImageInfo(*upright.size, image.format or "", _is_plain(image, said))


def _refuse_animated(path: Path, image: Image.Image) -> None:
    """One picture is judged, and browsers would play all of them. (Several in a JPEG are a phone's, shown as one.)"""
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1 and image.format in ("GIF", "PNG", "WEBP", "AVIF"):
        raise MediaError(
            f"{path.name}: this {_TITLES.get(image.format, image.format)} image is animated ({frames} frames); convert "
            "it to MP4 to judge it as a video, or save one frame as PNG.",
            code="animated",
        )


def _is_plain(image: Image.Image, said: PngColors) -> bool:
    if image.format not in ("JPEG", "MPO", "PNG", "WEBP") or image.mode not in ("RGB", "L", "P", "1", "RGBA", "LA"):
        return False
    if said.bits > 8 or _orientation(image) != 1 or _has_transparency(image):
        return False
    profile = said.profile or image.info.get("icc_profile")
    if said.cicp is not None:
        return color.is_srgb(*said.cicp[:2]) and said.cicp[2:] == (0, 1)
    if profile:
        return image.mode in ("RGB", "RGBA") and _is_srgb_profile(profile)
    return said.srgb or color.is_srgb_gamma(said.gamma, said.chromaticities)


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[tuple[Image.Image, PngColors]]:
    """Open an image with the pixel limit checked from the header, and turn every failure into a MediaError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is stricter
            source, said = read_png(path) if is_png(path) else (path, PngColors())
            opened = Image.open(source, formats=FORMATS)
        with opened as image:
            if image.width * image.height > max_pixels:
                raise _too_large(path, f"{image.width} × {image.height} pixels", max_pixels)
            if image.format == "AVIF" and not image.info.get("icc_profile"):  # the codes beside a profile are not meant
                said = PngColors(cicp=_avif_codes(path))
            yield image, said
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


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(0x0112, 1)
    except (ValueError, TypeError, SyntaxError, KeyError, OSError, ZeroDivisionError):
        return 1
    return found if found in range(1, 9) else 1


def _avif_codes(path: Path) -> tuple[int, int, int, int] | None:
    """The color codes of an AVIF (its ``colr`` box), which Pillow does not tell."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    at = head.find(b"colrnclx")
    if at < 0 or at + 15 > len(head):
        return None
    primaries, transfer, _matrix = struct.unpack(">3H", head[at + 8 : at + 14])
    return primaries, transfer, 0, 1  # decoded to full-range RGB already


def _has_transparency(image: Image.Image) -> bool:
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return bool(image.getchannel("A" if image.mode[-1] == "A" else "a").getextrema()[0] < 255)  # type: ignore[operator]
    return "transparency" in image.info


def _to_rgb(image: Image.Image, said: PngColors) -> Image.Image:
    """8-bit sRGB over white. Colors are converted first: laying over white mixes them."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        transparent = image.info.get("transparency")
        samples = np.asarray(image)
        gray = Image.fromarray(_eight_bit(samples))
        if isinstance(transparent, int):
            gray.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
        gray.info["icc_profile"] = image.info.get("icc_profile")
        image = gray
    profile = said.profile or image.info.get("icc_profile")
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        gray_alpha = image.mode in ("LA", "La") or (image.mode == "L" and "transparency" in image.info)
        rgba = image.convert("LA").convert("RGBA") if gray_alpha else image.convert("RGBA")
        alpha = rgba.getchannel("A")
        image = rgba.convert("L") if gray_alpha else rgba.convert("RGB")
    rgb = _in_srgb(image, said, profile)
    if alpha is None:
        return rgb
    return Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)


def _in_srgb(image: Image.Image, said: PngColors, profile: bytes | None) -> Image.Image:
    """By what the file says of its colors; where it says several things, in the order of PNG's third edition."""
    if said.cicp is not None:
        rgb = image.convert("RGB")
        if color.is_srgb(*said.cicp[:2]):
            return rgb
        return Image.fromarray(color.from_codes(np.asarray(rgb), *said.cicp[:2]))
    if profile:
        return _through_profile(image, profile)
    rgb = image.convert("RGB")
    if said.srgb or color.is_srgb_gamma(said.gamma, said.chromaticities):
        return rgb
    return Image.fromarray(color.from_gamma(np.asarray(rgb), said.gamma, said.chromaticities))


def _eight_bit(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale deep grayscale samples to 8 bits; the range is told by the values, since no header keeps it."""
    values = np.nan_to_num(samples.astype(np.float64), nan=0.0)
    top = float(values.max(initial=0.0))
    if np.issubdtype(samples.dtype, np.floating) and top <= 1.0:
        full = 1.0
    elif top <= 255.0 and samples.dtype.itemsize != 2:
        full = 255.0
    else:
        full = max(65535.0, top)
    return np.asarray(np.clip(np.rint(values * (255.0 / full)), 0, 255), dtype=np.uint8)


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB by the embedded profile (Display P3 photographs, CMYK prints) where there is a usable one."""
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        if converted is not None:
            return converted
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass  # a broken profile: the plain conversion is what viewers fall back to as well
    return image.convert("RGB")


def _is_srgb_profile(profile: bytes) -> bool:
    """Whether going through this profile moves no color by more than a viewer's rounding."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(64, 64, 3)
    through = np.asarray(_through_profile(Image.fromarray(cube), profile))
    return int(np.abs(through.astype(np.int16) - cube).max()) <= 1
