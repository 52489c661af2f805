"""What a reviewer decides about one item: the answers side by side, the votes' consensus, and the model's answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Prefetch
from django.utils.translation import get_language
from numpy.typing import NDArray

from annotator.campaigns import hooks
from annotator.campaigns.checklists import checklist_in, level_keys
from annotator.campaigns.models import Assignment, AssignmentState, CampaignItem
from annotator.campaigns.queries import JudgmentTable
from annotator.trust.consensus import ConsensusTable, disputed, majority, open_questions, overrule
from reward_engine.answers import ABSENT, harmonize
from reward_engine.checklist import Checklist, Level, SubDimension


@dataclass
class LadderAnswers:
    """The answers to one ladder of the item, their consensus, and the decision.

    ``answers``: how many votes count. ``is_open``: disputed, and no decision settles it.
    """

    sub: SubDimension
    levels: list[dict[str, Any]] = field(default_factory=list)
    answers: int = 0
    by_votes: int | None = None
    disputed: bool = False
    decided: int | None = None
    is_open: bool = False

    @property
    def votes_level(self) -> Level | None:
        """The level that the votes come to."""
        return None if self.by_votes is None else self.sub.level(self.by_votes)


@dataclass
class ReviewItem:
    """One item with everybody's answers. ``model``: the name of the version that answers; empty: none."""

    campaign_item: CampaignItem
    people: list[dict[str, Any]]
    ladders: list[LadderAnswers]
    note: str
    model: str = ""

    @property
    def disputed(self) -> list[LadderAnswers]:
        """What the reviewer is asked for first: the disputed questions, decided or not."""
        return [ladder for ladder in self.ladders if ladder.disputed]

    @property
    def settled(self) -> list[LadderAnswers]:
        return [ladder for ladder in self.ladders if not ladder.disputed]

    @property
    def open(self) -> list[LadderAnswers]:
        return [ladder for ladder in self.ladders if ladder.is_open]


def review_item(campaign_item: CampaignItem, decisions: Mapping[str, int | None] | None = None) -> ReviewItem:
    """Read all submitted answers of one item, by ladder and level.

    Annotators are named by letters. Answers of excluded annotators are shown and do not count.

    Args:
        decisions: Chosen on the page and not saved yet, instead of those that stand (None: taken back).
    """
    checklist = checklist_in(campaign_item.campaign.checklist_version, get_language())
    assignments = list(
        Assignment.objects.filter(campaign_item=campaign_item, state=AssignmentState.SUBMITTED)
        .select_related("annotator")
        .prefetch_related(Prefetch("judgments", to_attr="answered"))
        .order_by("pk")
    )
    people = [
        {"letter": _letter(i), "annotator": a.annotator, "counted": a.counted, "assignment": a}
        for i, a in enumerate(assignments)
    ]
    standing = list(campaign_item.adjudications.all())
    decided: dict[str, int | None] = {**{a.sub_dimension: a.level for a in standing}, **(decisions or {})}
    votes, ruled = _consensus(campaign_item, checklist, assignments, decided)
    ladders = [_answers(sub, assignments, decided.get(sub.id)) for sub in checklist.sub_dimensions]
    for ladder in ladders:
        if votes is not None and ruled is not None and ladder.sub.is_ordinal:
            column = checklist.ordinal_index(ladder.sub.id)
            level = int(votes.levels[0, column])
            ladder.answers = int(votes.support[0, column])
            ladder.by_votes = None if level == ABSENT else level
            ladder.disputed = bool(disputed(votes)[0, column])
            ladder.is_open = bool(open_questions(ruled)[0, column])
    return ReviewItem(campaign_item, people, ladders, next((a.note for a in standing if a.note), ""))


def with_model(review: ReviewItem) -> ReviewItem:
    """Mark in the item's answers what the promoted model would answer."""
    row = review.campaign_item
    said = next(filter(None, (suggest(row.campaign, row.pk) for suggest in hooks.suggesters)), None)
    if said is not None:
        review.model = said.by
        for ladder in review.ladders:
            for level in ladder.levels:
                level["model"] = said.levels.get(ladder.sub.id) == level["level"].score
    return review


def _answers(sub: SubDimension, assignments: Sequence[Assignment], decided: int | None) -> LadderAnswers:
    letters: dict[int, list[str]] = {}
    for index, assignment in enumerate(assignments):
        for judgment in assignment.answered:  # type: ignore[attr-defined]
            if judgment.sub_dimension == sub.id:
                letters.setdefault(judgment.level, []).append(_letter(index))
    total = sum(len(chosen) for chosen in letters.values())
    top = max((len(chosen) for chosen in letters.values()), default=0)
    # A category has no order, and so no consensus of its own: the plain share decides whether it is disputed.
    split = not sub.is_ordinal and total > 1 and 3 * top < 2 * total
    levels = [
        {"level": level, "key": key, "letters": letters.get(level.score, []),
         "implied_only": sub.masked_by_other and level.score == sub.lowest}
        for key, level in level_keys(sub)
    ]  # fmt: skip
    return LadderAnswers(sub, levels, total, None, split, decided, split and decided is None)


def _consensus(
    campaign_item: CampaignItem,
    checklist: Checklist,
    assignments: Sequence[Assignment],
    decided: Mapping[str, int | None],
) -> tuple[ConsensusTable | None, ConsensusTable | None]:
    """The consensus of the votes that count, without and with the decisions; of one item."""
    counted = [a for a in assignments if a.counted]
    if not counted:
        return None, None
    column = {sub.id: index for index, sub in enumerate(checklist.ordinal)}
    levels: NDArray[np.int16] = np.full((len(counted), len(column)), ABSENT, dtype=np.int16)
    for row, assignment in enumerate(counted):
        for judgment in assignment.answered:  # type: ignore[attr-defined]
            if judgment.sub_dimension in column:
                levels[row, column[judgment.sub_dimension]] = judgment.level
    same = np.zeros(len(counted), dtype=np.int64)
    votes = majority(
        JudgmentTable(
            version=campaign_item.campaign.checklist_version,
            checklist=checklist,
            assignments=np.array([a.pk for a in counted], dtype=np.int64),
            items=same + campaign_item.item_id,
            prompts=same,
            annotators=np.array([a.annotator_id for a in counted], dtype=np.int64),
            levels=harmonize(checklist, levels),
            judgments=int((levels != ABSENT).sum()),
        )
    )
    ruled = [(column[id], level) for id, level in decided.items() if id in column and level is not None]
    columns = np.array([place for place, _level in ruled], dtype=np.int64)
    chosen = np.array([level for _place, level in ruled], dtype=np.int8)
    return votes, overrule(votes, np.full(len(ruled), campaign_item.item_id, dtype=np.int64), columns, chosen)


def _letter(index: int) -> str:
    """A, B, … Z, A2, B2, …"""
    round_, place = divmod(index, 26)
    return chr(ord("A") + place) + (str(round_ + 1) if round_ else "")
