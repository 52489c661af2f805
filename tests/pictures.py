"""Images and videos whose colors, turns, transparency or times viewers read differently; each quick to make."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

SIDE = (64, 48)


def patches(seed: int = 0, size: tuple[int, int] = SIDE) -> Image.Image:
    """A picture of soft colored patches: every part of the color space, no hard edges."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)


def chunk(kind: bytes, body: bytes, *, sound: bool = True) -> bytes:
    """A PNG chunk; not ``sound``: with a wrong checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ (not sound))


def with_chunks(path: Path, *chunks: bytes) -> Path:
    """Put chunks behind a PNG's header."""
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"".join(chunks) + data[33:])
    return path


def wide_profile() -> bytes:
    """An ICC profile of the primaries of BT.2020 with a gamma of 1.8, made by hand: nobody's file."""

    def tag(kind: bytes, body: bytes) -> bytes:
        return kind + bytes(4) + body

    def xyz(*values: float) -> bytes:
        return tag(b"XYZ ", b"".join(struct.pack(">i", round(value * 65536)) for value in values))

    curve = tag(b"curv", struct.pack(">IH", 1, round(1.8 * 256))) + b"\0\0"
    tags = {
        b"desc": tag(b"desc", struct.pack(">I", 5) + b"wide\0" + bytes(78)) + b"\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.6735, 0.2790, -0.0019),
        b"gXYZ": xyz(0.1656, 0.6753, 0.0300),
        b"bXYZ": xyz(0.1251, 0.0456, 0.7968),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, bodies, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, body in tags.items():
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", at + len(bodies), len(body))
        bodies += body
    size = at + len(bodies)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    return head + bytes(128 - len(head)) + table + bodies


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _clear(image: Image.Image) -> Image.Image:
    """With transparency that falls from left to right."""
    image = image.copy()
    ramp = np.linspace(0, 255, image.width).astype(np.uint8)
    image.putalpha(Image.fromarray(np.tile(ramp, (image.height, 1))))
    return image


def _deep_png(path: Path) -> Path:
    """16 bits a sample, which Pillow does not write."""
    values = np.asarray(patches()).astype(np.uint16) * 257 ^ 0x5A
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", *SIDE, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return path


def _deep_gray() -> Image.Image:
    return Image.fromarray(np.asarray(patches().convert("L")).astype(np.uint16) * 257)


def _long_text(path: Path) -> Path:
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "node " * 600_000, zip=True)
    patches().save(path, pnginfo=info)
    return path


def _saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def _png(path: Path, *chunks: bytes) -> Path:
    return with_chunks(_saved(path, patches()), *chunks)


def _gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


_P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)

# name → (maker, whether the file is its own view)
IMAGES: dict[str, tuple[Callable[[Path], Path], bool]] = {
    "plain.png": (lambda p: _saved(p, patches()), True),
    "plain.jpg": (lambda p: _saved(p, patches(), quality=95), True),
    "plain.webp": (lambda p: _saved(p, patches(), lossless=True), True),
    "gray.png": (lambda p: _saved(p, patches().convert("L")), True),
    "palette.png": (lambda p: _saved(p, patches().convert("P")), True),
    "opaque.png": (lambda p: _saved(p, patches().convert("RGBA")), True),
    "srgb_profile.jpg": (
        lambda p: _saved(p, patches(), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        True,
    ),
    "srgb_chunk.png": (lambda p: _png(p, chunk(b"sRGB", b"\0"), _gama(0.45455)), True),
    "broken_profile.png": (lambda p: _png(p, chunk(b"iCCP", b"x\0\0rubbish")), True),
    "bad_gama_checksum.png": (lambda p: _png(p, chunk(b"gAMA", struct.pack(">I", 100_000), sound=False)), True),
    "bad_text_checksum.png": (lambda p: _png(p, chunk(b"tEXt", b"a\0b", sound=False)), True),
    "long_text.png": (_long_text, True),
    "icc_rgb.png": (lambda p: _saved(p, patches(), icc_profile=wide_profile()), False),
    "icc_rgba.png": (lambda p: _saved(p, _clear(patches()), icc_profile=wide_profile()), False),
    "icc_palette.png": (lambda p: _saved(p, patches().convert("P"), icc_profile=wide_profile()), False),
    "icc.jpg": (lambda p: _saved(p, patches(), icc_profile=wide_profile(), quality=95), False),
    "icc.webp": (lambda p: _saved(p, patches(), icc_profile=wide_profile(), lossless=True), False),
    "gama_linear.png": (lambda p: _png(p, _gama(1.0)), False),
    "gama_22.png": (lambda p: _png(p, _gama(1 / 2.2)), True),
    "gama_chrm.png": (lambda p: _png(p, _gama(1 / 1.8), chunk(b"cHRM", _P3)), False),
    "cicp_p3.png": (lambda p: _png(p, chunk(b"cICP", bytes([12, 13, 0, 1]))), False),
    "cicp_linear.png": (lambda p: _png(p, chunk(b"cICP", bytes([1, 8, 0, 1]))), False),
    "rgba.png": (lambda p: _saved(p, _clear(patches())), False),
    "la.png": (lambda p: _saved(p, _clear(patches().convert("L"))), False),
    "rgba.webp": (lambda p: _saved(p, _clear(patches()), lossless=True), False),
    "palette_clear.png": (lambda p: _saved(p, patches().convert("P"), transparency=bytes(range(256))), False),
    "deep.png": (_deep_png, False),
    "deep_gray.png": (lambda p: _saved(p, _deep_gray()), False),
    "turned.jpg": (lambda p: _saved(p, patches(), exif=_exif(6), quality=95), False),
    "turned.png": (lambda p: _saved(p, patches(), exif=_exif(3)), False),
    "turned.webp": (lambda p: _saved(p, patches(), exif=_exif(8), lossless=True), False),
    "cmyk.jpg": (lambda p: _saved(p, patches().convert("CMYK"), quality=95), False),
    "still.gif": (lambda p: _saved(p, patches().convert("P")), False),
    "icc.avif": (lambda p: _saved(p, patches(), icc_profile=wide_profile(), quality=95), False),
    "still.avif": (lambda p: _saved(p, patches(), quality=95), False),
}  # fmt: skip


# --- Videos ---------------------------------------------------------------------------------------


def numbered(count: int, size: tuple[int, int] = SIDE) -> list[NDArray[np.uint8]]:
    """Frames that differ: the brightness of the left half tells the number, the right half has color."""
    base = np.asarray(patches(3, size)).copy()
    frames = []
    for index in range(count):
        frame = base.copy()
        frame[:, : size[0] // 2] = round(20 + 215 * index / max(count - 1, 1))
        frames.append(frame)
    return frames


def write_frames(
    path: Path,
    frames: list[NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int = 10,
    times: list[float] | None = None,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    source: str = "rgb24",
    colors: tuple[int, int, int] | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """A clip of these frames.

    ``times``: seconds at which they are shown. ``colors``: matrix, primaries and curve (H.273) of which the frames
    hold the encoded values. ``aspect``: width / height of a pixel.
    """
    if codec == "libx264" and options is None:
        options = {"crf": "4", "preset": "ultrafast"}
    if codec == "libx265":
        options = {"crf": "4", "preset": "ultrafast", "x265-params": "log-level=none"}
    with av.open(str(path), "w", options=container or {}) as made:
        stream = made.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if colors is not None:
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc = colors
            context.color_range = 1
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=source)
            if colors is not None:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=colors[0], dst_color_range="MPEG")
                frame.colorspace, frame.color_primaries, frame.color_trc = colors
            if times is not None:
                frame.pts, frame.time_base = round(times[index] * 1000), Fraction(1, 1000)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path


def _patched(path: Path, find: bytes, put: bytes) -> Path:
    """The file with other bytes in place of the only place of these."""
    content = path.read_bytes()
    assert content.count(find) == 1
    path.write_bytes(content.replace(find, put))
    return path


def _square_outside_only(path: Path) -> Path:
    """The container says square, the coded frames say otherwise: players are of two minds."""
    _clip(aspect=Fraction(16, 11))(path)
    return _patched(path, b"pasp" + struct.pack(">II", 16, 11), b"pasp" + struct.pack(">II", 1, 1))


_UNEVEN = [0.0, 0.04, 0.08, 0.5, 0.54, 0.58, 0.62, 1.0]


def _clear_webm(path: Path) -> Path:
    """VP9 with transparency: the picture in the block, its alpha (another VP9 stream) beside it."""
    clear = [np.dstack([f, np.full(f.shape[:2], 60 + 20 * i, np.uint8)]) for i, f in enumerate(numbered(8))]
    return write_frames(path, clear, codec="libvpx-vp9", pix_fmt="yuva420p", source="rgba",
                        options={"crf": "4", "b": "0", "auto-alt-ref": "0", "cpu-used": "8"})  # fmt: skip


def _clip(**options: Any) -> Callable[[Path], Path]:
    return lambda path: write_frames(path, numbered(8), **options)


_VP9 = {"crf": "4", "b": "0", "cpu-used": "8", "deadline": "realtime"}

# name → (maker, what stands in the way: "" nothing, "container" or "frames")
VIDEOS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "plain.mp4": (_clip(), ""),
    "b_frames.mp4": (_clip(options={"crf": "4", "preset": "medium", "bf": "2"}), ""),
    "plain.webm": (_clip(codec="libvpx-vp9", options=_VP9), ""),
    "vfr.mp4": (_clip(times=_UNEVEN), ""),
    "fragmented.mp4": (
        _clip(options={"crf": "4", "preset": "medium", "bf": "2"},
              container={"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
        "container",
    ),
    "start.mp4": (_clip(times=[5 + i / 10 for i in range(8)]), "container"),
    "h264.mkv": (_clip(), "container"),
    "h264.mov": (_clip(), "container"),
    "h264.avi": (_clip(options={"crf": "4", "preset": "ultrafast", "bf": "0"}), "container"),
    "mpeg4.avi": (_clip(codec="mpeg4", options={"qscale": "2", "flags": "+qscale"}), "frames"),
    "prores.mov": (_clip(codec="prores_ks", pix_fmt="yuv422p10le"), "frames"),
    "prores_clear.mov": (
        lambda p: write_frames(
            p, [np.dstack([f, np.full(f.shape[:2], 100, np.uint8)]) for f in numbered(8)], codec="prores_ks",
            pix_fmt="yuva444p10le", source="rgba", options={"profile": "4444"}),
        "frames",
    ),
    "hevc.mp4": (_clip(codec="libx265"), "frames"),
    "hevc10.mkv": (_clip(codec="libx265", pix_fmt="yuv420p10le"), "frames"),
    "ten_bits.mp4": (_clip(pix_fmt="yuv420p10le"), "frames"),
    "422.mp4": (_clip(pix_fmt="yuv422p"), "frames"),
    "444.mp4": (_clip(pix_fmt="yuv444p"), "frames"),
    "full_range.mp4": (_clip(pix_fmt="yuvj420p"), "frames"),
    "clear.webm": (_clear_webm, "frames"),
    "av1.webm": (_clip(codec="libsvtav1", options={"preset": "12", "crf": "10"}), "frames"),
    "odd_sides.mkv": (
        lambda p: write_frames(p, numbered(4, (65, 49)), codec="ffv1", pix_fmt="yuv444p"),
        "frames",
    ),
    "high_definition.mov": (
        lambda p: write_frames(p, numbered(2, (1280, 720)), codec="prores_ks", pix_fmt="yuv422p10le"),
        "frames",
    ),
    "hlg.mp4": (_clip(codec="libx265", pix_fmt="yuv420p10le", colors=(9, 9, 18)), "frames"),
    "pq.mkv": (_clip(codec="libx265", pix_fmt="yuv420p10le", colors=(9, 9, 16)), "frames"),
    "hlg_of_8_bits.mp4": (_clip(colors=(9, 9, 18)), "frames"),
    "hlg_vp9.webm": (_clip(codec="libvpx-vp9", options=_VP9, colors=(9, 9, 18)), "frames"),
    "pq_in_rec709.mp4": (_clip(pix_fmt="yuv420p10le", colors=(1, 1, 16)), "frames"),
    "wide.mp4": (_clip(colors=(9, 9, 1)), "frames"),
    "p3.mp4": (_clip(colors=(1, 12, 1)), "frames"),
    "pal_wide.mp4": (_clip(aspect=Fraction(16, 11)), "frames"),
    "narrow_h264.mkv": (_clip(aspect=Fraction(3, 4)), "frames"),
    "of_two_minds.mp4": (_square_outside_only, "frames"),
    "narrow.mkv": (_clip(codec="libx265", aspect=Fraction(8, 9)), "frames"),
    "uneven_hevc.mp4": (_clip(codec="libx265", times=_UNEVEN), "frames"),
}  # fmt: skip
