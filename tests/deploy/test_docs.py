"""What the manuals name is there: files, pictures, commands, addresses, functions."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

ROOT = Path(__file__).resolve().parents[2]
MANUALS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "reward-engine-reference.md"),
]


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(manual: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", manual.read_text()):
        assert re.match(r"https?://", target) or (manual.parent / target).exists(), target


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.relative_to(ROOT).as_posix())
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


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_are_named_are_there(manual: Path) -> None:
    for name in re.findall(
        r"`((?:reward_engine|annotator|tests|benchmarks|deploy|templates|static)/[\w/.]+)`", manual.read_text()
    ):
        assert (ROOT / name).exists(), name


def test_the_answers_to_everyday_questions_hold() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    answers = re.findall(r"^\| [^|]+\? \| `([\w/.]+)`: `(\w+)` \|$", text, re.MULTILINE)
    assert len(answers) == 12
    for path, name in answers:
        assert re.search(rf"^(?:def|class) {name}\b", (ROOT / path).read_text(), re.MULTILINE), f"{path}: {name}"


def test_the_reference_is_built_from_the_docstrings(tmp_path: Path) -> None:
    target = tmp_path / "reference.md"
    subprocess.run([sys.executable, ROOT / "scripts" / "reference", target], check=True, capture_output=True)
    text = target.read_text()
    for module in ("reward_engine.reward", "reward_engine.calibration.fitting", "reward_engine.mpo.dominance"):
        assert f"\n## {module}\n" in text
    assert "### `fit_calibration(" in text
    ignored = subprocess.run(
        ["git", "check-ignore", "docs/reward-engine-reference.md"], cwd=ROOT, capture_output=True, check=False
    )
    assert ignored.returncode in {0, 128}, "it is built, not committed"  # 128: no repository here
