"""Is a file what it says, whole, and of bearable size? Does it need a view? And a thumbnail of it.

Nothing about a file is believed but its bytes: the type comes from the content, the dimensions from decoding.
Every refusal is a ProblemError with a code for programs and a message that says how to mend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.library.media_facts import MediaFacts
from annotator.library.models import MediaType
from annotator.library.sniff import Kind, check_complete, check_extension, sniff
from reward_engine.errors import MediaError
from reward_engine.media import (
    MAX_IMAGE_PIXELS,
    probe_image,
    probe_video,
    video_needs,
)
from reward_engine.media.container import opened_video
from reward_engine.storage import file_sha256


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


def verify_media(path: Path, name: str, *, media_type: str = "", limits: Limits = LIMITS) -> MediaFacts:
    """Verify the file at ``path``, which its owner calls ``name``.

    Args:
        media_type: What the manifest says it is, or "" where it says nothing.

    Raises:
        ProblemError: With the codes ``empty``, ``svg``, ``html``, ``unsupported_type``, ``wrong_extension``,
            ``wrong_media_type``, ``truncated``, ``corrupt``, ``too_large``, ``too_small``, ``too_long``, ``animated``,
            ``no_video``, ``no_decoder``.
    """
    name = Path(name).name
    kind = sniff(path, name)
    check_extension(kind, name)
    if media_type and media_type != kind.media_type:
        text = (
            gettext("%(name)s: the declared media type is video, but the file’s is image (%(title)s).")
            if kind.media_type == MediaType.IMAGE
            else gettext("%(name)s: the declared media type is image, but the file’s is video (%(title)s).")
        )
        raise ProblemError(text % {"name": name, "title": gettext(kind.title)}, code="wrong_media_type")
    _check_bytes(path, kind, name, limits)
    check_complete(path, kind, name)
    try:
        facts = (_image if kind.media_type == MediaType.IMAGE else _video)(path, kind, name, limits)
    except MediaError as error:
        # The engine names the temporary file, which the reader does not know.
        raise ProblemError(error.message.replace(path.name, name), code=error.code) from error
    if min(facts.width, facts.height) < limits.least_side:
        raise ProblemError(
            gettext("%(name)s: %(width)s × %(height)s pixels are too few to judge (minimum %(least_side)s per side).")
            % {"name": name, "width": facts.width, "height": facts.height, "least_side": limits.least_side},
            code="too_small",
        )
    return facts


def _check_bytes(path: Path, kind: Kind, name: str, limits: Limits) -> None:
    size = path.stat().st_size
    most = limits.image_bytes if kind.media_type == MediaType.IMAGE else limits.video_bytes
    if size > most:
        raise ProblemError(
            gettext("%(name)s: %(size).1f MB exceeds the limit of %(most).0f MB. Compress it first.")
            % {"name": name, "size": size / 1024**2, "most": most / 1024**2},
            code="too_large",
        )


def _image(path: Path, kind: Kind, name: str, limits: Limits) -> MediaFacts:
    info = probe_image(path, max_pixels=limits.image_pixels)
    return MediaFacts(
        media_type=str(kind.media_type),
        extension=kind.extension,
        mime_type=kind.mime_type,
        sha256=file_sha256(path),
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
        sha256=file_sha256(path),
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
            gettext(
                "%(name)s: %(duration_ms).0f s exceeds the limit of %(video_ms).0f s. Cut the video into shorter clips."
            )
            % {"name": name, "duration_ms": duration_ms / 1000, "video_ms": limits.video_ms / 1000},
            code="too_long",
        )
    if side > limits.video_side:
        raise ProblemError(
            gettext(
                "%(name)s: frames with %(side)s pixels on the longer side exceed the limit of "
                "%(video_side)s. Scale the video down first."
            )
            % {"name": name, "side": side, "video_side": limits.video_side},
            code="too_large",
        )
