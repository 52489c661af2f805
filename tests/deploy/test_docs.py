"""What the manuals name is there: files, pictures, commands, addresses."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

ROOT = Path(__file__).resolve().parents[2]
MANUALS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_links_lead_somewhere(manual: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", manual.read_text()):
        assert re.match(r"https?://", target) or (manual.parent / target).exists(), target


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_commands_and_addresses_exist(manual: Path) -> None:
    text = manual.read_text()
    for command in re.findall(r"manage\.py ([a-z_]+)", text):
        assert command in get_commands(), command
    for script in re.findall(r"(?<![\w/])((?:scripts|deploy)/[a-z_]+)\b", text):
        assert (ROOT / script).exists(), script
    for address in re.findall(r"`(/[\w/.-]*)`", text):
        try:
            resolve(address)
        except Resolver404:
            pytest.fail(f"{address} is no address of ours")
