"""Reads of the library."""

from collections.abc import Mapping

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict

from annotator.accounts.models import User
from annotator.core import figures
from annotator.core.counted_pages import narrowing
from annotator.library import access
from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, Prompt


def items_for(user: User) -> QuerySet[Item]:
    """List the items the person may see, newest first, for a list of them."""
    return access.visible_items(user).select_related("prompt", "generator").order_by("-pk")


def prompts() -> QuerySet[Prompt]:
    """List all prompts, each with its number of items."""
    return Prompt.objects.annotate(item_count=_items_of("prompt")).order_by("pk")


def generators() -> QuerySet[Generator]:
    """List all generators, each with its number of items."""
    return Generator.objects.annotate(item_count=_items_of("generator")).order_by("name", "version", "pk")


def _items_of(what: str) -> Coalesce:
    # Of the rows that are shown alone: to join and group all of them takes as long as the library is large.
    counts = Item.objects.filter(**{what: OuterRef("pk")}).order_by().values(what).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)


def generator_names() -> list[str]:
    """List the names of generators."""
    return list(Generator.objects.order_by("name").values_list("name", flat=True).distinct())


ITEMS, FILTERED, LICENSES = "library.items", "library.filtered", "library.licenses"


def register() -> None:
    """Register the counts that workers make."""
    figures.register(
        ITEMS, make=lambda _: dict(Item.objects.order_by().values_list("media_type").annotate(n=Count("pk")))
    )
    figures.register(FILTERED, make=_count_filtered)
    figures.register(LICENSES, make=lambda _: _licenses())


def items_by_media_type() -> dict[str, int]:
    """Count the items of each media type.

    For a large library, these are the counts a worker made seconds ago.
    """
    return dict(figures.present(ITEMS))


def count_filtered(filters: Mapping[str, str]) -> int:
    """Count the items that ``ItemFilter`` leaves.

    Where that takes long, this is what a worker counted seconds ago.
    """
    from annotator.library.filters import ItemFilter

    query = narrowing(filters, ItemFilter, but=("ordering",))
    return int(figures.present(FILTERED, query)) if query else sum(items_by_media_type().values())


def _count_filtered(query: str) -> int:
    from annotator.library.filters import ItemFilter

    return ItemFilter(QueryDict(query), queryset=Item.objects.all()).qs.count()


def licenses() -> list[str]:
    """List the licenses of items.

    For a large library, these are the licenses a worker found seconds ago.
    """
    return list(figures.present(LICENSES))


def _licenses() -> list[str]:
    return list(Item.objects.exclude(license="").order_by("license").values_list("license", flat=True).distinct())


def batches() -> QuerySet[ImportBatch]:
    """List imports, the newest first."""
    return ImportBatch.objects.select_related("job", "imported_by").order_by("-created_at")


def problems_of(batch: ImportBatch) -> QuerySet[ImportProblem]:
    """List the problems of an import."""
    return batch.problems.order_by("row", "pk")


def siblings(user: User, item: Item, limit: int = 8) -> list[Item]:
    """Other items of the same prompt: what the preference pairs will be made of."""
    return list(items_for(user).filter(prompt_id=item.prompt_id).exclude(pk=item.pk)[:limit])
