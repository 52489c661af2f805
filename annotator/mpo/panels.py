"""What an item's page shows of its pairs."""

from typing import Any

from django.http import HttpRequest

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.library.models import Item
from annotator.mpo import queries

SETS_SHOWN = 5


def item_pairs(request: HttpRequest, item: Item) -> dict[str, Any] | None:
    """In which of the newest sets the item stands in pairs, and how often it wins there; None where in none."""
    if not has_role(request.user, Role.ADMIN, Role.REVIEWER):
        return None
    sets = queries.sets_with(item, SETS_SHOWN)
    return {"sets": sets} if sets else None
