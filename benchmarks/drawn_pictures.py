"""Pictures drawn by chance that have the statistics of photographs: dead leaves, blurred, darkened, faded or noisy."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

SIDE = 224


def drawn(rng: np.random.Generator, blur: float | None = None) -> Image.Image:
    """Draw leaves that are blurred, darkened, faded, noisy or as they are, each every other time.

    Args:
        blur: Standard deviation in pixels; by default 0 every other time, otherwise 0.4 to 6.
    """

    def some(low: float, high: float, usual: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if rng.random() < 0.5 else usual

    chosen = some(0.4, 6.0, 0.0) if blur is None else blur
    image = leaves(SIDE, SIDE, rng).filter(ImageFilter.GaussianBlur(chosen))
    for enhance, low, high in (
        (ImageEnhance.Color, 0.1, 2.0),
        (ImageEnhance.Contrast, 0.25, 1.3),
        (ImageEnhance.Brightness, 0.25, 2.4),
    ):
        image = enhance(image).enhance(some(low, high, 1.0))
    pixels = np.asarray(image, dtype=np.float32) / 255 * rng.uniform(0.7, 1.1, 3).astype(np.float32)
    if rng.random() < 0.15:
        pixels = pixels + rng.normal(0, 0.08, pixels.shape).astype(np.float32)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8))


def leaves(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Discs and bars that cover each other, many small and few large ones, each with a fine grain and a slope."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    count, cast = int(rng.integers(4, 12)), rng.normal(0, 0.05, 3)
    gray, chroma = rng.beta(1.5, 1.8, (count, 1)), rng.normal(0, rng.uniform(0.02, 0.14), (count, 3))
    palette = np.clip(gray + (chroma + cast) * (0.3 + gray), 0.01, 0.98).astype(np.float32)
    slope = 1 + rng.uniform(-0.4, 0.4) * (rows / height - 0.5) + rng.uniform(-0.3, 0.3) * (columns / width - 0.5)
    pixels = palette[0] * slope[..., None]
    for _ in range(int(rng.integers(20, 70))):
        radius = float(np.clip(8 * rng.pareto(0.9) + 5, 5, 130))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        left, right = int(max(0, x - radius)), int(min(width, x + radius + 1))
        top, bottom = int(max(0, y - radius)), int(min(height, y + radius + 1))
        near_x, near_y = columns[top:bottom, left:right] - x, rows[top:bottom, left:right] - y
        angle = rng.uniform(0, np.pi)
        along, across = near_x * np.cos(angle) + near_y * np.sin(angle), near_y * np.cos(angle) - near_x * np.sin(angle)
        inside = along**2 + (across * rng.choice([1.0, 1.0, 2.0, 5.0])) ** 2 <= radius**2
        shade = 1 + rng.uniform(-0.4, 0.4) * along / radius
        if rng.random() < 0.3:
            shade = shade * (1 + 0.25 * np.sin(along * rng.uniform(0.3, 2.0)))
        color = palette[rng.integers(len(palette))] * shade[..., None]
        pixels[top:bottom, left:right][inside] = color[inside]
    grain = rng.normal(0, 1, (height, width, 1)).astype(np.float32)
    pixels = pixels * (1 + rng.uniform(0.01, 0.08) * grain)
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.4))  # edges as a lens draws them
