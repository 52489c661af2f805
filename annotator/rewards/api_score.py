"""Scores at once: a file or an item and a prompt in, the reward with its reasons out."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.accounts.models import Role
from annotator.accounts.roles import IsReviewer, has_role
from annotator.core.api import StrictMultiPartParser
from annotator.core.errors import NotAllowedError, ProblemError
from annotator.core.json_input import BadJsonError, read_json
from annotator.library.models import Item
from annotator.library.queries import items_for
from annotator.rewards import services
from annotator.rewards.api_score_fields import (
    ANSWERED,
    LONGEST_PROMPT,
    MANY,
    MOST,
    ONE,
    ScoreFilesSerializer,
    ScoreItemsSerializer,
    ScoreLaterSerializer,
)
from annotator.rewards.models import ScoreRequest
from annotator.rewards.services.score_requests import Wanted


class ScoreView(APIView):
    """Scores by the promoted version, answered at once where a worker is free."""

    permission_classes = (IsReviewer,)
    parser_classes = (JSONParser, StrictMultiPartParser)

    @extend_schema(
        operation_id="score_create",
        request={"multipart/form-data": ScoreFilesSerializer, "application/json": ScoreItemsSerializer},
        responses={200: ANSWERED, 202: ScoreLaterSerializer},
        examples=[
            OpenApiExample("One item", value={"item": 12}, request_only=True, media_type="application/json"),
            OpenApiExample(
                "Several items", request_only=True, media_type="application/json",
                value={"items": [{"item": 12}, {"item": 13, "prompt": "A blue kite over the sea"}]},
            ),
            ONE,
            MANY,
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Score a file or an item, or up to 64 of one kind.

        Send files as `multipart/form-data`: `file` and `prompt`, or `files` and `prompts`, each repeated. Send items
        as JSON. One input returns one answer; several return `results`, in which an input that cannot be scored has
        an `error`. If no worker is free in time, the answer is 202 with an address to poll until it is 200. Nothing
        is kept unless `keep` is set: files are deleted once scored, and an unfetched answer after an hour.
        """
        if request.content_type.startswith("multipart/"):
            given = _validated(ScoreFilesSerializer(data=request.data))
            wanted, single = _files(given)
        else:
            given = _validated(ScoreItemsSerializer(data=request.data))
            wanted, single = _items(given, request.user)
        if given["keep"] and not has_role(request.user, Role.ADMIN):
            raise NotAllowedError(_("Only an admin can keep files and scores. Send the request without “keep”."))
        answers = services.known_answers(wanted)
        if answers is not None:
            return _answered(answers, single)
        asked = services.request_scores(
            wanted=wanted, single=single, keep=given["keep"], generator=given.get("generator", ""),
            requested_by=request.user,
        )  # fmt: skip
        if services.wait_for(asked):
            try:
                return _result_of(asked)
            finally:
                services.remove_request(asked)
        return _later(asked, request)


class ScoreRequestView(APIView):
    permission_classes = (IsReviewer,)

    @extend_schema(
        operation_id="score_retrieve",
        responses={200: ANSWERED, 202: ScoreLaterSerializer},
        examples=[ONE, MANY],
    )
    def get(self, request: Request, pk: Any) -> Response:
        """The answer to a score request; 202 while it is in progress. Your own only; kept for an hour."""
        asked = get_object_or_404(
            ScoreRequest.objects.select_related("job__requested_by"), pk=pk, job__requested_by=request.user.pk
        )
        return _result_of(asked) if asked.job.is_finished else _later(asked, request)


def _validated(serializer: serializers.BaseSerializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _files(given: dict[str, Any]) -> tuple[list[Wanted], bool]:
    single = "file" in given
    files = [given["file"]] if single else given.get("files", [])
    if not files or (single and "files" in given):
        raise ProblemError(_("Send either one “file” or several “files”."), code="no_file", field="file")
    prompts = _prompts(given, len(files))
    media_type = given.get("media_type", "")
    return [
        Wanted(upload=file, prompt=prompt, media_type=media_type) for file, prompt in zip(files, prompts, strict=True)
    ], single


def _prompts(given: dict[str, Any], count: int) -> list[str]:
    """One a file."""
    prompts: list[Any] = given.get("prompts", [])
    if len(prompts) == 1 and prompts[0].lstrip().startswith("["):
        try:
            prompts = read_json(prompts[0])
        except BadJsonError as error:
            raise ProblemError(
                _("“prompts” starts like a JSON list but is none: %(error)s.") % {"error": error.message.rstrip(".")},
                code="bad_prompts", field="prompts",
            ) from error  # fmt: skip
    if not prompts and "prompt" in given:
        prompts = [given["prompt"]] * count
    if len(prompts) != count:
        raise ProblemError(
            _("There are %(files)d files and %(prompts)d prompts. Send one prompt per file, in the same order.")
            % {"files": count, "prompts": len(prompts)},
            code="bad_prompts", field="prompts",
        )  # fmt: skip
    for prompt in prompts:
        if not isinstance(prompt, str) or not prompt.strip() or "\0" in prompt or len(prompt) > LONGEST_PROMPT:
            raise ProblemError(
                _("Each prompt must have 1 to %(most)d characters.") % {"most": LONGEST_PROMPT},
                code="bad_prompts", field="prompts",
            )  # fmt: skip
    return prompts


def _items(given: dict[str, Any], user: Any) -> tuple[list[Wanted], bool]:
    single = "item" in given
    if single == ("items" in given):
        raise ProblemError(_("Send either one “item” or several “items”."), code="no_item", field="item")
    asked = [given] if single else given["items"]
    if len(asked) > MOST:
        raise ProblemError(
            _("%(count)d exceed the limit of %(most)d per request.") % {"count": len(asked), "most": MOST},
            code="too_many", field="items",
        )  # fmt: skip
    if given["keep"] and any("prompt" in one for one in asked):
        raise ProblemError(
            _("A score for another prompt cannot be kept with the item. Send the request without “keep”."),
            code="other_prompt", field="keep",
        )  # fmt: skip
    found: dict[int, Item] = {item.pk: item for item in items_for(user).filter(pk__in=[one["item"] for one in asked])}
    lacking = [str(one["item"]) for one in asked if one["item"] not in found]
    if lacking:
        raise ProblemError(
            _("There is no item %(items)s.") % {"items": ", ".join(lacking[:10])}, code="no_item", status=404
        )
    return [Wanted(item=found[one["item"]], prompt=one.get("prompt")) for one in asked], single


def _answered(answers: list[dict[str, Any]], single: bool) -> Response:
    if not single:
        return Response({"results": answers})
    error = answers[0]["error"]
    if error is not None:
        raise ProblemError(error["title"], code=error["code"])
    return Response(answers[0])


def _result_of(asked: ScoreRequest) -> Response:
    if asked.results is None:
        asked.job.refresh_from_db()
        raise ProblemError(asked.job.error or _("The request was canceled."), code="not_scored", status=409)
    return _answered(asked.results, asked.single)


def _later(asked: ScoreRequest, request: Request) -> Response:
    url = request.build_absolute_uri(reverse("api-score-request", args=[asked.pk]))
    body = ScoreLaterSerializer({"id": asked.pk, "url": url, "job": asked.job}).data
    return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": url})
