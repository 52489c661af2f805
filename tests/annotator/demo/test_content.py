"""The list of what the demo holds: enough of everything, described truly, and of a truth that its checklist knows."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from annotator.demo import making
from annotator.demo.content import Version, image_versions, video_versions
from annotator.demo.photographs import CC0, PHOTOGRAPHS, PUBLIC_DOMAIN, UNRESTRICTED, data_folder, pixels_of
from annotator.demo.recipes import UNTOUCHED, ImageRecipe, VideoRecipe, generator_name
from annotator.demo.truth import NEUTRAL
from reward_engine.answers import ABSENT, harmonize, to_answers
from reward_engine.checklist import builtin

IMAGES, VIDEOS = list(image_versions()), list(video_versions())
ALL = [*IMAGES, *VIDEOS]


def test_there_is_enough_of_it() -> None:
    assert len(IMAGES) >= 60
    assert len(VIDEOS) >= 12
    for versions in (IMAGES, VIDEOS):
        by_prompt = Counter(version.prompt for version in versions)
        assert len(by_prompt) >= 12
        assert min(by_prompt.values()) >= 5
    assert len({version.name for version in ALL}) == len(ALL)


def test_every_photograph_is_in_the_wheel_and_free() -> None:
    assert {photograph.license for photograph in PHOTOGRAPHS} <= {CC0, PUBLIC_DOMAIN, UNRESTRICTED}
    for photograph in PHOTOGRAPHS:
        assert (data_folder() / photograph.file).is_file()
        pixels = pixels_of(photograph)
        assert min(pixels.shape[:2]) >= 300
        # What is said of its colors is so.
        gray = bool((pixels == pixels[..., :1]).all())
        assert gray is not photograph.color, photograph.name


def test_the_license_is_the_one_that_scikit_image_states() -> None:
    """In the docstring of the function that loads the file."""
    from skimage import data

    loaders = {"ihc.png": "immunohistochemistry"}
    words = {
        CC0: ("CC0", "Creative Commons CC0"),
        PUBLIC_DOMAIN: ("public domain",),
        UNRESTRICTED: ("No known copyright restrictions",),
    }
    for photograph in PHOTOGRAPHS:
        loader = getattr(data, loaders.get(photograph.file, photograph.file.split(".")[0]))
        stated = " ".join((loader.__doc__ or "").split())
        assert any(word in stated for word in words[photograph.license]), photograph.name


@pytest.mark.parametrize("media_type", ["image", "video"])
def test_the_truth_is_on_the_checklist_and_consistent(media_type: str) -> None:
    checklist = builtin(media_type)  # type: ignore[arg-type]
    versions = [version for version in ALL if version.media_type == media_type]
    levels = np.full((len(versions), len(checklist.ordinal)), ABSENT, dtype=np.int16)
    expected = np.zeros_like(levels)
    for row, version in enumerate(versions):
        for id, level in making.truth_of(version).items():
            levels[row, checklist.ordinal_index(id)] = level
        for id, level in making.expected_answer(version).items():
            expected[row, checklist.ordinal_index(id)] = level
    assert np.array_equal(harmonize(checklist, levels), levels)
    to_answers(checklist, expected)  # raises where a level is off its ladder or contradicts another
    assert set(NEUTRAL[media_type]) == {sub.id for sub in checklist.ordinal}


def test_what_is_known_varies_and_is_known_of_many() -> None:
    known: dict[str, Counter[int]] = defaultdict(Counter)
    for version in ALL:
        for id, level in making.truth_of(version).items():
            known[f"{version.media_type} {id}"][level] += 1
    varied = {id: levels for id, levels in known.items() if len(levels) > 1}
    assert set(varied) >= {
        "image clarity", "image color_brightness", "image color_aesthetic", "image lighting_distinction",
        "image symmetry", "image main_object", "image detail_refinement", "image detail_realism", "image alignment",
        "video clarity", "video color", "video focus", "video camera_stability", "video image_quality_stability",
        "video camera_motion", "video object_motion", "video movement_smoothness", "video detail_refinement",
    }  # fmt: skip
    assert all(sum(levels.values()) >= 40 for levels in varied.values())
    # Every step of sharpness, brightness, shake, flicker and motion occurs.
    assert set(known["image clarity"]) == {-2, -1, 0, 1, 2}
    assert set(known["image color_brightness"]) == {-1, 0, 1}
    assert set(known["video camera_motion"]) == {1, 2, 3, 4, 5}
    assert set(known["video camera_stability"]) == {1, 2, 3}
    assert set(known["video movement_smoothness"]) == {0, 1, 2, 4}


@pytest.mark.parametrize(
    ("recipe", "truth"),
    [
        (ImageRecipe(), {"clarity": 2, "color_brightness": 0, "color_aesthetic": 0, "alignment": 5, "symmetry": 0,
                         "lighting_distinction": 1, "detail_realism": 1, "main_object": 1, "detail_refinement": 2}),
        (ImageRecipe(blur=0.009), {"clarity": -1, "detail_refinement": -1}),
        (ImageRecipe(stops=-2), {"color_brightness": -1, "clarity": 2}),
        (ImageRecipe(tint=(0.5, 1.0, 1.0)), {"color_aesthetic": -1}),
        (ImageRecipe(contrast=0.3), {"lighting_distinction": 0, "color_brightness": -1}),
        (ImageRecipe(mirrored=True), {"symmetry": 1, "detail_realism": -1}),
        (ImageRecipe(other="grass"), {"alignment": 1, "main_object": 0}),
        (ImageRecipe(blocks=28), {"detail_refinement": -3}),
        (ImageRecipe(jpeg=5), {"detail_refinement": -1}),
    ],
)  # fmt: skip
def test_the_rules(recipe: ImageRecipe, truth: dict[str, int]) -> None:
    coffee = next(photograph for photograph in PHOTOGRAPHS if photograph.name == "coffee")
    found = making.truth_of(Version("x", coffee.prompt, coffee, recipe))
    assert truth.items() <= found.items()


def test_nothing_is_said_to_be_known_that_is_not() -> None:
    coffee = next(photograph for photograph in PHOTOGRAPHS if photograph.name == "coffee")
    noisy = making.truth_of(Version("x", coffee.prompt, coffee, ImageRecipe(noise=0.1)))
    assert not {"clarity", "detail_refinement"} & set(noisy)
    shaken = making.truth_of(Version("x", coffee.prompt, coffee, VideoRecipe(shake=0.02)))
    assert "camera_motion" not in shaken
    taste = {"emotion", "object_pairing", "background", "richness", "lighting_aesthetic", "physics_law", "composition"}
    assert not any(taste & set(making.truth_of(version)) for version in ALL)


def test_generators_say_what_they_are() -> None:
    names = {generator_name(version.recipe) for version in ALL}
    assert UNTOUCHED in names
    assert all(name.split(":")[0] in {UNTOUCHED, "another photograph", "degraded", "edited"} for name in names)
    assert generator_name(VideoRecipe(slide=0.2, hold=4, blur=0.01)) == "degraded: blur, low frame rate"
