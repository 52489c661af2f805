"""The audit log: one row for each sensitive act, written in the transaction of the act."""

from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from annotator.accounts.models import AuditEvent


def in_words(facts: Any) -> list[tuple[str, str]]:
    """What a row keeps of before or after, as (name, value) for people."""
    if not isinstance(facts, dict):
        return [] if facts is None else [("", str(facts))]
    return [(name.replace("_", " "), _value(value)) for name, value in facts.items()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if value is None:
        return "–"
    found = parse_datetime(value) if isinstance(value, str) else None
    return found.strftime("%Y-%m-%d %H:%M UTC") if found else str(value)


def record(*, actor: Any, action: str, subject: object = "", before: Any = None, after: Any = None) -> AuditEvent:
    """Add a row to the record of acts.

    Args:
        before: Plain data; never a password, token or code.
        after: The same.
    """
    return AuditEvent.objects.create(
        actor_id=getattr(actor, "pk", None),
        actor_name=getattr(actor, "username", "") or "",
        action=action,
        subject=str(subject)[:200],
        before=before,
        after=after,
    )
