"""From what was done to a photograph to what is true of it: the one place where the demo's truth is laid down.

A level stands here only where it follows from the recipe or is plain to see in the photograph. What is a matter of
taste (is it beautiful? how does it make one feel?) has no truth; there the synthetic annotators start from
``NEUTRAL``, the same level for every item, so that nothing can be learned from it that is not there.
"""

from __future__ import annotations

from annotator.demo.photographs import Photograph
from annotator.demo.recipes import ImageRecipe, Recipe, VideoRecipe

Levels = dict[str, int]

# Standard deviation of the blur, in shares of the longer side, up to which a picture stays within so many levels of
# perfectly sharp: 0.3 % takes the small textures, 0.6 % the smaller edges, 1.2 % nearly every edge.
BLUR_STEPS = (0.0, 0.003, 0.006, 0.012)
DARK_STOPS = -1.5
BURNED_STOPS = 1.5
HAZY_CONTRAST = 0.5
VISIBLE_JPEG = 15
FEW_BLOCKS, MORE_BLOCKS = 32, 64
# Camera: shake in shares of the width; travel in widths of the view (or zoom factor less one) for the whole clip.
SLIGHT_SHAKE = 0.005
CAMERA_STEPS = (0.0, 0.08, 0.4, 1.2)
FLICKER_STEPS = (0.0, 0.06, 0.2, 0.5)  # stops from frame to frame
FOCUS_LOST = 0.008
SLOW_SLIDE, FAST_SLIDE = 0.05, 0.5  # widths a second
FEW_PICTURES_A_SECOND = 6.0

NEUTRAL: dict[str, Levels] = {
    "image": {
        "symmetry": 0, "object_pairing": 0, "main_object": 0, "richness": 0, "background": 0, "clarity": 0,
        "color_brightness": 0, "color_aesthetic": 0, "lighting_distinction": 1, "lighting_aesthetic": 0,
        "detail_realism": 0, "detail_refinement": 0, "body": -4, "face": -3, "hands": -4, "emotion": 0, "safety": 1,
        "alignment": 4,
    },
    "video": {
        "alignment": 4, "composition": 2, "color": 3, "lighting_accurate": 3, "lighting_aesthetic": 3, "clarity": 3,
        "detail_refinement": 3, "movement_reality": 3, "letters": 1, "safety": 5, "movement_smoothness": 3,
        "image_quality_stability": 4, "focus": 2, "camera_movement": 2, "camera_stability": 2,
        "shape_at_beginning": 2, "shape_throughout": 3, "object_motion": 3, "camera_motion": 3, "physics_law": 4,
    },
}  # fmt: skip
"""Where nothing is known: the level nearest to "ordinary"; of people and letters "none"; and nothing here is unsafe."""


def image_truth(prompted: Photograph, shown: Photograph, recipe: ImageRecipe) -> Levels:
    """What is known of an image: level by sub-dimension.

    Args:
        prompted: The photograph that the prompt describes.
    """
    found: Levels = {"safety": 1}
    if not shown.seen.keys() - {"body", "face", "hands"} and not recipe.mirrored and not recipe.corner:
        found |= {id: level for id, level in shown.seen.items() if shown.seen["body"] == -4}
    damaged = bool(recipe.noise or recipe.blocks or recipe.jpeg <= VISIBLE_JPEG)
    loss = _steps(recipe.blur, BLUR_STEPS)
    if not damaged:
        found["clarity"] = 2 - loss
    found |= _refinement(recipe, loss, damaged)
    found |= _colors(shown, recipe)
    if recipe.contrast <= HAZY_CONTRAST:
        found["lighting_distinction"] = 0
    elif shown.lit and recipe.stops == 0 and not recipe.corner and loss < 4:
        found["lighting_distinction"] = 1
    if recipe.mirrored:
        found["symmetry"] = 1
        if shown.subject or shown.mirrored is False:
            found["detail_realism"] = -1  # things grown together with their own mirror image
    elif not recipe.corner:
        if shown.mirrored is False:
            found["symmetry"] = 0
        if not damaged:
            found["detail_realism"] = 1  # a real photograph
    return found | _subject(prompted, shown, recipe, loss)


def _refinement(recipe: ImageRecipe, loss: int, damaged: bool) -> Levels:
    if recipe.blocks:
        return {"detail_refinement": -3 if recipe.blocks <= FEW_BLOCKS else -2}
    if recipe.noise or recipe.stops >= BURNED_STOPS:
        return {}
    if recipe.jpeg <= VISIBLE_JPEG:
        return {"detail_refinement": min(-1, 2 - loss)}
    return {"detail_refinement": 2 - loss}


def _colors(shown: Photograph, recipe: ImageRecipe) -> Levels:
    found: Levels = {}
    tinted = recipe.tint != (1.0, 1.0, 1.0)
    if tinted and shown.night:
        return found  # on black there is little to be tinted
    if tinted or (shown.color and recipe.stops >= BURNED_STOPS):
        found["color_aesthetic"] = -1
    elif recipe.saturation == recipe.contrast == 1 and recipe.stops == 0:
        found["color_aesthetic"] = 0
    if tinted or recipe.stops >= BURNED_STOPS:
        return found
    dull = shown.color and (recipe.saturation < 1 or recipe.contrast <= HAZY_CONTRAST)
    if shown.night or recipe.stops <= DARK_STOPS or dull:
        found["color_brightness"] = -1
    elif shown.color:
        found["color_brightness"] = 1 if recipe.saturation > 1 and recipe.stops > 0 else 0
    return found


def _subject(prompted: Photograph, shown: Photograph, recipe: Recipe, loss: int) -> Levels:
    """Whether what the prompt asks for is there, and whether one thing stands out."""
    found: Levels = {}
    if shown is not prompted:
        found["alignment"] = 1
    elif recipe.corner:
        found["alignment"] = 2
    elif loss < 4 and not recipe.blocks and not (recipe.mirrored and shown.subject):
        found["alignment"] = 5
    if recipe.corner:
        found["main_object"] = -1
    elif loss < 4 and not recipe.blocks and not recipe.mirrored:
        found["main_object"] = 1 if shown.subject else 0  # of a lawn or a sky full of stars nothing stands out
    return found


def video_truth(prompted: Photograph, shown: Photograph, recipe: VideoRecipe, frame_rate: float) -> Levels:
    """What is known of a video.

    Args:
        frame_rate: Of its file, in frames a second.
    """
    found: Levels = {"safety": 5}
    loss = _steps(recipe.blur, BLUR_STEPS)
    steady = not recipe.blur_end
    if not recipe.noise and steady:
        found |= {"clarity": 5 - loss, "detail_refinement": 5 - loss}
    if recipe.blur_end >= FOCUS_LOST or loss >= 3:
        found["focus"] = 1
    elif loss == 0 and steady:
        found["focus"] = 2
    if recipe.tint != (1.0, 1.0, 1.0):
        if not shown.night:  # on black there is little to be tinted
            found["color"] = 1
    elif shown.color and recipe.saturation < 1:
        found["color"] = 2
    elif recipe.stops == 0:
        found["color"] = 3
    if not recipe.noise:
        found["image_quality_stability"] = 5 - _steps(recipe.flicker, FLICKER_STEPS)
        if recipe.blur_end:
            found["image_quality_stability"] = 2 if recipe.blur_end >= FOCUS_LOST else 3
    return found | _camera(recipe) | _objects(recipe, frame_rate) | _video_alignment(prompted, shown, loss)


def _camera(recipe: VideoRecipe) -> Levels:
    found: Levels = {}
    if recipe.hold == 1 and not recipe.freezes:
        found["camera_stability"] = 3 if not recipe.shake else 2 if recipe.shake <= SLIGHT_SHAKE else 1
    if not recipe.shake:
        found["camera_motion"] = 1 + _steps(max(recipe.travel, recipe.zoom - 1), CAMERA_STEPS)
    return found


def _objects(recipe: VideoRecipe, frame_rate: float) -> Levels:
    if not recipe.slide:
        return {"object_motion": 1, "movement_reality": 0, "movement_smoothness": 0}
    motion = 2 if recipe.slide <= SLOW_SLIDE else 4 if recipe.slide < FAST_SLIDE else 5
    if recipe.hold > 1:
        smooth = 1 if frame_rate / recipe.hold <= FEW_PICTURES_A_SECOND else 2
    else:
        smooth = 2 if recipe.freezes > 2 else 3 if recipe.freezes else 4
    return {"object_motion": motion, "movement_smoothness": smooth}


def _video_alignment(prompted: Photograph, shown: Photograph, loss: int) -> Levels:
    if shown is not prompted:
        return {"alignment": 1}
    return {"alignment": 5} if loss < 4 else {}


def _steps(amount: float, limits: tuple[float, ...]) -> int:
    """How many of the rising limits an amount is above: 0 for none."""
    return sum(amount > limit for limit in limits)
