"""Loaded before Django's settings (``-p tests.environment``): every run has servers and files of its own.

With DATABASE_URL and CELERY_BROKER_URL set, those servers are used; otherwise embedded ones are started
in a temporary folder that goes when the run ends.
"""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit


def pytest_addoption(parser: Any) -> None:
    parser.addoption(
        "--quick", action="store_true", help="leave out browsers, processes and training (tests/conftest.py)"
    )


def _remove(folder: Path, starter: int) -> None:
    """Take the run's folder away, and the servers of workers that were killed with it."""
    if os.getpid() != starter:
        return
    from annotator.core import embedded

    for data_dir in (folder, *folder.glob("gw*")):
        embedded.stop_broker(data_dir)
        embedded.stop_database(data_dir)
    shutil.rmtree(folder, ignore_errors=True)


# A run starts dozens of programs. Without compiled modules each of them would compile the whole platform anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Torch, Django and all test modules are hundreds of thousands of objects that stay; to look through them less often
# for garbage saves a tenth of the run.
gc.set_threshold(50_000, 20, 50)

worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw0", "gw1", … in a parallel run, "" otherwise
if "VISIONREWARD_TEST_DATA_DIR" not in os.environ:
    folder = tempfile.mkdtemp(prefix="visionreward-test-")
    Path(folder).chmod(0o755)
    os.environ["VISIONREWARD_TEST_DATA_DIR"] = folder
    # Registered first, so it runs last: after the servers have been stopped by their own handlers.
    atexit.register(_remove, Path(folder), os.getpid())

# A worker of a parallel run has a database server and a broker of its own: a test that empties the queue, or a
# Celery worker it starts, must not meet another test's.
os.environ["DATA_DIR"] = str(Path(os.environ["VISIONREWARD_TEST_DATA_DIR"]) / worker)
Path(os.environ["DATA_DIR"]).mkdir(mode=0o755, exist_ok=True)
if worker and os.environ.get("CELERY_BROKER_URL"):  # a given broker is shared: each takes a database of its number
    address = urlsplit(os.environ["CELERY_BROKER_URL"])
    os.environ["CELERY_BROKER_URL"] = urlunsplit(address._replace(path=f"/{1 + int(worker.removeprefix('gw')) % 15}"))
os.environ["STATIC_MANIFEST"] = "0"
os.environ["API_TOKEN_PER_MINUTE"] = os.environ["API_PERSON_PER_MINUTE"] = "0"  # tests ask faster than programs
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
# Playwright's synchronous API keeps an event loop in the thread; Django's ORM is still used synchronously there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
