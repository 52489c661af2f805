"""A recipe does to the pixels what it says, and always the same."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from annotator.demo import clips, pictures
from annotator.demo.photographs import BY_NAME
from annotator.demo.recipes import ImageRecipe, Recipe, VideoRecipe
from reward_engine.features.statistics import image_statistics
from reward_engine.media import probe_video

COFFEE, ROCKET = BY_NAME["coffee"], BY_NAME["rocket"]


def picture(recipe: Recipe) -> NDArray[np.uint8]:
    _shown, pixels = pictures.shown(COFFEE, recipe)
    return np.asarray(pictures.degraded(pictures.fitted(pixels, 320), recipe, np.random.default_rng(0)))


def measured(recipe: Recipe) -> dict[str, float]:
    return image_statistics(picture(recipe))


def test_an_empty_recipe_changes_nothing() -> None:
    assert np.array_equal(picture(ImageRecipe()), np.asarray(pictures.fitted(pictures.pixels_of(COFFEE), 320)))


@pytest.mark.parametrize(
    ("recipe", "statistic", "sign"),
    [
        (Recipe(blur=0.004), "laplacian_0", -1),
        (Recipe(stops=-2), "luma_mean", -1),
        (Recipe(stops=2), "clipped_bright", 1),
        (Recipe(saturation=0.2), "saturation_mean", -1),
        (Recipe(contrast=0.3), "luma_range", -1),
        (Recipe(noise=0.1), "noise", 1),
        (Recipe(tint=(0.5, 1.0, 1.2)), "cast_red_green", -1),
        (Recipe(blocks=28), "flat_tiles", 1),
        (Recipe(mirrored=True), "mirror_left_right", 1),
    ],
)
def test_each_amount_shows_in_the_statistic_it_is_about(recipe: Recipe, statistic: str, sign: int) -> None:
    assert sign * (measured(recipe)[statistic] - measured(Recipe())[statistic]) > 0


def test_more_blur_is_less_sharp() -> None:
    sharpness = [measured(Recipe(blur=blur))["laplacian_0"] for blur in (0, 0.002, 0.005, 0.01, 0.02)]
    assert sharpness == sorted(sharpness, reverse=True)


def test_the_half_is_mirrored_exactly() -> None:
    _shown, pixels = pictures.shown(COFFEE, Recipe(mirrored=True))
    assert np.array_equal(pixels, pixels[:, ::-1])


def test_another_photograph_is_another_photograph() -> None:
    shown, pixels = pictures.shown(COFFEE, Recipe(other="rocket"))
    assert shown is ROCKET
    assert pixels is pictures.pixels_of(ROCKET)


def test_the_corner_leaves_the_subject_out() -> None:
    _shown, pixels = pictures.shown(ROCKET, Recipe(corner=True))
    whole = pictures.pixels_of(ROCKET)
    assert np.array_equal(pixels, whole[:, : round(0.42 * whole.shape[1])])


# --- Clips ----------------------------------------------------------------------------------------


def frames(recipe: VideoRecipe, photograph: str = "coffee") -> NDArray[np.float32]:
    drawn = clips.frames(BY_NAME[photograph], recipe, np.random.default_rng(1))
    return np.stack([np.asarray(image.convert("L"), dtype=np.float32) for image in drawn])


def steps(recipe: VideoRecipe) -> NDArray[np.float32]:
    """Mean change from frame to frame."""
    return np.abs(np.diff(frames(recipe), axis=0)).mean(axis=(1, 2))


def test_a_still_camera_shows_one_picture() -> None:
    assert not steps(VideoRecipe()).any()


def test_the_camera_goes_as_far_as_the_recipe_says() -> None:
    assert 0 < steps(VideoRecipe(travel=0.05)).mean() < steps(VideoRecipe(travel=0.75)).mean()
    assert steps(VideoRecipe(zoom=1.5)).min() > 0.2


def test_a_low_frame_rate_holds_each_picture() -> None:
    changes = steps(VideoRecipe(slide=0.3, hold=4)) > 0
    assert changes.tolist() == [(number + 1) % 4 == 0 for number in range(clips.FRAMES - 1)]


def test_frozen_frames_stand_still_and_then_jump() -> None:
    moments = clips.moments_shown(VideoRecipe(freezes=4))
    jumps = np.diff(moments)
    assert (jumps == 0).sum() == 4 * (round(clips.FREEZE_SECONDS * clips.FRAME_RATE) - 1)
    assert jumps.max() == pytest.approx(clips.FREEZE_SECONDS)
    assert moments == sorted(moments)
    change = steps(VideoRecipe(slide=0.3, freezes=4))
    assert (change == 0).sum() == (jumps == 0).sum()


def test_a_slow_coin_moves_in_every_frame() -> None:
    assert (steps(VideoRecipe(slide=0.03)) > 0).all()


def test_shake_flicker_and_lost_focus() -> None:
    assert steps(VideoRecipe(shake=0.015)).mean() > 3 * steps(VideoRecipe(shake=0.003)).mean() > 0
    light = frames(VideoRecipe(flicker=0.5)).mean(axis=(1, 2))
    assert light.std() > 10
    lost = frames(VideoRecipe(blur_end=0.02))
    sharpness = np.abs(np.diff(lost, axis=2)).mean(axis=(1, 2))
    assert sharpness[-1] < 0.4 * sharpness[0]
    assert (np.diff(sharpness) <= 1e-3).all()


def test_a_clip_is_h264_small_and_the_same_every_time(tmp_path: Path) -> None:
    recipe = VideoRecipe(slide=0.3, shake=0.01, flicker=0.2)
    for name in ("a.mp4", "b.mp4"):
        clips.write_clip(tmp_path / name, COFFEE, recipe, seed=5)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    info = probe_video(tmp_path / "a.mp4")
    assert (info.width, info.height, info.codec) == (clips.WIDTH, clips.HEIGHT, "h264")
    assert info.frame_count == clips.FRAMES
    assert 2000 <= info.duration_ms <= 4000
    assert (tmp_path / "a.mp4").stat().st_size < 400_000
