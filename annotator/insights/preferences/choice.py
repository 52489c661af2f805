"""Which comparisons are looked at: a media type, and one campaign or all in which people compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotator.campaigns.models import Campaign
from annotator.campaigns.queries.comparisons import PAIRS, PairProgress
from annotator.core import figures
from annotator.library.models import MediaType


@dataclass(frozen=True)
class Choice:
    """``campaign`` is None for all; ``campaigns``: those of the media type with comparisons, the newest first."""

    media_type: str
    campaign: Campaign | None
    campaigns: list[Campaign]

    @property
    def name(self) -> str:
        """What its figures are kept under: "image.12", "image.all"."""
        return f"{self.media_type}.{self.campaign.pk if self.campaign else 'all'}"

    @property
    def query(self) -> str:
        campaign = f"&campaign={self.campaign.pk}" if self.campaign else ""
        return f"media_type={self.media_type}{campaign}"


def choose(query: Mapping[str, str]) -> Choice:
    """Read the choice from the address; what is missing or does not fit falls back to all campaigns."""
    compared = compared_campaigns()
    asked = next((one for one in compared if str(one.pk) == query.get("campaign", "")), None)
    media_type = query.get("media_type", "")
    if media_type not in MediaType.values:
        first = asked or (compared[0] if compared else None)
        media_type = first.media_type if first else MediaType.IMAGE.value
    campaigns = [one for one in compared if one.media_type == media_type]
    return Choice(media_type, asked if asked in campaigns else None, campaigns)


def compared_campaigns() -> list[Campaign]:
    """List the campaigns in which somebody compared a pair, the newest first."""
    progress: dict[int, PairProgress] = figures.present(PAIRS)
    known = [pk for pk, found in progress.items() if found.submitted]
    return list(Campaign.objects.filter(pk__in=known).order_by("-created_at"))


def campaigns_named(name: str) -> list[Campaign]:
    """List the campaigns of figures kept under this name."""
    media_type, campaign = name.split(".")
    return [one for one in compared_campaigns() if one.media_type == media_type and campaign in ("all", str(one.pk))]
