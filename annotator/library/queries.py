"""Reads of the library."""

from django.db.models import Count, QuerySet

from annotator.accounts.models import User
from annotator.library import access
from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, Prompt


def items_for(user: User) -> QuerySet[Item]:
    """What the person may see, newest first, with what a list of it shows."""
    return access.visible_items(user).select_related("prompt", "generator").order_by("-pk")


def prompts() -> QuerySet[Prompt]:
    """All prompts, each with its number of items."""
    return Prompt.objects.annotate(item_count=Count("items")).order_by("pk")


def generators() -> QuerySet[Generator]:
    """All generators, each with its number of items."""
    return Generator.objects.annotate(item_count=Count("items")).order_by("name", "version", "pk")


def generator_names() -> list[str]:
    return list(Generator.objects.order_by("name").values_list("name", flat=True).distinct())


def licences() -> list[str]:
    return list(Item.objects.exclude(licence="").order_by("licence").values_list("licence", flat=True).distinct())


def batches() -> QuerySet[ImportBatch]:
    return ImportBatch.objects.select_related("job", "imported_by").order_by("-created_at")


def problems_of(batch: ImportBatch) -> QuerySet[ImportProblem]:
    return batch.problems.order_by("row", "pk")


def siblings(user: User, item: Item, limit: int = 8) -> list[Item]:
    """Other items of the same prompt: what the preference pairs will be made of."""
    return list(items_for(user).filter(prompt_id=item.prompt_id).exclude(pk=item.pk)[:limit])
