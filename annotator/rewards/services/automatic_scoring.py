"""New items are scored by the promoted version without being asked for: one job for all that come in together.

An item that is recorded leaves a note of its media type with its transaction. A task that runs every few seconds looks
at the notes, waits until no more items come in, and asks for the scores. A note goes once nothing it speaks of is
without a score, so that nothing is forgotten whatever is killed.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from annotator.jobs.models import FINISHED, Job
from annotator.library.models import Item
from annotator.library.services.import_jobs import IMPORT_TASK
from annotator.rewards.models import AutomaticScoring, RewardModel, RewardModelState, ScoreProblem
from annotator.rewards.services.scoring import request_scoring, request_scoring_of, unscored

# So few are scored ahead of a backlog; more are a backlog themselves.
FEW = 64


# The least id of the items recorded in the transaction at hand, by media type; a thread has one connection.
_new = threading.local()


def note_new(item: Item) -> None:
    """Note that an item came in, once the transaction that records it has committed."""
    if item.media_type not in settings.AUTO_SCORE:
        return
    least: dict[str, int] = _new.__dict__.setdefault("least", {})
    least[item.media_type] = min(item.pk, least.get(item.media_type, item.pk))
    # One call an item, of which the first writes for all: a transaction that is rolled back calls none.
    transaction.on_commit(lambda: _note(item.media_type))


def _note(media_type: str) -> None:
    first = _new.least.pop(media_type, None)
    if first is None:
        return
    now, pk = timezone.now(), Value(first, output_field=BigIntegerField())
    AutomaticScoring.objects.get_or_create(media_type=media_type)
    AutomaticScoring.objects.filter(pk=media_type).update(
        first_item=Least(Coalesce("first_item", pk), pk), first_at=Coalesce("first_at", now), last_at=now
    )


def score_new_items() -> list[Job]:
    """Ask for scores of what came in and has settled. Returns the jobs under way for it."""
    notes = AutomaticScoring.objects.filter(enabled=True, first_item__isnull=False, media_type__in=settings.AUTO_SCORE)
    found = [_look(note) for note in notes]
    return [job for job in found if job is not None]


def _look(note: AutomaticScoring) -> Job | None:
    now = timezone.now()
    if not _has_settled(note, now):
        return None
    model = RewardModel.objects.filter(media_type=note.media_type, state=RewardModelState.PROMOTED).first()
    pks = [] if model is None else list(_waiting(model, note).values_list("pk", flat=True)[: FEW + 1])
    if model is None or not pks:
        # Only as it was looked at: what has come in since has changed the note.
        AutomaticScoring.objects.filter(pk=note.pk, last_at=note.last_at).update(
            first_item=None, first_at=None, last_at=None
        )
        return None
    if len(pks) <= FEW:
        return request_scoring_of(reward_model=model, items=pks)
    return request_scoring(reward_model=model)


def _has_settled(note: AutomaticScoring, now: datetime) -> bool:
    """Whether no more are to come, as far as one can tell: no import is under way, and none came for a while."""
    if Job.objects.filter(kind=IMPORT_TASK).exclude(state__in=FINISHED).exists():
        return False
    assert note.first_at is not None
    assert note.last_at is not None
    quiet = now - note.last_at >= timedelta(seconds=settings.AUTO_SCORE_SETTLE_SECONDS)
    return quiet or now - note.first_at >= timedelta(seconds=settings.AUTO_SCORE_WAIT_SECONDS)


def _waiting(model: RewardModel, note: AutomaticScoring) -> QuerySet[Item]:
    """Without those that were tried and cannot be scored."""
    tried = ScoreProblem.objects.filter(reward_model=model, item=OuterRef("pk"))
    return unscored(model).filter(~Exists(tried), pk__gte=note.first_item)
