"""``manage.py remove_orphans``: remove stored media that no row names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import filesizeformat

from annotator.library.services.orphans import remove_orphans


class Command(BaseCommand):
    help = "Remove stored media that no item and no example names, of deleted items and of imports that were cut off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="remove nothing, say what would be removed")
        parser.add_argument("--days", type=float, default=1.0, help="only files untouched for so many days (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        found = remove_orphans(dry_run=options["dry_run"], older_than=timedelta(days=max(options["days"], 0.0)))
        verb = "Would remove" if options["dry_run"] else "Removed"
        names = f": {', '.join(found.first)}{' …' if found.files > len(found.first) else ''}" if found.files else ""
        self.stdout.write(f"{verb} {found.files:,} files ({filesizeformat(found.file_bytes)}){names}")
