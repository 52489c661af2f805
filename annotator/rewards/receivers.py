"""What follows from finished scores, within this app."""

from typing import Any

from annotator.library.models import Item
from annotator.rewards.models import RewardModel, RewardModelState


def on_scoring_finished(sender: Any, *, reward_model: RewardModel, **kwargs: Any) -> None:
    """Campaigns that ask where the promoted model is least sure follow what it says now."""
    if reward_model.state == RewardModelState.PROMOTED:
        from annotator.rewards.services.uncertainty import order_campaigns  # only workers need it

        order_campaigns(reward_model)


def on_item_recorded(sender: Any, *, item: Item, **kwargs: Any) -> None:
    """A new item is scored by the promoted version, once no more come in."""
    from annotator.rewards.services.automatic_scoring import note_new

    note_new(item)
