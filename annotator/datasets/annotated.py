"""Rows with what queries add to them. For type checkers alone: import from here under ``TYPE_CHECKING``."""

from typing import TypedDict

from django_stubs_ext import WithAnnotations

from annotator.campaigns.models import Campaign


class Exportable(TypedDict):
    """See ``queries.with_annotations``."""

    annotations: int
    newest: int | None


ExportableCampaign = WithAnnotations[Campaign, Exportable]
