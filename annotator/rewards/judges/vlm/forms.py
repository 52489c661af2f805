"""The settings of a training of the vision-language judge."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.rewards.models import BaseModel, BaseModelState

FINE_TUNE, AS_IT_IS = "fine_tune", "as_it_is"
SCRATCH, PROMOTED = "scratch", "promoted"


class VlmSettings(forms.Form):
    """What is left empty is chosen by the size of the base model (see ``defaults.py``)."""

    base = forms.ModelChoiceField(
        label=_("Base model"),
        queryset=BaseModel.objects.filter(state=BaseModelState.READY),
        help_text=_("Registered under Base models, and checked by a GPU worker."),
        error_messages={
            "required": _("Choose a base model. If there is none, register one under Models → Base models."),
            "invalid_choice": _("This base model is not registered, or its check did not succeed."),
        },
    )
    use = forms.ChoiceField(
        label=_("Use"),
        choices=[(FINE_TUNE, _("Fine-tune with LoRA")), (AS_IT_IS, _("Use as is (zero-shot)"))],
        initial=FINE_TUNE,
        help_text=_("A version used as is does not learn. It is measured like the others and serves as a baseline."),
    )
    start = forms.ChoiceField(
        label=_("Start from"),
        choices=[(SCRATCH, _("Scratch")), (PROMOTED, _("The promoted adapter"))],
        initial=SCRATCH,
        help_text=_("Continuing from the promoted adapter is faster; its rank, alpha, and targets are kept."),
    )
    wording = forms.ChoiceField(
        label=_("Wording"),
        choices=[("platform", _("Platform: introduction with the prompt, then the question")),
                 ("published", _("Published: the question only"))],
        initial="platform",
        help_text=_("Choose Published for checkpoints trained on the published questions."),
    )  # fmt: skip
    dtype = forms.ChoiceField(
        label=_("Number format"),
        choices=[("auto", _("Automatic")), ("bfloat16", "bfloat16"), ("float16", "float16"), ("float32", "float32")],
        initial="auto",
        help_text=_("Automatic: bfloat16 on a GPU, float32 on a CPU."),
    )
    quantize = forms.ChoiceField(
        label=_("Quantization"),
        choices=[("", _("None")), ("8bit", _("8 bits")), ("4bit", _("4 bits"))],
        required=False,
        initial="",
        help_text=_("Needs bitsandbytes and a GPU. Saves memory at some cost in accuracy."),
    )
    frames = forms.IntegerField(
        label=_("Frames per video"), required=False, min_value=1, max_value=64,
        help_text=_("Evenly spaced. Empty: one per second, at most 24, as published."),
    )  # fmt: skip
    rank = forms.IntegerField(label=_("LoRA rank"), required=False, min_value=1, max_value=512)
    alpha = forms.FloatField(label=_("LoRA alpha"), required=False, min_value=0.001, max_value=4096)
    targets = forms.ChoiceField(
        label=_("Layers to train"),
        choices=[("language", _("Language model")), ("all", _("Language model and vision tower"))],
        initial="language",
        help_text=_("Add the vision tower if the media look unlike photographs."),
    )
    dropout = forms.FloatField(label=_("LoRA dropout"), initial=0.05, min_value=0.0, max_value=0.9)
    learning_rate = forms.FloatField(label=_("Learning rate"), required=False, min_value=1e-8, max_value=1.0)
    epochs = forms.FloatField(label=_("Epochs"), required=False, min_value=0.01, max_value=1000)
    max_steps = forms.IntegerField(
        label=_("Maximum steps"), required=False, min_value=1, max_value=10_000_000,
        help_text=_("Empty: determined by the epochs."),
    )  # fmt: skip
    batch_size = forms.IntegerField(label=_("Items per pass and device"), required=False, min_value=1, max_value=1024)
    accumulate = forms.IntegerField(label=_("Passes per step"), required=False, min_value=1, max_value=1024)
    mixed_precision = forms.ChoiceField(
        label=_("Mixed precision"),
        choices=[("", _("Automatic")), ("no", _("No")), ("bf16", "bf16"), ("fp16", "fp16")],
        required=False,
        initial="",
    )
    gradient_checkpointing = forms.NullBooleanField(
        label=_("Gradient checkpointing"),
        required=False,
        widget=forms.Select(choices=[("", _("Automatic")), ("true", _("Yes")), ("false", _("No"))]),
        help_text=_("Half the speed, a fraction of the memory."),
    )
    validation_share = forms.FloatField(
        label=_("Held-out share"), initial=0.2, min_value=0.02, max_value=0.8,
        help_text=_("By whole prompts. The version is measured on them."),
    )  # fmt: skip
    evaluate_every = forms.IntegerField(
        label=_("Steps between evaluations"), required=False, min_value=1, max_value=1_000_000
    )
    checkpoint_every = forms.IntegerField(
        label=_("Steps between checkpoints"), required=False, min_value=1, max_value=1_000_000,
        help_text=_("An interrupted training resumes from its last checkpoint."),
    )  # fmt: skip
    patience = forms.IntegerField(
        label=_("Patience"), initial=4, min_value=1, max_value=1000,
        help_text=_("Evaluations without a lower held-out loss before training stops early."),
    )  # fmt: skip

    MAIN = ("base", "use", "start", "wording")

    @property
    def main_fields(self) -> list[Any]:
        """The fields that everybody decides on."""
        return [self[name] for name in self.MAIN]

    @property
    def further_fields(self) -> list[Any]:
        """The fields whose defaults serve most."""
        return [field for field in self if field.name not in self.MAIN]
