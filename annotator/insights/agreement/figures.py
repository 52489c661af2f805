"""The agreement and its disagreements, as a worker makes them: no page reads every judgment itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max
from django.utils.translation import gettext

from annotator.campaigns.models import Assignment, Campaign, JudgmentChange, that_count
from annotator.core import figures
from annotator.core.errors import ProblemError
from annotator.core.figures import Figures
from annotator.insights.agreement.choice import Choice, campaigns_with_answers
from annotator.insights.agreement.evidence import Evidence, gather, of_generator
from annotator.insights.agreement.report import AgreementReport, Apart, compare, disagreements
from annotator.rewards.models import RewardModel, Score

COMPARISON, DISAGREEMENTS = "insights.agreement", "insights.disagreements"


@dataclass(frozen=True)
class Refusal:
    """Why there are no figures, in words that are shown in their place."""

    message: str
    code: str


@dataclass(frozen=True)
class _Asked:
    """A choice as its figures are named: "image.12.all.held-out.all", and for disagreements ".clarity" after it."""

    media_type: str
    model: int | None
    campaign: int | None
    basis: str
    generator: int | None
    sub_dimension: str = ""

    def __str__(self) -> str:
        chosen = (str(self.model or "none"), str(self.campaign or "all"), self.basis, str(self.generator or "all"))
        parts = [self.media_type, *chosen]
        return ".".join(parts + [self.sub_dimension] * bool(self.sub_dimension))

    @classmethod
    def read(cls, name: str) -> _Asked:
        media_type, model, campaign, basis, generator, *sub = name.split(".")
        return cls(
            media_type,
            None if model == "none" else int(model),
            None if campaign == "all" else int(campaign),
            basis,
            None if generator == "all" else int(generator),
            *sub,
        )

    def rows(self) -> tuple[RewardModel | None, list[Campaign]]:
        model = self.model and RewardModel.objects.select_related("checklist_version", "snapshot").get(pk=self.model)
        campaigns = campaigns_with_answers(self.media_type, model or None)
        return model or None, [row for row in campaigns if self.campaign in (None, row.pk)]


def latest_comparison(choice: Choice) -> Figures:
    """``value``: an :class:`AgreementReport`, or a :class:`Refusal` where there is nothing to compare."""
    return figures.latest(COMPARISON, str(_asked(choice)))


def latest_disagreements(choice: Choice, sub_dimension: str) -> Figures:
    """``value``: an :class:`Apart` of this sub-dimension, or a :class:`Refusal`."""
    return figures.latest(DISAGREEMENTS, str(_asked(choice, sub_dimension)))


def _asked(choice: Choice, sub_dimension: str = "") -> _Asked:
    return _Asked(
        choice.media_type,
        choice.model.pk if choice.model else None,
        choice.campaign.pk if choice.campaign else None,
        choice.basis,
        choice.generator.pk if choice.generator else None,
        sub_dimension,
    )


def _evidence(asked: _Asked) -> Evidence:
    model, campaigns = asked.rows()
    if not campaigns:
        raise ProblemError(
            gettext("No one has submitted an annotation here yet, so there is nothing to compare."), code="empty"
        )
    evidence = gather(model, campaigns)
    return evidence if asked.generator is None else of_generator(evidence, asked.generator)


def _make_comparison(of: Any) -> AgreementReport | Refusal:
    asked = _Asked.read(of)
    try:
        return compare(_evidence(asked), asked.basis)
    except ProblemError as problem:
        return Refusal(problem.message, problem.code)


def _make_disagreements(of: Any) -> Apart | Refusal:
    asked = _Asked.read(of)
    try:
        return disagreements(_evidence(asked), asked.basis, asked.sub_dimension)
    except ProblemError as problem:
        return Refusal(problem.message, problem.code)


def _depends_on(of: Any) -> str:
    """Every answer that counts and its corrections, every score, and what the version was trained on."""
    asked = _Asked.read(of)
    model, campaigns = asked.rows()
    answers = Assignment.objects.filter(that_count(), campaign_item__campaign__in=campaigns).aggregate(
        n=Count("pk"), last=Max("submitted_at")
    )
    changes = JudgmentChange.objects.filter(assignment__campaign_item__campaign__in=campaigns).aggregate(last=Max("pk"))
    scores = Score.objects.filter(reward_model=model).aggregate(n=Count("pk"), last=Max("pk")) if model else {}
    version = model and (model.pk, model.snapshot_id, model.updated_at.isoformat())
    return str((sorted(row.pk for row in campaigns), version, answers, changes, scores))


def register() -> None:
    figures.register(COMPARISON, make=_make_comparison, depends_on=_depends_on)
    figures.register(DISAGREEMENTS, make=_make_disagreements, depends_on=_depends_on)
