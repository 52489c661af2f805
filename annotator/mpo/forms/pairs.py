"""The mining form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.mpo.models import GenerationSet, PromptSet
from annotator.mpo.options import Choice, Level, MiningOptions, Source
from annotator.mpo.queries import MinableModel
from annotator.rewards.models import RewardModel

DEFAULTS = MiningOptions()
MOST_OFFERED = 500  # of each kind, the newest


class MiningForm(forms.Form):
    reward_model = forms.ModelChoiceField(
        RewardModel.objects.none(), label=_("Reward model"), empty_label=None,
        help_text=_("Versions that have scored items; the promoted one comes first."),
    )  # fmt: skip
    among = forms.ChoiceField(
        label=_("Which items"), required=False,
        help_text=_("A prompt set's are all items of its prompts; a generation set's only what was made for it."),
    )  # fmt: skip
    source = forms.ChoiceField(label=_("Whose word counts"), choices=Source.choices, initial=DEFAULTS.source)
    level = forms.ChoiceField(
        label=_("Nowhere worse in its"), choices=Level.choices, initial=DEFAULTS.level,
        help_text=_("The finer the level, the fewer pairs, and the surer each of them."),
    )  # fmt: skip
    margin = forms.FloatField(
        label=_("Better by more than"), min_value=0, initial=f"{DEFAULTS.margin:g}",
        widget=forms.NumberInput({"step": "any"}),
        help_text=_("In at least one of these places; 0 takes any advantage."),
    )  # fmt: skip
    min_total_gap = forms.FloatField(
        label=_("Smallest total gap"), min_value=0, initial=f"{DEFAULTS.min_total_gap:g}",
        widget=forms.NumberInput({"step": "any"}), help_text=_("Difference of the two rewards; 0 for any."),
    )  # fmt: skip
    max_pairs_per_prompt = forms.IntegerField(
        label=_("At most this many pairs a prompt"), min_value=1, required=False, initial=DEFAULTS.max_pairs_per_prompt,
        help_text=_("So that prompts with many items do not outweigh the others. Empty for all."),
    )  # fmt: skip
    choose = forms.ChoiceField(label=_("Where there are more, keep"), choices=Choice.choices, initial=DEFAULTS.choose)
    seed = forms.IntegerField(label=_("Seed of the random choice"), min_value=0, initial=DEFAULTS.seed)
    name = forms.CharField(
        label=_("Name (optional)"), max_length=200, required=False, help_text=_("Without one, model and level.")
    )

    def __init__(self, *args: Any, models: list[MinableModel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reward_model"]
        field.queryset = RewardModel.objects.filter(pk__in=[row.model.pk for row in models])
        field.choices = [(row.model.pk, str(row.model)) for row in models]
        self.fields["among"].choices = _groups()

    def options(self) -> MiningOptions:
        given = self.cleaned_data
        kind, _colon, pk = given["among"].partition(":")
        return MiningOptions(
            **{name: given[name] for name in ("level", "source", "margin", "min_total_gap", "choose", "seed")},
            max_pairs_per_prompt=given["max_pairs_per_prompt"],
            **({kind: int(pk)} if kind else {}),
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
