"""A small checklist file with every feature of the format."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_text():
    return (Path(__file__).parent / "small.yaml").read_text(encoding="utf-8")
