"""Comparisons are kept for a minute: a page that is turned over and back need not read every judgment again."""

from __future__ import annotations

import hashlib
import json
import logging

from django.core.cache import cache
from django.db.models import Count, Max

from annotator.campaigns.models import Assignment, that_count
from annotator.insights.agreement.choice import Choice
from annotator.insights.agreement.evidence import gather
from annotator.insights.agreement.measure import Comparison, compare
from annotator.rewards.models import Score

logger = logging.getLogger(__name__)

SECONDS = 60


def comparison(choice: Choice) -> Comparison:
    """As :func:`compare` says; new annotations and scores count at once, corrections within a minute."""
    key = _key(choice)
    try:
        found = cache.get(key)
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
        return compare(gather(choice.model, choice.asked), choice.basis)
    if found is None:
        found = compare(gather(choice.model, choice.asked), choice.basis)
        cache.set(key, found, SECONDS)
    return found


def _key(choice: Choice) -> str:
    model = choice.model
    counting = Assignment.objects.filter(that_count(), campaign_item__campaign__in=choice.asked)
    annotations = counting.aggregate(n=Count("pk"), last=Max("submitted_at"))
    scores = Score.objects.filter(reward_model=model).aggregate(n=Count("pk"), last=Max("pk")) if model else {}
    state = [
        choice.basis,
        [campaign.pk for campaign in choice.asked],
        model and [model.pk, model.snapshot_id, model.updated_at.isoformat()],
        str(annotations),
        str(scores),
    ]
    return f"agreement:{hashlib.sha256(json.dumps(state).encode()).hexdigest()}"
