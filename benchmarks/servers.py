"""A data folder of a benchmark's own, and the end of the servers that were started in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotator.core import embedded


@contextmanager
def servers() -> Iterator[Path]:
    """A folder for ``DATA_DIR``. Its servers are stopped while its files still say which they are."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
        try:
            yield folder
        finally:
            embedded.stop_broker(folder)
            embedded.stop_database(folder)
