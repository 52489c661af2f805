"""What an annotator needs around one assignment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, Func, IntegerField, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject, Least
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
from annotator.campaigns.queries.progress import LEFT_COUNTED
from annotator.core.days import midnight

if TYPE_CHECKING:
    from annotator.campaigns.annotated import AssignmentOnPage


@dataclass(frozen=True)
class AnswerProgress:
    """What has been answered in an assignment so far. ``sequence``: the newest act that arrived."""

    levels: dict[str, int]
    milliseconds: dict[str, int]
    sequence: int


def may_annotate(user: Any) -> Exists | Value:
    """Make the expression that asks whether somebody has the annotator role.

    It is asked as a part of another query.
    """
    if user.is_superuser:
        return Value(True)
    return Exists(Group.objects.filter(user=user.pk, name=Role.ANNOTATOR))


def campaign_to_work_in(user: Any, pk: int) -> Campaign:
    """Find a campaign that is or was open to this annotator.

    Any other campaign raises Http404, and a person who is no annotator raises PermissionDenied. This is asked before
    every item, so the role is asked for in the same query.
    """
    mine = Assignment.objects.filter(annotator=user, campaign_item__campaign=OuterRef("pk"))
    campaign = (
        Campaign.objects.select_related("checklist_version")
        .annotate(may_annotate=may_annotate(user), worked_in=Exists(mine))
        .filter(pk=pk)
        .first()
    )
    if (
        campaign is not None
        and campaign.state != CampaignState.DRAFT
        and campaign.may_annotate
        and (campaign.state == CampaignState.OPEN or campaign.worked_in)
    ):
        return campaign
    if not has_role(user, Role.ANNOTATOR):
        raise PermissionDenied
    raise Http404(_("No such campaign is available to you."))


def my_assignment(annotator: Any, token: uuid.UUID, *, known: tuple[int, int] | None = None) -> AssignmentOnPage:
    """Find an assignment of this person with all that its page shows.

    An assignment of somebody else raises Http404.

    The result has ``answers`` (see :func:`standing`), the ``newest`` act, the ``previous`` and ``following`` assignment
    in the order they were handed out, ``was_unsafe`` (somebody else has reported the item as unsafe, and no reviewer
    has denied it), ``own_flags`` (open reports of this person), ``with_examples`` (ladders that have example images),
    ``today`` (submitted by this person today, by their clock), and ``left`` (items they can still be given here,
    counted up to LEFT_COUNTED).

    Args:
        known: Its pk and its campaign's, by whoever has them.
    """
    # Asked by itself: of a campaign that it knows, PostgreSQL also knows how large it is, and which index is short.
    mine = Assignment.objects.filter(token=token, annotator=annotator)
    known = known or mine.values_list("pk", "campaign_item__campaign").first()
    if known is None:
        raise Http404(_("You have no such assignment."))
    pk, campaign = known
    own = Assignment.objects.filter(annotator=annotator, campaign_item__campaign=campaign)
    own = own.exclude(state=AssignmentState.EXPIRED)
    found = (
        Assignment.objects.select_related(
            "annotator", "campaign_item__campaign__checklist_version", "campaign_item__item__prompt"
        )
        .annotate(
            answers=_answers(),
            newest=_only(JudgmentChange.objects.filter(assignment=OuterRef("pk")), Max("sequence")),
            previous=Subquery(own.filter(pk__lt=pk).order_by("-pk").values("token")[:1]),
            following=Subquery(own.filter(pk__gt=pk).order_by("pk").values("token")[:1]),
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
            left=_left(annotator, campaign),
        )
        .filter(token=token, annotator=annotator)
        .first()
    )
    if found is None:
        raise Http404(_("You have no such assignment."))
    return found


def _only(rows: QuerySet[Any], value: Any) -> Subquery:
    """One value over all rows of a subquery. (Aggregates in a subquery come by group; a constant makes one group.)"""
    return Subquery(rows.order_by().annotate(_all=Value(1)).values("_all").annotate(_value=value).values("_value"))


def _answers() -> ArraySubquery:
    fields = JSONObject(sub="sub_dimension", level="level", milliseconds="milliseconds")
    return ArraySubquery(Judgment.objects.filter(assignment=OuterRef("pk")).values(answer=fields))


def _left(annotator: Any, campaign: int) -> Func:
    # Gold is counted as work is: a number that stands still would tell which item it was.
    had = Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator)
    waiting = CampaignItem.objects.filter(~Exists(had), campaign=campaign, purpose__in=DATA, open_slots__gt=0)
    first = ArraySubquery(waiting.order_by().values("pk")[:LEFT_COUNTED])
    # What ran out can be taken up again, needed or not.
    lapsed = ArraySubquery(
        Assignment.objects.filter(
            annotator=annotator, campaign_item__campaign=campaign, campaign_item__purpose__in=DATA,
            state=AssignmentState.EXPIRED,
        ).order_by().values("pk")[:LEFT_COUNTED]
    )  # fmt: skip
    return Least(
        Func(first, function="cardinality", output_field=IntegerField())
        + Func(lapsed, function="cardinality", output_field=IntegerField()),
        LEFT_COUNTED,
    )


def answer_progress(assignment: AssignmentOnPage) -> AnswerProgress:
    """Read what has been answered in an assignment of :func:`my_assignment`."""
    return AnswerProgress(
        levels={row["sub"]: row["level"] for row in assignment.answers},
        milliseconds={row["sub"]: row["milliseconds"] for row in assignment.answers},
        sequence=assignment.newest or 0,
    )


def done_today(annotator: Any) -> int:
    """Count what this person has submitted today, by their clock."""
    return Assignment.objects.filter(annotator=annotator, submitted_at__gte=midnight()).count()
