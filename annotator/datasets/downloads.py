"""Files of a version, one by one or all as a ZIP that is made while it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext

from annotator.campaigns.models import Campaign
from annotator.core import downloads
from annotator.core.errors import ProblemError
from annotator.datasets.models import DatasetVersion


def stem(version: DatasetVersion) -> str:
    """How the version's folder is called on the other side."""
    return stem_of(version.campaign, version.version)


def stem_of(campaign: Campaign, number: int) -> str:
    return f"{slugify(campaign.name)[:60].strip('-') or f'campaign-{campaign.pk}'}-v{number}"


def recorded(version: DatasetVersion, name: str) -> dict[str, Any] | None:
    """What is recorded of a file; None where the version has none of this name."""
    return next((file for file in version.files if file["name"] == name), None)


def whole_file(version: DatasetVersion, file: dict[str, Any]) -> Path:
    """The path of a file.

    Raises:
        ProblemError: If it is missing or not as long as it was.
    """
    path = version.folder / file["name"]
    try:
        size = path.stat().st_size
    except OSError:
        size = None
    if size != file["bytes"]:
        raise ProblemError(
            gettext(
                "The file %(file)s of %(version)s is missing or altered on the server. Restore the artifact folder "
                "from a backup, or export the campaign again."
            )
            % {"file": file["name"], "version": version},
            code="file_missing",
            status=409,
        )
    return path


def zipped(version: DatasetVersion) -> Iterator[bytes]:
    """A ZIP of all files. They are looked at before the first byte: ProblemError where one is missing."""
    return downloads.zipped(stem(version), {file["name"]: whole_file(version, file) for file in version.files})
