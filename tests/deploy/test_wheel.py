"""The wheel, installed where Django is not: it holds what it needs, declares what it needs, and judges a picture.

The environment is made without the network. It is a new venv that holds the wheel, and beside it links to those
packages of the running environment that the wheel's own metadata asks for, directly or through others, in versions that
it allows. What is not declared (Django above all) is not there to be imported.
"""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from reward_engine import __version__
from reward_engine.cli import main, predictions

ROOT = Path(__file__).resolve().parents[2]

CHECKLIST = """
id: light
media_type: image
name: Light
version: 1
dimensions:
  - id: light
    name: Light
    sub_dimensions:
      - id: bright
        name: Brightness
        description: How bright it is.
        levels:
          - {score: 0, name: dark, guidance: It is dark.}
          - {score: 1, name: bright, guidance: It is bright., question: {id: bright_1, text: "Is the picture bright?"}}
"""


def run(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=400, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needed(roots: Iterable[Requirement]) -> set[str]:
    """The names of all distributions that these requirements lead to, each checked against its version."""
    waiting, seen = [(root, frozenset(root.extras)) for root in roots], set()
    while waiting:
        wanted, extras = waiting.pop()
        assert wanted.specifier.contains(metadata.version(wanted.name), prereleases=True), wanted
        if (wanted.name, extras) in seen:
            continue
        seen.add((wanted.name, extras))
        for text in metadata.requires(wanted.name) or []:
            below = Requirement(text)
            if below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                waiting.append((below, frozenset(below.extras)))
    return {canonicalize_name(name) for name, _ in seen}


class Environment:
    """A venv with the wheel in it, and links to what the wheel asks for."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder, self.bin, self.links = folder, folder / "bin", folder / "links"
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        pip = (sys.executable, "-m", "pip", "--python", self.bin / "python", "--disable-pip-version-check")
        run(*pip, "install", "--no-index", "--no-deps", wheel)
        [self.site] = folder.glob("lib/python*/site-packages")
        self.links.mkdir()
        (self.site / "links.pth").write_text(str(self.links))
        [about] = self.site.glob("visionreward_platform-*.dist-info")
        self.distribution = metadata.PathDistribution(about)

    def requires(self, extra: str = "") -> list[Requirement]:
        """What the wheel asks for with this extra, and without it."""
        found = [Requirement(text) for text in self.distribution.requires or []]
        return [one for one in found if one.marker is None or one.marker.evaluate({"extra": extra})]

    def link(self, names: Iterable[str]) -> None:
        """Make these distributions of the running environment importable."""
        for name in names:
            found = metadata.distribution(name)
            tops = {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}
            for top in tops:
                target = self.links / top
                if not top.endswith(".pth") and not target.exists():
                    target.symlink_to(Path(str(found.locate_file(top))).resolve())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("reward_engine", "annotator"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = ("pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", *build, "--wheel-dir", folder, source, cwd=folder)
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("environment") / "venv", wheel)
    made.link(needed(made.requires()))
    return made


def test_every_file_of_the_package_is_in_the_wheel_and_no_django(environment: Environment) -> None:
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "reward_engine").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    installed = {file.as_posix() for file in environment.distribution.files or []}
    assert tracked - installed == set()
    assert {name for name in installed if name.startswith("annotator")} == set()
    assert any(name.endswith("licenses/LICENSE") for name in installed)
    assert "django" not in needed(environment.requires())
    absent = "import importlib.util as u; print([u.find_spec(n) is None for n in ('django', 'annotator', 'celery')])"
    assert run(environment.bin / "python", "-c", absent, cwd=environment.folder).strip() == "[True, True, True]"


def test_the_command_says_the_one_version(environment: Environment) -> None:
    said = run(environment.bin / "reward-engine", "--version", cwd=environment.folder).strip()
    assert said == f"reward-engine {__version__}"
    assert environment.distribution.version == __version__
    assert "judge" in run(environment.bin / "reward-engine", "--help", cwd=environment.folder)


@pytest.mark.timeout(600)  # torch and transformers are imported twice
def test_a_picture_is_judged_from_another_folder(environment: Environment, tmp_path: Path) -> None:
    """By an embedded judge: its networks, prompt embeddings and labels are needed."""
    rng = np.random.default_rng(4)
    rows = ["path,prompt,bright"]
    for number in range(12):
        bright = number % 2
        pixels = rng.integers(0, 60, (48, 64, 3)) + 180 * bright
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,picture {number // 2},{bright}")
    (tmp_path / "judgments.csv").write_text("\n".join(rows))
    (tmp_path / "items.csv").write_text("path,prompt\n0.png,a cellar\n11.png,a field of snow\n")
    (tmp_path / "light.yaml").write_text(CHECKLIST)
    checklist, model = str(tmp_path / "light.yaml"), str(tmp_path / "model")
    train = ["train", str(tmp_path / "judgments.csv"), "--model", "probe", "--checklist", checklist, "--out", model]
    assert main(train) == 0
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["written_by"].endswith(f" {__version__}")
    judge = ("judge", "items.csv", "--model", "model", "--out", "judged.parquet")
    run(environment.bin / "reward-engine", *judge, cwd=tmp_path)
    dark, bright = predictions.read(tmp_path / "judged.parquet").p_yes[:, 0]
    assert dark < 0.5 < bright


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level modules that code imports, also inside functions and by ``import_module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield ("tensorboard" if name.value == "torch.utils.tensorboard" else name.value).split(".")[0]


def test_what_the_package_imports_is_declared(environment: Environment) -> None:
    owners = metadata.packages_distributions()
    declared = {canonicalize_name(one.name) for extra in ("", "vlm", "mpo") for one in environment.requires(extra)}
    seen: set[str] = set()
    for path in (ROOT / "reward_engine").rglob("*.py"):
        for name in set(imported(ast.parse(path.read_text()))) - sys.stdlib_module_names - {"reward_engine"}:
            assert {canonicalize_name(owner) for owner in owners[name]} & declared, f"{path.name} imports {name}"
            seen.add(name)
    assert {"torch", "numpy", "peft", "diffusers", "accelerate", "tensorboard"} <= seen


def test_both_lock_files_satisfy_what_the_extras_ask_for(environment: Environment) -> None:
    for extra, names in {
        "platform": ("requirements.lock",),
        "dev": ("requirements.lock", "requirements-dev.lock"),
    }.items():
        lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
        pins = dict(line.split("==") for line in lines if "==" in line)
        pinned = {canonicalize_name(name): version for name, version in pins.items()}
        waiting, asked = [extra], set()
        while waiting:
            for one in environment.requires(waiting.pop()):
                if canonicalize_name(one.name) == "visionreward-platform":
                    waiting += [name for name in one.extras if name not in asked]
                    asked |= one.extras
                else:
                    assert one.specifier.contains(pinned[canonicalize_name(one.name)]), (extra, one)
    running = (ROOT / "requirements.lock").read_text()
    assert not {"pytest", "ruff", "mypy", "playwright"} & {line.split("==")[0] for line in running.splitlines()}
