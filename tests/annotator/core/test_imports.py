"""What may import what, and what no process should have to load only to start."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# Lowest first: an app imports those before it, never those behind.
ORDER = [
    "core", "accounts", "jobs", "library", "campaigns", "trust", "rewards", "generations", "mpo", "datasets",
    "insights", "system", "demo",
]  # fmt: skip
HEAVY = {
    "torch", "transformers", "diffusers", "sklearn", "scipy.stats", "skimage", "pandas", "crowdkit", "nltk",
    "matplotlib",
}  # fmt: skip


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("app", ORDER)
def test_no_import_points_up(app: str) -> None:
    above = {f"annotator.{other}" for other in ORDER[ORDER.index(app) + 1 :]}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((ROOT / "annotator" / app).rglob("*.py"))
        for line, module in imports(path)
        if any(module == name or module.startswith(f"{name}.") for name in above)
    ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_the_engine_knows_nothing_of_the_product() -> None:
    forbidden = ("annotator", "django", "celery", "rest_framework")
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((ROOT / "reward_engine").rglob("*.py"))
        for line, module in imports(path)
        if module.split(".")[0] in forbidden
    ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_types_of_annotated_rows_are_for_type_checkers_alone() -> None:
    # django_stubs_ext, which they need, is a package for developing: the image does not have it.
    wrong = []
    for path in sorted((ROOT / "annotator").rglob("*.py")):
        tree = ast.parse(path.read_text())
        checkers = [
            node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ]
        excused = {id(inner) for node in checkers for inner in ast.walk(node)}
        wrong += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").endswith(".annotated")
            and id(node) not in excused
        ]
    assert not wrong, "import these under TYPE_CHECKING"


def handed_on(package: Path) -> dict[str, str]:
    """The names that a package's own file only hands on, each with its dotted name there."""
    module, tree = ".".join(package.relative_to(ROOT).parts[:-1]), ast.parse(package.read_text())
    used_here = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {
        name: f"{module}.{name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(module)
        for name in (alias.asname or alias.name for alias in node.names)
        if name not in used_here
    }


def names_in_use(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, or reaches through what it imports."""
    tree = ast.parse(path.read_text())
    meant: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                meant[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            meant |= {alias.asname: alias.name for alias in node.names if alias.asname}
    yield from meant.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node).split(".")
            if name[0] in meant:
                yield f"{meant[name[0]]}.{name[1]}"


def test_packages_hand_on_only_what_somebody_takes_from_them() -> None:
    # Whoever loads the kinds of judges imports this folder by its name, and with it the kind.
    loaded_by_name = {"annotator.rewards.judges.vlm.VisionLanguage"}
    packages = [path for path in (ROOT / "annotator").glob("*/**/__init__.py") if "migrations" not in path.parts]
    taken = {
        name
        for folder in ("annotator", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if path not in packages
        for name in names_in_use(path)
    }
    unused = {name for package in packages for name in handed_on(package).values()} - taken - loaded_by_name
    assert not unused, "import these from where they are, and take them out of the package's file"


def test_no_process_loads_heavy_packages_only_to_start() -> None:
    """Six processes of one platform do so on a small machine; each second here is several seconds there."""
    program = (
        "import sys, django; django.setup(); import annotator.wsgi, annotator.urls; from celery import current_app; "
        "current_app.loader.import_default_modules(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=200, check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "annotator.settings", "SECRET_KEY": "none",
             "DATABASE_URL": "postgresql://none", "CELERY_BROKER_URL": "redis://none"},
    )  # fmt: skip
    loaded = sorted(HEAVY & set(done.stdout.split()))
    assert not loaded, "python -X importtime tells who asks for it; import it where it is used"
