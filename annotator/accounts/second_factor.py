"""Whether somebody must set up a second factor before anything else."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.utils.translation import gettext as _

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role


def lacks_second_factor(user: Any) -> bool:
    """True for an admin without a second factor where ADMIN_SECOND_FACTOR asks for one."""
    return bool(
        settings.ADMIN_SECOND_FACTOR
        and user.is_authenticated
        and has_role(user, Role.ADMIN)
        and not is_mfa_enabled(user)
    )


def words() -> str:
    return _("Admins must use two-factor authentication here. Set it up to continue.")
