"""Forms of the trust app."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.trust.models import TrustPolicy


class TrustPolicyForm(forms.ModelForm):
    """A campaign's policy; shares are given in percent, as people say them."""

    pass_share = forms.IntegerField(min_value=0, max_value=100, label=_("Pass mark (%)"), initial=70)
    gold_share = forms.IntegerField(
        min_value=0, max_value=100, label=_("Pause below this gold accuracy (%)"), initial=50
    )
    agreement_bar = forms.IntegerField(
        min_value=0, max_value=100, label=_("Settle an item when this many answers agree (%)"), initial=75
    )

    class Meta:
        model = TrustPolicy
        fields = (
            "require_qualification", "pass_share", "attempts_allowed", "test_items",
            "gold_every", "gold_share", "gold_items_before", "gold_window", "haste_limit",
            "overlap_max", "agreement_bar",
        )  # fmt: skip
        labels = {
            "require_qualification": _("Test before the work"),
            "attempts_allowed": _("Attempts at the test"),
            "test_items": _("Items per test"),
            "haste_limit": _("Pause after this many fast items in a row"),
            "gold_every": _("One gold item every … items"),
            "gold_items_before": _("Gold items before anyone is paused"),
            "gold_window": _("Latest gold items counted"),
            "overlap_max": _("Maximum annotators for a disputed item"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        instance = kwargs.get("instance")
        if instance is not None:
            kwargs["initial"] = {name: round(100 * getattr(instance, name)) for name in SHARES} | (
                kwargs.get("initial") or {}
            )
        super().__init__(*args, **kwargs)
        self.overlap = instance.campaign.overlap if instance is not None else 1

    def clean_overlap_max(self) -> int | None:
        most = self.cleaned_data["overlap_max"]
        if most is not None and most < self.overlap:
            raise forms.ValidationError(
                _("Each item already has %(overlap)d annotators. The maximum must not be lower."),
                params={"overlap": self.overlap},
            )
        return most

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in SHARES:
            if cleaned.get(name) is not None:
                cleaned[name] = cleaned[name] / 100
        return cleaned


SHARES = ("pass_share", "gold_share", "agreement_bar")
