"""Which versions of which photographs the demo holds. The same list at every start, in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from annotator.demo.photographs import BY_NAME, PHOTOGRAPHS, Photograph
from annotator.demo.recipes import ImageRecipe, Recipe, VideoRecipe

MOVES_A_PROMPT = 5
T = TypeVar("T")
Changes = dict[str, Any]
"""Keywords of a recipe."""

GREEN, MAGENTA, CYAN = (0.65, 1.08, 0.55), (1.12, 0.55, 1.0), (0.45, 0.95, 1.15)
TINTS = (GREEN, MAGENTA, CYAN)


@dataclass(frozen=True)
class Version:
    """One item to make: ``name`` is its external id."""

    name: str
    prompt: str
    photograph: Photograph
    recipe: Recipe

    @property
    def media_type(self) -> str:
        return "video" if isinstance(self.recipe, VideoRecipe) else "image"


# --- Images ---------------------------------------------------------------------------------------


def image_versions() -> Iterator[Version]:
    """Of each photograph the untouched one, four strengths of blur, and a rotating choice of everything else."""
    for number, photograph in enumerate(PHOTOGRAPHS):
        for label, recipe in _image_recipes(number, photograph).items():
            yield Version(f"demo/image/{photograph.name}/{label}", photograph.prompt, photograph, recipe)


def _image_recipes(number: int, photograph: Photograph) -> dict[str, ImageRecipe]:
    tint = TINTS[number % len(TINTS)]
    # A little more of everything in every other photograph, so that no single amount stands for a level.
    more = 1.25 if number % 2 else 1.0
    recipes = {
        "untouched": ImageRecipe(),
        "blur-1": ImageRecipe(blur=0.0022 * more),
        "blur-2": ImageRecipe(blur=0.0045 * more),
        "blur-3": ImageRecipe(blur=0.009 * more),
        "blur-4": ImageRecipe(blur=0.02 * more),
        "dark": ImageRecipe(stops=-2.2 * more, blur=0.0045 * (number % 2)),
        "haze": ImageRecipe(contrast=0.3 * more),
        "tint": ImageRecipe(tint=tint),
        "tint-blur": ImageRecipe(tint=TINTS[(number + 1) % len(TINTS)], blur=0.005 * more),
        "mirrored": ImageRecipe(mirrored=True),
        "mirrored-blur": ImageRecipe(mirrored=True, blur=0.004 * more),
        "other-1": ImageRecipe(other=_other(number, 2)),
        "other-2": ImageRecipe(other=_other(number, 7)),
        "other-3": ImageRecipe(other=_other(number, 12), blur=0.003),
    }
    rotating = {
        "noise": ImageRecipe(noise=0.1 * more),
        "jpeg": ImageRecipe(jpeg=5 if number % 2 else 8),
        "blocks": ImageRecipe(blocks=28 if number % 4 < 2 else 56),
        "burned": ImageRecipe(stops=2.0 * more),
    }
    recipes |= _some(rotating, number, 1)
    if photograph.night:  # on black there is little to be tinted
        recipes = {name: recipe for name, recipe in recipes.items() if not name.startswith("tint")}
    if photograph.color:
        recipes["faded"] = ImageRecipe(saturation=0.25)
        if not photograph.night:
            recipes["brighter"] = ImageRecipe(stops=0.6, saturation=1.3)
    if photograph.name in ("astronaut", "rocket", "cameraman", "eye-nerve"):  # beside their subject there is room
        recipes["cropped"] = ImageRecipe(corner=True)
    return recipes


def _other(number: int, further: int) -> str:
    """A photograph further on in the list: neighbors in it look alike."""
    return PHOTOGRAPHS[(number + further) % len(PHOTOGRAPHS)].name


# --- Videos ---------------------------------------------------------------------------------------

CAMERA_PROMPTS = {
    "astronaut": "Footage of an astronaut in an orange space suit beside a model of the space shuttle",
    "cat": "Footage of the face of a ginger tabby cat",
    "coffee": "Footage of a cup of espresso on a red saucer",
    "rocket": "Footage of a white rocket on its launch pad at dusk",
    "galaxies": "A view into deep space, full of small galaxies",
    "eye-nerve": "A medical film of the inside of an eye, where the blood vessels meet",
    "tissue": "Stained tissue seen through a microscope",
    "cameraman": "Black and white footage of a man filming on a lawn",
}
COIN_PROMPTS = {
    "bricks": "An ancient coin slides over a pavement of bricks, black and white",
    "grass": "An ancient coin slides over grass, black and white",
    "gravel": "An ancient coin slides over broken stones, black and white",
    "deep-space": "An ancient coin flies past distant galaxies",
    "eye-vessels": "An ancient coin moves over the orange inside of an eye",
    "coffee": "An ancient coin slides across a wooden table with a cup of coffee",
}


# What is done to the picture, to its colors and over time: three wheels of different lengths that turn by one from
# version to version, so that everything meets everything and no damage stands for another.
_SHARPNESS: tuple[Changes, ...] = (
    {}, {"blur": 0.0025}, {"blur": 0.022}, {"blur": 0.009}, {"blur": 0.005}, {}, {"blur": 0.02},
)  # fmt: skip
_COLORS: tuple[Changes, ...] = (
    {"tint": GREEN}, {"saturation": 0.2}, {"tint": MAGENTA}, {}, {"tint": CYAN}, {"saturation": 0.2}, {"tint": GREEN},
    {"stops": -2.2}, {"tint": MAGENTA}, {"saturation": 0.2},
)  # fmt: skip
_OVER_TIME: tuple[Changes, ...] = (
    {}, {"flicker": 0.15}, {"blur_end": 0.018}, {"flicker": 0.8}, {}, {"flicker": 0.7}, {}, {"flicker": 0.35},
)  # fmt: skip


def video_versions() -> Iterator[Version]:
    """Camera moves over photographs, and coins that move before them: clean, and with everything that can go wrong."""
    turn = 0
    for prompts, kind, clean, moves in (
        (CAMERA_PROMPTS, "camera", _CLEAN_CAMERA, _CAMERA_MOVES),
        (COIN_PROMPTS, "coin", _CLEAN_COIN, _COIN_MOVES),
    ):
        for number, (name, prompt) in enumerate(prompts.items()):
            chosen = {move: VideoRecipe(**how) for move, how in clean.items()}
            for move, how in _some(moves, number, MOVES_A_PROMPT).items():
                damage = [wheel[turn % len(wheel)] for wheel in (_SHARPNESS, _COLORS, _OVER_TIME)]
                damage[turn % 3] = {}  # not everything at once
                scaled = {key: value * (1.0, 1.2)[number % 2] for key, value in how.items() if key in _SCALED}
                if BY_NAME[name].night and "tint" in damage[1]:
                    damage[1] = {}  # on black there is little to be tinted
                chosen[f"{move}-{turn}"] = VideoRecipe(**(how | scaled | damage[0] | damage[1] | damage[2]))
                turn += 1
            for label, recipe in chosen.items():
                yield Version(f"demo/video/{kind}-{name}/{label}", prompt, BY_NAME[name], recipe)


_SCALED = ("travel", "shake", "slide")  # a little more of it in every other prompt
_CLEAN_CAMERA: dict[str, Changes] = {"still": {}, "pan": {"travel": 0.25}}
_CAMERA_MOVES: dict[str, Changes] = {
    "slow": {"travel": 0.05},
    "far": {"travel": 0.75},
    "nearer": {"zoom": 1.25},
    "fast": {"travel": 2.2},
    "shake": {"shake": 0.015, "travel": 0.2},
    "hand": {"shake": 0.0035},
    "rough": {"shake": 0.02},
}
_CLEAN_COIN: dict[str, Changes] = {"smooth": {"slide": 0.2}, "fast": {"slide": 0.8}}
_COIN_MOVES: dict[str, Changes] = {
    "low-rate": {"slide": 0.25, "hold": 4},
    "freezes": {"slide": 0.35, "freezes": 4},
    "fewer-frames": {"slide": 0.8, "hold": 2},
    "slow": {"slide": 0.03},
    "shaken": {"slide": 0.25, "shake": 0.015},
    "hand": {"slide": 0.3, "shake": 0.0035},
}


def _some(wheel: dict[str, T], number: int, count: int) -> dict[str, T]:
    """``count`` of the entries, going round them from prompt to prompt."""
    names = list(wheel)
    return {name: wheel[name] for name in (names[(count * number + step) % len(names)] for step in range(count))}
