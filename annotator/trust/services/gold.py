"""Gold: known answers mixed into the work, the running accuracy they give, and the pause where it is too low."""

import hashlib
import random
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils import timezone

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, Judgment, Purpose
from annotator.campaigns.services.lease_lifecycle import give_back
from annotator.trust.models import AnnotatorStanding, AnnotatorStandingState, KnownAnswers, TrustPolicy
from annotator.trust.services.exclusions import exclude_answers, restore_answers


def choose_gold(campaign: Campaign, annotator: Any) -> CampaignItem | None:
    """Choose a gold item this person has not had, now and then.

    It comes about once in ``gold_every`` items, and nobody can foresee when.

    The draw is a keyed digest of how many items they have had, so that reloading a page does not draw again. No gold
    comes once the work is done: whatever came then could be nothing else.
    """
    policy = policy_of(campaign)
    if policy is None or not policy.gold_every:
        return None
    count = Assignment.objects.filter(annotator=annotator, campaign_item__campaign=campaign).count()
    digest = hashlib.sha256(f"{campaign.pk}:{annotator.pk}:{annotator.password}:{count}".encode())
    had = Exists(Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator))
    waiting = CampaignItem.objects.filter(~had, campaign=campaign, open_slots__gt=0)
    place = MD5(Concat(Value(digest.hexdigest()), Cast("pk", TextField())))
    # Asked for whether it is needed or not: work and gold are handed out with the same statements.
    gold = waiting.filter(Exists(waiting.filter(purpose=Purpose.WORK)), purpose=Purpose.GOLD).order_by(place).first()
    return None if random.Random(digest.digest()).randrange(policy.gold_every) else gold


def policy_of(campaign: Campaign) -> TrustPolicy | None:
    """Find the campaign's policy, or None.

    It is read once for each instance, as handing out an item asks several times.
    """
    known: dict[str, Any] = campaign.__dict__
    if "_trust_policy" not in known:
        known["_trust_policy"] = TrustPolicy.objects.filter(campaign=campaign).first()
    found: TrustPolicy | None = known["_trust_policy"]
    return found


@transaction.atomic
def count_gold(*, campaign: Campaign, annotator: Any) -> AnnotatorStanding:
    """Work out an annotator's gold accuracy anew.

    An annotator below the campaign's bar is paused.
    """
    policy = policy_of(campaign)
    AnnotatorStanding.objects.get_or_create(campaign=campaign, annotator=annotator)
    standing = AnnotatorStanding.objects.select_for_update().get(campaign=campaign, annotator=annotator)
    answered = Assignment.objects.filter(
        annotator=annotator,
        campaign_item__campaign=campaign,
        campaign_item__purpose=Purpose.GOLD,
        state=AssignmentState.SUBMITTED,
    )
    if standing.gold_since:
        answered = answered.filter(submitted_at__gt=standing.gold_since)
    window = list(answered.order_by("-submitted_at", "-pk")[: policy.gold_window if policy else 10])
    tally = _tally(window)
    standing.by_sub_dimension = tally
    standing.right = sum(right for right, _judged in tally.values())
    standing.judged = sum(judged for _right, judged in tally.values())
    standing.save(update_fields=["by_sub_dimension", "right", "judged", "updated_at"])
    share = standing.share
    if (
        policy is not None
        and policy.gold_every
        and standing.state == AnnotatorStandingState.ACTIVE
        and len(window) >= policy.gold_items_before
        and share is not None
        and share < policy.gold_share
    ):
        pause(standing=standing, reason=f"{standing.right} of {standing.judged} known answers were correct.")
    return standing


def _tally(assignments: list[Assignment]) -> dict[str, list[int]]:
    known = {k.campaign_item_id: k for k in KnownAnswers.objects.filter(campaign_item__assignments__in=assignments)}
    item_of = {assignment.pk: assignment.campaign_item_id for assignment in assignments}
    tally: dict[str, list[int]] = {}
    rows = Judgment.objects.filter(assignment__in=assignments).values_list("assignment_id", "sub_dimension", "level")
    for assignment, sub, level in rows:
        answers = known.get(item_of[assignment])
        if answers and sub in answers.levels:
            counts = tally.setdefault(sub, [0, 0])
            counts[0] += answers.is_right(sub, level)
            counts[1] += 1
    return tally


@transaction.atomic
def pause(*, standing: AnnotatorStanding, reason: str) -> AnnotatorStanding:
    """Stop handing items to this annotator in this campaign, and ask their answers again. Can be lifted."""
    standing = AnnotatorStanding.objects.select_for_update().select_related("campaign", "annotator").get(pk=standing.pk)
    if standing.state == AnnotatorStandingState.PAUSED:
        return standing
    standing.state, standing.reason, standing.paused_at, standing.seen_at = (
        AnnotatorStandingState.PAUSED, reason, timezone.now(), None,
    )  # fmt: skip
    standing.save(update_fields=["state", "reason", "paused_at", "seen_at", "updated_at"])
    exclude_answers(campaign=standing.campaign, annotator=standing.annotator)
    leases = Assignment.objects.select_for_update(of=("self",)).filter(
        annotator=standing.annotator, campaign_item__campaign=standing.campaign, state=AssignmentState.LEASED
    )
    for lease in leases:
        give_back(lease, AssignmentState.EXPIRED)
    return standing


@transaction.atomic
def lift_pause(*, standing: AnnotatorStanding, restore: bool) -> AnnotatorStanding:
    """Let a paused annotator go on.

    Their gold items so far count no longer.

    Args:
        restore: Make the answers that were put aside count again.
    """
    standing = AnnotatorStanding.objects.select_for_update().select_related("campaign", "annotator").get(pk=standing.pk)
    if standing.state != AnnotatorStandingState.PAUSED:
        return standing
    now = timezone.now()
    standing.state, standing.seen_at, standing.gold_since = AnnotatorStandingState.ACTIVE, now, now
    standing.judged = standing.right = standing.hasty = 0
    standing.by_sub_dimension = {}
    standing.save()
    if restore:
        restore_answers(campaign=standing.campaign, annotator=standing.annotator)
    return standing
