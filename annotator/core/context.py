"""What every template sees beyond Django's own."""

from django.http import HttpRequest

from reward_engine import __version__

THEMES = ("light", "dark")


def appearance(request: HttpRequest) -> dict[str, str]:
    """``theme``: "light" or "dark" where the person chose one, "" to follow the system; ``platform_version``."""
    theme = request.COOKIES.get("theme", "")
    return {"theme": theme if theme in THEMES else "", "platform_version": __version__}
