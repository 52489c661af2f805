"""What an annotator needs around one assignment."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Max, Min, OuterRef, Q
from django.http import Http404
from django.utils import timezone

from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    Judgment,
    JudgmentChange,
    Purpose,
    SkipReason,
)


@dataclass(frozen=True)
class Standing:
    """What has been answered in an assignment so far. ``sequence``: the newest act that arrived."""

    levels: dict[str, int]
    milliseconds: dict[str, int]
    sequence: int


@dataclass(frozen=True)
class Neighbours:
    """One's own assignments before and behind this one, in the order they were handed out."""

    previous: int | None
    following: int | None


def my_assignment(annotator: Any, pk: int) -> Assignment:
    """An assignment of this person with all that its page shows; Http404 where it is somebody else's.

    ``was_unsafe`` on it says whether somebody has left the item because they did not want to look at it.
    """
    unsafe = Assignment.objects.filter(campaign_item=OuterRef("campaign_item"), skip_reason=SkipReason.UNSAFE)
    found = (
        Assignment.objects.select_related(
            "annotator", "campaign_item__campaign__checklist_version", "campaign_item__item__prompt"
        )
        .annotate(was_unsafe=Exists(unsafe), newest=_newest())
        .filter(pk=pk, annotator=annotator)
        .first()
    )
    if found is None:
        raise Http404("There is no such assignment of yours.")
    return found


def _newest() -> Any:
    return (
        JudgmentChange.objects.filter(assignment=OuterRef("pk"))
        .order_by()
        .values("assignment")
        .annotate(newest=Max("sequence"))
        .values("newest")
    )


def standing(assignment: Assignment) -> Standing:
    """For an assignment of :func:`my_assignment`."""
    rows = list(Judgment.objects.filter(assignment=assignment).values_list("sub_dimension", "level", "milliseconds"))
    return Standing(
        levels={sub: level for sub, level, _ in rows},
        milliseconds={sub: spent for sub, _, spent in rows},
        sequence=assignment.newest or 0,
    )


def neighbours(assignment: Assignment) -> Neighbours:
    own = Assignment.objects.filter(
        annotator=assignment.annotator_id, campaign_item__campaign=assignment.campaign_item.campaign_id
    ).exclude(state=AssignmentState.EXPIRED)
    found = own.aggregate(
        previous=Max("pk", filter=Q(pk__lt=assignment.pk)), following=Min("pk", filter=Q(pk__gt=assignment.pk))
    )
    return Neighbours(found["previous"], found["following"])


def done_today(annotator: Any) -> int:
    """How many items this person has submitted since midnight (of the platform's clock)."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return Assignment.objects.filter(annotator=annotator, submitted_at__gte=midnight).count()


# "1000+" tells an annotator as much as the exact number, and a million rows are not counted for it.
LEFT_COUNTED = 1000


def left_for(annotator: Any, campaign_id: int) -> int:
    """How many items of a campaign can still be given to this person; at most LEFT_COUNTED."""
    had = Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator).exclude(
        state=AssignmentState.EXPIRED
    )
    waiting = CampaignItem.objects.filter(~Exists(had), campaign=campaign_id, purpose=Purpose.WORK, open_slots__gt=0)
    return waiting.order_by()[:LEFT_COUNTED].count()
