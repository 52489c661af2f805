"""Judgments as arrays: what training, agreement and exports begin with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, ChecklistVersion, Judgment, that_count
from annotator.core.errors import ProblemError
from reward_engine.answers import ABSENT, harmonise
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class JudgmentTable:
    """a submitted annotations of one checklist version.

    ``assignments``, ``items``, ``prompts``, ``annotators``: int64 [a]. ``levels``: int8 [a, s], consistent,
    ABSENT where there is none. ``judgments``: how many rows of judgments went in.
    """

    version: ChecklistVersion
    checklist: Checklist
    assignments: NDArray[np.int64]
    items: NDArray[np.int64]
    prompts: NDArray[np.int64]
    annotators: NDArray[np.int64]
    levels: NDArray[np.int8]
    judgments: int


def judgment_levels(campaigns: Iterable[Campaign]) -> JudgmentTable:
    """All submitted annotations of these campaigns that count, ordered by assignment.

    Those a reviewer has put aside are left out, and so are qualification tests.

    Raises ProblemError where the campaigns use different checklist versions or there are none.
    """
    campaigns = list(campaigns)
    versions = {campaign.checklist_version_id for campaign in campaigns}
    if not campaigns:
        raise ProblemError("Choose at least one campaign.", code="no_campaign")
    if len(versions) > 1:
        raise ProblemError(
            "These campaigns use different checklist versions; their answers cannot be put together. "
            "Choose campaigns of one version.",
            code="mixed_checklists",
        )
    version = campaigns[0].checklist_version
    checklist = checklist_of(version)
    submitted = Assignment.objects.filter(that_count(), campaign_item__campaign__in=campaigns)
    rows = np.array(
        list(
            submitted.order_by("pk").values_list(
                "pk", "campaign_item__item_id", "campaign_item__item__prompt_id", "annotator_id"
            )
        ),
        dtype=np.int64,
    ).reshape(-1, 4)
    levels = np.full((len(rows), len(checklist.ordinal)), ABSENT, dtype=np.int16)
    position = {int(pk): index for index, pk in enumerate(rows[:, 0])}
    count = 0
    judgments = Judgment.objects.filter(assignment__in=submitted, sub_dimension__in=[s.id for s in checklist.ordinal])
    for assignment, sub, level in judgments.values_list("assignment_id", "sub_dimension", "level").iterator(20_000):
        if assignment in position:  # one submitted between the two queries waits for the next snapshot
            levels[position[assignment], checklist.ordinal_index(sub)] = level
            count += 1
    return JudgmentTable(
        version=version,
        checklist=checklist,
        assignments=rows[:, 0],
        items=rows[:, 1],
        prompts=rows[:, 2],
        annotators=rows[:, 3],
        levels=harmonise(checklist, levels),
        judgments=count,
    )
