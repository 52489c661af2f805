"""What an annotator needs around one assignment."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.utils import timezone

from annotator.campaigns.models import Assignment, AssignmentState


@dataclass(frozen=True)
class Neighbours:
    """One's own assignments before and behind this one, in the order they were handed out."""

    previous: int | None
    following: int | None


def my_assignment(annotator: Any, pk: int) -> Assignment:
    """An assignment of this person with all that its page shows; Http404 where it is somebody else's."""
    found = (
        Assignment.objects.select_related(
            "campaign_item__campaign__checklist_version",
            "campaign_item__item__prompt",
            "campaign_item__item__generator",
        )
        .filter(pk=pk, annotator=annotator)
        .first()
    )
    if found is None:
        raise Http404("There is no such assignment of yours.")
    return found


def neighbours(assignment: Assignment) -> Neighbours:
    own = (
        Assignment.objects.filter(
            annotator=assignment.annotator_id, campaign_item__campaign=assignment.campaign_item.campaign_id
        )
        .exclude(state=AssignmentState.EXPIRED)
        .order_by("pk")
    )
    before = own.filter(pk__lt=assignment.pk).order_by("-pk").values_list("pk", flat=True).first()
    behind = own.filter(pk__gt=assignment.pk).values_list("pk", flat=True).first()
    return Neighbours(before, behind)


def done_today(annotator: Any) -> int:
    """How many items this person has submitted since midnight (of the platform's clock)."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return Assignment.objects.filter(annotator=annotator, submitted_at__gte=midnight).count()
