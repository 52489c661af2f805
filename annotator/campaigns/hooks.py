"""Where apps further up take part in handing out items, without campaigns knowing them.

Registered in an app's ``ready()``; called inside the transaction of ``lease_next_item``.
"""

from collections.abc import Callable
from typing import Any

from annotator.campaigns.models import Campaign, CampaignItem

Gate = Callable[[Campaign, Any], None]
"""Raises ConflictError, in words for the annotator, where this person may not work in this campaign now."""

Chooser = Callable[[Campaign, Any], CampaignItem | None]
"""The item this person gets before the queue is asked (not yet had by them), or None."""

gates: list[Gate] = []
choosers: list[Chooser] = []
