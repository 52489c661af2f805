"""What a campaign's page shows of its datasets."""

from typing import Any

from django.http import HttpRequest

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.campaigns.models import Campaign
from annotator.datasets import queries


def campaign_datasets(request: HttpRequest, campaign: Campaign) -> dict[str, Any] | None:
    if not has_role(request.user, Role.ADMIN, Role.REVIEWER):
        return None
    return {"versions": queries.versions().filter(campaign=campaign)[:3]}
