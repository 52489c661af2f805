"""The form that starts a run. Its settings are the trainer's own; the defaults are those of the pipeline's family."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.core.search_choices import SearchChoiceField
from annotator.generations import pipelines
from annotator.mpo.queries import trainable_sets
from reward_engine.mpo.training import Settings

MAIN = ("steps", "learning_rate", "beta", "rank")
ADVANCED = (
    (_("Training"), ("pairs_per_step", "warmup_steps", "weight_decay", "max_grad_norm", "alpha", "seed")),
    (_("Hardware"), ("batch_size", "precision", "gradient_checkpointing", "save_every")),
    (_("Media size"), ("width", "height", "frames")),
    (
        _("Monitoring"),
        ("evaluate_every", "evaluation_draws", "sample_every", "sample_prompts", "sample_seeds", "sampling_steps",
         "guidance_scale"),
    ),
)  # fmt: skip

LABELS: dict[str, tuple[Any, Any]] = {
    "steps": (_("Steps"), _("Published LoRA runs use 1,000 to 10,000.")),
    "learning_rate": (
        _("Learning rate"),
        _("1e-5 as published; 1e-4 learns a simple preference in a few hundred steps."),
    ),
    "beta": (_("β (closeness to the reference model)"), _("Raise it if samples degrade.")),
    "rank": (_("LoRA rank"), _("8 to 64 is common. The file grows with it.")),
    "pairs_per_step": (_("Pairs per step"), _("What is learned depends on it, not on the batch.")),
    "warmup_steps": (_("Warm-up steps"), ""),
    "weight_decay": (_("Weight decay"), ""),
    "max_grad_norm": (_("Maximum gradient norm"), ""),
    "alpha": (_("LoRA alpha"), _("Its strength is alpha ÷ rank.")),
    "seed": (_("Seed"), _("For order, noise, and LoRA initialization.")),
    "batch_size": (_("Pairs on the device at once"), _("Affects only speed and memory. Halved if memory runs out.")),
    "precision": (_("Precision"), _("LoRA, loss and optimizer are always float32.")),
    "gradient_checkpointing": (_("Gradient checkpointing"), _("Takes a third more time and a fraction of the memory.")),
    "save_every": (_("Save the state every … steps"), _("The most that an interruption can lose.")),
    "width": (_("Width"), _("0: the pipeline's default.")),
    "height": (_("Height"), _("0: the pipeline's default.")),
    "frames": (_("Frames"), _("0: the pipeline's default. Videos only.")),
    "evaluate_every": (_("Measure held-out pairs every … steps"), _("0: never.")),
    "evaluation_draws": (_("Noise levels per held-out pair"), ""),
    "sample_every": (_("Draw samples every … steps"), _("0: never.")),
    "sample_prompts": (_("Sample prompts"), _("Rows of the grid.")),
    "sample_seeds": (_("Sample seeds"), _("Columns of the grid.")),
    "sampling_steps": (_("Denoising steps per sample"), ""),
    "guidance_scale": (_("Guidance scale for samples"), ""),
}
AT_LEAST_ONE = {"steps", "pairs_per_step", "batch_size", "rank", "alpha", "save_every", "sampling_steps",
                "evaluation_draws", "sample_prompts", "sample_seeds"}  # fmt: skip


class RunForm(forms.Form):
    pair_set = SearchChoiceField(
        trainable_sets(), address="mpo:run-pair-sets", label=_("Pairs"), empty_label=None,
        help_text=_("Dominance pairs make an MPO run; total-reward pairs make the baseline to compare it with."),
    )  # fmt: skip
    pipeline = forms.CharField(
        label=_("Pipeline"), max_length=500, widget=forms.TextInput({"list": "pipelines", "autocomplete": "off"}),
        help_text=_("Its folder inside the pipeline folder, or a hub ID if the operator allows it."),
    )  # fmt: skip
    start_lora = forms.CharField(
        label=_("Start from LoRA (optional)"), max_length=500, required=False,
        widget=forms.TextInput({"list": "loras", "autocomplete": "off"}),
        help_text=_("The run tunes on top of it."),
    )  # fmt: skip
    held_out_share = forms.FloatField(
        label=_("Share of prompts held out"), min_value=0, max_value=0.9, initial=0.1,
        widget=forms.NumberInput({"step": "any"}),
        help_text=_("Measured during training and used for the comparison; never trained on."),
    )  # fmt: skip
    name = forms.CharField(
        label=_("Name (optional)"), max_length=200, required=False, help_text=_("If empty, named after the pairs.")
    )

    def __init__(self, *args: Any, defaults: Settings | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_settings(defaults or Settings())

    def add_settings(self, defaults: Settings) -> None:
        for field in fields(Settings):
            self.fields[field.name] = _setting(field.name, getattr(defaults, field.name))

    def group(self, names: tuple[str, ...]) -> list[forms.BoundField]:
        return [self[name] for name in names]

    @property
    def main(self) -> list[forms.BoundField]:
        return self.group(MAIN)

    @property
    def advanced(self) -> list[tuple[Any, list[forms.BoundField]]]:
        return [(title, self.group(names)) for title, names in ADVANCED]

    @property
    def advanced_open(self) -> bool:
        """Whether an error hides in the fold."""
        return any(name in self.errors for _title, names in ADVANCED for name in names) or "start_lora" in self.errors

    @property
    def pipelines(self) -> list[str]:
        return pipelines.pipelines()

    @property
    def loras(self) -> list[str]:
        return pipelines.loras()

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        given["precision"] = given.get("precision") or "bf16"
        return given

    def options(self) -> dict[str, Any]:
        """The arguments of ``create_run`` and ``plan_run``, of a valid form."""
        given = self.cleaned_data
        settings = {field.name: given[field.name] for field in fields(Settings)}
        return {
            "pair_set": given["pair_set"],
            "pipeline": given["pipeline"].strip(),
            "start_lora": given["start_lora"].strip(),
            "held_out_share": given["held_out_share"],
            "settings": settings,
        }

    def refuse(self, message: str, field: object) -> None:
        """A problem that a service found, at its field."""
        self.add_error(str(field) if field in self.fields else None, message)


def _setting(name: str, default: Any) -> forms.Field:
    label, help_text = LABELS[name]
    shared = {"label": label, "help_text": help_text, "initial": default}
    if isinstance(default, bool):
        return forms.BooleanField(required=False, **shared)
    if isinstance(default, str):
        return forms.ChoiceField(choices=[("bf16", "bfloat16"), ("fp32", "float32")], **shared)
    least = 1 if name in AT_LEAST_ONE else 0
    if isinstance(default, int):
        return forms.IntegerField(min_value=least, max_value=10**9, **shared)
    return forms.FloatField(
        min_value=0, widget=forms.NumberInput({"step": "any"}), **(shared | {"initial": f"{default:g}"})
    )
