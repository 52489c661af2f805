"""From the database to the rows of a dataset, a chunk at a time."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotator.campaigns.models import Assignment, Judgment
from annotator.datasets.queries import exported_annotations
from annotator.library.models import Item
from annotator.trust.consensus import ConsensusTable
from reward_engine.answers import ABSENT, harmonise, to_answers, to_masks
from reward_engine.checklist import Checklist

CHUNK = 2000

Row = dict[str, Any]


def pseudonym(user_id: int) -> str:
    """The same for one person in every export of this platform, and not to be turned back without its secret key."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"annotator {user_id}".encode(), hashlib.sha256).hexdigest()
    return f"annotator-{digest[:12]}"


class Annotations:
    """The annotations of a campaign up to one moment, read in chunks; what consensus needs of them is gathered on
    the way, so that both tables tell of the very same judgments."""

    def __init__(self, campaign_id: int, checklist: Checklist) -> None:
        self.checklist = checklist
        self.found = exported_annotations(campaign_id)
        # Those submitted while the export runs wait for the next version.
        self.last = self.found.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.judgments = 0
        self._ids: list[NDArray[np.int64]] = []
        self._levels: list[NDArray[np.int8]] = []

    def count(self) -> int:
        return self.found.filter(pk__lte=self.last).count()

    def chunks(self) -> Iterator[list[Row]]:
        before = 0
        related = ("campaign_item__item__prompt", "campaign_item__item__generator", "annotator")
        found = self.found.filter(pk__lte=self.last).select_related(*related).order_by("pk")
        while chunk := list(found.filter(pk__gt=before)[:CHUNK]):
            before = chunk[-1].pk
            yield self._rows(chunk)

    def _rows(self, chunk: list[Assignment]) -> list[Row]:
        position = {assignment.pk: index for index, assignment in enumerate(chunk)}
        given: list[dict[str, int]] = [{} for _ in chunk]
        spent: list[dict[str, int]] = [{} for _ in chunk]
        suggested: list[dict[str, int | None]] = [{} for _ in chunk]
        judgments = Judgment.objects.filter(assignment__in=position)
        for pk, sub, level, milliseconds, suggestion in judgments.values_list(
            "assignment_id", "sub_dimension", "level", "milliseconds", "suggested_level"
        ):
            given[position[pk]][sub] = level
            spent[position[pk]][sub] = milliseconds
            suggested[position[pk]][sub] = suggestion
            self.judgments += 1
        levels = self._harmonised(given)
        self._ids.append(np.array([_ids(assignment) for assignment in chunk], dtype=np.int64))
        self._levels.append(levels)
        categories = [sub.id for sub in self.checklist.sub_dimensions if not sub.is_ordinal]
        answers = answer_columns(self.checklist, levels)
        return [
            {
                "annotation_id": assignment.pk,
                **item_columns(assignment.campaign_item.item),
                "purpose": assignment.campaign_item.purpose,
                "annotator": pseudonym(assignment.annotator_id),
                "annotator_is_synthetic": assignment.annotator.is_synthetic,
                "started_at": assignment.leased_at,
                "submitted_at": assignment.submitted_at,
                "annotation": by_sub_dimension(self.checklist, levels[index])
                | {id: given[index].get(id) for id in categories},
                "milliseconds": {sub.id: spent[index].get(sub.id) for sub in self.checklist.sub_dimensions},
                "suggested": {sub.id: suggested[index].get(sub.id) for sub in self.checklist.ordinal},
                "suggested_by": assignment.suggested_by,
                "suggestions_shown": assignment.suggestions_shown,
                **answers[index],
            }
            for index, assignment in enumerate(chunk)
        ]

    def _harmonised(self, given: list[dict[str, int]]) -> NDArray[np.int8]:
        levels = np.full((len(given), len(self.checklist.ordinal)), ABSENT, dtype=np.int16)
        for column, sub in enumerate(self.checklist.ordinal):
            levels[:, column] = [row.get(sub.id, ABSENT) for row in given]
        return harmonise(self.checklist, levels)

    def table(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """What was read: (annotation, item, prompt, annotator) int64 [a, 4], and levels int8 [a, s]."""
        width = len(self.checklist.ordinal)
        ids = [np.zeros((0, 4), dtype=np.int64), *self._ids]
        levels = [np.zeros((0, width), dtype=np.int8), *self._levels]
        return np.concatenate(ids), np.concatenate(levels)


def _ids(assignment: Assignment) -> tuple[int, int, int, int]:
    item = assignment.campaign_item.item
    return assignment.pk, item.pk, item.prompt_id, assignment.annotator_id


def consensus_chunks(table: ConsensusTable, annotations_by_item: dict[int, int]) -> Iterator[list[Row]]:
    """The rows of the consensus, one an item."""
    checklist = table.checklist
    for start in range(0, len(table.items), CHUNK):
        part = slice(start, start + CHUNK)
        ids = [int(pk) for pk in table.items[part]]
        items = Item.objects.select_related("prompt", "generator").in_bulk(ids)
        answers = answer_columns(checklist, table.levels[part])
        yield [
            {
                **item_columns(items[pk]),
                "annotations": annotations_by_item[pk],
                "annotation": by_sub_dimension(checklist, table.levels[start + index]),
                "support": _named(checklist, table.support[start + index].tolist()),
                "agreement": _named(checklist, [_or_none(x) for x in table.agreement[start + index].tolist()]),
                "adjudicated": [checklist.ordinal[c].id for c in np.flatnonzero(table.adjudicated[start + index])],
                **answers[index],
            }
            for index, pk in enumerate(ids)
        ]


def item_columns(item: Item) -> Row:
    return {
        "item_id": item.pk,
        "external_id": item.external_id,
        "media_type": item.media_type,
        "prompt_id": item.prompt_id,
        "prompt": item.prompt.text,
        "generator": item.generator.name,
        "generator_version": item.generator.version,
        "generator_parameters": json.dumps(item.generator.parameters, ensure_ascii=False, sort_keys=True),
        "media_sha256": item.sha256,
        "media_file": f"{item.sha256}.{item.extension}",
        "file_name": item.file_name,
        "mime_type": item.mime_type,
        "width": item.width,
        "height": item.height,
        "duration_ms": item.duration_ms,
        "frame_rate": item.frame_rate,
        "source": item.source,
        "licence": item.licence,
    }


def by_sub_dimension(checklist: Checklist, levels: NDArray[np.int8]) -> dict[str, int | None]:
    return _named(checklist, [None if level == ABSENT else level for level in levels.tolist()])


def answer_columns(checklist: Checklist, levels: NDArray[np.int8]) -> list[Row]:
    """``answers`` −1 no, 0 masked or not judged, +1 yes; ``meta_result`` 1 yes, 0 else; ``meta_mask`` 1 applies."""
    answers = to_answers(checklist, levels)
    masks = to_masks(answers)
    results = (answers == 1).astype(np.int8)
    columns = zip(answers.tolist(), results.tolist(), masks.tolist(), strict=True)
    return [{"answers": a, "meta_result": r, "meta_mask": m} for a, r, m in columns]


def _named(checklist: Checklist, values: Iterable[Any]) -> dict[str, Any]:
    return {sub.id: value for sub, value in zip(checklist.ordinal, values, strict=True)}


def _or_none(value: float) -> float | None:
    return None if value != value else value  # NaN
