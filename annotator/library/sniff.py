"""What a file really is, by its first bytes; whether its container says that more should follow."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext, gettext_noop

from annotator.core.errors import ProblemError
from annotator.library.models import MediaType

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that may go in. ``extension`` is the one it is stored under, ``names`` those it may carry."""

    extension: str
    mime_type: str
    media_type: MediaType
    title: str
    names: frozenset[str]


def _kind(extension: str, mime_type: str, media_type: MediaType, title: str, *more: str) -> Kind:
    return Kind(extension, mime_type, media_type, title, frozenset({extension, *more}))


# What browsers show, and the video containers that cameras and editors write, of which a view is made.
# TIFF, BMP and HEIC are not among it.
JPEG = _kind("jpg", "image/jpeg", MediaType.IMAGE, gettext_noop("JPEG image"), "jpeg", "jpe", "jfif")
PNG = _kind("png", "image/png", MediaType.IMAGE, gettext_noop("PNG image"))
WEBP = _kind("webp", "image/webp", MediaType.IMAGE, gettext_noop("WebP image"))
GIF = _kind("gif", "image/gif", MediaType.IMAGE, gettext_noop("GIF image"))
AVIF = _kind("avif", "image/avif", MediaType.IMAGE, gettext_noop("AVIF image"))
MP4 = _kind("mp4", "video/mp4", MediaType.VIDEO, gettext_noop("MP4 video"), "m4v")
MOV = _kind("mov", "video/quicktime", MediaType.VIDEO, gettext_noop("QuickTime video"), "qt")
WEBM = _kind("webm", "video/webm", MediaType.VIDEO, gettext_noop("WebM video"))
MKV = _kind("mkv", "video/x-matroska", MediaType.VIDEO, gettext_noop("Matroska video"))
AVI = _kind("avi", "video/x-msvideo", MediaType.VIDEO, gettext_noop("AVI video"))
KINDS = (JPEG, PNG, WEBP, GIF, AVIF, MP4, MOV, WEBM, MKV, AVI)

# Known by their first bytes only to be refused by name.
_OTHERS = (
    (b"BM", gettext_noop("a BMP image; save it as PNG")),
    (b"II*\x00", gettext_noop("a TIFF image; save it as PNG")),
    (b"MM\x00*", gettext_noop("a TIFF image; save it as PNG")),
    (b"%PDF", gettext_noop("a PDF document; export its pictures as PNG")),
    (b"%!PS", gettext_noop("a PostScript document; export its pictures as PNG")),
    (b"PK\x03\x04", gettext_noop("a ZIP archive; unpack it first")),
    (b"8BPS", gettext_noop("a Photoshop document; save it as PNG")),
    (b"FLV\x01", gettext_noop("an FLV video; convert it to MP4 (H.264)")),
    (b"\x7fELF", gettext_noop("a program")),
    (b"MZ", gettext_noop("a program")),
)
_MARKUP = (
    (b"<svg", "svg"),
    (b"<!doctype svg", "svg"),
    (b"<!doctype html", "html"),
    (b"<html", "html"),
    (b"<script", "html"),
    (b"<body", "html"),
    (b"<iframe", "html"),
    (b"<head", "html"),
)
_NOT_MP4 = {b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"hevc": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}


def sniff(path: Path, name: str) -> Kind:
    """The kind of a file by its content. ProblemError: ``empty``, ``svg``, ``html``, ``unsupported_type``."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise ProblemError(
            gettext("%(name)s: the file is empty (0 bytes). Add the complete file.") % {"name": name}, code="empty"
        )
    kind = _by_magic(head, name)
    if kind is not None:
        return kind
    markup = _markup_in(head)
    if markup:
        raise ProblemError(
            gettext(
                "%(name)s: this is %(markup)s text, not an image or a video. It could contain a script, so it "
                "is never accepted. Save the image as PNG."
            )
            % {"name": name, "markup": markup.upper()},
            code=markup,
        )
    other = next((words for magic, words in _OTHERS if head.startswith(magic)), None)
    what = (
        gettext("this is %(what)s") % {"what": gettext(other)}
        if other
        else gettext("its content is not a supported image or video")
    )
    raise ProblemError(
        gettext("%(name)s: %(what)s. Supported formats: %(names)s.")
        % {"name": name, "what": what, "names": ", ".join(k.extension.upper() for k in KINDS)},
        code="unsupported_type",
    )


def _by_magic(head: bytes, name: str) -> Kind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else MKV
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return AVI
    if head[4:8] == b"ftyp":
        return _by_brand(head, name)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return MOV  # QuickTime files from before brands
    return None


def _by_brand(head: bytes, name: str) -> Kind:
    brand = head[8:12]
    if brand in (b"avif", b"avis"):
        return AVIF
    if brand in _NOT_MP4:
        brands = head[16 : max(16, struct.unpack(">I", head[:4])[0])]
        if b"avif" in brands:
            return AVIF
        raise _convert(
            name,
            gettext("a %(kind)s image, which browsers do not show") % {"kind": _NOT_MP4[brand]},
            gettext("JPEG or PNG"),
        )
    return MOV if brand == b"qt  " else MP4


def _convert(name: str, what: str, to: str) -> ProblemError:
    return ProblemError(
        gettext("%(name)s: this is %(what)s. Convert it to %(to)s.") % {"name": name, "what": what, "to": to},
        code="unsupported_type",
    )


def _markup_in(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "ignore").encode()
    else:
        text = head.removeprefix(b"\xef\xbb\xbf")
    lowered = text.lstrip(b" \t\r\n\x0b\x0c\x00").lower()
    if not lowered.startswith(b"<"):
        return None
    found = [(lowered.find(mark), kind) for mark, kind in _MARKUP if mark in lowered]
    return min(found)[1] if found else "svg" if lowered.startswith(b"<?xml") else "html"


def check_extension(kind: Kind, name: str) -> None:
    """Refuse a name whose extension says something else than the content. Code ``wrong_extension``."""
    extension = Path(name).suffix.lower().removeprefix(".")
    if extension in kind.names:
        return
    said = (
        gettext("its name ends in .%(extension)s") % {"extension": extension}
        if extension
        else gettext("its name has no extension")
    )
    raise ProblemError(
        gettext(
            "%(name)s: %(said)s, but its content is a %(title)s. Rename it to .%(extension)s (in the "
            "manifest too), or add the right file."
        )
        % {"name": name, "said": said, "title": gettext(kind.title), "extension": kind.extension},
        code="wrong_extension",
    )


def check_complete(path: Path, kind: Kind, name: str) -> None:
    """Refuse a file whose container announces more bytes than there are. Code ``truncated``.

    Decoders play a cut video up to the cut without a word, so the container is asked.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if kind is WEBP:
            needed = 8 + struct.unpack("<I", file.read(8)[4:8].ljust(4, b"\0"))[0]
        elif kind in (MP4, MOV, AVIF):
            needed = _end_of_boxes(file, size)
        elif kind is AVI:
            # Files above 1 GB have several such parts; the first one's word is enough.
            needed = 8 + struct.unpack("<I", file.read(8)[4:8].ljust(4, b"\0"))[0]
        elif kind in (WEBM, MKV):
            needed = _end_of_segment(file.read(HEAD_BYTES))
        else:
            return
    if needed > size:
        raise ProblemError(
            gettext("%(name)s: the file is truncated (%(size)s of at least %(needed)s bytes). Add the complete file.")
            % {"name": name, "size": f"{size:,}", "needed": f"{needed:,}"},
            code="truncated",
        )


def _end_of_boxes(file: object, size: int) -> int:
    """Where the last top-level box of an ISO file ends by its own word."""
    at = 0
    while at < size:
        file.seek(at)  # type: ignore[attr-defined]
        header = file.read(16)  # type: ignore[attr-defined]
        if len(header) < 8:
            return at if not header.strip(b"\0") else at + 8  # zero padding at the end is harmless
        length = int(struct.unpack(">I", header[:4])[0])
        if length == 1 and len(header) == 16:
            length = int(struct.unpack(">Q", header[8:16])[0])
        if length == 0:
            return size  # "to the end of the file"
        if length < 8:
            return at  # no box: rubbish behind the last one is for the decoder to judge
        at += length
    return at


def _end_of_segment(head: bytes) -> int:
    """Where the segment of a WebM file ends by its own word; 0 where it does not say (live recordings)."""
    at = head.find(b"\x18\x53\x80\x67")
    if at < 0 or at + 12 > len(head):
        return 0
    first = head[at + 4]
    width = 9 - first.bit_length()
    if not 1 <= width <= 8:
        return 0
    value = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << (7 * width)) - 1)
    unknown = value == (1 << (7 * width)) - 1
    return 0 if unknown else at + 4 + width + value
