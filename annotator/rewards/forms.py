"""The training form and the filters of the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import Campaign
from annotator.core.form_fields import field_of
from annotator.library import queries as library
from annotator.rewards.filters import ORDERINGS
from annotator.rewards.models import RewardModel
from annotator.rewards.queries import ComparisonChoice, TrainingChoice
from annotator.trust.queries import ConsensusMethod


class TrainingForm(forms.Form):
    judge = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)
    campaigns = forms.ModelMultipleChoiceField(
        queryset=Campaign.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        label=_("Campaigns"),
        error_messages={"required": _("Choose at least one campaign.")},
    )
    promote = forms.BooleanField(
        label=_("Promote it if it passes the gate"),
        required=False,
        initial=True,
        help_text=_(
            "A version passes if none is promoted yet, or if it is at least as good as the promoted one on held-out "
            "prompts. Otherwise it stays a candidate."
        ),
    )
    score_after = forms.BooleanField(
        label=_("Then score all items with it"),
        required=False,
        initial=True,
        help_text=_("Every image or video in the library, in batches."),
    )
    mine_after = forms.BooleanField(
        label=_("Then mine preference pairs"),
        required=False,
        help_text=_("By dominance, from those scores. Needs several items per prompt."),
    )
    consensus = forms.ChoiceField(
        label=_("Consensus rule"),
        choices=ConsensusMethod.choices,
        help_text=_("A reviewer’s decision always takes precedence."),
    )
    comparisons = forms.ModelMultipleChoiceField(
        queryset=Campaign.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Weights from comparisons"),
    )
    keep_limited = forms.BooleanField(
        label=_("Count sub-dimensions that cannot be trusted"),
        required=False,
        help_text=_(
            "Otherwise those are left out of the reward for which held-out prompts give no reason to trust the judge: "
            "the same answer for everything, never checked, or worse than the majority baseline."
        ),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        initial=0,
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("Determines which prompts are held out. The same seed and judgments give the same model."),
    )

    def __init__(
        self, *args: Any, choices: list[TrainingChoice], compared: Sequence[ComparisonChoice] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.choices = choices
        offered = [choice.campaign.pk for choice in compared]
        field_of(self, "comparisons", forms.ModelMultipleChoiceField).queryset = Campaign.objects.filter(pk__in=offered)
        known = [choice.campaign.pk for choice in choices]
        field_of(self, "campaigns", forms.ModelMultipleChoiceField).queryset = Campaign.objects.filter(
            pk__in=known
        ).select_related("checklist_version")

    @property
    def chosen(self) -> set[str]:
        """Ids as the form has them, for checking boxes."""
        return self._ids("campaigns")

    @property
    def chosen_comparisons(self) -> set[str]:
        return self._ids("comparisons")

    def _ids(self, field: str) -> set[str]:
        return {str(getattr(one, "pk", one)) for one in self[field].value() or []}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        campaigns = cleaned.get("campaigns")
        if campaigns is not None and len({campaign.checklist_version_id for campaign in campaigns}) > 1:
            self.add_error(
                "campaigns",
                gettext("These campaigns use different checklist versions. Choose campaigns of one version."),
            )
        if cleaned.get("mine_after") and not cleaned.get("score_after"):
            self.add_error("mine_after", gettext("Pairs are mined from scores. Turn on scoring of all items as well."))
        return cleaned


class RankingForm(forms.Form):
    """The ranking's filters. They are sent by GET; what is not understood is left out, not refused."""

    model = forms.ChoiceField(label=_("Version"), required=False)
    q = forms.CharField(
        label=_("Prompt contains"), required=False, widget=forms.TextInput(attrs={"type": "search", "maxlength": 200})
    )
    generator = forms.ChoiceField(label=_("Generator"), required=False)
    order = forms.ChoiceField(
        label=_("Order"), required=False, choices=[(value, label) for value, (label, _fields) in ORDERINGS.items()]
    )
    prompt = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, versions: list[RewardModel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "model", forms.ChoiceField).choices = [
            (model.pk, f"v{model.version} · {model.get_state_display().lower()}") for model in versions
        ]
        field_of(self, "generator", forms.ChoiceField).choices = [
            ("", gettext("All generators")),
            *((name, name) for name in library.generator_names()),
        ]
