"""Rows with what views add to them. For type checkers alone: import from here under ``TYPE_CHECKING``."""

from datetime import datetime
from typing import TypedDict

from django_stubs_ext import WithAnnotations

from annotator.accounts.models import AuditEvent, User


class Shown(TypedDict):
    """``seen_at``: when they last did something; ``role_names``: their groups."""

    seen_at: datetime | None
    role_names: set[str]


class Told(TypedDict):
    """``changes``: before and after, in words."""

    changes: list[list[tuple[str, str]]]


ListedPerson = WithAnnotations[User, Shown]
ListedEvent = WithAnnotations[AuditEvent, Told]
