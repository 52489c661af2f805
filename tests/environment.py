"""Loaded before Django's settings (``-p tests.environment``): every run has servers and files of its own.

With DATABASE_URL and CELERY_BROKER_URL set, those servers are used; otherwise embedded ones are started
in a temporary folder that goes when the run ends.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "VISIONREWARD_TEST_DATA_DIR" not in os.environ:  # workers of a parallel run share their parent's servers
    folder = tempfile.mkdtemp(prefix="visionreward-test-")
    Path(folder).chmod(0o755)
    os.environ["VISIONREWARD_TEST_DATA_DIR"] = folder
    # Registered first, so it runs last: after the servers have been stopped by their own handlers.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

os.environ["DATA_DIR"] = os.environ["VISIONREWARD_TEST_DATA_DIR"]
os.environ["STATIC_MANIFEST"] = "0"
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"
# Playwright's synchronous API keeps an event loop in the thread; Django's ORM is still used synchronously there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
