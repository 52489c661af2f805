"""What an item list can be narrowed by, on the page and in the API alike."""

import django_filters
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from annotator.library.models import ImportBatch, Item, MediaType

ORDERINGS = {
    "newest": (_("Newest first"), ("-pk",)),
    "oldest": (_("Oldest first"), ("pk",)),
    "prompt": (_("By prompt"), ("prompt__text", "pk")),
    "generator": (_("By generator"), ("generator__name", "generator__version", "pk")),
    "largest": (_("Largest file first"), ("-size_bytes", "pk")),
    "longest": (_("Longest video first"), (F("duration_ms").desc(nulls_last=True), "pk")),
}


class ItemFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="prompt__text", lookup_expr="icontains", label="Part of the prompt's text")
    media_type = django_filters.ChoiceFilter(choices=MediaType.choices)
    generator = django_filters.CharFilter(field_name="generator__name", label="Name of the generator")
    generator_id = django_filters.NumberFilter(field_name="generator_id", label="One version and set of parameters")
    prompt = django_filters.NumberFilter(field_name="prompt_id", label="ID of the prompt")
    batch = django_filters.ModelChoiceFilter(queryset=ImportBatch.objects.all(), label="ID of the import")
    license = django_filters.CharFilter(label="License, exact match")
    sha256 = django_filters.CharFilter(label="SHA-256 of the file")
    external_id = django_filters.CharFilter(label="ID in the source")
    ordering = django_filters.ChoiceFilter(
        choices=[(value, label) for value, (label, _fields) in ORDERINGS.items()], method="order", label="Order"
    )

    class Meta:
        model = Item
        fields = ("q", "media_type", "generator", "generator_id", "prompt", "batch", "license", "sha256",
                  "external_id", "ordering")  # fmt: skip

    def order(self, items: QuerySet[Item], _name: str, value: str) -> QuerySet[Item]:
        return items.order_by(*ORDERINGS[value][1])
