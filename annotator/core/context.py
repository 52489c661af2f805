"""What every template sees beyond Django's own."""

from django.http import HttpRequest

THEMES = ("light", "dark")


def appearance(request: HttpRequest) -> dict[str, str]:
    """``theme``: "light" or "dark" where the person chose one, "" to follow the system."""
    theme = request.COOKIES.get("theme", "")
    return {"theme": theme if theme in THEMES else ""}
