"""Forms of the campaigns app."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.item_choices import generator_choice, import_choice
from annotator.campaigns.models import Campaign, ChecklistVersion, LevelExample
from annotator.core.form_fields import field_of
from annotator.library.models import Generator, ImportBatch, Item


def fitting_items(
    *, media_type: str, batch: ImportBatch | None = None, generator: Generator | None = None, prompt: str = ""
) -> QuerySet[Item]:
    """The items a new campaign would have."""
    items = Item.objects.filter(media_type=media_type).order_by("pk")
    if batch:
        items = items.filter(batch=batch)
    if generator:
        items = items.filter(generator=generator)
    if prompt:
        items = items.filter(prompt__text__icontains=prompt)
    return items


class ItemFilterForm(forms.Form):
    """Which items of the library."""

    batch = import_choice()
    generator = generator_choice(_("Only items from this generator"))
    prompt = forms.CharField(required=False, label=_("Prompt contains"), max_length=200)

    def fitting(self, media_type: str) -> QuerySet[Item]:
        """The items of this media type that fit. The form has been validated."""
        values = self.cleaned_data
        return fitting_items(
            media_type=media_type,
            batch=values.get("batch"),
            generator=values.get("generator"),
            prompt=values.get("prompt", ""),
        )


class CampaignForm(ItemFilterForm, forms.ModelForm):
    """A new campaign over the items that fit the filter."""

    overlap = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=3,
        label=_("Annotators per item"),
        help_text=_("How many people annotate each item."),
    )
    lease_seconds = forms.IntegerField(
        min_value=30,
        max_value=7 * 24 * 3600,
        initial=1800,
        label=_("Lease (seconds)"),
        help_text=_("How long an item is reserved for an annotator who opened it and does nothing."),
    )

    class Meta:
        model = Campaign
        fields = ("name", "checklist_version", "overlap", "lease_seconds", "queue_order", "guidelines")
        labels = {
            "checklist_version": _("Checklist"),
            "queue_order": _("Item order"),
            "guidelines": _("Guidelines for annotators"),
        }
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 6})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["queue_order"].required = False
        field_of(self, "checklist_version", forms.ModelChoiceField).queryset = ChecklistVersion.objects.order_by(
            "media_type", "name", "-version"
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        version = cleaned.get("checklist_version")
        if version is None:
            return cleaned
        items = self.fitting(version.media_type)
        if not items.exists():
            raise forms.ValidationError(
                _("No %(kind)s in the library matches these filters. Import some or widen the filters."),
                params={"kind": version.media_type},
            )
        cleaned["items"] = items
        return cleaned


class CountForm(ItemFilterForm):
    """The filter of a new campaign alone, for the count beside it."""

    checklist_version = forms.ModelChoiceField(ChecklistVersion.objects.all())

    def count(self) -> int | None:
        """How many items fit; None before a checklist is chosen."""
        return self.fitting(self.cleaned_data["checklist_version"].media_type).count() if self.is_valid() else None


class QueueOrderForm(forms.ModelForm):
    class Meta:
        model = Campaign
        fields = ("queue_order",)
        labels = {"queue_order": _("Item order")}


class GuidelinesForm(forms.ModelForm):
    class Meta:
        model = Campaign
        fields = ("guidelines",)
        labels = {"guidelines": _("Guidelines for annotators")}
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 14})}


class ExampleForm(forms.ModelForm):
    """An example of a level: a new one needs a file, one that is there may keep its own."""

    upload = forms.FileField(
        label=_("Image or short clip"),
        help_text=_("PNG, JPEG, WebP, AVIF or GIF up to 10 MB; MP4, WebM, MOV, MKV or AVI up to 30 MB and 20 s."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/*,video/*,.mkv"}),
    )

    class Meta:
        model = LevelExample
        fields = ("alt", "caption")
        labels = {"alt": _("Description (alt text)"), "caption": _("Caption (optional)")}
        help_texts = {
            "alt": _("For annotators who cannot see it: “A portrait; every hair and the skin’s pores are sharp.”"),
            "caption": _("Shown below it: what to look for."),
        }

    field_order = ("upload", "alt", "caption")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["upload"].required = False
            self.fields["upload"].label = _("Replacement file (optional)")


class SuggestionsForm(forms.Form):
    percent = forms.IntegerField(
        min_value=0,
        max_value=100,
        label=_("Items with suggestions (%)"),
        help_text=_(
            "0 turns suggestions off. With 80, about every fifth item is answered without them, so that their "
            "influence can be measured."
        ),
    )
