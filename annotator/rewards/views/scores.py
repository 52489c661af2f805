"""The ranking, and one item's score taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.counted_pages import CountedPaginator
from annotator.core.htmx import part_or_page, wants_part
from annotator.library.models import MediaType, Prompt
from annotator.rewards import queries
from annotator.rewards.filters import ScoreFilter
from annotator.rewards.forms import RankingForm
from annotator.rewards.models import RewardModel, RewardModelState, Score

SCORES_A_PAGE = 36


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def score_list(request: HttpRequest) -> HttpResponse:
    media_type, model, versions = _chosen(request)
    partly = wants_part(request)
    if model is None:
        context: dict[str, Any] = {"model": None, "media_type": media_type, "media_types": _media_types(media_type)}
        return render(request, "rewards/scores.html", context)
    query = request.GET.copy()
    query.setdefault("order", "best")
    query["model"] = str(model.pk)
    query.pop("media_type", None)
    found = ScoreFilter(query, queryset=queries.ranking(model)).qs
    shape = queries.distribution(model, {name: str(value) for name, value in query.items()})
    page = CountedPaginator(found, SCORES_A_PAGE, shape.n).get_page(request.GET.get("page"))
    prompt = request.GET.get("prompt", "")
    context = {
        "model": model,
        "media_type": media_type,
        "page": page,
        "tiles": _tiles(model, page),
        **_generators(shape.means),
        "histogram": shape.histogram,
        "filtered": any(request.GET.get(name) for name in ("q", "generator", "prompt")),
        "prompt": Prompt.objects.filter(pk=prompt).first() if prompt.isdecimal() and len(prompt) < 18 else None,
    }
    if partly:
        for name in [name for name, value in query.items() if not value]:
            del query[name]
        response = render(request, "rewards/_scores.html", context)
        return push_url(response, f"{request.path}?{query.urlencode()}")
    form = RankingForm({**request.GET.dict(), "model": model.pk}, versions=versions)
    return render(
        request,
        "rewards/scores.html",
        {**context, "form": form, "media_types": _media_types(media_type), "coverage": queries.coverage(model)},
    )


def _chosen(request: HttpRequest) -> tuple[str, RewardModel | None, list[RewardModel]]:
    """(media type, version, versions to choose from): the version asked for, else the promoted one of the media type
    asked for, else of whichever has one; else the newest with scores."""
    asked = request.GET.get("model", "")
    model = queries.models().filter(pk=asked).first() if asked.isdecimal() and len(asked) < 18 else None
    media_type = model.media_type if model else request.GET.get("media_type", "")
    if media_type not in MediaType.values:
        promoted = queries.models().filter(state=RewardModelState.PROMOTED).order_by("media_type").first()
        media_type = promoted.media_type if promoted else MediaType.IMAGE
    versions = list(queries.models().filter(media_type=media_type).order_by("-version"))
    if model is None:
        model = queries.promoted(media_type) or next((v for v in versions if v.scores.exists()), None)
    return media_type, model, versions


def _generators(means: list[queries.GeneratorMean]) -> dict[str, Any]:
    """Mean rewards by generator, and the range they are drawn in."""
    reaches = [(mean.mean - 2 * (mean.error or 0.0), mean.mean + 2 * (mean.error or 0.0)) for mean in means]
    return {
        "means": means,
        "low": min((low for low, _high in reaches), default=0.0),
        "high": max((high for _low, high in reaches), default=0.0),
    }


def _media_types(current: str) -> list[tuple[str, Any, bool]]:
    return [(value, label, value == current) for value, label in MediaType.choices]


@dataclass(frozen=True)
class Tile:
    """A score in the gallery, with its place in the order and what sets it apart most from the average."""

    score: Score
    number: int
    apart: queries.Difference | None


def _tiles(model: RewardModel, page: Any) -> list[Tile]:
    scores = list(page)
    differences = queries.differences(model, scores)
    return [
        Tile(score, number, found[0] if found else None)
        for number, (score, found) in enumerate(zip(scores, differences, strict=True), start=page.start_index())
    ]


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def score_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = Score.objects.select_related(
        "item__prompt", "item__generator", "reward_model__checklist_version", "reward_model__snapshot"
    )
    score = get_object_or_404(found, pk=pk)
    others = found.filter(reward_model=score.reward_model, item__prompt=score.item.prompt).exclude(pk=score.pk)
    context = {
        "score": score,
        "item": score.item,
        "model": score.reward_model,
        "parts": queries.item_score(score),
        "place": queries.place(score),
        "apart": queries.apart(score),
        "others": others.order_by("-reward", "item_id")[:8],
    }
    return render(request, "rewards/score.html", context)
