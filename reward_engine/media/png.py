"""Read a PNG's chunks: what says how its samples are meant, and a copy without what nobody looks at.

Pillow refuses files whose text is longer than it likes or has a wrong checksum, although no pixel depends on it.
Viewers pass over such chunks, and so does :func:`read_png`.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE_BYTES = 16 * 1024**2
"""Longest color profile that is unpacked; the largest known printer profiles have 4 MB."""

_SMALL = 4 * 1024
# What the pixels depend on. All other chunks (text, time, thumbnails, private ones) are left out.
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PIXELS = (b"tRNS", b"acTL", b"fcTL", b"fdAT", b"eXIf")


@dataclass(frozen=True, slots=True)
class PngColors:
    """How to read the samples of a PNG; None where it is silent.

    ``gamma``: the exponent of the file (encoded = linear ** gamma). ``chromaticities``: xy of white, red, green and
    blue. ``cicp``: primaries, transfer, matrix, full range (ITU-T H.273).
    """

    bits: int = 8
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    cicp: tuple[int, int, int, int] | None = None
    profile: bytes | None = None


def is_png(path: Path) -> bool:
    """Tell whether the file begins like a PNG."""
    with path.open("rb") as file:
        return file.read(8) == SIGNATURE


def read_png(path: Path) -> tuple[io.BytesIO, PngColors]:
    """Read a PNG without needless chunks, and its colors.

    Ancillary chunks with a wrong checksum count as absent. What follows a chunk that cannot be read is handed over as
    it is, so that the decoder names the damage.
    """
    kept = io.BytesIO()
    said: dict[bytes, bytes] = {}
    size = path.stat().st_size
    with path.open("rb") as file:
        kept.write(file.read(8))
        while len(header := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if not kind.isalpha() or file.tell() + length + 4 > size:
                kept.write(header)
                kept.write(file.read())
                break
            if kind in _CRITICAL:
                kept.write(header)
                kept.write(body := file.read(length + 4))
                if kind == b"IHDR":
                    said[kind] = body[:-4]
                elif kind == b"IEND":
                    break
            elif kind in _PIXELS:
                body = file.read(length + 4)
                if _is_sound(kind, body):
                    kept.write(header)
                    kept.write(body)
            elif (kind in (b"gAMA", b"cHRM", b"sRGB", b"cICP") and length <= _SMALL) or kind == b"iCCP":
                body = file.read(length + 4)
                if _is_sound(kind, body):
                    said.setdefault(kind, body[:-4])
            else:
                file.seek(length + 4, io.SEEK_CUR)
        else:
            kept.write(header)
    kept.seek(0)
    return kept, _colors(said)


def _is_sound(kind: bytes, body: bytes) -> bool:
    return zlib.crc32(kind + body[:-4]) == int.from_bytes(body[-4:], "big")


def _colors(said: dict[bytes, bytes]) -> PngColors:
    head, gama, chrm, cicp = (said.get(kind, b"") for kind in (b"IHDR", b"gAMA", b"cHRM", b"cICP"))
    gamma = int.from_bytes(gama, "big") / 100_000 if len(gama) == 4 else 0.0
    points = tuple(value / 100_000 for value in struct.unpack(">8I", chrm)) if len(chrm) == 32 else None
    return PngColors(
        bits=head[8] if len(head) > 8 else 8,
        srgb=b"sRGB" in said,
        gamma=gamma if 0.01 < gamma < 10 else None,
        chromaticities=points if points and all(0 < point < 1 for point in points[1::2]) else None,
        cicp=tuple(cicp) if len(cicp) == 4 else None,  # type: ignore[arg-type]
        profile=_profile(said.get(b"iCCP", b"")),
    )


def _profile(body: bytes) -> bytes | None:
    _name, _, rest = body.partition(b"\0")
    try:
        unpacking = zlib.decompressobj()
        profile = unpacking.decompress(rest[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if profile and not unpacking.unconsumed_tail else None
