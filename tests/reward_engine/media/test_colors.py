"""HDR, wide colors and pixels that are not square: what the engine shows, against the standards' formulas."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from reward_engine.errors import MediaError
from reward_engine.media import AllFrames, probe_video, sample_frames, video_needs
from reward_engine.media.frames import require_showable
from reward_engine.media.view import write_video_view
from tests.pictures import write_frames

PRIMARIES = {  # x, y of red, green, blue; the white is D65 for all
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
HLG, PQ, TELEVISION = 18, 16, 1
# Encoded values of patches: grays from black to the brightest, and colors that SDR has as well.
PATCHES = [(40, 40, 40), (90, 90, 90), (130, 130, 130), (170, 170, 170), (230, 230, 230), (120, 90, 90), (90, 120, 100)]


def picture() -> NDArray[np.uint8]:
    """The patches side by side, 32 wide each."""
    return np.hstack([np.full((64, 32, 3), patch, np.uint8) for patch in PATCHES])


def light_of(value: float, curve: int) -> float:
    """Display light of one channel relative to SDR white (203 cd/m²), from the standards' formulas."""
    if curve == PQ:  # SMPTE ST 2084
        root = value ** (1 / 78.84375)
        return 10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125) / 203
    if curve == HLG:  # ITU-R BT.2100, a display of 1000 cd/m²
        scene = value**2 / 3 if value <= 0.5 else (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return float(1000 * scene**1.2 / 203)
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def to_xyz(primaries: int) -> NDArray[np.float64]:
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in PRIMARIES[primaries]]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return columns * np.linalg.solve(columns, white)


def shown(patch: tuple[int, int, int], primaries: int, curve: int) -> NDArray[np.float64]:
    """sRGB of a patch: light, toned down by its brightest channel, in the primaries of sRGB."""
    light = np.array([light_of(value / 255, curve) for value in patch])
    peak = light.max()
    if curve in (HLG, PQ) and peak > 0.75:
        light = light * (0.75 + 0.25 * (peak - 0.75) / (peak - 0.75 + 0.25)) / peak
    light = np.clip(np.linalg.solve(to_xyz(1), to_xyz(primaries) @ light), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("depth", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("colors", [(9, 9, HLG), (9, 9, PQ), (1, 1, HLG), (1, 1, PQ), (9, 9, TELEVISION)])
def test_the_view_and_the_judge_have_what_the_standard_says(
    tmp_path: Path, colors: tuple[int, int, int], depth: str
) -> None:
    path = write_frames(tmp_path / "a.mp4", [picture()] * 2, pix_fmt=depth, colors=colors)
    needs = video_needs(path)
    assert needs.frames, "no player shows this as SDR by itself"
    view = tmp_path / "view.mp4"
    write_video_view(path, view, needs)
    assert video_needs(view).plain
    wanted = [shown(patch, *colors[1:]) for patch in PATCHES]
    for file in (path, view):
        frame = sample_frames(file, AllFrames()).pixels[0]
        found = [frame[8:-8, 32 * i + 8 : 32 * i + 24].mean(axis=(0, 1)) for i in range(len(PATCHES))]
        np.testing.assert_allclose(found, wanted, atol=7 if depth == "yuv420p" else 4)


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(2), (256, 64)), (Fraction(1, 2), (64, 64)), (None, (128, 64))])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction | None, size: tuple[int, int]) -> None:
    """A bar a quarter as wide as the picture stays that, however wide a pixel is."""
    frame = np.full((64, 128, 3), 30, np.uint8)
    frame[:, 48:80] = 220
    path = write_frames(tmp_path / "a.mp4", [frame] * 3, aspect=aspect)
    view = path
    if aspect is not None:
        view = tmp_path / "view.mp4"
        write_video_view(path, view)
    info = probe_video(path)
    assert (info.width, info.height) == size
    for file in (path, view):
        pixels = sample_frames(file, AllFrames()).pixels[0]
        assert pixels.shape[1::-1] == size
        bright = np.flatnonzero(pixels[32, :, 0] > 125)
        assert (bright[0], bright[-1] + 1) == pytest.approx((size[0] * 3 / 8, size[0] * 5 / 8), abs=1)
    with av.open(str(view)) as opened:
        assert opened.streams.video[0].sample_aspect_ratio in (None, 1)


@pytest.mark.parametrize("codes", [(14, 9, 16), (8, 1, 1), (10, 9, 14), (1, 10, 17), (1, 1, 9)])
def test_colors_that_would_come_out_wrong_are_refused_in_words(codes: tuple[int, int, int]) -> None:
    frame = av.VideoFrame(64, 48, "yuv420p")
    frame.colorspace, frame.color_primaries, frame.color_trc = codes
    with pytest.raises(MediaError, match="colors are coded in a way that is not known") as refused:
        require_showable(frame, None, "a.mp4")
    assert refused.value.code == "unknown_colors"


def test_a_file_in_ictcp_is_refused_when_it_is_probed_sampled_or_shown(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "a.mkv", [picture()] * 2, pix_fmt="yuv420p10le", colors=(14, 9, 16))
    with av.open(str(path)) as opened:
        assert next(opened.decode(video=0)).colorspace == 14
    for look in (probe_video, video_needs, sample_frames):
        with pytest.raises(MediaError, match="not known here"):
            look(path)


def test_pixels_of_no_likely_shape_are_refused_in_words(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "a.mp4", [picture()] * 2, aspect=Fraction(12))
    for look in (probe_video, video_needs, sample_frames):
        with pytest.raises(MediaError, match="times as wide as high") as refused:
            look(path)
        assert refused.value.code == "pixel_aspect"
