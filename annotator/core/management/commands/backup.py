"""``manage.py backup [FOLDER]``: back up database, media and artifacts."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from annotator.core import backup
from annotator.core.errors import ProblemError


class Command(BaseCommand):
    help = (
        "Back up database, media and artifacts into a folder. Files that an earlier backup holds are not copied again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, help="by default BACKUP_FOLDER")
        parser.add_argument("--keep", type=int, help="remove all but so many of the newest backups afterwards")
        parser.add_argument(
            "--dry-run", action="store_true", help="with --keep: make no backup, say what would be removed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder, keep = options["folder"] or settings.BACKUP_FOLDER, options["keep"]
        if folder is None:
            raise CommandError("Name a folder, or set BACKUP_FOLDER.")
        if keep is not None and keep < 1:
            raise CommandError("--keep must be at least 1.")
        if options["dry_run"] and keep is None:
            raise CommandError("--dry-run says what --keep would remove: give both.")
        try:
            if not options["dry_run"]:
                self.make(folder)
            if keep is not None:
                self.prune(folder, keep, dry_run=options["dry_run"])
        except (ProblemError, OSError) as error:
            raise CommandError(str(error)) from error

    def make(self, folder: Path) -> None:
        start = time.monotonic()
        made = backup.make_backup(folder)
        self.stdout.write(
            f"{made.name}: {made.rows:,} rows of {len(made.tables)} tables, {made.files:,} files "
            f"({filesizeformat(made.file_bytes)}), {made.new_files:,} of them new; {time.monotonic() - start:.1f} s"
        )

    def prune(self, folder: Path, keep: int, *, dry_run: bool) -> None:
        gone = backup.prune(folder, keep, dry_run=dry_run)
        self.stdout.write(
            f"{'Would remove' if dry_run else 'Removed'} {len(gone.backups)} backups "
            f"({', '.join(gone.backups) or 'none'}) and {gone.files:,} files ({filesizeformat(gone.file_bytes)})."
        )
