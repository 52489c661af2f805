"""Dolby Vision: read by the layer that every player knows, and refused in words where there is none (profile 5)."""

import re
from pathlib import Path

import av
import numpy as np
import pytest

from reward_engine.errors import MediaError
from reward_engine.media import AllFrames, probe_video, sample_frames, video_needs
from reward_engine.media.view import write_video_view
from tests.pictures import numbered

# matrix, primaries and curve (H.273)
UNSPECIFIED, PQ, HLG, SDR = (2, 2, 2), (9, 9, 16), (9, 9, 18), (1, 1, 1)


def golomb(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def metadata(profile: int, full_range: int) -> bytes:
    """A frame's metadata (ETSI GS CCM 001), an HEVC unit of type 62: curves that change nothing, 10 bits to 12."""
    bits = f"{2:06b}{18:011b}{profile:04b}{0:04b}1" + "0" + "00" + golomb(23) + "01" + str(full_range)
    bits += golomb(2) + golomb(2) + golomb(4) + "0" + "000" + "0" + "1"
    bits += "0" + "0" + 3 * golomb(0)
    bits += 3 * (golomb(0) + f"{0:010b}{1023:010b}") + 2 * golomb(0)
    bits += 3 * (golomb(0) + golomb(0) + "0" + golomb(0) + 23 * "0" + golomb(1) + 23 * "0")
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    unit = b"\x19" + body + checksum(body).to_bytes(4, "big") + b"\x80"
    return bytes([62 << 1, 1]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", unit)  # no start code within a unit


def checksum(body: bytes) -> int:
    """CRC-32 of MPEG-2."""
    found = 0xFFFFFFFF
    for byte in body:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ (0x04C11DB7 if found & 0x80000000 else 0)) & 0xFFFFFFFF
    return found


def write_dolby(path: Path, profile: int, full_range: int, colors: tuple[int, int, int]) -> Path:
    """HEVC of 10 bits with the metadata behind each picture."""
    with av.open(str(path), "w") as made:
        options = {"crf": "4", "preset": "ultrafast", "x265-params": "log-level=none"}
        stream = made.add_stream("libx265", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = colors
        frames = [av.VideoFrame.from_ndarray(pixels, format="rgb24") for pixels in numbered(3)]
        packets = [packet for frame in frames for packet in stream.encode(frame.reformat(format="yuv420p10le"))]
        for packet in packets + stream.encode(None):
            whole = av.Packet(bytes(packet) + b"\0\0\0\1" + metadata(profile, full_range))
            whole.pts, whole.dts, whole.time_base = packet.pts, packet.dts, packet.time_base
            whole.stream, whole.is_keyframe = stream, packet.is_keyframe
            made.mux(whole)
    with av.open(str(path)) as opened:
        assert next(opened.decode(video=0)).side_data.get("DOVI_METADATA") is not None, "this is Dolby Vision"
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize(("profile", "full_range", "colors"), [(0, 1, UNSPECIFIED), (0, 1, PQ), (1, 0, UNSPECIFIED)])
def test_what_only_dolby_vision_can_read_is_refused_in_words(
    tmp_path: Path, name: str, profile: int, full_range: int, colors: tuple[int, int, int]
) -> None:
    path = write_dolby(tmp_path / name, profile, full_range, colors)
    for look in (probe_video, video_needs, sample_frames):
        with pytest.raises(MediaError, match=r"Dolby Vision.*convert it to HDR10") as refused:
            look(path)
        assert refused.value.code == "unknown_colors"


@pytest.mark.parametrize("colors", [PQ, HLG, SDR])
def test_dolby_vision_over_a_layer_that_players_know_is_read_by_it(
    tmp_path: Path, colors: tuple[int, int, int]
) -> None:
    path = write_dolby(tmp_path / "a.mp4", 1, 0, colors)
    write_video_view(path, tmp_path / "view.mp4", video_needs(path))
    own, view = (sample_frames(file, AllFrames()).pixels.astype(int) for file in (path, tmp_path / "view.mp4"))
    assert np.abs(own - view).mean() < 2
