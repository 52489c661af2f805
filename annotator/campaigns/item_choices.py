"""What narrows the items of a campaign: an import, a generator. Their lists may be long."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from annotator.core.search_choices import SearchChoiceField
from annotator.library.models import Generator, ImportBatch


def import_choice() -> SearchChoiceField:
    """Make the field of an import, the newest first."""
    return SearchChoiceField(
        ImportBatch.objects.all(), address="campaigns:imports", required=False,
        label=_("Only items from this import"), empty_label=_("Any import"),
    )  # fmt: skip


def generator_choice(label: Any) -> SearchChoiceField:
    """Make the field of a generator, by name."""
    return SearchChoiceField(
        Generator.objects.order_by("name", "version", "pk"), address="campaigns:generators", required=False,
        lookups=("name", "version"), label=label, empty_label=_("Any generator"),
    )  # fmt: skip
