"""The mining form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.core.form_fields import field_of
from annotator.generations.models import GenerationSet, PromptSet
from annotator.mpo.options import Answers, Choice, Level, MiningOptions, Source
from annotator.mpo.queries import MinableModel
from annotator.rewards.models import RewardModel

DEFAULTS = MiningOptions()
MOST_OFFERED = 500  # of each kind, the newest


class MiningForm(forms.Form):
    reward_model = forms.ModelChoiceField(
        RewardModel.objects.none(), label=_("Reward model"), empty_label=None,
        help_text=_("Versions that have scored items, the promoted one first."),
    )  # fmt: skip
    among = forms.ChoiceField(
        label=_("Which items"), required=False,
        help_text=_("A prompt set covers all items of its prompts; a generation set only those generated for it."),
    )  # fmt: skip
    source = forms.ChoiceField(label=_("Score source"), choices=Source.choices, initial=DEFAULTS.source)
    level = forms.ChoiceField(
        label=_("Compare by"), choices=Level.choices, initial=DEFAULTS.level,
        help_text=_("Finer levels give fewer but more reliable pairs."),
    )  # fmt: skip
    answers = forms.ChoiceField(
        label=_("Answers"), choices=Answers.choices, initial=DEFAULTS.answers,
        help_text=_("With “Probabilities as they are”, even slight noise rules out pairs. The version’s page shows "
                    "how many pairs each option finds on held-out items, and how often people agree."),
    )  # fmt: skip
    margin = forms.FloatField(
        label=_("Margin"), min_value=0, initial=f"{DEFAULTS.margin:g}",
        widget=forms.NumberInput({"step": "any"}),
        help_text=_("Required in at least one of them; 0 accepts any advantage."),
    )  # fmt: skip
    min_total_gap = forms.FloatField(
        label=_("Minimum total gap"), min_value=0, initial=f"{DEFAULTS.min_total_gap:g}",
        widget=forms.NumberInput({"step": "any"}), help_text=_("Difference between the two rewards; 0 for any."),
    )  # fmt: skip
    max_pairs_per_prompt = forms.IntegerField(
        label=_("Maximum pairs per prompt"), min_value=1, required=False, initial=DEFAULTS.max_pairs_per_prompt,
        help_text=_("Keeps prompts with many items from outweighing the others. Empty: no maximum."),
    )  # fmt: skip
    choose = forms.ChoiceField(label=_("If there are more, keep"), choices=Choice.choices, initial=DEFAULTS.choose)
    seed = forms.IntegerField(label=_("Seed of the random choice"), min_value=0, initial=DEFAULTS.seed)
    name = forms.CharField(
        label=_("Name (optional)"),
        max_length=200,
        required=False,
        help_text=_("If empty, named after the model and the level."),
    )

    def __init__(self, *args: Any, models: list[MinableModel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = field_of(self, "reward_model", forms.ModelChoiceField)
        field.queryset = RewardModel.objects.filter(pk__in=[row.model.pk for row in models])
        field.choices = [(row.model.pk, str(row.model)) for row in models]
        field_of(self, "among", forms.ChoiceField).choices = _groups()

    def options(self) -> MiningOptions:
        given = self.cleaned_data
        kind, _colon, pk = given["among"].partition(":")
        among: dict[str, Any] = {kind: int(pk)} if kind else {}
        return MiningOptions(
            **{
                name: given[name]
                for name in ("level", "answers", "source", "margin", "min_total_gap", "choose", "seed")
            },
            max_pairs_per_prompt=given["max_pairs_per_prompt"],
            **among,
        )


def _groups() -> list[tuple[object, object]]:
    """All items, or those of a set: its kind and id, as ``generation_set:7``."""
    groups: list[tuple[object, object]] = [("", _("All scored items"))]
    for kind, label, model in (
        ("generation_set", _("Generation sets"), GenerationSet),
        ("prompt_set", _("Prompt sets"), PromptSet),
    ):
        rows = model.objects.order_by("-created_at").values_list("pk", "name")[:MOST_OFFERED]
        if rows:
            groups.append((label, [(f"{kind}:{pk}", name) for pk, name in rows]))
    return groups
