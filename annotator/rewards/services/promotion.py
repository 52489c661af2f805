"""Which version scores: exactly one a media type, and a history of how that came about."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext

from annotator.core.errors import ConflictError
from annotator.core.texts import joined
from annotator.library.models import MediaType
from annotator.rewards import judges
from annotator.rewards.models import RewardModel, RewardModelAction, RewardModelEvent, RewardModelState

_LOCK = 0x5E_9157  # advisory lock of the register of models, one a media type


def lock_register(media_type: str) -> None:
    """Lock the versions of a media type for this transaction.

    Until it ends, nobody else numbers, promotes or retires one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, MediaType.values.index(media_type)])


@transaction.atomic
def promote(*, reward_model: RewardModel, by: Any = None, note: str = "") -> RewardModel:
    """Promote this version, so that it scores, and retire the current one.

    A retired version may be promoted again.

    Raises:
        BrokenArtifactError: If its files are missing or altered.
    """
    lock_register(reward_model.media_type)
    model = RewardModel.objects.select_for_update().get(pk=reward_model.pk)
    if model.state == RewardModelState.PROMOTED:
        return model
    judges.check(model)
    standing = RewardModel.objects.filter(media_type=model.media_type, state=RewardModelState.PROMOTED).first()
    if standing is not None:
        _set_state(standing, RewardModelState.RETIRED)
        _note(
            standing,
            RewardModelAction.RETIRED,
            by,
            gettext("Replaced by version %(version)s.") % {"version": model.version},
        )
    model.promoted_at = timezone.now()
    _set_state(model, RewardModelState.PROMOTED)
    _note(model, RewardModelAction.PROMOTED, by, note)
    return model


def version_before(media_type: str) -> RewardModel | None:
    """Find the version to go back to from the promoted one.

    It is the one that scored before it, or None.

    Promoting a version that was promoted earlier goes back to it, and what came after it is left behind. So going back
    again and again leads to the first version, and never round in a circle.
    """
    history: list[int] = []
    events = RewardModelEvent.objects.filter(
        action=RewardModelAction.PROMOTED, reward_model__media_type=media_type
    ).order_by("pk")
    for pk in events.values_list("reward_model_id", flat=True):
        history = history[: history.index(pk) + 1] if pk in history else [*history, pk]
    standing = RewardModel.objects.filter(media_type=media_type, state=RewardModelState.PROMOTED).first()
    if standing is None or standing.pk not in history:
        return None
    place = history.index(standing.pk)
    return RewardModel.objects.get(pk=history[place - 1]) if place else None


@transaction.atomic
def roll_back(*, reward_model: RewardModel, by: Any = None, note: str = "") -> RewardModel:
    """Promote the version that was promoted before this one.

    This version is the promoted one. Returns the earlier version.

    Raises:
        ConflictError: If this one is not the promoted one (any more) or there was none before.
        BrokenArtifactError: If the earlier one's files are missing or altered.
    """
    lock_register(reward_model.media_type)
    model = RewardModel.objects.select_for_update().get(pk=reward_model.pk)
    if model.state != RewardModelState.PROMOTED:
        raise ConflictError(
            gettext("%(model)s is not promoted, so there is nothing to roll back.") % {"model": model},
            code="not_promoted",
        )
    earlier = version_before(model.media_type)
    if earlier is None:
        raise ConflictError(
            gettext("No version was promoted before %(model)s. Promote another version, or retire this one.")
            % {"model": model},
            code="no_earlier",
        )
    return promote(
        reward_model=earlier,
        by=by,
        note=joined([gettext("Rolled back from version %(version)s.") % {"version": model.version}, note]),
    )


@transaction.atomic
def retire(*, reward_model: RewardModel, by: Any = None, note: str = "") -> RewardModel:
    """Retire a version; its scores stay.

    Where it was the promoted one, none is promoted then.

    Raises:
        ConflictError: If it is retired already.
    """
    lock_register(reward_model.media_type)
    model = RewardModel.objects.select_for_update().get(pk=reward_model.pk)
    if model.state == RewardModelState.RETIRED:
        raise ConflictError(gettext("%(model)s is already retired.") % {"model": model}, code="retired")
    _set_state(model, RewardModelState.RETIRED)
    _note(model, RewardModelAction.RETIRED, by, note)
    return model


def _set_state(model: RewardModel, state: str) -> None:
    model.state = state
    model.save(update_fields=["state", "promoted_at", "updated_at"])


def _note(model: RewardModel, action: str, by: Any, note: str) -> None:
    RewardModelEvent.objects.create(reward_model=model, action=action, by=by, note=note)
