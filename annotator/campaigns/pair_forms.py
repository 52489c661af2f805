"""The form of a new campaign of comparisons."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.item_choices import generator_choice, import_choice
from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.queries.pairs import fitting_pairs


class PairFilterForm(forms.Form):
    """Which pairs; alone, for the count beside the form."""

    checklist_version = forms.ModelChoiceField(
        ChecklistVersion.objects.order_by("media_type", "name", "-version"),
        label=_("Checklist"),
        help_text=_("Its questions are not asked. It determines whether images or videos are compared."),
    )
    first = generator_choice(_("First generator"))
    second = generator_choice(_("Second generator"))
    batch = import_choice()
    prompt = forms.CharField(required=False, label=_("Prompt contains"), max_length=200)
    per_prompt = forms.IntegerField(min_value=1, max_value=100, initial=1, label=_("Pairs per prompt"))
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        label=_("Seed"),
        help_text=_("Determines which pairs are drawn and which item appears on the left."),
    )

    def pairs(self) -> list[Any]:
        values = {name: self.cleaned_data[name] for name in PairFilterForm.base_fields}
        version = values.pop("checklist_version")
        return fitting_pairs(media_type=version.media_type, **values)

    def count(self) -> int | None:
        """How many pairs fit; None before a checklist is chosen."""
        return len(self.pairs()) if self.is_valid() else None


class ComparisonCampaignForm(PairFilterForm):
    """A new campaign over the pairs that fit."""

    name = forms.CharField(max_length=200, label=_("Name"))
    overlap = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=3,
        label=_("Annotators per pair"),
        help_text=_("How many people compare each pair."),
    )
    lease_seconds = forms.IntegerField(
        min_value=30,
        max_value=7 * 24 * 3600,
        initial=1800,
        label=_("Lease (seconds)"),
        help_text=_("How long a pair is reserved for an annotator who opened it and does nothing."),
    )
    asks_strength = forms.BooleanField(
        required=False,
        label=_("Also ask whether the better item is much better"),
        help_text=_("Adds two answers: left is much better, and right is much better."),
    )
    guidelines = forms.CharField(
        required=False, label=_("Guidelines for annotators"), widget=forms.Textarea(attrs={"rows": 4})
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        cleaned["pairs"] = self.pairs()
        if not cleaned["pairs"]:
            raise forms.ValidationError(
                _("No two items with the same prompt match these filters. Import some or widen the filters.")
            )
        return cleaned
