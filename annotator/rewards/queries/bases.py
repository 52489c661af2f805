"""Base models as they stand, and what could be registered."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from annotator.jobs.models import JobState
from annotator.rewards import vlms
from annotator.rewards.models import BaseModel, BaseModelState, RewardModel


def bases(query: str = "") -> QuerySet[BaseModel]:
    """List base models with their jobs and the number of versions ``made``.

    Args:
        query: Part of the name.
    """
    # Of the rows that are shown alone.
    versions = (
        RewardModel.objects.filter(base=OuterRef("pk")).order_by().values("base").annotate(n=Count("pk")).values("n")
    )
    found = (
        BaseModel.objects.select_related("job", "created_by")
        .annotate(made=Coalesce(Subquery(versions, output_field=IntegerField()), 0))
        .order_by("name", "revision")
    )
    return found.filter(name__icontains=query) if query else found


@dataclass(frozen=True)
class Outcome:
    """What a check came to. ``error``: why the model is refused, in words."""

    state: str
    error: str = ""

    @property
    def label(self) -> str:
        return str(BaseModelState(self.state).label)


def outcome(base: BaseModel) -> Outcome:
    """Read the state of a base model.

    Where its check ended before it could record anything in the row, the job says why.
    """
    job = base.job
    if base.state != BaseModelState.CHECKING or (job is not None and not job.is_finished):
        return Outcome(base.state, base.error)
    if job is None:
        return Outcome(BaseModelState.REFUSED, _("The check is no longer in the list of jobs. Check the model again."))
    if job.state == JobState.CANCELED:
        return Outcome(BaseModelState.REFUSED, _("The check was canceled. Check the model again."))
    return Outcome(BaseModelState.REFUSED, job.error or _("The check ended without a result. Check the model again."))


def registrable() -> list[str]:
    """List the models below VLM_ROOTS that are not registered yet."""
    known = set(BaseModel.objects.filter(revision="").values_list("name", flat=True))
    return [name for name in vlms.available() if name not in known]
