"""What suggestions do to answers: how often people agree with the model where they see it, and where they do not."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import sqrt

from django.db.models import Case, Count, F, IntegerField, Sum, When
from django.utils.translation import get_language

from annotator.campaigns.checklists import checklist_in, checklist_of
from annotator.campaigns.models import Campaign, Judgment, that_count
from annotator.core import figures

Z_95 = 1.96


@dataclass(frozen=True)
class Share:
    """``agreed`` of ``n`` answers are what the model had suggested. ``error``: its standard error; None where too few
    answers tell it."""

    n: int
    agreed: int
    error: float | None

    @property
    def share(self) -> float | None:
        return self.agreed / self.n if self.n else None


@dataclass(frozen=True)
class Pull:
    """Agreement with the model where its suggestion was ``shown`` and where it was ``hidden``.

    ``bias``: the difference of the shares, and ``margin`` its 95 % confidence interval's half width; None where
    one side has no answers (the margin: fewer than two annotations).
    """

    name: str
    shown: Share
    hidden: Share

    @property
    def bias(self) -> float | None:
        if self.shown.share is None or self.hidden.share is None:
            return None
        return self.shown.share - self.hidden.share

    @property
    def margin(self) -> float | None:
        if self.bias is None or self.shown.error is None or self.hidden.error is None:
            return None
        return Z_95 * sqrt(self.shown.error**2 + self.hidden.error**2)

    @property
    def is_clear(self) -> bool:
        """Whether the difference is more than chance makes."""
        return self.margin is not None and self.bias is not None and abs(self.bias) > self.margin


@dataclass(frozen=True)
class SuggestionBias:
    """``total``: over all sub-dimensions; ``rows``: those with an answer where something was suggested."""

    total: Pull
    rows: list[Pull]


BIAS = "campaigns.suggestion-bias"


def suggestion_bias(campaign: Campaign) -> SuggestionBias:
    """Measure how suggestions sway annotators.

    For a large campaign, this is what a worker measured seconds ago.
    """
    found: SuggestionBias = figures.present(BIAS, campaign.pk)
    checklist = checklist_in(campaign.checklist_version, get_language())
    rows = [replace(row, name=checklist.sub_dimension(row.name).name) for row in found.rows]
    return replace(found, rows=rows)


def measure_bias(pk: int) -> SuggestionBias:
    """Measure how suggestions sway annotators, from all submitted annotations that count.

    Sub-dimensions are named by their ids. Answers that follow from another one are left out, and so are qualification
    tests.

    Answers of one annotation depend on each other. The error of the total is therefore that of the mean over
    annotations (a ratio estimate with annotations as clusters), not over answers.
    """
    campaign = Campaign.objects.select_related("checklist_version").get(pk=pk)
    checklist = checklist_of(campaign.checklist_version)
    answers = Judgment.objects.filter(
        that_count("assignment__"), assignment__campaign_item__campaign=campaign, suggested_level__isnull=False
    )
    for sub in checklist.ordinal:
        if sub.masked_by_other:
            answers = answers.exclude(sub_dimension=sub.id, level=sub.lowest)
    same = Case(When(level=F("suggested_level"), then=1), default=0, output_field=IntegerField())
    by_ladder: dict[tuple[str, bool], tuple[int, int]] = {
        (row["sub_dimension"], row["suggestion_shown"]): (row["n"], row["agreed"])
        for row in answers.values("sub_dimension", "suggestion_shown").annotate(n=Count("pk"), agreed=Sum(same))
    }
    by_annotation: dict[bool, list[tuple[int, int]]] = defaultdict(list)
    for row in answers.values("assignment", "suggestion_shown").annotate(n=Count("pk"), agreed=Sum(same)):
        by_annotation[row["suggestion_shown"]].append((row["n"], row["agreed"]))
    rows = [
        Pull(sub.id, _share(*by_ladder.get((sub.id, True), (0, 0))), _share(*by_ladder.get((sub.id, False), (0, 0))))
        for sub in checklist.ordinal
        if (sub.id, True) in by_ladder or (sub.id, False) in by_ladder
    ]
    return SuggestionBias(Pull("", _clustered(by_annotation[True]), _clustered(by_annotation[False])), rows)


def _share(n: int, agreed: int) -> Share:
    p = agreed / n if n else 0.0
    return Share(n, agreed, sqrt(p * (1 - p) / n) if n > 1 else None)


def _clustered(clusters: Iterable[tuple[int, int]]) -> Share:
    """The standard error of Σ agreed / Σ n by the linearized ratio, with clusters drawn as wholes."""
    clusters = list(clusters)
    n, agreed = sum(size for size, _ in clusters), sum(hits for _, hits in clusters)
    if len(clusters) < 2:
        return Share(n, agreed, None)
    p, mean = agreed / n, n / len(clusters)
    residuals = sum((hits - p * size) ** 2 for size, hits in clusters)
    return Share(n, agreed, sqrt(residuals / (len(clusters) - 1) / len(clusters)) / mean)
