"""A platform of a benchmark's own: its data folder, its tables, and the end of the servers that were started in it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from annotator.core import embedded


@contextmanager
def servers(keep: Path | None = None) -> Iterator[Path]:
    """Give a folder for ``DATA_DIR``: ``keep``, or one that goes with the block.

    Its servers are stopped while its files still say which they are.
    """
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
        try:
            yield folder
        finally:
            embedded.stop_broker(folder)
            embedded.stop_database(folder)


def set_up(folder: Path, **environment: str) -> None:
    """Set up Django on the platform in ``folder``, with all its tables."""
    os.environ |= {
        "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "annotator.settings", "LOG_LEVEL": "ERROR", **environment,
    }  # fmt: skip
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
