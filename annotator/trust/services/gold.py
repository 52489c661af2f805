"""Gold: known answers mixed into the work, the running accuracy they give, and the pause where it is too low."""

import hashlib
import random
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, TextField, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils import timezone

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, Judgment, Purpose
from annotator.campaigns.services.leases import give_back
from annotator.trust.models import KnownAnswers, Standing, StandingState, TrustPolicy
from annotator.trust.services.asides import put_aside, take_back


def choose_gold(campaign: Campaign, annotator: Any) -> CampaignItem | None:
    """A gold item this person has not had, about once in ``gold_every`` items; which ones, nobody can foresee.

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
    """The campaign's policy, or None. Read once for each instance: handing out an item asks several times."""
    if not hasattr(campaign, "_trust_policy"):
        campaign._trust_policy = TrustPolicy.objects.filter(campaign=campaign).first()
    return campaign._trust_policy


@transaction.atomic
def count_gold(*, campaign: Campaign, annotator: Any) -> Standing:
    """Work out an annotator's running gold accuracy anew, and pause them where it is below the campaign's bar."""
    policy = policy_of(campaign)
    Standing.objects.get_or_create(campaign=campaign, annotator=annotator)
    standing = Standing.objects.select_for_update().get(campaign=campaign, annotator=annotator)
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
        and standing.state == StandingState.ACTIVE
        and len(window) >= policy.gold_items_before
        and share is not None
        and share < policy.gold_share
    ):
        pause(standing=standing, reason=f"{standing.right} of {standing.judged} known answers were right.")
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
def pause(*, standing: Standing, reason: str) -> Standing:
    """Stop handing items to this annotator in this campaign, and ask their answers again. Can be lifted."""
    standing = Standing.objects.select_for_update().select_related("campaign", "annotator").get(pk=standing.pk)
    if standing.state == StandingState.PAUSED:
        return standing
    standing.state, standing.reason, standing.paused_at, standing.seen_at = (
        StandingState.PAUSED, reason, timezone.now(), None,
    )  # fmt: skip
    standing.save(update_fields=["state", "reason", "paused_at", "seen_at", "updated_at"])
    put_aside(campaign=standing.campaign, annotator=standing.annotator)
    leases = Assignment.objects.select_for_update(of=("self",)).filter(
        annotator=standing.annotator, campaign_item__campaign=standing.campaign, state=AssignmentState.LEASED
    )
    for lease in leases:
        give_back(lease, AssignmentState.EXPIRED)
    return standing


@transaction.atomic
def lift_pause(*, standing: Standing, restore: bool) -> Standing:
    """Let the annotator go on, from a clean slate of gold; ``restore``: what was put aside counts again."""
    standing = Standing.objects.select_for_update().select_related("campaign", "annotator").get(pk=standing.pk)
    if standing.state != StandingState.PAUSED:
        return standing
    now = timezone.now()
    standing.state, standing.seen_at, standing.gold_since = StandingState.ACTIVE, now, now
    standing.judged = standing.right = standing.hasty = 0
    standing.by_sub_dimension = {}
    standing.save()
    if restore:
        take_back(campaign=standing.campaign, annotator=standing.annotator)
    return standing
