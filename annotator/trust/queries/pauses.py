"""What reviewers are told of."""

from django.db.models import QuerySet

from annotator.trust.models import AnnotatorStanding, AnnotatorStandingState


def unseen_pauses() -> QuerySet[AnnotatorStanding]:
    """Pauses that no reviewer has looked at yet, newest first."""
    return (
        AnnotatorStanding.objects.filter(state=AnnotatorStandingState.PAUSED, seen_at=None)
        .select_related("campaign", "annotator")
        .order_by("-paused_at")
    )
