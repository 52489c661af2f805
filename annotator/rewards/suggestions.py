"""What the promoted version would answer, for campaigns that show it before a person does."""

import numpy as np

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.hooks import Suggestion
from annotator.campaigns.models import Campaign
from annotator.rewards.models import RewardModelState, Score
from reward_engine.ladders import most_likely_levels


def suggest(campaign: Campaign, campaign_item: int) -> Suggestion | None:
    """The likeliest level of each ladder by the promoted version's score of the item; None where it has none.

    A version that was trained on another version of the checklist speaks for the ladders both have.
    """
    score = (
        Score.objects.filter(
            item__campaign_items=campaign_item,
            reward_model__state=RewardModelState.PROMOTED,
            reward_model__media_type=campaign.media_type,
        )
        .select_related("reward_model__checklist_version")
        .first()
    )
    if score is None:
        return None
    checklist = checklist_of(score.reward_model.checklist_version)
    levels = most_likely_levels(checklist, np.array([score.p_yes]))[0].tolist()
    return Suggestion(
        levels=dict(zip([sub.id for sub in checklist.ordinal], levels, strict=True)), by=str(score.reward_model)
    )
