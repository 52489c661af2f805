"""What of the trust pages takes long: annotators side by side and the review queue, as a worker makes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, Sum

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, JudgmentChange
from annotator.core import figures
from annotator.trust.models import Adjudication, AnnotatorStanding, QualificationAttempt, TrustPolicy
from annotator.trust.queries.annotators import AnnotatorRow, annotator_report
from annotator.trust.queries.review_queue import REVIEW, make_queue
from annotator.trust.queries.reviewers import REVIEWERS, count_reviews
from annotator.trust.queries.savings import Savings, overlap_savings

REPORT = "trust.report"


@dataclass(frozen=True)
class Report:
    """A report and whether a newer one is coming.

    ``made_at`` is None before the first report. ``is_asked`` means that a newer one may be on its way.
    """

    rows: list[AnnotatorRow]
    savings: Savings | None
    made_at: datetime | None
    is_asked: bool


def report(campaign: Campaign) -> Report:
    """Find the campaign's annotators with their last figures.

    The figures are as last worked out. Who the annotators are and what they may do is as it stands now.
    """
    found = figures.latest(REPORT, campaign.pk)
    made: dict[int, AnnotatorRow] = found.value["rows"] if found.value else {}
    standings = {standing.annotator_id: standing for standing in AnnotatorStanding.objects.filter(campaign=campaign)}
    attempts: dict[int, list[QualificationAttempt]] = {}
    for attempt in QualificationAttempt.objects.filter(campaign=campaign):
        attempts.setdefault(attempt.annotator_id, []).append(attempt)
    people = User.objects.in_bulk({*made, *standings, *attempts})
    rows = [
        replace(
            made.get(pk) or AnnotatorRow(person),
            annotator=person, standing=standings.get(pk), attempts=attempts.get(pk, []),
        )
        for pk, person in people.items()
    ]  # fmt: skip
    rows.sort(key=lambda row: (row.reliability is None, row.reliability or 0.0, row.annotator.username))
    return Report(rows, found.value["savings"] if found.value else None, found.made_at, found.is_asked)


def have_changed(campaign: int) -> None:
    """Make the next look ask a worker at once.

    Call it when a reviewer or admin has done something that both show.
    """
    figures.outdated(REPORT, campaign)
    figures.outdated(REVIEW, campaign)
    figures.outdated(REVIEWERS, campaign)


def _make_report(pk: int) -> dict[str, Any]:
    campaign = Campaign.objects.select_related("checklist_version").get(pk=pk)
    rows = {
        row.annotator.pk: replace(row, annotator=None, standing=None, attempts=[])  # type: ignore[arg-type]
        for row in annotator_report(campaign)
    }
    return {"rows": rows, "savings": overlap_savings(campaign)}


def _depends_on(pk: int) -> str:
    """Every answer, what counts, who is measured by what, decisions, and the policy."""
    submitted = Q(state=AssignmentState.SUBMITTED)
    answers = Assignment.objects.filter(submitted, campaign_item__campaign=pk).aggregate(
        n=Count("pk"), counted=Count("pk", filter=Q(counted=True)), last=Max("submitted_at")
    )
    changes = JudgmentChange.objects.filter(assignment__campaign_item__campaign=pk).aggregate(last=Max("pk"))
    items = (
        CampaignItem.objects.filter(campaign=pk)
        .order_by("purpose")
        .values_list("purpose")
        .annotate(n=Count("pk"), needed=Sum("needed"), submitted=Sum("submitted"))
    )
    decided = Adjudication.objects.filter(campaign_item__campaign=pk).aggregate(n=Count("pk"), last=Max("updated_at"))
    policy = TrustPolicy.objects.filter(campaign=pk).values_list("updated_at", flat=True).first()
    return str((answers, changes, list(items), decided, policy))


def register() -> None:
    """Register the figures that workers make."""
    figures.register(REPORT, make=_make_report, depends_on=_depends_on)
    figures.register(REVIEW, make=make_queue, depends_on=_depends_on)
    figures.register(REVIEWERS, make=count_reviews)
