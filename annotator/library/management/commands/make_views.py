"""``manage.py make_views``: make the views of files that came before views were made, here and now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from annotator.library import services


class Command(BaseCommand):
    help = (
        "Create the views of files that have not been checked yet. The workers also do this by "
        "themselves, a few at a time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = services.make_missing_views()
        self.stdout.write(f"{done} {'file' if done == 1 else 'files'} checked.")
