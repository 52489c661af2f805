"""Campaigns that ask where the model is least sure."""

import numpy as np
import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import QueueOrder
from annotator.campaigns.services import lease_next_item
from annotator.rewards.models import RewardModel, RewardModelState, Score
from annotator.rewards.receivers import on_scoring_finished
from annotator.rewards.services.uncertainty import uncertainty


def test_a_coin_is_all_unsure_and_a_certainty_is_none():
    assert uncertainty([[0.5, 0.5], [0.0, 1.0], [0.5, 1.0]]) == pytest.approx([1.0, 0.0, 0.5], abs=1e-9)


@pytest.fixture
def scored(make_campaign):
    """A campaign whose items the model is more and more unsure of."""
    campaign = make_campaign(3, queue_order=QueueOrder.UNCERTAINTY)
    version = campaign.checklist_version
    count = len(checklist_of(version).questions)
    model = RewardModel.objects.create(
        media_type="image", version=1, state=RewardModelState.PROMOTED, checklist_version=version, path="",
        weights=[0.0] * count,
    )  # fmt: skip
    rows = campaign.campaign_items.order_by("pk")
    for row, p in zip(rows, np.linspace(0.95, 0.5, 3), strict=True):
        Score.objects.create(item=row.item, reward_model=model, p_yes=[p] * count, reward=0, by_dimension=[0] * 5)
    return campaign, model


def test_the_least_certain_item_comes_first(scored, make_user):
    campaign, model = scored
    on_scoring_finished(None, reward_model=model)
    first = lease_next_item(campaign=campaign, annotator=make_user("ann"))
    assert first.campaign_item == campaign.campaign_items.order_by("-pk").first()


def test_a_candidate_orders_nothing(scored):
    campaign, model = scored
    RewardModel.objects.update(state=RewardModelState.CANDIDATE)
    model.refresh_from_db()
    on_scoring_finished(None, reward_model=model)
    assert set(campaign.campaign_items.values_list("priority", flat=True)) == {0}
