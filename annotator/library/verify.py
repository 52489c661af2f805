"""Is a file what it says, whole, and of bearable size? Does it need a view? And a thumbnail of it.

Nothing about a file is believed but its bytes: the type comes from the content, the dimensions from decoding.
Every refusal is a ProblemError with a code for programs and a message that says how to mend it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from annotator.core.errors import ProblemError
from annotator.library import storage
from annotator.library.models import MediaType
from annotator.library.sniff import Kind, check_complete, check_extension, sniff
from reward_engine.errors import MediaError
from reward_engine.media import (
    MAX_IMAGE_PIXELS,
    Window,
    decode_image,
    probe_image,
    probe_video,
    sample_frames,
    video_needs,
)
from reward_engine.media.container import opened_video

THUMBNAIL_SIDE = 480


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still taken."""

    image_bytes: int = 100 * 1024**2
    image_pixels: int = MAX_IMAGE_PIXELS
    video_bytes: int = 1024**3
    video_ms: int = 5 * 60 * 1000
    video_side: int = 4096
    least_side: int = 8


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a verified file is. ``width`` and ``height`` as displayed; the times and frames only for videos.

    ``view``: the extension of the view that is shown instead of it, "" where it is plain and shown itself; None
    where it is to be made later.
    """

    media_type: str
    extension: str
    mime_type: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    duration_ms: int | None = None
    frame_rate: float | None = None
    frame_count: int | None = None
    view: str | None = ""


def verify_media(path: Path, name: str, *, media_type: str = "", limits: Limits = LIMITS) -> MediaFacts:
    """Verify the file at ``path``, which its owner calls ``name``.

    ``media_type``: what the manifest says it is, or "" where it says nothing. Raises ProblemError with the codes
    ``empty``, ``svg``, ``html``, ``unsupported_type``, ``wrong_extension``, ``wrong_media_type``, ``truncated``,
    ``corrupt``, ``too_large``, ``too_small``, ``too_long``, ``animated``, ``no_video``, ``no_decoder``.
    """
    name = Path(name).name
    kind = sniff(path, name)
    check_extension(kind, name)
    if media_type and media_type != kind.media_type:
        raise ProblemError(
            f"{name}: the manifest calls this {_a(media_type)}, but it is {_a(kind.media_type)} ({kind.title}).",
            code="wrong_media_type",
        )
    _check_bytes(path, kind, name, limits)
    check_complete(path, kind, name)
    try:
        facts = (_image if kind.media_type == MediaType.IMAGE else _video)(path, kind, name, limits)
    except MediaError as error:
        # The engine names the temporary file, which the reader does not know.
        raise ProblemError(error.message.replace(path.name, name), code=error.code) from error
    if min(facts.width, facts.height) < limits.least_side:
        raise ProblemError(
            f"{name}: {facts.width} × {facts.height} pixels are too few to judge "
            f"(at least {limits.least_side} on each side).",
            code="too_small",
        )
    return facts


def make_thumbnail(path: Path, facts: MediaFacts) -> bytes:
    """A WebP still of at most 480 pixels on the longer side, upright; of a video the frame a third in."""
    try:
        if facts.media_type == MediaType.IMAGE:
            pixels = decode_image(path, max_side=THUMBNAIL_SIDE)
        else:
            # The first frame is too often black or a title.
            at = Window(start_ms=(facts.duration_ms or 0) / 3, count=1)
            pixels = sample_frames(path, at, max_side=THUMBNAIL_SIDE).pixels[0]
    except MediaError as error:
        raise ProblemError(error.message, code=error.code) from error
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "WEBP", quality=80, method=4)
    return target.getvalue()


def _a(media_type: str) -> str:
    return "an image" if media_type == MediaType.IMAGE else f"a {media_type}"


def _check_bytes(path: Path, kind: Kind, name: str, limits: Limits) -> None:
    size = path.stat().st_size
    most = limits.image_bytes if kind.media_type == MediaType.IMAGE else limits.video_bytes
    if size > most:
        raise ProblemError(
            f"{name}: {size / 1024**2:.1f} MB are over the limit of {most / 1024**2:.0f} MB; compress it first.",
            code="too_large",
        )


def _image(path: Path, kind: Kind, name: str, limits: Limits) -> MediaFacts:
    info = probe_image(path, max_pixels=limits.image_pixels)
    return MediaFacts(
        media_type=str(kind.media_type),
        extension=kind.extension,
        mime_type=kind.mime_type,
        sha256=storage.file_sha256(path),
        size_bytes=path.stat().st_size,
        width=info.width,
        height=info.height,
        view="" if info.plain else "png",
    )


def _video(path: Path, kind: Kind, name: str, limits: Limits) -> MediaFacts:
    # The header's word first, so that hours of video are not read through to be refused.
    with opened_video(path) as (container, stream):
        stated_ms = (container.duration or 0) // 1000
        side = max(stream.width, stream.height)
    _check_video(name, stated_ms, side, limits)
    info = probe_video(path)
    _check_video(name, info.duration_ms, max(info.width, info.height), limits)
    needs = video_needs(path)
    odd = 1 if needs.frames else 0  # frames that are coded anew get even sides
    return MediaFacts(
        media_type=str(kind.media_type),
        extension=kind.extension,
        mime_type=kind.mime_type,
        sha256=storage.file_sha256(path),
        size_bytes=path.stat().st_size,
        width=info.width + info.width % 2 * odd,
        height=info.height + info.height % 2 * odd,
        duration_ms=info.duration_ms,
        frame_rate=info.frame_rate,
        frame_count=info.frame_count,
        view="" if needs.plain else "mp4",
    )


def _check_video(name: str, duration_ms: float, side: int, limits: Limits) -> None:
    if duration_ms > limits.video_ms:
        raise ProblemError(
            f"{name}: {duration_ms / 1000:.0f} s are over the limit of {limits.video_ms / 1000:.0f} s; "
            "cut the video into shorter clips.",
            code="too_long",
        )
    if side > limits.video_side:
        raise ProblemError(
            f"{name}: frames of {side} pixels on the longer side are over the limit of {limits.video_side}; "
            "scale the video down first.",
            code="too_large",
        )
