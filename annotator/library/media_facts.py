"""What is known of a media file once it is verified."""

from __future__ import annotations

from dataclasses import dataclass


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
