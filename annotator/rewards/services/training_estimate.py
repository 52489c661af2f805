"""What a training will take, told before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, that_count
from annotator.rewards import judges
from annotator.rewards.services.training_request import require_one_checklist


def estimate_training(*, campaigns: Iterable[Campaign], judge: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Estimate memory, time and disk of a training.

    The result also has its settings with the defaults that were chosen.

    Raises:
        ProblemError: As :func:`request_training` does.
    """
    campaigns = list(campaigns)
    require_one_checklist(campaigns)
    kind = judges.kind_of(judge)
    whole = kind.check_settings(settings, campaigns[0].media_type)
    judged = Assignment.objects.filter(that_count(), campaign_item__campaign__in=campaigns)
    items = judged.order_by().values("campaign_item__item").distinct().count()
    found = kind.estimate(whole, checklist_of(campaigns[0].checklist_version), items) or judges.Estimate()
    return {"items": items, **found.to_json(), "settings": whole}
