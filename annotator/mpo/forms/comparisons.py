"""The forms that compare runs with their start, and ask people about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.core.form_fields import field_of
from annotator.core.search_choices import SearchChoiceField
from annotator.mpo.queries.comparisons import prompt_sets_to_compare
from annotator.mpo.queries.runs import finished_runs
from annotator.rewards.models import RewardModel


class ComparisonForm(forms.Form):
    # Its page lists the runs in pages of its own (``run_choice``).
    runs = forms.ModelMultipleChoiceField(finished_runs(), label=_("Runs"))
    prompt_set = SearchChoiceField(
        prompt_sets_to_compare(), address="mpo:comparison-prompt-sets", label=_("Prompts"), required=False,
        label_of=lambda row: f"{row.name} ({row.count:,})",
        empty_label=_("The prompts that the runs held out"),
        help_text=_("Prompts that a run was trained on are always left out."),
    )  # fmt: skip
    per_prompt = forms.IntegerField(
        label=_("Items per prompt"), min_value=1, max_value=64, initial=4,
        help_text=_("Generated from the same seeds by every model. More prompts tell you more than more items."),
    )  # fmt: skip
    reward_model = forms.ModelChoiceField(
        RewardModel.objects.none(), label=_("Scored by"), required=False, empty_label=_("The promoted reward model")
    )
    steps = forms.IntegerField(
        label=_("Denoising steps"), min_value=1, max_value=1000, required=False,
        help_text=_("Empty: as for the runs’ samples."),
    )  # fmt: skip
    guidance_scale = forms.FloatField(
        label=_("Guidance scale"), min_value=0, required=False, widget=forms.NumberInput({"step": "any"}),
        help_text=_("Empty: as for the runs’ samples."),
    )  # fmt: skip
    tie_margin = forms.FloatField(
        label=_("Tie margin"), min_value=0, initial=0, widget=forms.NumberInput({"step": "any"}),
        help_text=_("Rewards that differ by no more than this count as a tie."),
    )  # fmt: skip
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=2**31 - 1, initial=1)
    name = forms.CharField(label=_("Name (optional)"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "reward_model", forms.ModelChoiceField).queryset = RewardModel.objects.order_by(
            "media_type", "-version"
        )

    def options(self) -> dict[str, Any]:
        given = self.cleaned_data
        names = ("prompt_set", "reward_model", "per_prompt", "seed", "tie_margin", "name")
        return {
            "runs": list(given["runs"]),
            "sampling": {"steps": given["steps"], "guidance_scale": given["guidance_scale"]},
            **{name: given[name] for name in names},
        }

    def refuse(self, message: str, field: object) -> None:
        self.add_error(str(field) if field in self.fields else None, message)


class AskForm(forms.Form):
    pairs = forms.IntegerField(label=_("Pairs"), min_value=1, max_value=2000, initial=50)
    overlap = forms.IntegerField(label=_("Annotators per pair"), min_value=1, max_value=50, initial=3)
