"""``manage.py create_demo``: content and answers whose truth is known, so that a first start has something to show."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.core.errors import ProblemError
from annotator.demo import services


class Command(BaseCommand):
    help = (
        "Create the demo: photographs and versions degraded by known amounts, two open campaigns, answers of "
        "synthetic annotators with known error rates, and a first training. Existing content is not changed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = services.create_demo(say=lambda line: self.stdout.write(f"      {line}"))
        except ProblemError as problem:
            raise CommandError(problem.message) from problem
        if not made:
            self.stdout.write("      The demo already exists.")
