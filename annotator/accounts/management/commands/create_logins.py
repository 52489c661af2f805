"""``manage.py create_logins``: the first people, with generated passwords; a second call shows them again."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from annotator.accounts.services import create_logins


class Command(BaseCommand):
    help = "Create admin, reviewer, ann, and bo with generated passwords, once, and show them."

    def handle(self, *args: Any, **options: Any) -> None:
        logins = create_logins(keep_in=settings.DATA_DIR / "logins.json")
        if options["verbosity"] > 0:
            for login in logins:
                secret = login.password or f"({login.state})"
                self.stdout.write(f"{login.username:<10} {secret:<20} {login.role}")
