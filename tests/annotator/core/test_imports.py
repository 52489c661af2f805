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
ORDER = ["core", "accounts", "jobs", "library", "campaigns", "trust", "rewards", "mpo", "datasets", "insights", "demo"]
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


def test_no_process_loads_heavy_packages_only_to_start() -> None:
    """Six processes of one platform do so on a small machine; each second here is several seconds there."""
    program = (
        "import sys, django; django.setup(); import annotator.urls; from celery import current_app; "
        "current_app.loader.import_default_modules(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=200, check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "annotator.settings", "SECRET_KEY": "none",
             "DATABASE_URL": "postgresql://none", "CELERY_BROKER_URL": "redis://none"},
    )  # fmt: skip
    loaded = sorted(HEAVY & set(done.stdout.split()))
    assert not loaded, "python -X importtime tells who asks for it; import it where it is used"
