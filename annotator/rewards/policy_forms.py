"""Forms of the retraining policies: for what, and when and how. The kind's own settings are a form of the kind."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import ChecklistVersion
from annotator.core.form_fields import field_of
from annotator.rewards import judges, queries


class PolicyChoiceForm(forms.Form):
    """Which checklist version and which kind of judge a new policy is for."""

    checklist_version = forms.ModelChoiceField(
        queryset=ChecklistVersion.objects.none(), label=_("Checklist"), empty_label=None
    )
    judge = forms.ChoiceField(label=_("Kind of judge"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "checklist_version", forms.ModelChoiceField).queryset = queries.versions_in_use()
        field_of(self, "judge", forms.ChoiceField).choices = [(kind.name, kind.label) for kind in judges.kinds()]


class PolicyForm(forms.Form):
    """When a kind is retrained, and what follows."""

    enabled = forms.BooleanField(
        label=_("Retrain automatically"),
        required=False,
        initial=True,
        help_text=_("If off, this judge is retrained only manually."),
    )
    after_annotations = forms.IntegerField(
        label=_("After this many new annotations"),
        required=False,
        min_value=1,
        max_value=10_000_000,
        help_text=_("Counted since the last requested training of this judge. Empty: the number does not matter."),
    )
    nightly_hour = forms.TypedChoiceField(
        label=_("Nightly at"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=_("Once a day from this hour on if there are new annotations. Times are UTC."),
    )
    promotes = forms.BooleanField(
        label=_("Promote it if it passes the gate"),
        required=False,
        help_text=_("Then score all items with it. Otherwise it stays a candidate."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "nightly_hour", forms.TypedChoiceField).choices = [
            ("", gettext("Not nightly")),
            *((hour, f"{hour:02d}:00 UTC") for hour in range(24)),
        ]
