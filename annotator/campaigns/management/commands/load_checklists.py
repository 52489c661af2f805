"""``manage.py load_checklists [FILE …]``: keep the built-in checklists, or the given files, as versions."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.campaigns.services.checklists import load_builtin_checklists, load_checklist_text
from annotator.core.errors import ProblemError


class Command(BaseCommand):
    help = "Store checklists as versions. Without a file: the image and video checklists that ship with the engine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="your own YAML checklists")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = [
                load_checklist_text(text=path.read_text(encoding="utf-8"), source=str(path))
                for path in options["files"]
            ] or load_builtin_checklists()
        except (ProblemError, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        for version, new in loaded:
            self.stdout.write(f"{version}: {'loaded' if new else 'already exists'}")
