"""``manage.py load_published QUESTIONS [WEIGHTS] --media-type image``: keep published files as a checklist version."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.core.errors import ProblemError
from annotator.library.models import MediaType
from annotator.rewards.services import NamedFile, load_published


class Command(BaseCommand):
    help = (
        "Store a published question file as a checklist version, and the weight file published with it as "
        "its weights. Versions based on this checklist start with them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("questions", type=Path, metavar="QUESTIONS", help="one question per line (.txt)")
        parser.add_argument("weights", type=Path, nargs="?", metavar="WEIGHTS", help="its weights (.json)")
        parser.add_argument("--media-type", choices=MediaType.values, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        weights = options["weights"]
        try:
            loaded = load_published(
                media_type=options["media_type"],
                questions=_read(options["questions"]),
                weights=_read(weights) if weights is not None else None,
            )
        except ProblemError as problem:
            raise CommandError(problem.message) from problem
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read ({error.strerror}).") from error
        self.stdout.write(loaded.message)


def _read(path: Path) -> NamedFile:
    return NamedFile(path.name, path.read_bytes())
