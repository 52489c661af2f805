"""The audit log: one row for each sensitive act, written in the transaction of the act."""

from typing import Any

from annotator.accounts.models import AuditEvent


def record(*, actor: Any, action: str, subject: object = "", before: Any = None, after: Any = None) -> AuditEvent:
    """Add a row. ``before`` and ``after``: plain data; never a password, token or code."""
    return AuditEvent.objects.create(
        actor_id=getattr(actor, "pk", None),
        actor_name=getattr(actor, "username", "") or "",
        action=action,
        subject=str(subject)[:200],
        before=before,
        after=after,
    )
