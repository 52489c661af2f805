"""``scripts/test``: which checks it runs, in which order, and what makes it fail."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_checks", ROOT / "scripts" / "_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ran(checks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands, none of which is really run; mypy finds a mistake."""
    commands: list[str] = []

    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(" ".join(command))
        return subprocess.CompletedProcess(command, int("mypy" in command), stdout="annotator/a.py:1: error: wrong\n")

    monkeypatch.setattr(checks.subprocess, "run", run)
    return commands


def test_wrong_types_are_shown_and_fail(checks: ModuleType, ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.main(["--no-browser"]) == 1
    said = capsys.readouterr().out
    assert "annotator/a.py:1: error: wrong" in said
    assert f"Failed: {checks.TYPES}" in said
    assert any(command.endswith("-m mypy annotator reward_engine") for command in ran)


def test_nothing_runs_beside_the_tests_that_measure_waiting(checks: ModuleType, ran: list[str]) -> None:
    checks.main(["--no-browser"])
    alone = next(number for number, command in enumerate(ran) if command.endswith("-m alone"))
    types = next(number for number, command in enumerate(ran) if "mypy" in command)
    assert alone < types
    assert sum("pytest" in command for command in ran) == 2


def test_the_quick_run_checks_types_too(checks: ModuleType, ran: list[str]) -> None:
    assert checks.main(["--quick"]) == 1
    assert any("mypy" in command for command in ran)
