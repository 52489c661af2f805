"""Who may see an item, and so its file. Admins and reviewers see all; others what a registered rule allows.

Apps above the library register their rules in ``AppConfig.ready``, for instance "items assigned to me".
"""

from collections.abc import Callable

from django.db.models import Q, QuerySet

from annotator.accounts.models import Role, User
from annotator.accounts.roles import has_role
from annotator.library.models import Item

Rule = Callable[[User], Q]

_rules: list[Rule] = []


def register(rule: Rule) -> Rule:
    """Add a rule: which items a person may see who is no reviewer. Usable as a decorator; adding twice is once.

    The Q is applied to Item and must not multiply rows: ``Exists(...)`` or ``pk__in``, never a to-many join.
    """
    if rule not in _rules:
        _rules.append(rule)
    return rule


def unregister(rule: Rule) -> None:
    _rules.remove(rule)


def visible_items(user: User) -> QuerySet[Item]:
    """The items this person may see. Nobody who is not signed in sees any."""
    if not user.is_authenticated or not user.is_active:
        return Item.objects.none()
    if has_role(user, Role.ADMIN, Role.REVIEWER):
        return Item.objects.all()
    if not _rules:
        return Item.objects.none()
    allowed = Q()
    for rule in _rules:
        allowed |= rule(user)
    # An empty Q would mean "everything"; a rule that has nothing to allow says Q(pk__in=[]).
    return Item.objects.filter(allowed) if allowed else Item.objects.none()
