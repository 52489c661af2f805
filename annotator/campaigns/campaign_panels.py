"""What apps further up show on a campaign's page, by its kind."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from annotator.campaigns.models import Campaign, CampaignKind
from annotator.core.panel_registry import ContextFunction, PanelRegistry


class CampaignPanels(PanelRegistry):
    def register(
        self, template: str, context_function: ContextFunction, *, kinds: tuple[str, ...] = (CampaignKind.JUDGING,)
    ) -> None:
        """As on other pages, for campaigns of these kinds."""

        def of_kind(request: HttpRequest, campaign: Campaign) -> dict[str, Any] | None:
            return context_function(request, campaign) if campaign.kind in kinds else None

        super().register(template, of_kind)


campaign_panels = CampaignPanels("campaign")
