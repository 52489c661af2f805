"""Requests for scores that are answered at once: taken down, waited for, and taken away again.

A request is an urgent job of the gpu queue: a worker takes it ahead of others, and between two chunks of a long
scoring. Its files lie in a folder of its own until the job has ended:

    <beside MEDIA_ROOT>/scoring/<request>/0.png, 1.mp4 …

``ScoreRequest.inputs`` holds, for each in order: ``item`` (its id, or null), ``file`` (its name in the folder, ""
without), ``name`` (as it was sent), ``media_type``, ``prompt``.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.core.errors import ConflictError, ProblemError
from annotator.core.folders import scoring_folder
from annotator.core.texts import in_all_languages
from annotator.jobs.abandoned_folders import remove_abandoned
from annotator.jobs.models import FINISHED, Job, Queue
from annotator.jobs.services import enqueue
from annotator.library.models import Item
from annotator.library.sniff import check_extension, sniff
from annotator.library.verify import LIMITS
from annotator.rewards.models import RewardModel, RewardModelState, Score, ScoreRequest
from annotator.rewards.queries.answers import answer_of

logger = logging.getLogger(__name__)

ANSWER_TASK = "rewards.answer_scores"
UNANSWERED_AFTER = timedelta(days=1)  # nobody asks for it any more

_waiters = threading.Semaphore(max(0, settings.SCORE_WAITERS))


@dataclass(frozen=True)
class Wanted:
    """One thing to score: an item, or an upload with its prompt. ``prompt`` None: the item's own."""

    item: Item | None = None
    upload: UploadedFile | None = None
    prompt: str | None = None
    media_type: str = ""  # of an upload; "": as its content says


def folder_of(request: uuid.UUID | str) -> Path:
    """Name the folder of a request's files."""
    return scoring_folder() / str(request)


# --- Asking ---------------------------------------------------------------------------------------
def known_answers(wanted: Sequence[Wanted]) -> list[dict[str, Any]] | None:
    """Find the answers that are known already.

    Returns None unless all inputs are items that the promoted version has scored.
    """
    if any(one.item is None or one.prompt is not None for one in wanted):
        return None
    scores = Score.objects.filter(
        item__in=[one.item.pk for one in wanted if one.item], reward_model__state=RewardModelState.PROMOTED
    ).select_related("item__prompt", "reward_model__checklist_version")
    by_item = {score.item_id: score for score in scores}
    if any(one.item is None or one.item.pk not in by_item for one in wanted):
        return None
    return [answer_of(by_item[one.item.pk]) for one in wanted if one.item]


def request_scores(
    *, wanted: Sequence[Wanted], single: bool, keep: bool = False, generator: str = "", requested_by: Any = None
) -> ScoreRequest:
    """Record a request and send it to a worker.

    Raises:
        ProblemError: If a file is plainly unusable.
        ConflictError: If no version is promoted for a media type.
    """
    key = uuid.uuid4()
    folder = folder_of(key)
    try:
        inputs = [asdict(_take_down(one, number, folder)) for number, one in enumerate(wanted)]
        for media_type in dict.fromkeys(one["media_type"] for one in inputs):
            promoted_model(media_type)
        with transaction.atomic():
            job = enqueue(
                kind=ANSWER_TASK,
                title=in_all_languages(
                    lambda: (
                        ngettext("Score %(n)s item on request", "Score %(n)s items on request", len(wanted))
                        % {"n": len(wanted)}
                    )
                ),
                queue=Queue.GPU,
                requested_by=requested_by,
                urgent=True,
            )
            return ScoreRequest.objects.create(
                id=key, job=job, inputs=inputs, single=single, keep=keep, generator=generator
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def promoted_model(media_type: str) -> RewardModel:
    """Find the promoted version of a media type.

    Raises:
        ConflictError: If there is none.
    """
    model = RewardModel.objects.filter(media_type=media_type, state=RewardModelState.PROMOTED)
    found = model.select_related("checklist_version").first()
    if found is None:
        raise ConflictError(
            _("No reward model version is promoted for the media type “%(media_type)s”. Promote one first.")
            % {"media_type": media_type},
            code="no_model",
        )
    return found


@dataclass(frozen=True)
class Input:
    """One medium to score, as the job reads it."""

    item: int | None
    file: str
    name: str
    media_type: str
    prompt: str


def _take_down(one: Wanted, number: int, folder: Path) -> Input:
    if one.item is not None:
        prompt = one.item.prompt.text if one.prompt is None else one.prompt
        return Input(one.item.pk, "", one.item.file_name, one.item.media_type, prompt)
    assert one.upload is not None
    name = Path(one.upload.name or "").name or "file"
    _check_size(one.upload, name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.part"
    with path.open("wb") as file:
        for part in one.upload.chunks():
            file.write(part)
    kind = sniff(path, name)  # the whole of it is verified by the worker
    check_extension(kind, name)
    if one.media_type and one.media_type != kind.media_type:
        raise ProblemError(
            _("%(name)s: this is %(found)s, but media_type is %(said)s.")
            % {"name": name, "found": kind.title, "said": one.media_type},
            code="wrong_media_type",
            field="media_type",
        )
    final = path.with_suffix(f".{kind.extension}")
    path.rename(final)
    return Input(None, final.name, name[:200], str(kind.media_type), (one.prompt or "").strip())


def _check_size(upload: UploadedFile, name: str) -> None:
    most = max(LIMITS.image_bytes, LIMITS.video_bytes)
    if (upload.size or 0) > most:
        raise ProblemError(
            _("%(name)s: %(size).1f MB exceeds the limit of %(most).0f MB. Compress it first.")
            % {"name": name, "size": (upload.size or 0) / 1024**2, "most": most / 1024**2},
            code="too_large",
            status=413,
        )


# --- Waiting --------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _broker() -> redis.Redis:
    return redis.Redis.from_url(settings.BROKER_URL)


def _bell(job: str) -> str:
    return f"visionreward:answered:{job}"


def wait_for(request: ScoreRequest) -> bool:
    """Wait for the answer, as long as the settings allow.

    Returns whether the job has ended; the request is refreshed then. A web process lets only some requests wait at a
    time. The others are told at once to ask again.
    """
    if settings.SCORE_WAIT_SECONDS <= 0 or not _waiters.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + settings.SCORE_WAIT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            _broker().blpop([_bell(str(request.job_id))], timeout=min(left, 2.0))
            # A worker that died rings no bell, so the record is looked at now and then.
            if Job.objects.filter(pk=request.job_id, state__in=FINISHED).exists():
                request.refresh_from_db()
                return True
    except redis.RedisError:
        logger.exception("the broker cannot be waited on")
    finally:
        _waiters.release()
    return False


def tell_answered(job_id: str) -> None:
    """Ring for whoever waits."""
    try:
        pipe = _broker().pipeline()
        pipe.lpush(_bell(job_id), 1)
        pipe.expire(_bell(job_id), 60)
        pipe.execute()
    except redis.RedisError:
        logger.exception("cannot ring for an answer")


# --- Taking away ----------------------------------------------------------------------------------
def remove_request(request: ScoreRequest) -> None:
    """Nothing stays of a request that was answered, its job and files neither."""
    Job.objects.filter(pk=request.job_id).delete()
    remove_files(request.pk)


def remove_files(request: uuid.UUID | str) -> None:
    """Remove the files of a request."""
    shutil.rmtree(folder_of(request), ignore_errors=True)


def clear_score_requests() -> int:
    """Remove answers that nobody fetches any more.

    It also removes files whose request has ended, or is gone after a kill.
    """
    now = timezone.now()
    old = Q(job__finished_at__lt=now - timedelta(seconds=settings.SCORE_KEEP_SECONDS))
    old |= Q(created_at__lt=now - UNANSWERED_AFTER)
    requests = list(ScoreRequest.objects.filter(old))
    for request in requests:
        remove_request(request)
    folders = list(scoring_folder().iterdir()) if scoring_folder().is_dir() else []
    known = ScoreRequest.objects.filter(pk__in=[path.name for path in folders if _is_id(path.name)])
    remove_abandoned(
        folders,
        known={str(pk) for pk in known.values_list("pk", flat=True)},
        wanted={str(pk) for pk in known.exclude(job__state__in=FINISHED).values_list("pk", flat=True)},
    )
    return len(requests)


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
