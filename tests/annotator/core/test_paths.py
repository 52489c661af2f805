"""Messages name folders of the server by their settings, not by their paths."""

import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

from annotator.core.errors import ProblemError
from annotator.core.paths import without_paths
from annotator.jobs.services import in_words


def test_folders_are_named_by_their_settings() -> None:
    path = Path(settings.ARTIFACT_ROOT) / "models" / "3" / "heads.safetensors"
    words = f"“{path}” is missing; look into {settings.DATA_DIR}."
    assert without_paths(words) == "“ARTIFACT_ROOT/models/3/heads.safetensors” is missing; look into DATA_DIR."
    assert ProblemError(words).message == str(ProblemError(words)) == without_paths(words)


def test_an_error_of_the_system_keeps_its_reason() -> None:
    error = FileNotFoundError(2, "No such file or directory", str(Path(settings.MEDIA_ROOT) / "ab" / "c.png"))
    assert in_words(error) == "FileNotFoundError: [Errno 2] No such file or directory: 'MEDIA_ROOT/ab/c.png'"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (f"{tempfile.gettempdir()}/visionreward-import-x1_y/member.png is damaged", "the file is damaged"),
        (f"{sys.prefix}/bin/python failed", "python/bin/python failed"),
        (f"{settings.DATA_DIR}base/x", f"{settings.DATA_DIR}base/x"),
        (
            "See https://example.org/app/data and /api/v1/items/.",
            "See https://example.org/app/data and /api/v1/items/.",
        ),
        ("one/two 3/4", "one/two 3/4"),
    ],
    ids=["temporary file", "program", "beside the data", "address", "fraction"],
)
def test_what_is_left_as_it_is(words: str, shown: str) -> None:
    assert without_paths(words) == shown
