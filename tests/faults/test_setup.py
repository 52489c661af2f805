"""``scripts/_setup.py``: the environment is made once, and anew where that was cut off; every trouble is a line."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script, at work in a folder of its own; what it does is written down instead of done."""
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "scripts" / "_setup.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements.lock").write_text("one==1\ntwo==2\n")
    (tmp_path / "requirements-dev.lock").write_text("--requirement requirements.lock\nthree==3\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LOCK", tmp_path / "requirements.lock")
    monkeypatch.setattr(module, "DEV_LOCK", tmp_path / "requirements-dev.lock")
    monkeypatch.delenv("VENV_DIR", raising=False)
    module.done = []  # type: ignore[attr-defined]

    def make(folder: Path) -> None:
        module.done.append("made")
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "python").unlink(missing_ok=True)
        (folder / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(module, "make", make)
    module.really_install = module.install  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "install", lambda python, lock: module.done.append("installed"))
    return module


def test_the_first_start_makes_and_installs_the_next_does_nothing(setup: ModuleType) -> None:
    python, steps = setup.prepare_environment(setup.LOCK)
    assert (setup.done, steps) == (["made", "installed"], 2)
    assert python == setup.ROOT / ".venv" / "bin" / "python"
    assert setup.prepare_environment(setup.LOCK) == (python, 0)
    assert setup.done == ["made", "installed"]


def test_a_cut_off_installation_is_made_anew(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(setup, "install", lambda python, lock: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            setup.prepare_environment(setup.LOCK)
    assert not (setup.ROOT / ".venv" / ".installed").exists()
    setup.prepare_environment(setup.LOCK)
    assert setup.done == ["made", "made", "installed"]
    assert not (setup.ROOT / ".venv" / ".installing").exists()


def test_another_lock_file_is_installed_into_the_same_environment(setup: ModuleType) -> None:
    setup.prepare_environment(setup.LOCK)
    setup.LOCK.write_text("one==2\n")
    setup.prepare_environment(setup.LOCK)
    assert setup.done == ["made", "installed", "installed"]


def test_developing_adds_to_the_environment_and_running_takes_it_as_it_is(setup: ModuleType) -> None:
    setup.prepare_environment(setup.LOCK)
    setup.prepare_environment(setup.DEV_LOCK)
    assert setup.done == ["made", "installed", "installed"]
    assert setup.prepare_environment(setup.DEV_LOCK)[1] == setup.prepare_environment(setup.LOCK)[1] == 0
    setup.LOCK.write_text("one==2\n")
    setup.prepare_environment(setup.DEV_LOCK)
    assert setup.done == ["made", "installed", "installed", "installed"]


def test_pip_gets_the_whole_lock_file_and_torch_from_its_index(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], int]] = []
    monkeypatch.setattr(setup, "pip", lambda python, arguments, what, total: calls.append((arguments, total)))
    monkeypatch.setenv("TORCH_INDEX", "https://wheels.example")
    setup.LOCK.write_text("one==1\ntorch==2.13.0\n")
    setup.really_install(Path("python"), setup.DEV_LOCK)
    assert calls == [
        (["--no-deps", "--index-url", "https://wheels.example", "torch==2.13.0"], 1),
        (["--requirement", str(setup.DEV_LOCK)], 3),
    ]


def test_an_environment_whose_python_is_gone_is_made_anew(setup: ModuleType) -> None:
    python, _ = setup.prepare_environment(setup.LOCK)
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    setup.prepare_environment(setup.LOCK)
    assert setup.done == ["made", "installed", "made", "installed"]


def test_too_little_space_is_said_before_anything_is_made(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 2**30})())
    monkeypatch.setattr(setup, "has_gpu", lambda: False)
    with pytest.raises(setup.SetupError, match=r"Only 1\.0 GB are free in .*; the first start needs 4 GB"):
        setup.prepare_environment(setup.LOCK)
    assert setup.done == []


def test_a_named_environment_that_does_not_work(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENV_DIR", "/nowhere")
    with pytest.raises(setup.SetupError, match="VENV_DIR=/nowhere holds no Python that works"):
        setup.prepare_environment(setup.LOCK)


@pytest.mark.parametrize(
    ("pip_says", "we_say"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for one==1", "No matching distribution found for one==1 — start again"),
    ],
)
def test_what_pip_could_not_do_is_one_line(setup: ModuleType, tmp_path: Path, pip_says: str, we_say: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho 'Collecting one==1'\necho '{pip_says}'\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(setup.SetupError) as caught:
        setup.pip(python, ["one"], "packages", 2)
    assert we_say in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
