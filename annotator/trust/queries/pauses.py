"""What reviewers are told of."""

from django.db.models import QuerySet

from annotator.trust.models import Standing, StandingState


def unseen_pauses() -> QuerySet[Standing]:
    """Pauses that no reviewer has looked at yet, newest first."""
    return (
        Standing.objects.filter(state=StandingState.PAUSED, seen_at=None)
        .select_related("campaign", "annotator")
        .order_by("-paused_at")
    )
