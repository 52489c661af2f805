"""Videos: probed, sampled to exactly the frames asked for, and refused with the reason."""

from pathlib import Path

import numpy as np
import pytest

from reward_engine.errors import MediaError
from reward_engine.media import AllFrames, EverySecond, Uniform, Window, probe_video, sample_frames
from tests.reward_engine.media.clips import number_of, shade, staircase, write_clip, write_sound


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty numbered frames, five seconds, with B-frames and a keyframe every 15."""
    return write_clip(
        tmp_path_factory.mktemp("clip") / "a.mp4", staircase(60),
        options={"crf": "8", "g": "15", "bf": "2", "preset": "medium", "sc_threshold": "0"},
    )  # fmt: skip


def test_probe(clip: Path) -> None:
    info = probe_video(clip)
    assert (info.width, info.height, info.frame_count, info.codec, info.rotation) == (96, 64, 60, "h264", 0)
    assert info.duration_ms == 5000
    assert info.frame_rate == pytest.approx(12)


def test_every_second_gives_exactly_the_published_frames(clip: Path) -> None:
    frames = sample_frames(clip, EverySecond())
    assert frames.pixels.shape == (6, 64, 96, 3)
    assert frames.pixels.dtype == np.uint8
    assert [number_of(picture) for picture in frames.pixels] == [0, 12, 24, 36, 48, 59]
    assert frames.indices.tolist() == [0, 12, 24, 36, 48, 59]
    assert frames.total == 60
    assert frames.duration_ms == pytest.approx(5000)
    np.testing.assert_allclose(frames.times_ms[:5], [0, 1000, 2000, 3000, 4000], atol=0.1)


def test_every_second_takes_at_most_24(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "long.mp4", (shade(i * 7) for i in range(30)), rate=1)
    assert len(sample_frames(path).pixels) == 24


@pytest.mark.parametrize("sampler", [Uniform(7), Uniform(1), Window(2600, 5), Window(4900, 9), AllFrames()])
def test_jumping_to_keyframes_gives_the_same_frames_as_decoding_all(clip: Path, sampler: Uniform) -> None:
    frames = sample_frames(clip, sampler)
    assert [number_of(picture) for picture in frames.pixels] == frames.indices.tolist()


@pytest.mark.parametrize(
    ("name", "codec"), [("a.webm", "libvpx-vp9"), ("a.avi", "mpeg4"), ("a.mkv", "libx264"), ("a.ts", "libx264")]
)
def test_other_containers_and_codecs(tmp_path: Path, name: str, codec: str) -> None:
    write_clip(
        tmp_path / name,
        staircase(25),
        rate=12,
        codec=codec,
        options={"q:v": "2"} if codec == "mpeg4" else {"crf": "10"},
    )
    assert probe_video(tmp_path / name).frame_count == 25
    frames = sample_frames(tmp_path / name)
    assert frames.indices.tolist() == [0, 12, 24]
    # MPEG-4's coarse steps may blur a number by one.
    assert [number_of(picture) for picture in frames.pixels] == pytest.approx(
        [0, 12, 24], abs=1 if codec == "mpeg4" else 0
    )


def test_one_frame_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.mp4", [shade(100)])
    info = probe_video(path)
    assert info.frame_count == 1
    assert info.duration_ms >= 0
    for sampler in (EverySecond(), Uniform(8), Window(count=4), AllFrames()):
        frames = sample_frames(path, sampler)
        assert frames.pixels.shape == (1, 64, 96, 3)
        assert number_of(frames.pixels[0]) == 23
        assert frames.times_ms.tolist() == [0.0]


def test_variable_frame_rate_goes_by_time_not_by_count(tmp_path: Path) -> None:
    times = [0.0, 0.05, 0.1, 0.15, 0.2, 1.1, 2.0, 2.05, 2.9, 3.0]
    path = write_clip(tmp_path / "vfr.mp4", staircase(10), times=times)
    frames = sample_frames(path)
    assert [number_of(picture) for picture in frames.pixels] == [0, 5, 6, 9]
    np.testing.assert_allclose(frames.times_ms, [0, 1100, 2000, 3000], atol=0.5)
    info = probe_video(path)
    assert info.frame_count == 10
    assert 3000 <= info.duration_ms <= 3400


def _turned(source: Path, target: Path, degrees: int) -> Path:
    """Rewrite an MP4 with another display matrix (in its track header), as phones do."""
    angle = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    data = bytearray(source.read_bytes())
    at = data.index(b"tkhd") + 4 + (40 if data[data.index(b"tkhd") + 4] == 0 else 52)
    a, b, c, d = (value << 16 for value in angle)
    matrix = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path: Path, degrees: int) -> None:
    picture = shade(30)
    picture[:32, :48] = 220  # a bright corner, top left as stored
    source = write_clip(tmp_path / "a.mp4", [picture] * 6)
    turned = _turned(source, tmp_path / "b.mp4", degrees)
    info = probe_video(turned)
    frames = sample_frames(turned)
    expected = np.rot90(picture, -degrees // 90)  # the matrix turns clockwise
    assert (info.width, info.height) == (expected.shape[1], expected.shape[0])
    assert frames.pixels.shape[1:] == expected.shape
    assert np.abs(frames.pixels[0].astype(int) - expected).mean() < 6
    assert info.rotation == (360 - degrees) % 360


def test_a_broken_tail_still_gives_what_came_before(tmp_path: Path) -> None:
    for name in ("a.ts", "a.mkv"):
        noise = np.random.default_rng(0).integers(0, 255, (60, 64, 96, 3), dtype=np.uint8)
        whole = write_clip(tmp_path / name, list(noise), options={"g": "6", "crf": "20", "bf": "0"})
        data = whole.read_bytes()
        cut = tmp_path / f"cut-{name}"
        cut.write_bytes(data[: int(len(data) * 0.6)])
        info = probe_video(cut)
        assert 20 <= info.frame_count < 45
        frames = sample_frames(cut, Uniform(5))
        assert 1 <= len(frames.pixels) <= 5
        assert frames.total < 45
        np.testing.assert_allclose(frames.pixels[0], sample_frames(whole, Window(0, 1)).pixels[0])


def test_damage_in_the_middle_is_passed_over(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 64, 96, 3), dtype=np.uint8)
    path = write_clip(tmp_path / "a.mkv", list(noise), options={"g": "6", "crf": "20", "bf": "0"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    frames = sample_frames(path, Uniform(6))
    assert 1 <= len(frames.pixels) <= 6


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "truncated"),
        (b"not a video at all" * 50, "not_a_video"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "not_a_video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_a_video"),
        (b"<svg xmlns='x'/>", "not_a_video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    for read in (probe_video, sample_frames):
        with pytest.raises(MediaError) as refused:
            read(tmp_path / "a.mp4")
        assert refused.value.code == code
        assert "a.mp4" in refused.value.message


def test_a_file_cut_before_its_index_is_refused_with_advice(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match="complete file") as refused:
        probe_video(tmp_path / "cut.mp4")
    assert refused.value.code == "truncated"


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "tone.mp4")
    for read in (probe_video, sample_frames):
        with pytest.raises(MediaError, match="sound but no moving picture") as refused:
            read(path)
        assert refused.value.code == "no_video"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as refused:
        probe_video(tmp_path / "nowhere.mp4")
    assert refused.value.code == "missing"


def test_max_side_scales_down_only(clip: Path) -> None:
    assert sample_frames(clip, Uniform(2), max_side=48).pixels.shape[1:] == (32, 48, 3)
    assert sample_frames(clip, Uniform(2), max_side=480).pixels.shape[1:] == (64, 96, 3)


def test_real_clips(shared: Path) -> None:
    found = sorted((shared / "media").glob("*.mp4"))
    if not found:
        pytest.skip("shared/media holds no videos")
    for path in found:
        info = probe_video(path)
        frames = sample_frames(path, max_side=128)
        assert frames.total == info.frame_count
        assert len(frames.pixels) == min(24, round(frames.total / info.frame_rate - 1 / info.frame_rate) + 1)
        assert frames.pixels.std() > 5
