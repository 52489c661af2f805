"""The qualification test: items with known answers that come before the work."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    Judgment,
    JudgmentChange,
    Purpose,
)
from annotator.core.errors import ConflictError
from annotator.trust.models import KnownAnswers, QualificationAttempt
from annotator.trust.services.gold import policy_of
from reward_engine.storage import sha256


def has_passed(campaign: Campaign, annotator: Any) -> bool:
    """Tell whether somebody has passed the test."""
    return QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator, passed=True).exists()


def choose_qualification(campaign: Campaign, annotator: Any) -> CampaignItem | None:
    """Choose the next item of the test for somebody who needs it.

    Returns None for somebody who has passed the test.

    Raises:
        ConflictError: If all of the test has been handed out and not yet submitted (code ``test_first``).
    """
    policy = policy_of(campaign)
    if policy is None or not policy.require_qualification or has_passed(campaign, annotator):
        return None
    test = test_of(campaign, annotator)
    if not test:
        return None  # a test without items keeps nobody out
    had = set(
        Assignment.objects.filter(annotator=annotator, campaign_item__in=test)
        .exclude(state=AssignmentState.EXPIRED)
        .values_list("campaign_item", flat=True)
    )
    following = next((CampaignItem.objects.get(pk=item) for item in test if item not in had), None)
    if following is None:
        raise ConflictError(_("Submit the qualification test first. The work comes after it."), code="test_first")
    return following


def test_of(campaign: Campaign, annotator: Any) -> list[int]:
    """List the items of this person's present try, in order.

    These are ids of CampaignItem: those begun already, then those that no earlier try had, then those whose last try is
    longest ago. Equals come in a seeded order of this person's own. There are as many as the policy says.
    """
    policy = policy_of(campaign)
    items = list(
        CampaignItem.objects.filter(campaign=campaign, purpose=Purpose.QUALIFICATION).values_list("pk", flat=True)
    )
    begun = set(
        Assignment.objects.filter(annotator=annotator, campaign_item__in=items).values_list("campaign_item", flat=True)
    )
    tries = QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator).order_by("number")
    last_try = {int(item): number for number, given in tries.values_list("number", "answers") for item in given}

    def place(item: int) -> tuple[bool, int, str]:
        draw = sha256(f"{settings.SECRET_KEY}:test:{annotator.pk}:{item}".encode())
        return item not in begun, last_try.get(item, 0), draw

    return sorted(items, key=place)[: policy.test_items if policy and policy.test_items else None]


def first_answers(assignments: Iterable[Assignment]) -> dict[int, dict[str, int]]:
    """Read what was answered first, before any feedback.

    Returns {assignment: {sub-dimension: level}}.

    A level that followed from another ladder ("no hands") is no answer to this one while there is a later one that was
    chosen. Where there is no history, the result has the present answers.
    """
    assignments = list(assignments)
    standing = Judgment.objects.filter(assignment__in=assignments)
    answers: dict[int, dict[str, int]] = {}
    for assignment, sub, level in standing.values_list("assignment_id", "sub_dimension", "level"):
        answers.setdefault(assignment, {})[sub] = level
    if not assignments:
        return answers
    checklist = checklist_of(assignments[0].campaign_item.campaign.checklist_version)
    implied = {sub.id: sub.lowest for sub in checklist.ordinal if sub.masked_by_other}
    seen: set[tuple[int, str]] = set()
    history = JudgmentChange.objects.filter(assignment__in=assignments, level__isnull=False).order_by("pk")
    for assignment, sub, chosen in history.values_list("assignment_id", "sub_dimension", "level"):
        if chosen is not None and (assignment, sub) not in seen and chosen != implied.get(sub):
            seen.add((assignment, sub))
            answers.setdefault(assignment, {})[sub] = chosen
    return answers


@transaction.atomic
def mark_test(*, campaign: Campaign, annotator: Any) -> QualificationAttempt | None:
    """Mark the test once its last item is submitted; None while items are left. A failed test can be taken again.

    The first answers are marked: feedback names the right level, and correcting oneself by it proves nothing.
    """
    policy = policy_of(campaign)
    items = test_of(campaign, annotator)
    done = list(
        Assignment.objects.select_for_update(of=("self",))
        .select_related("campaign_item__campaign__checklist_version")
        .filter(annotator=annotator, campaign_item__in=items, state=AssignmentState.SUBMITTED)
    )
    if policy is None or not done or len(done) < len(items) or has_passed(campaign, annotator):
        return None
    known = {answers.campaign_item_id: answers for answers in KnownAnswers.objects.filter(campaign_item__in=items)}
    given: dict[str, dict[str, int]] = {}
    right = judged = 0
    answers = first_answers(done)
    for assignment in done:
        item = assignment.campaign_item_id
        given[str(item)] = answers.get(assignment.pk, {})
        for sub, level in given[str(item)].items():
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
    """Mark the tests that are complete because an item left.

    They are marked once this transaction has ended. Whoever has submitted all the rest submits nothing more that would
    have them marked. It waits because marking locks annotations, and those are locked before the items that are locked
    now.
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
