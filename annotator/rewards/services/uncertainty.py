"""Active learning: campaigns that ask where the promoted model is least sure follow its newest scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotator.campaigns.models import Campaign, CampaignState, QueueOrder
from annotator.campaigns.services import set_priorities
from annotator.rewards.models import RewardModel
from annotator.rewards.queries import score_table

PRIORITY_AT_FULL_UNCERTAINTY = 1_000_000


def uncertainty(p_yes: ArrayLike) -> NDArray[np.float64]:
    """Measure how unsure a judge is of each item, 0..1.

    It is the mean entropy of its answers, in bits.

    Args:
        p_yes: float [n, q].
    """
    p = np.clip(np.asarray(p_yes, dtype=np.float64), 1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean(axis=1))


def order_campaigns(reward_model: RewardModel) -> int:
    """Put the items that this model is least sure of first.

    Only campaigns that ask for it are ordered. Returns how many campaigns.
    """
    campaigns = Campaign.objects.filter(
        media_type=reward_model.media_type,
        queue_order=QueueOrder.UNCERTAINTY,
    ).exclude(state=CampaignState.CLOSED)
    if not campaigns:
        return 0
    table = score_table(reward_model)
    if not len(table.items):
        return 0
    order = np.rint(uncertainty(table.p_yes) * PRIORITY_AT_FULL_UNCERTAINTY).astype(int)
    priorities = dict(zip(table.items.tolist(), order.tolist(), strict=True))
    for campaign in campaigns:
        set_priorities(campaign=campaign, priorities=priorities)
    return len(campaigns)
