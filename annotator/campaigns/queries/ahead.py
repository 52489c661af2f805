"""What is leased behind the item or pair on the screen. It is loaded ahead, and nobody works on it yet."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Value

from annotator.campaigns.models import Assignment, AssignmentState, Judgment, Lease


def leased_ahead(model: type[Lease], campaign: int, **of: Any) -> list[tuple[int, str]]:
    """List the leases that are only loaded ahead.

    Of each person's open leases in a campaign, the oldest is on the screen. The others are ahead while nothing is
    answered there.

    Args:
        of: Which leases, in words of the model; all of the campaign without it.

    Returns:
        (pk, username) of each.
    """
    leased = model._default_manager.filter(
        state=AssignmentState.LEASED, **{f"{model.subject_field}__campaign": campaign}, **of
    ).order_by("annotator", "leased_at", "pk")
    begun: Exists | Value = Value(False)  # a pair has one answer, and with it its lease ends
    if model is Assignment:
        begun = Exists(Judgment.objects.filter(assignment=OuterRef("pk")))
    rows = leased.annotate(begun=begun).values_list("pk", "annotator__username", "begun")
    ahead: list[tuple[int, str]] = []
    seen: set[str] = set()
    for pk, username, begun_there in rows:
        if username in seen and not begun_there:
            ahead.append((pk, username))
        seen.add(username)
    return ahead
