"""Which version scores: exactly one a media type, and a history of how that came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotator.core.errors import ConflictError
from annotator.library.models import MediaType
from annotator.rewards import judges
from annotator.rewards.models import RewardModel, RewardModelAction, RewardModelEvent, RewardModelState

_LOCK = 0x5E_9157  # advisory lock of the register of models, one a media type


def lock_register(media_type: str) -> None:
    """Until the transaction ends nobody else numbers, promotes or retires a version of this media type."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, MediaType.values.index(media_type)])


@transaction.atomic
def promote(*, reward_model: RewardModel, by: Any = None, note: str = "") -> RewardModel:
    """Make this version the one that scores; the present one is retired. A retired version may come back.

    Raises BrokenArtifactError where its files are missing or altered.
    """
    lock_register(reward_model.media_type)
    model = RewardModel.objects.select_for_update().get(pk=reward_model.pk)
    if model.state == RewardModelState.PROMOTED:
        return model
    judges.check(model)
    standing = RewardModel.objects.filter(media_type=model.media_type, state=RewardModelState.PROMOTED).first()
    if standing is not None:
        _set_state(standing, RewardModelState.RETIRED)
        _note(standing, RewardModelAction.RETIRED, by, f"Version {model.version} took its place.")
    model.promoted_at = timezone.now()
    _set_state(model, RewardModelState.PROMOTED)
    _note(model, RewardModelAction.PROMOTED, by, note)
    return model


@transaction.atomic
def retire(*, reward_model: RewardModel, by: Any = None, note: str = "") -> RewardModel:
    """Put a version aside. Where it was the promoted one, none is promoted then. Its scores stay.

    Raises ConflictError where it is retired already.
    """
    lock_register(reward_model.media_type)
    model = RewardModel.objects.select_for_update().get(pk=reward_model.pk)
    if model.state == RewardModelState.RETIRED:
        raise ConflictError(f"{model} is retired already.", code="retired")
    _set_state(model, RewardModelState.RETIRED)
    _note(model, RewardModelAction.RETIRED, by, note)
    return model


def _set_state(model: RewardModel, state: str) -> None:
    model.state = state
    model.save(update_fields=["state", "promoted_at", "updated_at"])


def _note(model: RewardModel, action: str, by: Any, note: str) -> None:
    RewardModelEvent.objects.create(reward_model=model, action=action, by=by, note=note)


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may take the promoted version's place, and why, in words."""

    passes: bool
    reason: str

    def to_json(self, *, asked: bool) -> dict[str, Any]:
        """Plain data for the version's row. ``asked``: whether it was to be promoted where it passes."""
        return {"passes": self.passes, "reason": self.reason, "asked": asked}


def gate(candidate: RewardModel, standing: RewardModel | None) -> Verdict:
    """May this candidate be promoted without a person looking?

    Two versions are measured on different held-out prompts, so what is compared is how far each is below the log
    loss of its own baseline (1: no better than the shares of yes; 0: always sure and right).
    """
    if standing is None:
        return Verdict(True, "It is the first: no other version is promoted.")
    if standing.checklist_version_id != candidate.checklist_version_id:
        return Verdict(
            False, f"It answers another checklist than version {standing.version}, which is promoted; a person decides."
        )
    ours, theirs = _relative_loss(candidate), _relative_loss(standing)
    if ours is None or theirs is None:
        return Verdict(False, "Its held-out measures cannot be compared; a person decides.")
    words = f"log loss on held-out prompts is {ours:.0%} of the baseline’s, version {standing.version}’s {theirs:.0%}"
    if ours <= theirs:
        return Verdict(True, f"It is at least as good: its {words}.")
    return Verdict(False, f"It is not as good: its {words}.")


def _relative_loss(model: RewardModel) -> float | None:
    overall = model.metrics.get("overall", {})
    loss, baseline = overall.get("log_loss"), overall.get("baseline_log_loss")
    return loss / baseline if loss is not None and baseline else None
