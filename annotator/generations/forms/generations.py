"""What a pipeline is to generate."""

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.core.search_choices import SearchChoiceField
from annotator.generations.models import GenerationSet, Precision, PromptSet
from annotator.generations.services import GenerationSpec
from annotator.generations.services.generation_plan import MOST_PER_PROMPT, MOST_SEED

USUAL = _("Empty: what the family's authors recommend.")
NATIVE = _("Empty: the pipeline's default.")


class GenerationForm(forms.Form):
    prompt_set = SearchChoiceField(
        PromptSet.objects.order_by("-created_at"), address="generations:generate-prompt-sets", label=_("Prompt set"),
        empty_label=None,
    )  # fmt: skip
    per_prompt = forms.IntegerField(
        label=_("Items per prompt"), min_value=1, max_value=MOST_PER_PROMPT, initial=4,
        help_text=_("Two or more, so that there is something to compare."),
    )  # fmt: skip
    pipeline = forms.CharField(
        label=_("Pipeline"), max_length=500,
        widget=forms.TextInput({"list": "pipelines", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    lora = forms.CharField(
        label=_("LoRA (optional)"), max_length=500, required=False,
        widget=forms.TextInput({"list": "loras", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("A safetensors file to load into the pipeline. LoRAs of finished runs are listed too."),
    )  # fmt: skip
    steps = forms.IntegerField(label=_("Steps"), min_value=1, required=False, help_text=USUAL)
    guidance_scale = forms.FloatField(
        label=_("Guidance scale"), min_value=0, required=False, widget=forms.NumberInput({"step": "any"}),
        help_text=USUAL,
    )  # fmt: skip
    width = forms.IntegerField(label=_("Width"), min_value=1, required=False, help_text=NATIVE)
    height = forms.IntegerField(label=_("Height"), min_value=1, required=False, help_text=NATIVE)
    frames = forms.IntegerField(
        label=_("Frames"), min_value=1, required=False, help_text=_("Videos only. Empty: the pipeline's default.")
    )
    seed = forms.IntegerField(
        label=_("Seed"), min_value=0, max_value=MOST_SEED, initial=0,
        help_text=_("The same seed gives every model the same noise, so that results can be compared."),
    )  # fmt: skip
    precision = forms.ChoiceField(
        label=_("Precision"), initial=Precision.AUTO,
        choices=[(Precision.AUTO, _("Automatic")), *(choice for choice in Precision.choices if choice[0] != "auto")],
        help_text=_("Automatic: bfloat16 on GPUs that support it, float32 otherwise."),
    )  # fmt: skip
    batch_size = forms.IntegerField(
        label=_("Batch size"), min_value=1, max_value=256, required=False,
        help_text=_("Empty: as many as fit. A batch that does not fit is halved."),
    )  # fmt: skip
    score_after = forms.BooleanField(label=_("Score the items afterward"), required=False, initial=True)
    name = forms.CharField(
        label=_("Name (optional)"),
        max_length=200,
        required=False,
        help_text=_("If empty, named after the prompts and the pipeline."),
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name and GenerationSet.objects.filter(name=name).exists():
            raise forms.ValidationError(
                _("A generation set called “%(name)s” already exists. Choose another name."), params={"name": name}
            )
        return name

    def spec(self) -> GenerationSpec:
        given = self.cleaned_data
        names = ("prompt_set", "pipeline", "lora", "per_prompt", "steps", "guidance_scale", "width", "height",
                 "frames", "seed", "precision", "batch_size")  # fmt: skip
        return GenerationSpec(**{name: given[name] for name in names})

    def refuse(self, field: object, message: str) -> None:
        """Note what the service would not take, at its field where there is one."""
        self.add_error(str(field) if field in self.fields else None, message)
