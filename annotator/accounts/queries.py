"""Reads of invitations."""

from django.db.models import QuerySet
from django.utils import timezone

from annotator.accounts.models import Invitation


def open_invitations(note: str = "") -> QuerySet[Invitation]:
    """List the invitations that can still be used, newest first.

    Args:
        note: Part of the note.
    """
    found = Invitation.objects.filter(used_by=None, expires_at__gt=timezone.now()).order_by("-created_at", "-pk")
    return found.filter(note__icontains=note) if note else found
