"""What a file really is decides; every kind of bad file is refused with a code and a way out."""

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from annotator.core.errors import ProblemError
from annotator.library.thumbnails import make_thumbnail
from annotator.library.verify import LIMITS, Limits, verify_media
from tests.factories import write_image, write_video


def code_of(path: Path, **options: object) -> str:
    try:
        verify_media(path, path.name, **options)  # type: ignore[arg-type]
    except ProblemError as problem:
        if path.name not in problem.message:
            return f"the message does not name the file: {problem.message}"
        return problem.code
    return "good"


@pytest.mark.parametrize(
    ("name", "extension", "mime_type"),
    [
        ("a.png", "png", "image/png"),
        ("a.jpg", "jpg", "image/jpeg"),
        ("A.JPEG", "jpg", "image/jpeg"),
        ("a.webp", "webp", "image/webp"),
        ("a.gif", "gif", "image/gif"),
        ("a.avif", "avif", "image/avif"),
    ],
)
def test_images(tmp_path: Path, name: str, extension: str, mime_type: str) -> None:
    facts = verify_media(write_image(tmp_path / name, width=120, height=40), name)
    assert (facts.media_type, facts.extension, facts.mime_type) == ("image", extension, mime_type)
    assert (facts.width, facts.height, facts.duration_ms) == (120, 40, None)


@pytest.mark.parametrize(
    ("name", "mime_type"), [("a.mp4", "video/mp4"), ("a.webm", "video/webm"), ("a.mov", "video/quicktime")]
)
def test_videos(tmp_path: Path, name: str, mime_type: str) -> None:
    facts = verify_media(write_video(tmp_path / name, frames=12, rate=8), name, media_type="video")
    assert (facts.media_type, facts.mime_type, facts.width, facts.height) == ("video", mime_type, 64, 48)
    assert (facts.duration_ms, facts.frame_rate, facts.frame_count) == (1500, pytest.approx(8, abs=0.05), 12)


def test_a_phone_picture_is_measured_and_shown_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    path = write_image(tmp_path / "a.jpg", width=1000, height=500, exif=exif)
    facts = verify_media(path, "a.jpg")
    assert (facts.width, facts.height) == (500, 1000)
    (tmp_path / "t.webp").write_bytes(make_thumbnail(path, facts))
    with Image.open(tmp_path / "t.webp") as thumbnail:
        assert thumbnail.size == (240, 480)
        assert "exif" not in thumbnail.info


def test_the_poster_is_not_the_black_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(20):
            pixels = np.full((48, 64, 3), 0 if index < 3 else 200, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    (tmp_path / "t.webp").write_bytes(make_thumbnail(path, verify_media(path, "a.mp4")))
    with Image.open(tmp_path / "t.webp") as poster:
        assert np.asarray(poster).mean() > 150


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "a.jpg", "a.svg"])
def test_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert code_of(tmp_path / name) == "empty"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "svg"),
        (b'\xef\xbb\xbf\n <?xml version="1.0"?><!-- --><SVG/>', "svg"),
        ('<?xml version="1.0" encoding="utf-16"?><svg/>'.encode("utf-16"), "svg"),
        (b"<!DOCTYPE html><html></html>", "html"),
        (b"  <script>alert(1)</script>", "html"),
        (b"<p>words", "html"),
        (b"plain words", "unsupported_type"),
        (b"%PDF-1.7 ...", "unsupported_type"),
        (b"PK\x03\x04....", "unsupported_type"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_type"),
        (b"\x1a\x45\xdf\xa3....matroska....", "wrong_extension"),
        (b"RIFF\0\0\0\0AVI LIST", "wrong_extension"),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_in_disguise(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert code_of(tmp_path / name) == code


@pytest.mark.parametrize("kind", ["bmp", "tiff", "ppm"])
def test_what_browsers_do_not_show(tmp_path: Path, kind: str) -> None:
    assert code_of(write_image(tmp_path / f"a.{kind}")) == "unsupported_type"


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("a.png", "b.jpg"),
        ("a.jpg", "b.png"),
        ("a.gif", "b"),
        ("a.png", "b.mp4"),
        ("a.png", "b.html"),
        ("a.mp4", "b.webm"),
        ("a.mp4", "b.mov"),
    ],
)
def test_a_wrong_extension(tmp_path: Path, written: str, named: str) -> None:
    make = write_video if written.endswith("mp4") else write_image
    path = make(tmp_path / written).rename(tmp_path / named)
    assert code_of(path) == "wrong_extension"


def test_not_what_the_manifest_says(tmp_path: Path) -> None:
    assert code_of(write_image(tmp_path / "a.png"), media_type="video") == "wrong_media_type"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.avif", "a.mp4", "a.mov", "a.webm"])
@pytest.mark.parametrize("share", [0.5, 0.97])
def test_cut_off(tmp_path: Path, name: str, share: float) -> None:
    video = name.endswith(("mp4", "mov", "webm"))
    path = write_video(tmp_path / name) if video else write_image(tmp_path / name, width=300, height=300)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert code_of(path) in {"truncated", "corrupt"}


def test_a_video_made_for_the_web_and_cut_off(tmp_path: Path) -> None:
    # Its index stands in front, so that players and decoders notice nothing until the cut.
    path = tmp_path / "a.mp4"
    source = write_video(tmp_path / "b.mp4", frames=40)
    with av.open(str(source)) as old, av.open(str(path), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert code_of(path) == "good"
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    assert code_of(path) == "truncated"


def test_damage_inside_a_png(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert code_of(path) == "corrupt"


def test_a_decompression_bomb(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (10_000, 100_000):  # over our limit; over Pillow's own
        head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        body = zlib.compress(b"\0" * 1000)
        path = tmp_path / "a.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
        assert code_of(path) == "too_large"


@pytest.mark.parametrize(
    ("make", "limits", "code"),
    [
        ("a.png", Limits(image_bytes=100), "too_large"),
        ("a.png", Limits(image_pixels=96 * 64 - 1), "too_large"),
        ("a.png", Limits(least_side=65), "too_small"),
        ("a.mp4", Limits(video_bytes=100), "too_large"),
        ("a.mp4", Limits(video_ms=900), "too_long"),
        ("a.mp4", Limits(video_side=63), "too_large"),
        ("a.mp4", LIMITS, "good"),
    ],
)
def test_limits(tmp_path: Path, make: str, limits: Limits, code: str) -> None:
    path = write_video(tmp_path / make) if make.endswith("mp4") else write_image(tmp_path / make)
    assert code_of(path, limits=limits) == code


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_animated(tmp_path: Path, name: str) -> None:
    first, *rest = [Image.new("RGB", (32, 32), color) for color in ("red", "green", "blue")]
    first.save(tmp_path / name, save_all=True, append_images=rest, duration=100)
    assert code_of(tmp_path / name) == "animated"


def test_sound_without_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert code_of(path) == "no_video"


def test_a_video_without_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    at = data.find(b"mdat")
    length = struct.unpack(">I", data[at - 4 : at])[0]
    data[at + 4 : at - 4 + length] = bytes(length - 8)
    path.write_bytes(data)
    assert code_of(path) == "corrupt"


def test_a_codec_that_browsers_do_not_play_gets_a_view(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", codec="mpeg4")
    assert verify_media(path, "a.mp4").view == "mp4"
    assert verify_media(write_video(tmp_path / "b.mp4"), "b.mp4").view == ""


def test_a_picture_that_is_also_a_page(tmp_path: Path) -> None:
    """Such a file is a good GIF; that it is never served as HTML is the server's part (its verified type, nosniff)."""
    path = write_image(tmp_path / "a.gif")
    path.write_bytes(path.read_bytes() + b"<html><script>alert(1)</script>")
    assert verify_media(path, "a.gif").mime_type == "image/gif"
