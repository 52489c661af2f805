"""What follows from what allauth does with accounts."""

from typing import Any

from annotator.accounts import audit, services
from annotator.accounts.models import User


def on_password_reset(sender: Any, user: User, **kwargs: Any) -> None:
    """Whoever had the old password may have made tokens with it."""
    revoked = services.revoke_all_tokens(user=user, why="password reset")
    audit.record(actor=user, action="password.reset", subject=user.username, after={"tokens_revoked": revoked})


def on_password_changed(sender: Any, user: User, **kwargs: Any) -> None:
    audit.record(actor=user, action="password.changed", subject=user.username)


def on_factor_added(sender: Any, user: User, authenticator: Any, **kwargs: Any) -> None:
    audit.record(actor=user, action="factor.added", subject=user.username, after={"type": authenticator.type})


def on_factor_removed(sender: Any, user: User, authenticator: Any, **kwargs: Any) -> None:
    audit.record(actor=user, action="factor.removed", subject=user.username, before={"type": authenticator.type})
