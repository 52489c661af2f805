"""Still images: shown as a viewer would, or refused with the reason."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from reward_engine.errors import MediaError
from reward_engine.media import decode_image, probe_image
from tests.pictures import patches, wide_profile


def _halves(width: int = 40, height: int = 20) -> Image.Image:
    """Left half red, right half blue."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("name", "saved_as"), [("a.png", "PNG"), ("a.webp", "WEBP"), ("a.bmp", "BMP"), ("a.tiff", "TIFF")]
)
def test_every_lossless_format_decodes_to_the_same_pixels(tmp_path: Path, name: str, saved_as: str) -> None:
    image = _halves()
    image.save(tmp_path / name, saved_as, **({"lossless": True} if saved_as == "WEBP" else {}))
    decoded = decode_image(tmp_path / name)
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, np.asarray(image))
    info = probe_image(tmp_path / name)
    assert (info.width, info.height, info.format) == (40, 20, saved_as)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((20, 40, 3), dtype=np.uint8)
    upright[:10, :20] = 255  # a white corner, top left
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(decode_image(tmp_path / "a.png"), upright)
    info = probe_image(tmp_path / "a.png")
    assert (info.width, info.height) == (40, 20)


def test_too_many_pixels_are_refused_from_the_header_alone(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    for read in (decode_image, probe_image):
        with pytest.raises(MediaError) as refused:
            read(tmp_path / "bomb.png")
        assert refused.value.code == "too_large"
    _halves().save(tmp_path / "a.png")
    with pytest.raises(MediaError, match="limit of 799"):
        decode_image(tmp_path / "a.png", max_pixels=799)
    assert decode_image(tmp_path / "a.png", max_pixels=800).shape == (20, 40, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind)
    (tmp_path / "cut").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    for read in (decode_image, probe_image):
        with pytest.raises(MediaError) as refused:
            read(tmp_path / "cut")
        assert refused.value.code in ("truncated", "corrupt", "not_an_image")
        assert "cut" in refused.value.message


def test_what_is_no_image_is_refused_whatever_its_name(tmp_path: Path) -> None:
    for content in (
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><script>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(MediaError) as refused:
            decode_image(tmp_path / "a.png")
        assert refused.value.code == "not_an_image"
    with pytest.raises(MediaError) as missing:
        decode_image(tmp_path / "nowhere.png")
    assert missing.value.code == "missing"


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[:2, :, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    decoded = decode_image(tmp_path / "a.png")
    assert decoded[:2].max() == 0
    assert decoded[2:].min() == 255


def test_deep_and_gray_samples_become_eight_bits(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    decoded = decode_image(tmp_path / "deep.png")
    assert decoded.shape == (16, 16, 3)
    np.testing.assert_array_equal(decoded[..., 0].ravel(), np.arange(256))
    Image.fromarray(np.full((8, 8), 77, dtype=np.uint8)).save(tmp_path / "gray.png")
    assert np.all(decode_image(tmp_path / "gray.png") == 77)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_a_profile_means_the_same_in_every_format(tmp_path: Path, name: str) -> None:
    patches().save(tmp_path / "a.png", icc_profile=wide_profile())
    patches().save(tmp_path / name, icc_profile=wide_profile(), quality=100, subsampling="4:4:4")
    wide = decode_image(tmp_path / "a.png").astype(int)
    assert np.abs(wide - np.asarray(patches())).mean() > 10, "the profile changes nothing"
    assert np.abs(decode_image(tmp_path / name) - wide).mean() < 2


def test_an_embedded_srgb_profile_changes_nothing_and_a_broken_one_does_no_harm(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    for embedded in (profile, b"not a profile"):
        image.save(tmp_path / "a.png", icc_profile=embedded)
        difference = np.abs(decode_image(tmp_path / "a.png").astype(int) - np.asarray(image).astype(int))
        assert difference.max() <= 2


def test_max_side_reduces_and_never_enlarges(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        _halves(1000, 500).save(tmp_path / name)
        small = decode_image(tmp_path / name, max_side=100)
        assert small.shape == (50, 100, 3)
        assert small[25, 20, 0] > 200
        assert small[25, 80, 2] > 200
        assert decode_image(tmp_path / name, max_side=4000).shape == (500, 1000, 3)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.avif"])
def test_an_animation_is_refused_in_words(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    for read in (decode_image, probe_image):
        with pytest.raises(MediaError, match=r"animated \(3 frames\); convert it to MP4") as refused:
            read(tmp_path / name)
        assert refused.value.code == "animated"


def test_real_generated_images_decode(shared: Path) -> None:
    found = sorted(p for p in (shared / "media").glob("*") if p.suffix in (".webp", ".jpg"))
    if not found:
        pytest.skip("shared/media holds no images")
    for path in found:
        info = probe_image(path)
        assert decode_image(path).shape == (info.height, info.width, 3)
