"""Each motion statistic orders the fault that it is named for, on clips cut out of real photographs."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from reward_engine.features.motion import MOTION_NAMES, motion_statistics
from reward_engine.media import Frames

Picture = NDArray[np.uint8]
RATE = 12.0


def _frames(pictures: list[Picture], rate: float = RATE) -> Frames:
    count = len(pictures)
    return Frames(
        np.stack(pictures),
        np.arange(count, dtype=np.float64) * 1000.0 / rate,
        np.arange(count),
        count,
        count * 1000.0 / rate,
    )


def _view(picture: Picture, y: float, x: float, zoom: float = 1.0, turn: float = 0.0) -> Picture:
    """A 160 × 120 view of a photograph, its center moved by (y, x) pixels."""
    rows, columns = np.mgrid[-60:60, -80:80] / zoom
    cos, sin = np.cos(turn), np.sin(turn)
    at = [rows * cos - columns * sin + picture.shape[0] / 2 + y, rows * sin + columns * cos + picture.shape[1] / 2 + x]
    planes = [
        ndimage.map_coordinates(picture[..., c].astype(np.float32), at, order=1, mode="nearest") for c in range(3)
    ]
    return np.asarray(np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255), dtype=np.uint8)


def _pan(picture: Picture, speed: float, count: int = 24, shake: float = 0.0) -> list[Picture]:
    jitter = np.random.default_rng(1).normal(0, 1, (count, 2)) * shake
    return [_view(picture, jitter[t, 0], speed * (t - count / 2) + jitter[t, 1]) for t in range(count)]


@pytest.fixture(params=["astronaut", "chelsea", "coffee"])
def picture(request: pytest.FixtureRequest, photographs: dict[str, Picture]) -> Picture:
    return photographs[request.param]


def test_shake_raises_shake(picture: Picture) -> None:
    measured = [motion_statistics(_frames(_pan(picture, 1.0, shake=amount))) for amount in (0, 0.7, 2, 5)]
    for name in ("camera_jitter", "camera_jitter_relative"):
        assert np.all(np.diff([values[name] for values in measured]) > 0), [values[name] for values in measured]
    assert measured[0]["camera_reversals"] < 0.1 < measured[2]["camera_reversals"]
    assert measured[0]["camera_directness"] > 0.9 > measured[3]["camera_directness"]


def test_speed_is_measured_in_diagonals_a_second(picture: Picture) -> None:
    for speed in (0.5, 1.5, 3.0):
        measured = motion_statistics(_frames(_pan(picture, speed)))
        assert measured["camera_speed"] == pytest.approx(speed * RATE / 200, rel=0.25)
        assert measured["object_speed"] < 0.35 * measured["camera_speed"]


def test_the_same_motion_at_another_frame_rate_has_the_same_speed(picture: Picture) -> None:
    slow = motion_statistics(_frames(_pan(picture, 2.0, count=12), rate=12))
    fast = motion_statistics(_frames(_pan(picture, 1.0, count=24), rate=24))
    assert fast["camera_speed"] == pytest.approx(slow["camera_speed"], rel=0.2)
    assert fast["frame_rate"] == pytest.approx(24)


def test_frozen_frames_raise_the_frozen_share(picture: Picture) -> None:
    pan = _pan(picture, 1.5)
    shares, longest, fresh = [], [], []
    for frozen in (0, 6, 12, 23):
        values = motion_statistics(_frames(pan[: 24 - frozen] + [pan[23 - frozen]] * frozen))
        shares.append(values["still_share"])
        longest.append(values["longest_still"])
        fresh.append(values["new_frames_a_second"])
    assert shares == pytest.approx([0, 6 / 23, 12 / 23, 1])
    assert longest == pytest.approx(shares)
    assert np.all(np.diff(fresh) < 0)


def test_repeated_frames_lower_the_effective_frame_rate_and_stutter(picture: Picture) -> None:
    smooth = motion_statistics(_frames(_pan(picture, 1.0)))
    stutter = motion_statistics(_frames([p for p in _pan(picture, 2.0, count=12) for _ in range(2)]))
    assert smooth["new_frames_a_second"] == pytest.approx(12)
    assert stutter["new_frames_a_second"] == pytest.approx(12 * 11 / 23)
    assert stutter["still_share"] == pytest.approx(12 / 23)
    assert stutter["camera_jitter"] > smooth["camera_jitter"] + 1


def test_flicker_raises_flicker(picture: Picture) -> None:
    pan = _pan(picture, 1.0)
    values = []
    for amount in (0, 0.03, 0.1, 0.3):
        dimmed = [(p * (1 - amount * (t % 2))).astype(np.uint8) for t, p in enumerate(pan)]
        values.append(motion_statistics(_frames(dimmed))["flicker"])
    assert np.all(np.diff(values) > 0), values


def test_a_slow_fade_is_drift_and_not_flicker(picture: Picture) -> None:
    fade = [(p * (1 - 0.5 * t / 23)).astype(np.uint8) for t, p in enumerate(_pan(picture, 1.0))]
    blink = [(p * (1 - 0.5 * (t % 2))).astype(np.uint8) for t, p in enumerate(_pan(picture, 1.0))]
    faded, blinking = motion_statistics(_frames(fade)), motion_statistics(_frames(blink))
    assert faded["exposure_drift"] > 0.05
    assert faded["flicker"] < 0.1 * blinking["flicker"]


def test_zoom_and_turn_are_distinguished_from_panning(picture: Picture) -> None:
    zoom = motion_statistics(_frames([_view(picture, 0, 0, zoom=1.015**t) for t in range(18)]))
    turn = motion_statistics(_frames([_view(picture, 0, 0, turn=0.02 * t) for t in range(18)]))
    pan = motion_statistics(_frames(_pan(picture, 1.0)))
    assert zoom["zoom_amount"] > 3 * max(pan["zoom_amount"], turn["zoom_amount"])
    assert turn["turn_amount"] > 3 * max(pan["turn_amount"], zoom["turn_amount"])
    assert zoom["zoom_rate"] == pytest.approx(0.015 * RATE, rel=0.4)


def test_a_faster_object_before_a_still_camera_has_a_higher_object_speed(photographs: dict[str, Picture]) -> None:
    background, thing = _view(photographs["coffee"], 0, 0), _view(photographs["astronaut"], 0, 0)[30:80, 40:90]
    measured = []
    for speed in (0.5, 1.5, 3.0):
        clip = []
        for t in range(20):
            frame = background.copy()
            x = round(10 + speed * t)
            frame[35:85, x : x + 50] = thing
            clip.append(frame)
        measured.append(motion_statistics(_frames(clip)))
    assert np.all(np.diff([values["object_speed"] for values in measured]) > 0)
    still = motion_statistics(_frames([background] * 20))
    assert still["object_speed"] == 0
    assert measured[1]["object_area"] > 0.05


def test_a_clip_that_grows_soft_has_a_falling_sharpness(picture: Picture) -> None:
    pan = _pan(picture, 0.7)
    soft = [ndimage.gaussian_filter(p, (0.08 * t, 0.08 * t, 0)) for t, p in enumerate(pan)]
    assert (
        motion_statistics(_frames(soft))["sharpness_slope"] < motion_statistics(_frames(pan))["sharpness_slope"] - 0.5
    )


def test_a_cut_is_no_camera_motion(photographs: dict[str, Picture]) -> None:
    first, second = _view(photographs["rocket"], 0, 0), 255 - _view(photographs["rocket"], 0, 0)
    values = motion_statistics(_frames([first] * 10 + [second] * 10))
    assert values["cut_share"] == pytest.approx(1 / 19)
    assert values["camera_speed"] == 0


@pytest.mark.parametrize("pictures", [[np.zeros((1, 1, 3), np.uint8)] * 5, [np.full((40, 900, 3), 255, np.uint8)] * 2])
@pytest.mark.parametrize("count", [1, None])
def test_every_value_is_finite_and_in_its_order(pictures: list[Picture], count: int | None) -> None:
    values = motion_statistics(_frames(pictures[:count]))
    assert tuple(values) == MOTION_NAMES
    assert np.isfinite(list(values.values())).all()
    assert values["single_frame"] == (count == 1)
