"""What an annotator needs around one assignment."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, Func, IntegerField, Max, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject
from django.http import Http404
from django.utils.translation import gettext as _

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.campaigns.models import (
    DATA,
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    Flag,
    FlagOutcome,
    FlagReason,
    Judgment,
    JudgmentChange,
    LevelExample,
)
from annotator.core.days import midnight

# "1000+" tells an annotator as much as the exact number, and a million rows are not counted for it.
LEFT_COUNTED = 1000


@dataclass(frozen=True)
class Standing:
    """What has been answered in an assignment so far. ``sequence``: the newest act that arrived."""

    levels: dict[str, int]
    milliseconds: dict[str, int]
    sequence: int


def may_annotate(user: Any) -> Exists | Value:
    """Whether a person has the role of an annotator, to be asked along with something else."""
    if user.is_superuser:
        return Value(True)
    return Exists(Group.objects.filter(user=user.pk, name=Role.ANNOTATOR))


def campaign_to_work_in(user: Any, pk: int) -> Campaign:
    """A campaign that is open to this annotator or has been. Http404 otherwise, PermissionDenied for no annotator.

    Asked before every item, so the role is asked for in the same query.
    """
    mine = Assignment.objects.filter(annotator=user, campaign_item__campaign=OuterRef("pk"))
    campaign = (
        Campaign.objects.select_related("checklist_version")
        .annotate(may_annotate=may_annotate(user), worked_in=Exists(mine))
        .filter(pk=pk)
        .first()
    )
    seen = campaign and campaign.state != CampaignState.DRAFT
    if seen and campaign.may_annotate and (campaign.state == CampaignState.OPEN or campaign.worked_in):
        return campaign
    if not has_role(user, Role.ANNOTATOR):
        raise PermissionDenied
    raise Http404(_("There is no such campaign for you."))


def my_assignment(annotator: Any, pk: int) -> Assignment:
    """An assignment of this person, Http404 where it is somebody else's.

    With all that its page shows, in one query: ``answers`` (see :func:`standing`), ``newest`` act, ``previous`` and
    ``following`` assignment in the order they were handed out, ``was_unsafe`` (somebody else has reported the item as
    unsafe, and no reviewer has denied it), ``own_flags`` (open reports of this person), ``with_examples`` (ladders that
    have example images), ``today`` (submitted by this person today, by their clock), ``left`` (items they can still be
    given here, counted up to LEFT_COUNTED).
    """
    found = (
        Assignment.objects.select_related(
            "annotator", "campaign_item__campaign__checklist_version", "campaign_item__item__prompt"
        )
        .annotate(
            answers=_answers(),
            newest=_only(JudgmentChange.objects.filter(assignment=OuterRef("pk")), Max("sequence")),
            previous=_only(_own(annotator).filter(pk__lt=OuterRef("pk")), Max("pk")),
            following=_only(_own(annotator).filter(pk__gt=OuterRef("pk")), Min("pk")),
            was_unsafe=Exists(
                Flag.objects.filter(item=OuterRef("campaign_item__item"), reason=FlagReason.UNSAFE)
                .exclude(outcome=FlagOutcome.DISMISSED)
                .exclude(assignment=OuterRef("pk"))
            ),
            own_flags=ArraySubquery(
                Flag.objects.filter(assignment=OuterRef("pk"), outcome=FlagOutcome.OPEN, with_skip=False)
                .order_by("pk")
                .values(flag=JSONObject(reason="reason", sub="sub_dimension", note="note"))
            ),
            with_examples=ArraySubquery(
                LevelExample.objects.filter(checklist_version=OuterRef("campaign_item__campaign__checklist_version"))
                .order_by()
                .values("sub_dimension")
                .distinct()
            ),
            today=_only(Assignment.objects.filter(annotator=annotator, submitted_at__gte=midnight()), Count("pk")),
            left=_left(annotator),
        )
        .filter(pk=pk, annotator=annotator)
        .first()
    )
    if found is None:
        raise Http404(_("There is no such assignment of yours."))
    return found


def _only(rows: QuerySet[Any], value: Any) -> Subquery:
    """One value over all rows of a subquery. (Aggregates in a subquery come by group; a constant makes one group.)"""
    return Subquery(rows.order_by().annotate(_all=Value(1)).values("_all").annotate(_value=value).values("_value"))


def _answers() -> ArraySubquery:
    fields = JSONObject(sub="sub_dimension", level="level", milliseconds="milliseconds")
    return ArraySubquery(Judgment.objects.filter(assignment=OuterRef("pk")).values(answer=fields))


def _own(annotator: Any) -> QuerySet[Assignment]:
    same_campaign = Assignment.objects.filter(
        annotator=annotator, campaign_item__campaign=OuterRef("campaign_item__campaign")
    )
    return same_campaign.exclude(state=AssignmentState.EXPIRED)


def _left(annotator: Any) -> Func:
    # Gold is counted as work is: a number that stands still would tell which item it was.
    had = Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator).exclude(
        state=AssignmentState.EXPIRED
    )
    waiting = CampaignItem.objects.filter(
        ~Exists(had), campaign=OuterRef("campaign_item__campaign"), purpose__in=DATA, open_slots__gt=0
    )
    first = ArraySubquery(waiting.order_by().values("pk")[:LEFT_COUNTED])
    return Func(first, function="cardinality", output_field=IntegerField())


def standing(assignment: Assignment) -> Standing:
    """For an assignment of :func:`my_assignment`."""
    return Standing(
        levels={row["sub"]: row["level"] for row in assignment.answers},
        milliseconds={row["sub"]: row["milliseconds"] for row in assignment.answers},
        sequence=assignment.newest or 0,
    )


def done_today(annotator: Any) -> int:
    """How many items this person has submitted today, by their clock."""
    return Assignment.objects.filter(annotator=annotator, submitted_at__gte=midnight()).count()
