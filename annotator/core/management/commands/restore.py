"""``manage.py restore [NAME]``: put back everything of a backup."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.core import backup
from annotator.core.errors import ProblemError
from reward_engine.errors import RewardEngineError


class Command(BaseCommand):
    help = "Restore a backup of `manage.py backup`, with the platform stopped. Everything of it is checked first."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="of the backup; by default the newest")
        parser.add_argument("--folder", type=Path, help="by default BACKUP_FOLDER")
        parser.add_argument("--replace", action="store_true", help="delete what the database holds now")
        parser.add_argument("--check", action="store_true", help="only read everything and compare it with its digests")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"] or settings.BACKUP_FOLDER
        if folder is None:
            raise CommandError("Name a folder, or set BACKUP_FOLDER.")
        name = options["name"] or backup.newest(folder)
        if name is None:
            raise CommandError("There is no whole backup in this folder.")
        try:
            if options["check"]:
                found = backup.check_backup(folder, name)
            else:
                found = backup.restore_backup(folder, name, replace=options["replace"], say=self.stdout.write)
        except (ProblemError, RewardEngineError, OSError) as error:
            raise CommandError(str(error)) from error
        verb = "is whole" if options["check"] else "is restored"
        self.stdout.write(
            f"{found.name} {verb}: {found.rows:,} rows of {len(found.tables)} tables, {found.files:,} files."
        )
