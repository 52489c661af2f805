"""The rows of a dataset one by one from the ORM: slow and obvious, to compare the quick ones with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.models import Assignment
from annotator.datasets.queries import exported_annotations
from annotator.datasets.rows import Row, item_columns, pseudonym
from annotator.library.models import Item
from annotator.trust.consensus import ConsensusTable
from reward_engine.answers import ABSENT, harmonize, to_answers, to_masks
from reward_engine.checklist import Checklist


def line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, default=datetime.isoformat) + "\n"


def annotation_rows(campaign: int, checklist: Checklist, most: int | None = None) -> list[Row]:
    found = (
        exported_annotations(campaign)
        .select_related("campaign_item__item__prompt", "campaign_item__item__generator", "annotator")
        .prefetch_related("judgments")
    )
    return [_annotation(assignment, checklist) for assignment in found.order_by("pk")[:most]]


def _annotation(assignment: Assignment, checklist: Checklist) -> Row:
    judged = {judgment.sub_dimension: judgment for judgment in assignment.judgments.all()}
    given = np.array([[judged[s.id].level if s.id in judged else ABSENT for s in checklist.ordinal]], dtype=np.int16)
    levels = harmonize(checklist, given)
    others = [sub.id for sub in checklist.sub_dimensions if not sub.is_ordinal]
    return {
        "annotation_id": assignment.pk,
        **item_columns(assignment.campaign_item.item),
        "purpose": assignment.campaign_item.purpose,
        "annotator": pseudonym(assignment.annotator_id),
        "annotator_is_synthetic": assignment.annotator.is_synthetic,
        "started_at": assignment.leased_at,
        "submitted_at": assignment.submitted_at,
        "annotation": _named(checklist, [None if level == ABSENT else level for level in levels[0].tolist()])
        | {id: judged[id].level if id in judged else None for id in others},
        "milliseconds": {s.id: judged[s.id].milliseconds if s.id in judged else None for s in checklist.sub_dimensions},
        "suggested": {s.id: judged[s.id].suggested_level if s.id in judged else None for s in checklist.ordinal},
        "suggested_by": assignment.suggested_by,
        "suggestions_shown": assignment.suggestions_shown,
        **_answers(checklist, levels),
    }


def consensus_rows(table: ConsensusTable, annotations: dict[int, int]) -> list[Row]:
    checklist = table.checklist
    return [
        {
            **item_columns(Item.objects.select_related("prompt", "generator").get(pk=pk)),
            "annotations": annotations[pk],
            "annotation": _named(checklist, [None if x == ABSENT else x for x in table.levels[at].tolist()]),
            "support": _named(checklist, table.support[at].tolist()),
            "agreement": _named(checklist, [None if x != x else x for x in table.agreement[at].tolist()]),
            "adjudicated": [checklist.ordinal[c].id for c in np.flatnonzero(table.adjudicated[at])],
            **_answers(checklist, table.levels[at : at + 1]),
        }
        for at, pk in enumerate(table.items.tolist())
    ]


def _named(checklist: Checklist, values: Iterable[Any]) -> Row:
    return {sub.id: value for sub, value in zip(checklist.ordinal, values, strict=True)}


def _answers(checklist: Checklist, levels: NDArray[np.int8]) -> Row:
    answers = to_answers(checklist, levels)
    return {
        "answers": answers[0].tolist(),
        "meta_result": (answers == 1).astype(np.int8)[0].tolist(),
        "meta_mask": to_masks(answers)[0].tolist(),
    }
