"""What a reviewer decides: items whose answers disagree, and the answers of one item side by side."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Prefetch
from django.utils.translation import get_language

from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem
from annotator.trust.queries.consensus import consensus_of
from reward_engine.checklist import SubDimension


@dataclass(frozen=True)
class ReviewRow:
    """One item of the queue. ``agreement``: mean share of answers that agree, 0..1; ``disputed``: names of
    sub-dimensions without a majority of two thirds; ``decided``: how many a reviewer has decided."""

    campaign_item: CampaignItem
    agreement: float
    disputed: list[str]
    decided: int


DISPUTED_BELOW = 2 / 3


def review_queue(campaign: Campaign, *, limit: int = 200, include_decided: bool = False) -> list[ReviewRow]:
    """Items with two or more annotations and a disputed sub-dimension, the least agreed first."""
    table = consensus_of([campaign])
    disputed = (table.support > 1) & (table.agreement < DISPUTED_BELOW - 1e-9)
    open_ = disputed & ~table.adjudicated
    wanted = np.flatnonzero((disputed | table.adjudicated).any(axis=1) if include_decided else open_.any(axis=1))
    mean = np.array([np.nanmean(table.agreement[i]) for i in wanted]) if len(wanted) else np.array([])
    order = wanted[np.argsort(mean, kind="stable")][:limit]
    rows = {
        row.item_id: row
        for row in CampaignItem.objects.filter(
            campaign=campaign, item_id__in=table.items[order].tolist()
        ).select_related("item__prompt")
    }
    names = [sub.name for sub in table.checklist.ordinal]
    return [
        ReviewRow(
            campaign_item=rows[int(table.items[i])],
            agreement=float(np.nanmean(table.agreement[i])),
            disputed=[names[s] for s in np.flatnonzero(open_[i])],
            decided=int(table.adjudicated[i].sum()),
        )
        for i in order
        if int(table.items[i]) in rows
    ]


@dataclass
class LadderAnswers:
    """One ladder of the item: who chose which level, what is decided."""

    sub: SubDimension
    levels: list[dict[str, Any]] = field(default_factory=list)
    answers: int = 0
    disputed: bool = False
    decided: int | None = None


@dataclass
class ReviewItem:
    """One item with everybody's answers."""

    campaign_item: CampaignItem
    people: list[dict[str, Any]]
    ladders: list[LadderAnswers]
    note: str


def review_item(campaign_item: CampaignItem) -> ReviewItem:
    """Read all submitted answers of one item, by ladder and level.

    Annotators are named by letters.
    """
    checklist = checklist_in(campaign_item.campaign.checklist_version, get_language())
    assignments = list(
        Assignment.objects.filter(campaign_item=campaign_item, state=AssignmentState.SUBMITTED)
        .select_related("annotator")
        .prefetch_related(Prefetch("judgments", to_attr="answered"))
        .order_by("pk")
    )
    people = [{"letter": _letter(i), "annotator": a.annotator, "counted": a.counted} for i, a in enumerate(assignments)]
    decisions = {a.sub_dimension: a for a in campaign_item.adjudications.all()}
    chosen: dict[str, dict[int, list[str]]] = {}
    for index, assignment in enumerate(assignments):
        for judgment in assignment.answered:
            chosen.setdefault(judgment.sub_dimension, {}).setdefault(judgment.level, []).append(_letter(index))
    ladders = []
    for sub in checklist.sub_dimensions:
        by_level = chosen.get(sub.id, {})
        total = sum(len(letters) for letters in by_level.values())
        top = max((len(letters) for letters in by_level.values()), default=0)
        decision = decisions.get(sub.id)
        ladders.append(
            LadderAnswers(
                sub=sub,
                levels=[
                    {"level": level, "key": key, "letters": by_level.get(level.score, []),
                     "share": round(100 * len(by_level.get(level.score, [])) / total) if total else 0}
                    for key, level in enumerate(sub.levels, 1)
                ],
                answers=total,
                disputed=total > 1 and top / total < DISPUTED_BELOW - 1e-9,
                decided=decision.level if decision else None,
            )
        )  # fmt: skip
    note = next((a.note for a in decisions.values() if a.note), "")
    return ReviewItem(campaign_item, people, ladders, note)


def _letter(index: int) -> str:
    """A, B, … Z, A2, B2, …"""
    round_, place = divmod(index, 26)
    return chr(ord("A") + place) + (str(round_ + 1) if round_ else "")
