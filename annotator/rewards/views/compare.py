"""The page of versions side by side."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.library.models import MediaType
from annotator.rewards import queries, services
from annotator.rewards.models import RewardModel, RewardModelState
from annotator.rewards.services.version_comparison import MOST, finished_comparison, last_comparison

SHOWN = 20  # what is stored with a version is large, and read for each that is shown
FIRST_CHOSEN = 4


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def compare(request: HttpRequest) -> HttpResponse:
    """All versions of a media type with their stored figures; those chosen also on the items they share."""
    asked = request.POST if request.method == "POST" else request.GET
    named = _named(asked)
    media_type = named[0].media_type if named else asked.get("media_type", "")
    if media_type not in MediaType.values:
        media_type = next((value for value in MediaType.values if queries.promoted(value)), MediaType.IMAGE.value)
    if request.method == "POST":
        return _request(request, named, media_type)
    versions = list(queries.models().filter(media_type=media_type).order_by("-version")[:SHOWN])
    # One that is asked for by its address is shown, however old it is.
    versions += [model for model in named if model.media_type == media_type and model not in versions]
    chosen = {model.pk for model in named} or _first_choice(versions)
    done = finished_comparison(chosen)
    last = last_comparison(chosen)
    context = {
        "media_type": media_type,
        "media_types": MediaType.values,
        "rows": [queries.version_figures(model) for model in versions],
        "older": RewardModel.objects.filter(media_type=media_type).count() - len(versions),
        "chosen": chosen,
        "most": MOST,
        "job": last if last is not None and not last.is_finished else None,
        "failed": last if last is not None and last.error and done is None else None,
        "common": _common(done.result, versions) if done is not None and done.result else None,
        "address": _address(chosen, media_type),
    }
    return render(request, "rewards/_compare.html" if wants_part(request) else "rewards/compare.html", context)


def _named(asked: QueryDict) -> list[RewardModel]:
    """The versions whose ids are given, those of the first one's media type first; what is no id is passed over."""
    pks = [int(value) for value in asked.getlist("model") if value.isdecimal() and len(value) < 19]
    return list(queries.models().filter(pk__in=pks).order_by("-version"))


def _request(request: HttpRequest, named: list[RewardModel], media_type: str) -> HttpResponse:
    try:
        services.request_comparison(models=named, requested_by=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect(_address({model.pk for model in named}, media_type))


def _address(chosen: set[int], media_type: str) -> str:
    query = QueryDict(mutable=True)
    query["media_type"] = media_type
    query.setlist("model", [str(pk) for pk in sorted(chosen)])
    return f"{reverse('rewards:compare')}?{query.urlencode()}"


def _first_choice(versions: list[RewardModel]) -> set[int]:
    """The newest ones, and the promoted one."""
    promoted = {model.pk for model in versions if model.state == RewardModelState.PROMOTED}
    return promoted | {model.pk for model in versions[: FIRST_CHOSEN - len(promoted)]}


def _common(result: dict[str, Any], versions: list[RewardModel]) -> dict[str, Any]:
    """The job's result with the versions themselves, in the order of the table."""
    figures = result.get("versions", {})
    columns = [model for model in versions if str(model.pk) in figures]
    return {
        **result,
        "versions": [(model, figures[str(model.pk)]) for model in columns],
        "reference": next((model for model in columns if model.pk == result.get("reference")), None),
        "rows": [
            {**row, "cells": [row["versions"][str(model.pk)] for model in columns]} for row in result.get("rows", [])
        ],
    }
