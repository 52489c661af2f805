"""Judgments as arrays: what training, agreement and exports begin with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, ChecklistVersion, Judgment, that_count
from annotator.core.copying import PositionIn, copied, matched
from annotator.core.errors import ProblemError
from reward_engine.answers import ABSENT, harmonize
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
    """Read the submitted annotations of campaigns that count, ordered by assignment.

    Annotations that a reviewer has put aside are left out, and so are qualification tests.

    Raises:
        ProblemError: If the campaigns use different checklist versions or there are none.
    """
    campaigns = list(campaigns)
    versions = {campaign.checklist_version_id for campaign in campaigns}
    if not campaigns:
        raise ProblemError(gettext("Choose at least one campaign."), code="no_campaign")
    if len(versions) > 1:
        raise ProblemError(
            gettext(
                "These campaigns use different checklist versions, so their answers cannot be combined. "
                "Choose campaigns of one version."
            ),
            code="mixed_checklists",
        )
    version = campaigns[0].checklist_version
    checklist = checklist_of(version)
    submitted = Assignment.objects.filter(that_count(), campaign_item__campaign__in=campaigns)
    numbers = ("pk", "campaign_item__item_id", "campaign_item__item__prompt_id", "annotator_id")
    rows = copied(submitted.order_by("pk").values_list(*numbers), ("i8",) * len(numbers))
    assignments = np.ascontiguousarray(rows["f0"]).astype(np.int64)
    levels = np.full((len(rows), len(checklist.ordinal)), ABSENT, dtype=np.int16)
    judgments = Judgment.objects.filter(assignment__in=submitted, sub_dimension__in=[s.id for s in checklist.ordinal])
    told = copied(
        judgments.order_by().annotate(column=PositionIn("sub_dimension", [sub.id for sub in checklist.ordinal]))
        .values_list("assignment_id", "column", "level"),
        ("i8", "i4", "i2"),
    )  # fmt: skip
    # One submitted between the two queries waits for the next snapshot.
    told, at = matched(told, assignments)
    levels[at, told["f1"] - 1] = told["f2"]
    return JudgmentTable(
        version=version,
        checklist=checklist,
        assignments=assignments,
        items=rows["f1"].astype(np.int64),
        prompts=rows["f2"].astype(np.int64),
        annotators=rows["f3"].astype(np.int64),
        levels=harmonize(checklist, levels),
        judgments=len(told),
    )
