"""Scoring: every item of a media type that a version has not scored yet, in chunks that all workers share, as a job.

A chunk is looked at, then committed by the worker that holds it: what a killed worker had taken is done by another,
and an item is scored once. An item that cannot be scored is noted with the reason, and the rest goes on; a later job
tries it again. Which kind of judge answers is not known here.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.metrics import ITEMS_SCORED
from annotator.core.paths import without_paths
from annotator.core.texts import in_all_languages, joined
from annotator.jobs import chunks
from annotator.jobs.chunks import ChunkRun
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import JobCanceled, JobLost, JobRun, enqueue
from annotator.library.models import Item, MediaType
from annotator.library.storage import shown_path
from annotator.rewards.models import RewardModel, Score, ScoreProblem
from annotator.rewards.services.kept_judges import kept_judge
from annotator.rewards.signals import scoring_finished
from reward_engine.errors import RewardEngineError
from reward_engine.judges.base import Judge, MediaInput, Predictions
from reward_engine.reward import reward, soft_values
from reward_engine.weights import Weights

logger = logging.getLogger(__name__)

SCORE_TASK = "rewards.score"
# What a kill costs at most; small enough that the page's numbers move, large enough that the network's passes are full.
ITEMS_A_CHUNK = 32


def request_scoring(*, reward_model: RewardModel, requested_by: Any = None, mine_after: bool = False) -> Job:
    """Request scores of all items that this version has not scored.

    Args:
        mine_after: Mine preference pairs when the scores are there.
    """
    return enqueue(
        kind=SCORE_TASK,
        title=in_all_languages(lambda: _title(reward_model, None)),
        params={"reward_model": reward_model.pk, "mine_after": mine_after},
        queue=Queue.GPU,
        requested_by=requested_by,
        dedupe_key=f"score:{reward_model.pk}:{'mine' if mine_after else ''}",
    )


def request_scoring_of(*, reward_model: RewardModel, items: Sequence[int]) -> Job:
    """Ask for scores of these items (their ids), ahead of whatever scores the rest."""
    return enqueue(
        kind=SCORE_TASK,
        title=in_all_languages(lambda: _title(reward_model, len(items))),
        params={"reward_model": reward_model.pk, "items": list(items)},
        queue=Queue.GPU,
        dedupe_key=f"score-new:{reward_model.pk}",
        urgent=True,
    )


def _title(reward_model: RewardModel, n: int | None) -> str:
    """Name the job that scores ``n`` new items, or all where it is None."""
    image = reward_model.media_type == MediaType.IMAGE
    if n is None:
        text = (
            gettext("Score all images with version %(version)s")
            if image
            else gettext("Score all videos with version %(version)s")
        )
    elif image:
        text = ngettext(
            "Score %(n)s new image with version %(version)s", "Score %(n)s new images with version %(version)s", n
        )
    else:
        text = ngettext(
            "Score %(n)s new video with version %(version)s", "Score %(n)s new videos with version %(version)s", n
        )
    return text % {"n": n, "version": reward_model.version}


def unscored(reward_model: RewardModel, problems_since: datetime | None = None) -> QuerySet[Item]:
    """Items this version has no score of. With ``problems_since``, those found unreadable since then are left out."""
    scores = Score.objects.filter(reward_model=reward_model, item=OuterRef("pk"))
    items = Item.objects.filter(~Exists(scores), media_type=reward_model.media_type)
    if problems_since is not None:
        problems = ScoreProblem.objects.filter(reward_model=reward_model, created_at__gte=problems_since)
        items = items.filter(~Exists(problems.filter(item=OuterRef("pk"))))
    return items.order_by("pk")


def score(run: JobRun) -> dict[str, Any]:
    """Score items within a job.

    Raises:
        BrokenArtifactError: If the version's files are missing or altered.
    """
    model = _model(run.params)
    run.stage(gettext_noop("Loading the judge"))
    kept_judge(model)
    waiting = unscored(model, problems_since=run.job.created_at)
    if "items" in run.params:
        waiting = waiting.filter(pk__in=run.params["items"])
    # Who asked for scores meanwhile was given this job, so what has come into the library since belongs to it too.
    # A run that takes the job over finishes the chunks that are there before it looks for more.
    while chunks.is_open(run.job) or (items := list(waiting.all().values_list("pk", flat=True))):
        if not chunks.is_open(run.job):
            chunks.lay_out(run, [items[at : at + ITEMS_A_CHUNK] for at in range(0, len(items), ITEMS_A_CHUNK)])
        chunks.work_through(run, gettext_noop("Scoring"))
    return _announce(run, model)


def score_chunk(chunk: ChunkRun) -> None:
    """Score the items of a chunk, on whichever worker."""
    model = _model(chunk.params)
    predictions = _predict(chunk, kept_judge(model), _items(chunk.payload))
    with chunk.commit():
        _record(model, predictions)


chunks.WORK[SCORE_TASK] = score_chunk


def score_items(run: JobRun, model: RewardModel, judge: Judge, items: Sequence[int]) -> None:
    """Score these items (their ids) within a job.

    Each batch is one commit. What cannot be scored is noted as a problem.
    """
    run.stage(gettext_noop("Scoring"), len(items))
    for start in range(0, len(items), ITEMS_A_CHUNK):
        predictions = _predict(run, judge, _items(items[start : start + ITEMS_A_CHUNK]), start)
        with run.commit():
            _record(model, predictions)
        run.progress(min(start + ITEMS_A_CHUNK, len(items)))


def _model(params: dict[str, Any]) -> RewardModel:
    model = RewardModel.objects.select_related("checklist_version").filter(pk=params["reward_model"]).first()
    if model is None:
        raise ProblemError(gettext("This version has been deleted, so it cannot score anything."), code="no_model")
    return model


def _items(pks: Sequence[int]) -> list[Item]:
    return list(Item.objects.select_related("prompt").filter(pk__in=pks).order_by("pk"))


def as_input(item: Item) -> MediaInput:
    """Turn an item into the engine's input, with its id as key."""
    return MediaInput(str(item.pk), item.media_type, shown_path(item), item.prompt.text)  # type: ignore[arg-type]


def _predict(held: JobRun | ChunkRun, judge: Judge, items: list[Item], done: int = 0) -> Predictions:
    try:
        predictions = judge.predict(
            [as_input(item) for item in items],
            progress=lambda seen, _total: held.progress(done + seen),
            canceled=held.canceled,
        )
    except RewardEngineError as error:
        raise ProblemError(error.message, code=error.code) from error
    held.check()
    silent = {str(item.pk) for item in items} - {*predictions.keys} - {*predictions.errors}
    if silent:  # noted as well, or it would be asked for without end
        errors = {**predictions.errors, **dict.fromkeys(silent, gettext("The judge returned no answer for it."))}
        predictions = dataclasses.replace(predictions, errors=errors)
    return predictions


def scores_from(model: RewardModel, p_yes: NDArray[Any]) -> list[Score]:
    """Make scores of the version from P(yes), float [n, q].

    They are not stored and have no item.
    """
    p_yes = p_yes.astype(np.float64)
    checklist = checklist_of(model.checklist_version)
    found = reward(soft_values(p_yes, checklist), checklist, weights_of(model))
    return [
        Score(reward_model=model, p_yes=p, reward=value, by_dimension=parts)
        for p, value, parts in zip(p_yes.tolist(), found.reward.tolist(), found.by_dimension.tolist(), strict=True)
    ]


def _record(model: RewardModel, predictions: Predictions) -> None:
    """The scores and problems of a chunk; doing so twice is doing it once."""
    pks = [int(key) for key in predictions.keys]
    scores = scores_from(model, predictions.p_yes)
    for pk, score in zip(pks, scores, strict=True):
        score.item_id = pk
    Score.objects.bulk_create(scores, ignore_conflicts=True)
    ITEMS_SCORED.inc(len(scores))
    ScoreProblem.objects.filter(reward_model=model, item__in=pks).delete()
    ScoreProblem.objects.bulk_create(
        (
            ScoreProblem(item_id=int(key), reward_model=model, message=message)
            for key, message in predictions.errors.items()
        ),
        update_conflicts=True,
        unique_fields=["item", "reward_model"],
        update_fields=["message", "created_at"],
    )


def weights_of(model: RewardModel) -> Weights:
    """Read the weights of a version."""
    return Weights(coef=np.array(model.weights, dtype=np.float64), intercept=model.intercept)


def _announce(run: JobRun, model: RewardModel) -> dict[str, Any]:
    """Tell whoever listens, once per job, and say how it went."""
    run.stage(gettext_noop("Starting follow-up jobs"))
    failure = ""
    if not run.params.get("announced"):
        try:
            with run.commit():
                Job.objects.filter(pk=run.job.pk).update(params={**run.job.params, "announced": True})
                scoring_finished.send(
                    sender=RewardModel, reward_model=model, requested_by=run.job.requested_by, params=run.params
                )
        except (JobLost, JobCanceled):
            raise
        except Exception as error:
            # The scores stand, whatever became of what should follow.
            logger.exception("what follows the scoring could not be started", extra={"job": str(run.job.pk)})
            failure = without_paths(getattr(error, "message", None) or f"{type(error).__name__}: {error}")
    scored = Score.objects.filter(reward_model=model).count()
    problems = ScoreProblem.objects.filter(reward_model=model).count()
    return {
        "message": in_all_languages(lambda: _in_words(scored, problems, model.media_type, failure)),
        "url": f"{reverse('rewards:scores')}?model={model.pk}",
        "reward_model": model.pk,
        "scored": scored,
        "problems": problems,
    }


def _in_words(scored: int, problems: int, media_type: str, failure: str) -> str:
    """ "612 images have a score. 3 could not be scored." ``failure``: why the follow-up jobs did not start."""
    if media_type == MediaType.IMAGE:
        text = ngettext("%(n)s image has a score.", "%(n)s images have a score.", scored)
    else:
        text = ngettext("%(n)s video has a score.", "%(n)s videos have a score.", scored)
    sentences = [text % {"n": f"{scored:,}"}]
    if problems:
        sentences.append(gettext("%(n)s could not be scored.") % {"n": f"{problems:,}"})
    if failure:
        sentences.append(gettext("The follow-up jobs could not be started: %(reason)s") % {"reason": failure})
    return joined(sentences)
