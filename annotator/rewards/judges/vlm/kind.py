"""The kind itself: settings, estimate, training in processes of its own, loading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ProblemError
from annotator.jobs.devices import known_device
from annotator.jobs.services import JobRun
from annotator.rewards import vlms
from annotator.rewards.judges.base import Estimate, Ids, JudgeKind, PYes, Trained, TrainingData
from annotator.rewards.judges.inputs import inputs_of
from annotator.rewards.judges.registry import register
from annotator.rewards.judges.untrained import measure_untrained, read_manifest
from annotator.rewards.judges.vlm import artifact, estimate
from annotator.rewards.judges.vlm.defaults import defaults_for, filled
from annotator.rewards.judges.vlm.forms import AS_IT_IS, PROMOTED, VlmSettings
from annotator.rewards.judges.vlm.process import train_in_process
from annotator.rewards.judges.vlm.work import work_folder
from annotator.rewards.models import BaseModel, BaseModelState, RewardModel, RewardModelState
from annotator.rewards.services import artifacts
from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, RewardEngineError
from reward_engine.judges.base import Judge

if TYPE_CHECKING:
    from reward_engine.calibration import Calibration
    from reward_engine.judges.vlm import VLMJudge
    from reward_engine.weights import Weights

NAME = "vlm"
LEARNING = (
    "rank", "alpha", "targets", "dropout", "learning_rate", "epochs", "max_steps", "batch_size", "accumulate",
    "mixed_precision", "gradient_checkpointing", "validation_share", "evaluate_every", "checkpoint_every", "patience",
)  # fmt: skip
OPTIONS = ("dtype", "quantize", "frames", "wording")


@register
class VisionLanguage(JudgeKind):
    name = NAME
    order = 10
    label = _("Vision-language model")
    description = _("A base model that looks at the media and answers each question. Designed for GPU workers.")
    settings_form = VlmSettings
    panel_template = "rewards/judges/_vlm.html"

    def check_settings(self, settings: Mapping[str, Any], media_type: str) -> dict[str, Any]:
        cleaned = super().check_settings(settings, media_type)
        base = base_of(cleaned)
        if cleaned["use"] == AS_IT_IS:
            return cleaned
        if cleaned["start"] == PROMOTED:
            promoted_adapter(media_type, base)
        device, _measured = known_device()
        return filled(cleaned, int(base.report.get("parameters") or 0), gpu=bool(device.memory_bytes))

    def estimate(self, settings: Mapping[str, Any], checklist: Checklist, items: int) -> Estimate | None:
        base = base_of(settings)
        device, _measured = known_device()
        # A judge that is used as it is has no settings of learning; the shapes are counted with the defaults.
        whole = filled(settings, int(base.report.get("parameters") or 0), gpu=bool(device.memory_bytes))
        return estimate.estimated(base, whole, checklist, items)

    def explained(self, given: Mapping[str, Any], whole: Mapping[str, Any]) -> list[tuple[Any, Any, Any]]:
        if whole["use"] == AS_IT_IS:
            return []
        device, _measured = known_device()
        chosen = defaults_for(int(base_of(whole).report.get("parameters") or 0), gpu=bool(device.memory_bytes))
        fields = VlmSettings.base_fields
        return [
            (fields[name].label, _in_words(default.value), default.reason)
            for name, default in chosen.items()
            if given.get(name) in (None, "")
        ]

    def train(self, run: JobRun, data: TrainingData, settings: Mapping[str, Any]) -> Trained:
        base = base_of(settings)
        source = str(vlms.source(base.name, base.revision))
        if settings["use"] == AS_IT_IS:
            return self._measured(run, data, settings, base, source)
        return self._trained(run, data, settings, base, source)

    def load(self, model: RewardModel, folder: Path, checklist: Checklist) -> Judge:
        from reward_engine.judges.vlm import VLMJudge
        from reward_engine.training.vlm.session import options_of

        base = _base_of(model)
        source = str(vlms.source(base.name, base.revision))
        options = options_of(_options(model.manifest.get("settings", {})))
        if (folder / artifact.ADAPTER).is_dir():
            return VLMJudge.load(folder / artifact.ADAPTER, checklist=checklist, options=options, base=source)
        judge = VLMJudge.load(source, checklist=checklist, options=options, revision=base.pinned_revision)
        recorded = read_manifest(folder, NAME, checklist)["as_it_is"]["digest"]
        if judge.digest != recorded:
            raise ArtifactError(f"{base}: its files differ from the measured ones. Restore them, or measure "
                                "the new ones as another version.", code="base")  # fmt: skip
        return judge

    def check(self, model: RewardModel, folder: Path, checklist: Checklist) -> None:
        base = _base_of(model)
        try:
            vlms.source(base.name, base.revision)
        except ProblemError as error:
            raise ArtifactError(error.message, code="base") from error
        if (folder / artifact.ADAPTER).is_dir():
            artifact.check(folder, checklist)
        else:
            read_manifest(folder, NAME, checklist)

    def memory_bytes(self, model: RewardModel) -> int:
        return int((model.base.report.get("memory_bytes") if model.base else 0) or (2 << 30))

    def panel(self, model: RewardModel) -> dict[str, Any]:
        folder = artifacts.root() / model.path
        return {
            "base": model.base,
            "settings": model.manifest.get("settings", {}),
            "use": model.manifest.get("settings", {}).get("use"),
            "files": artifact.downloads(folder),
            "training": model.manifest.get("training", {}),
        }

    def _measured(
        self, run: JobRun, data: TrainingData, settings: Mapping[str, Any], base: BaseModel, source: str
    ) -> Trained:
        from reward_engine.judges.vlm import VLMJudge
        from reward_engine.training.vlm.session import options_of

        run.stage(gettext_noop("Loading the model"))
        try:
            judge = VLMJudge.load(
                source, checklist=data.checklist, options=options_of(_options(settings)), revision=base.pinned_revision
            )
        except RewardEngineError as error:
            raise ProblemError(error.message, code=error.code) from error
        kept = {"digest": judge.digest, "base": str(base), "way": judge.way}
        return measure_untrained(run, data, judge, NAME, kept, device=known_device()[0].name)

    def _trained(
        self, run: JobRun, data: TrainingData, settings: Mapping[str, Any], base: BaseModel, source: str
    ) -> Trained:
        from reward_engine.training.vlm import session

        folder = work_folder(run)
        inputs, deleted = inputs_of(data.items)
        rows = np.searchsorted(data.items, np.array([int(item.key) for item in inputs], dtype=np.int64))
        start = None
        if settings["start"] == PROMOTED:
            start = str(_start(run, data.media_type, base) / artifact.ADAPTER)
        try:
            session.prepare(
                folder,
                base=source,
                checklist=data.checklist,
                items=inputs,
                levels=data.levels[rows],
                groups=data.prompts[rows],
                settings={"seed": int(run.params["seed"]), **_learning(settings)},
                options=_options(settings),
                snapshot=data.snapshot.sha256,
                start=start,
                revision=base.pinned_revision,
            )
        except OSError as error:
            raise ProblemError(
                gettext("The training files cannot be written (%(error)s). Free some space below ARTIFACT_ROOT.")
                % {"error": error.strerror},
                code="write",
            ) from error
        outcome = train_in_process(run, folder)
        held_out = np.searchsorted(data.items, np.array([int(key) for key in outcome.held_out], dtype=np.int64))
        metrics = dict(outcome.metrics or {})
        metrics["validation"] |= {"folds": 1, "prompts": len(np.unique(data.prompts[held_out]))}
        metrics["cost"] = {
            "seconds_per_item": outcome.seconds_per_item,
            "memory_bytes": outcome.memory_bytes,
            "device": outcome.device,
        }

        def predict(pks: Ids) -> tuple[Ids, PYes]:
            return _answers(run, folder / session.ADAPTER, source, data, settings, pks)

        def save(place: Path, calibration: Calibration | None, weights: Weights, record: Mapping[str, Any]) -> None:
            artifact.save(place, folder, data, calibration, weights,
                          {**record, "training": {"processes": outcome.processes}})  # fmt: skip

        return Trained(
            held_out=held_out,
            p_yes=session.read_p_yes(folder),
            metrics=metrics,
            left_out={int(key): reason for key, reason in (outcome.errors or {}).items()} | deleted,
            predict=predict,
            save=save,
        )


def _in_words(value: Any) -> Any:
    return {True: _("Yes"), False: _("No"), "no": _("No")}.get(value, value) if isinstance(value, bool | str) else value


def base_of(settings: Mapping[str, Any]) -> BaseModel:
    """The base model that settings name.

    Raises:
        ProblemError: If it is gone or not ready.
    """
    named = settings.get("base")
    base = None if named is None else BaseModel.objects.filter(pk=named).first()
    if base is None or base.state != BaseModelState.READY:
        raise ProblemError(
            gettext("The base model of this training was deleted, or its check did not succeed. Choose another "
                    "one."),
            code="base", field="settings.base",
        )  # fmt: skip
    return base


def promoted_adapter(media_type: str, base: BaseModel) -> RewardModel:
    """The promoted version whose adapter can be gone on from.

    Raises:
        ProblemError: If there is none on this base.
    """
    model = RewardModel.objects.filter(
        media_type=media_type, state=RewardModelState.PROMOTED, judge=NAME, base=base
    ).first()
    if model is None or not (artifacts.root() / model.path / artifact.ADAPTER).is_dir():
        raise ProblemError(
            gettext("No promoted version for the media type %(media_type)s has an adapter on %(base)s. Start "
                    "from scratch.") % {"media_type": media_type, "base": base},
            code="no_start", field="settings.start",
        )  # fmt: skip
    return model


def _start(run: JobRun, media_type: str, base: BaseModel) -> Path:
    """The version's folder that this job starts from: chosen by its first attempt, and kept to by later ones."""
    from annotator.jobs.models import Job

    known = run.params.get("start")
    kept = None if known is None else RewardModel.objects.filter(pk=known).first()
    if kept is None:
        kept = promoted_adapter(media_type, base)
        with run.commit():
            run.job.params = {**run.job.params, "start": kept.pk}
            Job.objects.filter(pk=run.job.pk).update(params=run.job.params)
    return artifacts.root() / kept.path


def _base_of(model: RewardModel) -> BaseModel:
    if model.base is None:
        raise ArtifactError("The base model of this version is no longer registered.", code="base")
    return model.base


def _learning(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in LEARNING if settings.get(name) not in (None, "")}


def _options(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in OPTIONS if settings.get(name) not in (None, "")}


def _answers(
    run: JobRun, adapter: Path, source: str, data: TrainingData, settings: Mapping[str, Any], pks: Ids
) -> tuple[Ids, PYes]:
    from reward_engine.judges.vlm import VLMJudge
    from reward_engine.mpo import memory
    from reward_engine.training.vlm.session import options_of

    inputs, _deleted = inputs_of(pks)
    judge: VLMJudge | None = VLMJudge.load(
        adapter, checklist=data.checklist, options=options_of(_options(settings)), base=source
    )
    try:
        assert judge is not None
        found = judge.predict(inputs, progress=run.progress, canceled=run.canceled)
    finally:
        judge = None
        memory.release()
    run.check()
    return np.array([int(key) for key in found.keys], dtype=np.int64), found.p_yes
