"""A recipe carried out on pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from annotator.demo.photographs import BY_NAME, Photograph, pixels_of
from annotator.demo.recipes import Recipe

Pixels = NDArray[np.uint8]
GAMMA = 2.2  # near enough to sRGB: an exposure is a factor of light, not of pixel values


def shown(photograph: Photograph, recipe: Recipe) -> tuple[Photograph, Pixels]:
    """The photograph that a recipe shows (its own, or another), and the part of it that is used."""
    if recipe.other:
        photograph = BY_NAME[recipe.other]
    pixels = pixels_of(photograph)
    if recipe.corner:
        pixels = _corner(pixels, photograph)
    if recipe.mirrored:
        half = pixels[:, : pixels.shape[1] // 2]
        pixels = np.concatenate([half, half[:, ::-1]], axis=1)
    return photograph, pixels


def _corner(pixels: Pixels, photograph: Photograph) -> Pixels:
    """The part beside the subject that has the largest area, at least a fifth of the picture's width."""
    left, top, right, bottom = photograph.subject or (0.0, 0.0, 1.0, 1.0)
    parts = {
        (0.0, 0.0, left, 1.0), (right, 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, top), (0.0, bottom, 1.0, 1.0),
    }  # fmt: skip
    x0, y0, x1, y1 = max(sorted(parts), key=lambda part: (part[2] - part[0]) * (part[3] - part[1]))
    height, width = pixels.shape[:2]
    return pixels[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]


def fitted(pixels: Pixels, side: int) -> Image.Image:
    """As an image of ``side`` pixels on its longer side, or of fewer: nothing is enlarged, so all stays sharp."""
    image = Image.fromarray(pixels)
    scale = side / max(image.size)
    if scale >= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def degraded(image: Image.Image, recipe: Recipe, rng: np.random.Generator) -> Image.Image:
    """Light and color first, as in front of a lens; then the lens, then the sensor, then the coding."""
    image = relit(image, recipe)
    if recipe.blur:
        image = blurred(image, recipe.blur)
    if recipe.noise:
        noisy = np.asarray(image, dtype=np.float32)
        noisy = noisy + rng.normal(0, 255 * recipe.noise, noisy.shape).astype(np.float32)
        image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    if recipe.blocks:
        image = _blocks(image, recipe.blocks)
    return image


def blurred(image: Image.Image, share: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(share * max(image.size)))


def relit(image: Image.Image, recipe: Recipe) -> Image.Image:
    if recipe.saturation == recipe.contrast == 1 and recipe.stops == 0 and recipe.tint == (1.0, 1.0, 1.0):
        return image
    values = np.asarray(image, dtype=np.float32) / 255
    if recipe.saturation != 1:
        luma = (values @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None]
        values = np.clip(luma + recipe.saturation * (values - luma), 0, 1)
    if recipe.contrast != 1:
        # About middle gray, so that the picture becomes hazy, not dark.
        values = np.clip(0.5 + recipe.contrast * (values - 0.5), 0, 1)
    # An exposure multiplies light, and a tint each of its colors; on gamma-coded values that is a smaller factor.
    factor = np.array(recipe.tint, dtype=np.float32) * np.float32(2.0 ** (recipe.stops / GAMMA))
    return Image.fromarray(np.clip(values * factor * 255 + 0.5, 0, 255).astype(np.uint8))


def _blocks(image: Image.Image, count: int) -> Image.Image:
    scale = count / max(image.size)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX
    )
    return small.resize(image.size, Image.Resampling.NEAREST)
