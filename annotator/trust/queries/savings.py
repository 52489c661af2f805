"""What adaptive overlap saves, against asking the most annotators for every item."""

from dataclasses import dataclass

from django.db.models import Count, F

from annotator.campaigns.models import Campaign, Purpose
from annotator.trust.services.gold import policy_of


@dataclass(frozen=True)
class Savings:
    """``bars``: (annotators, settled items with so many). ``asked``, ``most``: annotations of settled items, as they
    came and as they would have come with the most annotators for each."""

    bars: list[tuple[int, int]]
    asked: int
    most: int

    @property
    def saved_share(self) -> float | None:
        """0..1, or None while nothing is settled."""
        return 1 - self.asked / self.most if self.most else None


def overlap_savings(campaign: Campaign) -> Savings | None:
    """Count what an adaptive overlap has saved.

    Returns None where the campaign's overlap is fixed.
    """
    policy = policy_of(campaign)
    if policy is None or policy.overlap_max is None:
        return None
    settled = (
        campaign.campaign_items.filter(purpose=Purpose.WORK, submitted__gte=F("needed"))
        .order_by("submitted")
        .values_list("submitted")
        .annotate(items=Count("pk"))
    )
    bars = [(int(people), int(items)) for people, items in settled]
    return Savings(
        bars=bars,
        asked=sum(people * items for people, items in bars),
        most=sum(max(policy.overlap_max, people) * items for people, items in bars),
    )
