"""A model that somebody serves already (vLLM, SGLang …), asked over the OpenAI protocol and used as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ProblemError
from annotator.jobs.services import JobRun
from annotator.rewards import endpoints
from annotator.rewards.judges.base import Estimate, JudgeKind, Trained, TrainingData
from annotator.rewards.judges.registry import register
from annotator.rewards.judges.untrained import measure_untrained, read_manifest
from annotator.rewards.models import RewardModel
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, RewardEngineError
from reward_engine.judges.base import Judge


class EndpointForm(forms.Form):
    address = forms.ChoiceField(
        label=_("Address"),
        choices=endpoints.choices,
        help_text=_("From the operator’s list (ENDPOINT_ADDRESSES)."),
        error_messages={
            "required": _("Choose one of the operator’s addresses. If there is none, add it to ENDPOINT_ADDRESSES."),
            "invalid_choice": _("%(value)s is not on the operator’s list (ENDPOINT_ADDRESSES)."),
        },
    )
    model = forms.CharField(
        label=_("Model"),
        max_length=200,
        help_text=_("Its name on the server, as returned by GET …/models."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    wording = forms.ChoiceField(
        label=_("Wording"),
        choices=[
            ("platform", _("Platform: introduction with the prompt, then the question")),
            ("published", _("Published: the question only")),
        ],
        initial="platform",
        help_text=_("Choose Published for checkpoints trained on the published questions."),
    )
    concurrency = forms.IntegerField(
        label=_("Concurrent requests"), initial=16, min_value=1, max_value=256,
        help_text=_("As many as the server batches; the rest wait in its queue."),
    )  # fmt: skip
    timeout_seconds = forms.IntegerField(
        label=_("Timeout (seconds)"), initial=60, min_value=1, max_value=600,
        help_text=_("Per request. A request is retried a few times before the item is left out."),
    )  # fmt: skip
    top_logprobs = forms.IntegerField(
        label=_("Top tokens"), initial=20, min_value=2, max_value=100,
        help_text=_("P(yes) is computed from them. Servers allow 20 by default."),
    )  # fmt: skip


@register
class Endpoint(JudgeKind):
    name = "endpoint"
    order = 20
    label = _("Endpoint (OpenAI protocol)")
    description = _("A model served elsewhere, by vLLM or SGLang. It is used as is and does not learn here.")
    learns = False
    settings_form = EndpointForm
    panel_template = "rewards/_endpoint_panel.html"

    def estimate(self, settings: Mapping[str, Any], checklist: Checklist, items: int) -> Estimate:
        requests = items * len(checklist.questions)
        note = gettext("%(requests)s requests to the server, one per question and item.")
        return Estimate(memory_bytes=self.memory_bytes(None), notes=(note % {"requests": f"{requests:,}"},))

    def train(self, run: JobRun, data: TrainingData, settings: Mapping[str, Any]) -> Trained:
        endpoints.require(settings["address"])
        run.stage(gettext_noop("Connecting to the endpoint"))
        try:
            judge = connected(settings, data.checklist)
        except RewardEngineError as error:
            raise ProblemError(error.message, code=error.code) from error
        kept = {**settings, "served": dict(getattr(judge, "served", {}))}
        return measure_untrained(run, data, judge, self.name, kept, device=gettext("server"))

    def load(self, model: RewardModel, folder: Path, checklist: Checklist) -> Judge:
        return opened(self._settings(folder, checklist), checklist)

    def check(self, model: RewardModel, folder: Path, checklist: Checklist) -> None:
        self._settings(folder, checklist)

    def memory_bytes(self, model: RewardModel | None) -> int:
        return 32 << 20  # media that are on their way

    def panel(self, model: RewardModel) -> dict[str, Any]:
        return dict(model.manifest.get("as_it_is", {}))

    def _settings(self, folder: Path, checklist: Checklist) -> dict[str, Any]:
        found: dict[str, Any] = read_manifest(folder, self.name, checklist)["as_it_is"]
        try:
            endpoints.require(str(found.get("address")))
        except ProblemError as problem:
            raise ArtifactError(problem.message, code=problem.code) from problem
        return found


def asked_with(settings: Mapping[str, Any]) -> Any:
    """The engine's settings. Of the key they hold the name of the environment variable alone."""
    from reward_engine.judges.endpoint import EndpointSettings

    key = endpoints.key_variable(settings["address"])
    named_key: dict[str, Any] = {"api_key_env": key} if key else {}
    return EndpointSettings(
        base_url=settings["address"],
        model=settings["model"],
        wording=settings["wording"],
        concurrency=settings["concurrency"],
        timeout_seconds=settings["timeout_seconds"],
        top_logprobs=settings["top_logprobs"],
        **named_key,
    )


def connected(settings: Mapping[str, Any], checklist: Checklist) -> Judge:
    """The judge that asks this endpoint, once the server has said that it serves the model."""
    from reward_engine.judges.endpoint import EndpointJudge

    judge: Judge = EndpointJudge.connect(asked_with(settings), checklist)
    return judge


def opened(settings: Mapping[str, Any], checklist: Checklist) -> Judge:
    """The judge as it was measured; the server is asked first when it predicts."""
    from reward_engine.judges.endpoint import EndpointJudge

    judge: Judge = EndpointJudge(checklist, asked_with(settings), settings.get("served", {}))
    return judge
