"""Comparisons are kept for a minute: a page that is turned over and back need not read every judgment again."""

from __future__ import annotations

import hashlib
import json
import logging
import time

from django.core.cache import cache
from django.db.models import Count, Max

from annotator.campaigns.models import Assignment, that_count
from annotator.insights.agreement.choice import Choice
from annotator.insights.agreement.evidence import gather
from annotator.insights.agreement.measure import Comparison, compare
from annotator.rewards.models import Score

logger = logging.getLogger(__name__)

SECONDS = 60
# However many look at the same, one request computes it and the others wait for that one.
LONGEST_SECONDS = 30


def comparison(choice: Choice) -> Comparison:
    """As :func:`compare` says; new annotations and scores count at once, corrections within a minute."""
    key = _key(choice)
    try:
        if (found := cache.get(key)) is not None:
            return found
        mine = cache.add(f"{key}:lock", True, LONGEST_SECONDS)
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
        return compare(gather(choice.model, choice.asked), choice.basis)
    if not mine and (found := _wait_for(key)) is not None:
        return found
    try:
        found = compare(gather(choice.model, choice.asked), choice.basis)
        cache.set(key, found, SECONDS)
    finally:
        cache.delete(f"{key}:lock")
    return found


def _wait_for(key: str) -> Comparison | None:
    """What another request is computing; None where it does not come in time, or that request has failed."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
        if (found := cache.get(key)) is not None or cache.get(f"{key}:lock") is None:
            return found if found is not None else cache.get(key)
    return None


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
