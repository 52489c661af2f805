"""Base models: registered by name, checked by a gpu worker, deleted where nothing is made of them.

A check writes what it found to the row, together with the state; whatever goes wrong leaves the row refused, with the
reason in words. What a worker that died leaves behind is told by the job (:func:`annotator.rewards.queries.outcome`).
"""

from __future__ import annotations

import gc
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext

from annotator.core.errors import ConflictError, ProblemError
from annotator.core.paths import without_paths
from annotator.core.texts import in_all_languages
from annotator.jobs.models import Queue
from annotator.jobs.services import JobCanceled, JobLost, JobRun, enqueue, request_cancel
from annotator.rewards import vlms
from annotator.rewards.models import BaseModel, BaseModelState
from reward_engine.errors import RewardEngineError

CHECK_TASK = "rewards.check_base"


def register_base(*, name: str, revision: str = "", requested_by: Any = None) -> BaseModel:
    """Register a base model and request its check.

    It is given by its path below VLM_ROOTS or its hub ID.

    Raises:
        ProblemError: If it may not be named or is not there (with ``field``).
        ConflictError: If it is registered already.
    """
    name, revision = name.strip(), revision.strip()
    vlms.source(name, revision)
    try:
        with transaction.atomic():
            base = BaseModel.objects.create(name=name, revision=revision, created_by=requested_by)
            return request_check(base=base, requested_by=requested_by)
    except IntegrityError as error:
        raise ConflictError(
            gettext("“%(name)s” is already registered. To check its files again, open it and choose “Check "
                    "again”.") % {"name": name},
            code="registered", field="base",
        ) from error  # fmt: skip


@transaction.atomic
def request_check(*, base: BaseModel, requested_by: Any = None) -> BaseModel:
    """Ask for a check of a registered model. Asking twice gives the check that is under way."""
    base = BaseModel.objects.select_for_update().get(pk=base.pk)
    base.job = enqueue(
        kind=CHECK_TASK,
        title=in_all_languages(lambda: gettext("Check the base model %(base)s") % {"base": base}),
        params={"base": base.pk},
        queue=Queue.GPU,
        requested_by=requested_by,
        dedupe_key=f"check_base:{base.pk}",
    )
    base.state, base.error = BaseModelState.CHECKING, ""
    base.save(update_fields=["job", "state", "error", "updated_at"])
    return base


def delete_base(*, base: BaseModel) -> None:
    """Delete the registration of a base model; its files stay.

    Raises:
        ConflictError: If versions or policies use it.
    """
    with transaction.atomic():
        base = BaseModel.objects.select_for_update().get(pk=base.pk)
        versions, policies = base.versions.count(), base.policies.count()
        if versions or policies:
            used_by = []
            if versions:
                used_by.append(ngettext("%(n)s version", "%(n)s versions", versions) % {"n": versions})
            if policies:
                text = ngettext("%(n)s retraining policy", "%(n)s retraining policies", policies)
                used_by.append(text % {"n": policies})
            raise ConflictError(
                gettext("%(base)s cannot be removed because it is used by %(names)s.")
                % {"base": base, "names": ", ".join(used_by)},
                code="in_use",
            )
        job = base.job
        base.delete()
    if job is not None and not job.is_finished:
        request_cancel(job=job)


def check_base(run: JobRun) -> dict[str, Any]:
    """Check a base model within its job.

    Raises:
        ProblemError: With the reason, which is in the row as well then.
    """
    base = BaseModel.objects.filter(pk=run.params["base"]).first()
    if base is None:
        raise ProblemError(gettext("This base model has been deleted, so there is nothing to check."), code="no_base")
    run.stage(gettext_noop("Inspecting the model"))
    try:
        report = _inspect(run, base)
        _require_same_files(base, str(report.get("digest", "")))
    except (JobCanceled, JobLost):
        raise
    except Exception as error:  # whatever a model's files make a library raise, the row must say it
        run.check()  # where the check was canceled, that is what happened
        message = without_paths(getattr(error, "message", None) or f"{type(error).__name__}: {error}")
        with run.commit():
            _save(run, base, BaseModelState.REFUSED, error=message)
        if isinstance(error, (ProblemError, RewardEngineError)):
            raise ProblemError(message, code=error.code) from error
        raise
    with run.commit():
        _save(run, base, BaseModelState.READY, report=report, digest=str(report["digest"]))
    return {
        "message": in_all_languages(
            lambda: (
                gettext("%(base)s can be used. It processes questions this way: %(way)s.")
                % {"base": base, "way": report["way"]}
            )
        ),
        "url": reverse("rewards:base", args=[base.pk]),
        "base": base.pk,
    }


def _inspect(run: JobRun, base: BaseModel) -> dict[str, Any]:
    source = vlms.source(base.name, base.revision)
    from reward_engine.checklist import builtin
    from reward_engine.judges.vlm.inspection import inspect_base  # brings torch along, and only this job needs it

    try:
        found: dict[str, Any] = inspect_base(
            source, checklist=builtin("image"), revision=base.revision or None, progress=run.progress
        ).to_json()
    finally:
        _give_memory_back()
    found.pop("source", None)  # where it lies on this machine is nobody's business; the row has its name
    return found


def _give_memory_back() -> None:
    """To the machine, which has other processes: a worker that has looked at a model would keep it for itself."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _require_same_files(base: BaseModel, digest: str) -> None:
    if base.digest and digest != base.digest and base.versions.exists():
        raise ProblemError(
            gettext(
                "The files of %(base)s differ from the ones that its versions are based on. Restore them, or "
                "register the new files under another name."
            )
            % {"base": base},
            code="digest",
        )


def _save(run: JobRun, base: BaseModel, state: str, **values: Any) -> None:
    """Write the outcome, where the row still waits for this very check."""
    rows = BaseModel.objects.filter(pk=base.pk, job_id=run.job.pk)
    rows.update(state=state, **({"error": ""} | values))
