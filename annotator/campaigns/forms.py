"""Forms of the campaigns app."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import Campaign, ChecklistVersion
from annotator.library.models import Generator, ImportBatch, Item


class CampaignForm(forms.ModelForm):
    """A new campaign over the items that fit the filter."""

    batch = forms.ModelChoiceField(
        ImportBatch.objects.all(), required=False, label=_("Only items of this import"), empty_label=_("Any import")
    )
    generator = forms.ModelChoiceField(
        Generator.objects.order_by("name", "version"),
        required=False,
        label=_("Only items of this generator"),
        empty_label=_("Any generator"),
    )
    prompt = forms.CharField(required=False, label=_("Only prompts that contain"), max_length=200)

    class Meta:
        model = Campaign
        fields = ("name", "checklist_version", "overlap", "lease_seconds", "guidelines")
        labels = {
            "checklist_version": _("Checklist"),
            "overlap": _("Annotators an item"),
            "lease_seconds": _("Lease, in seconds"),
            "guidelines": _("Guidelines for annotators"),
        }
        widgets = {"guidelines": forms.Textarea(attrs={"rows": 6})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["checklist_version"].queryset = ChecklistVersion.objects.order_by("media_type", "name", "-version")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        version = cleaned.get("checklist_version")
        if version is None:
            return cleaned
        items = Item.objects.filter(media_type=version.media_type).order_by("pk")
        if cleaned.get("batch"):
            items = items.filter(batch=cleaned["batch"])
        if cleaned.get("generator"):
            items = items.filter(generator=cleaned["generator"])
        if cleaned.get("prompt"):
            items = items.filter(prompt__text__icontains=cleaned["prompt"])
        if not items.exists():
            raise forms.ValidationError(
                _("No %(kind)s in the library fits these filters; import some or widen the filters."),
                params={"kind": version.media_type},
            )
        cleaned["items"] = items
        return cleaned
