"""The qualification test: items with known answers that come before the work."""

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, Judgment, Purpose
from annotator.core.errors import ConflictError
from annotator.trust.models import KnownAnswers, QualificationAttempt
from annotator.trust.services.gold import policy_of


def has_passed(campaign: Campaign, annotator: Any) -> bool:
    return QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator, passed=True).exists()


def choose_qualification(campaign: Campaign, annotator: Any) -> CampaignItem | None:
    """The next item of the test for somebody who has not passed it; None for everybody else.

    Raises ConflictError where all of the test has been handed out and not yet submitted (code ``test_first``).
    """
    policy = policy_of(campaign)
    if policy is None or not policy.require_qualification or has_passed(campaign, annotator):
        return None
    items = CampaignItem.objects.filter(campaign=campaign, purpose=Purpose.QUALIFICATION).order_by("-priority", "pk")
    if not items.exists():
        return None  # a test without items keeps nobody out
    had = Assignment.objects.filter(annotator=annotator, campaign_item__in=items).exclude(state=AssignmentState.EXPIRED)
    following = items.exclude(pk__in=had.values("campaign_item")).first()
    if following is None:
        raise ConflictError(
            _("Submit the items of the qualification test first; the work comes after it."), code="test_first"
        )
    return following


@transaction.atomic
def mark_test(*, campaign: Campaign, annotator: Any) -> QualificationAttempt | None:
    """Mark the test once its last item is submitted; None while items are left. A failed test can be taken again."""
    policy = policy_of(campaign)
    test = CampaignItem.objects.filter(campaign=campaign, purpose=Purpose.QUALIFICATION)
    items = list(test.values_list("pk", flat=True))
    done = list(
        Assignment.objects.select_for_update(of=("self",)).filter(
            annotator=annotator, campaign_item__in=items, state=AssignmentState.SUBMITTED
        )
    )
    if policy is None or len(done) < len(items) or has_passed(campaign, annotator):
        return None
    known = {answers.campaign_item_id: answers for answers in KnownAnswers.objects.filter(campaign_item__in=items)}
    item_of = {assignment.pk: assignment.campaign_item_id for assignment in done}
    given: dict[str, dict[str, int]] = {}
    right = judged = 0
    rows = Judgment.objects.filter(assignment__in=done).values_list("assignment_id", "sub_dimension", "level")
    for assignment, sub, level in rows:
        item = item_of[assignment]
        given.setdefault(str(item), {})[sub] = level
        if item in known and sub in known[item].levels:
            judged += 1
            right += known[item].is_right(sub, level)
    number = QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator).count() + 1
    attempt = QualificationAttempt.objects.create(
        campaign=campaign,
        annotator=annotator,
        number=number,
        judged=judged,
        right=right,
        passed=bool(judged) and right / judged >= policy.pass_share,
        answers=given,
    )
    if not attempt.passed:
        # What was answered is kept with the attempt; the items are there to be answered again, if they may be.
        Assignment.objects.filter(pk__in=[assignment.pk for assignment in done]).delete()
    return attempt


def mark_whole_tests(*, campaign: Campaign) -> None:
    """Mark, once this transaction has ended, the tests that an item's leaving has made whole: whoever has submitted
    all the rest has nothing more to submit that would have them marked.

    Afterwards, since marking locks annotations, and those are locked before the items that are locked now.
    """
    transaction.on_commit(partial(_mark_whole_tests, campaign), robust=True)


def _mark_whole_tests(campaign: Campaign) -> None:
    passed = QualificationAttempt.objects.filter(campaign=campaign, passed=True)
    submitted = Assignment.objects.filter(
        campaign_item__campaign=campaign,
        campaign_item__purpose=Purpose.QUALIFICATION,
        state=AssignmentState.SUBMITTED,
    ).exclude(annotator__in=passed.values("annotator"))
    for annotator in get_user_model().objects.filter(pk__in=submitted.values("annotator")):
        mark_test(campaign=campaign, annotator=annotator)
