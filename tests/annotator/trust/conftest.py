"""Items with known answers, and people who answer them well or badly."""

from collections.abc import Callable
from typing import Any

import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, CampaignItem, Purpose
from annotator.campaigns.services import lease_next_item, submit_assignment
from annotator.trust.models import TrustPolicy
from annotator.trust.services import follow_up, set_known_answers


@pytest.fixture
def make_policy(db: None) -> Callable[..., TrustPolicy]:
    """``make_policy(campaign, gold_every=2)``."""

    def make(campaign: Campaign, **fields: Any) -> TrustPolicy:
        # Tests answer faster than anybody looks; only those about haste mind.
        fields = {"haste_limit": 0} | fields
        policy, _ = TrustPolicy.objects.update_or_create(campaign=campaign, defaults=fields)
        if hasattr(campaign, "_trust_policy"):
            del campaign._trust_policy
        return policy

    return make


@pytest.fixture
def know(db: None) -> Callable[..., list[CampaignItem]]:
    """``know(campaign, 2, Purpose.GOLD)``: so many items of the campaign get their highest levels as known answers."""

    def make(campaign: Campaign, count: int, purpose: str = Purpose.GOLD, **fields: Any) -> list[CampaignItem]:
        best = {sub.id: sub.highest for sub in checklist_of(campaign.checklist_version).ordinal}
        # Items that somebody has had already would measure nobody.
        rows = list(campaign.campaign_items.filter(purpose=Purpose.WORK, assignments=None).order_by("-pk")[:count])
        for row in rows:
            set_known_answers(campaign_item=row, levels=best, purpose=purpose, **fields)
        return [CampaignItem.objects.get(pk=row.pk) for row in rows]

    return make


@pytest.fixture
def work_on(answer_all: Callable[..., None]) -> Callable[..., Assignment | None]:
    """``work_on(campaign, ann, clarity=-2)``: take the next item, answer all of it, submit; None where none is left."""

    def work(campaign: Campaign, annotator: Any, worst: bool = False, **levels: int) -> Assignment | None:
        assignment = lease_next_item(campaign=campaign, annotator=annotator)
        if assignment is None:
            return None
        if worst:
            checklist = checklist_of(campaign.checklist_version)
            # The lowest level that still says something is there, so that no ladder closes; what is unsafe asks for
            # its kind.
            levels = (
                {sub.id: sub.scores[1 if sub.mask or checklist.dependents(sub.id) else 0] for sub in checklist.ordinal}
                | {"safety": checklist.sub_dimension("safety").highest}
                | levels
            )
        answer_all(assignment, **levels)
        submitted = submit_assignment(token=assignment.token, annotator=annotator)
        follow_up(assignment_id=submitted.pk)  # as the task does after the commit
        return submitted

    return work
