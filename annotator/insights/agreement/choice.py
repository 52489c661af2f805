"""What is compared: a media type, a version of the reward model, one campaign or all that asked the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from annotator.campaigns.models import Assignment, AssignmentState, Campaign
from annotator.core import figures
from annotator.core.numbers import whole
from annotator.library.models import Generator, MediaType
from annotator.rewards.models import RewardModel, RewardModelState

Row = TypeVar("Row", RewardModel, Campaign, Generator)

ANSWERED = "insights.answered"
MOST_GENERATORS = 200
HELD_OUT, ALL = "held-out", "all"


@dataclass(frozen=True)
class Choice:
    """``model`` is None where the media type has none; ``campaign`` None for all. ``campaigns``: those one may choose
    from, with answers to the model's checklist (without a model: to the newest one answered). ``generator``:
    None for items of all."""

    media_type: str
    model: RewardModel | None
    models: list[RewardModel]
    campaign: Campaign | None
    campaigns: list[Campaign]
    basis: str
    generator: Generator | None = None
    generators: tuple[Generator, ...] = ()

    def query(self, *names: str) -> str:
        """Write the chosen ones of these fields as an address has them."""
        chosen = ((name, getattr(self, name)) for name in names)
        return urlencode({name: getattr(one, "pk", one) for name, one in chosen if one is not None})

    @property
    def asked(self) -> list[Campaign]:
        return [self.campaign] if self.campaign else self.campaigns


def choose(query: Mapping[str, str]) -> Choice:
    """From the address. What is missing or does not fit together falls back to the promoted model and all campaigns."""
    media_type = query.get("media_type", "")
    if media_type not in MediaType.values:
        media_type = _first_media_type(query)
    models = list(
        RewardModel.objects.filter(media_type=media_type)
        .select_related("checklist_version", "snapshot")
        .order_by("-version")
    )
    model = _found(models, query.get("model", "")) or next(
        (m for m in models if m.state == RewardModelState.PROMOTED), models[0] if models else None
    )
    campaigns = campaigns_with_answers(media_type, model)
    generators = list(Generator.objects.order_by("name", "version", "pk")[:MOST_GENERATORS])
    return Choice(
        media_type=media_type,
        model=model,
        models=models,
        campaign=_found(campaigns, query.get("campaign", "")),
        campaigns=campaigns,
        basis=ALL if query.get("basis") == ALL else HELD_OUT,
        generator=_found(generators, query.get("generator", "")),
        generators=tuple(generators),
    )


def campaigns_with_answers(media_type: str, model: RewardModel | None) -> list[Campaign]:
    """Those that asked the model's checklist (without one: the newest that was answered), the newest first."""
    known: list[int] = figures.present(ANSWERED)
    answered = Campaign.objects.filter(pk__in=known, media_type=media_type).order_by("-created_at")
    version = model.checklist_version_id if model else answered.values_list("checklist_version", flat=True).first()
    return list(answered.filter(checklist_version=version).select_related("checklist_version"))


def find_answered(_of: str) -> list[int]:
    """Find the campaigns in which somebody has submitted an annotation."""
    submitted = Assignment.objects.filter(state=AssignmentState.SUBMITTED)
    return list(submitted.order_by().values_list("campaign_item__campaign", flat=True).distinct())


def _first_media_type(query: Mapping[str, str]) -> str:
    """That of the model asked for; otherwise the first one with a model."""
    models = RewardModel.objects.all()
    asked = whole(query.get("model", ""))
    if asked is not None and (found := models.filter(pk=asked).first()):
        return found.media_type
    used = set(models.values_list("media_type", flat=True))
    return next((media_type for media_type in MediaType.values if media_type in used), MediaType.IMAGE.value)


def _found(rows: list[Row], pk: str) -> Row | None:
    return next((row for row in rows if str(row.pk) == pk), None)
