"""How a version of a photograph differs from it: plain amounts, from which both the pixels and the truth follow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

UNTOUCHED = "photograph"


@dataclass(frozen=True)
class Recipe:
    """What is done to every picture, image or frame. Defaults: nothing.

    ``blur``: standard deviation of a Gaussian, in shares of the longer side. ``stops``: exposure, in powers of two of
    linear light. ``saturation``, ``contrast``: factors; 1 leaves them. ``tint``: how far the red, green and blue of
    the picture are pulled apart, as a factor of each. ``noise``: standard deviation, in shares of white.
    ``blocks``: the longer side as that many square blocks of one color each (0: not at all). ``mirrored``: the left
    half is joined to its mirror image. ``corner``: only the corner of the picture away from its subject is shown.
    ``other``: the name of another photograph that is shown in the place of the prompt's.
    """

    blur: float = 0.0
    stops: float = 0.0
    saturation: float = 1.0
    contrast: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 0.0
    blocks: int = 0
    mirrored: bool = False
    corner: bool = False
    other: str = ""

    @property
    def amounts(self) -> dict[str, Any]:
        """What differs from an untouched photograph, as plain data."""
        found = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @property
    def words(self) -> list[str]:
        """What was done, in words that name a generator; [] where nothing was."""
        said = {
            "another photograph": bool(self.other),
            "mirrored": self.mirrored,
            "cropped": self.corner,
            "blur": self.blur > 0,
            "darkness": self.stops < 0,
            "over-exposure": self.stops > 1,
            "low contrast": self.contrast < 1,
            "color tint": self.tint != (1.0, 1.0, 1.0),
            "faded colors": self.saturation < 1,
            "noise": self.noise > 0,
            "blocks": self.blocks > 0,
        }
        brighter = 0 < self.stops <= 1 and self.saturation > 1
        return ["brighter, stronger colors"] * brighter + [words for words, holds in said.items() if holds]


@dataclass(frozen=True)
class ImageRecipe(Recipe):
    """``jpeg``: the quality that the file is saved with; below 50 it shows."""

    jpeg: int = 90

    @property
    def words(self) -> list[str]:
        return super().words + ["JPEG artifacts"] * (self.jpeg < 50)


@dataclass(frozen=True)
class VideoRecipe(Recipe):
    """``travel``: how far the camera goes in the clip, in widths of the view; ``zoom``: how much nearer it comes.
    ``shake``: standard deviation of the camera's position from frame to frame, in shares of the width.
    ``flicker``: how much the exposure jumps, in stops. ``blur_end``: blur reached at the end, as ``blur``.
    ``hold``: each picture is shown for that many frames, which lowers the frame rate one sees.
    ``freezes``: how many times the clip stands still for a quarter of a second and then jumps on.
    ``slide``: a coin crosses the picture at that many widths a second (0: there is none).
    """

    travel: float = 0.0
    zoom: float = 1.0
    shake: float = 0.0
    flicker: float = 0.0
    blur_end: float = 0.0
    hold: int = 1
    freezes: int = 0
    slide: float = 0.0

    @property
    def words(self) -> list[str]:
        said = {
            "camera shake": self.shake > 0,
            "flicker": self.flicker > 0,
            "losing focus": self.blur_end > 0,
            "low frame rate": self.hold > 1,
            "frozen frames": self.freezes > 0,
        }
        return super().words + [words for words, holds in said.items() if holds]


def generator_name(recipe: Recipe) -> str:
    """The name under which a version's maker is shown: it says what it is, and poses as no model."""
    words = recipe.words
    if not words:
        return UNTOUCHED
    if recipe.other and len(words) == 1:
        return "another photograph"
    return f"degraded: {', '.join(words)}" if words[0] != "brighter, stronger colors" else f"edited: {words[0]}"
