"""From the database to the rows of a dataset, a chunk at a time: columns from COPY, into Arrow and into JSON lines.

A row of the ORM for each annotation takes ten times as long. The lines are those that ``json.dumps`` writes of the
same values, byte for byte: a version that has not changed is told by them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db.models import BigIntegerField, Func, SmallIntegerField, Value
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from annotator.campaigns.models import Judgment
from annotator.core.copying import PositionIn, copied, copied_table, matched
from annotator.datasets import schema
from annotator.datasets.queries import exported_annotations
from annotator.library.models import Generator, Item
from annotator.trust.consensus import ConsensusTable
from reward_engine.answers import ABSENT, harmonize, to_answers, to_masks
from reward_engine.checklist import Checklist

CHUNK = 20_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table, as Arrow and as lines of JSON."""

    table: pa.Table
    lines: list[str]


def pseudonym(user_id: int) -> str:
    """The same for one person in every export of this platform, and not to be turned back without its secret key."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"annotator {user_id}".encode(), hashlib.sha256).hexdigest()
    return f"annotator-{digest[:12]}"


class _Microseconds(Func):
    """A moment as whole microseconds since 1970: exact, and a number."""

    template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


_ANNOTATION = pa.schema(
    [
        ("annotation_id", pa.int64()), ("item_id", pa.int64()), ("purpose", pa.string()), ("annotator", pa.int64()),
        ("annotator_is_synthetic", pa.bool_()), ("started_at", pa.int64()), ("submitted_at", pa.int64()),
        ("suggested_by", pa.string()), ("suggestions_shown", pa.bool_()),
    ]
)  # fmt: skip


class Annotations:
    """The annotations of a campaign up to one moment, read in chunks; what consensus needs of them is gathered on
    the way, so that both tables tell of the very same judgments."""

    def __init__(self, campaign_id: int, checklist: Checklist) -> None:
        self.checklist = checklist
        self.found = exported_annotations(campaign_id)
        # Those submitted while the export runs wait for the next version.
        self.last = self.found.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.judgments = 0
        self.annotators: set[str] = set()
        self.synthetic: set[str] = set()
        self._names: dict[int, str] = {}
        self._ids: list[NDArray[np.int64]] = []
        self._levels: list[NDArray[np.int8]] = []

    def count(self) -> int:
        return self.found.filter(pk__lte=self.last).count()

    def chunks(self) -> Iterator[Chunk]:
        before = 0
        found = self.found.filter(pk__lte=self.last).order_by("pk")
        columns = found.annotate(
            started=_Microseconds("leased_at"), ended=_Microseconds("submitted_at")
        ).values_list(
            "pk", "campaign_item__item_id", "campaign_item__purpose", "annotator_id", "annotator__is_synthetic",
            "started", "ended", "suggested_by", "suggestions_shown",
        )  # fmt: skip
        while len(rows := copied_table(columns.filter(pk__gt=before)[:CHUNK], _ANNOTATION)):
            ids = rows["annotation_id"].to_numpy()
            judged = self.found.filter(pk__gt=before, pk__lte=int(ids[-1]))
            before = int(ids[-1])
            yield self._chunk(rows, ids, judged)

    def _chunk(self, rows: pa.Table, ids: NDArray[np.int64], judged: Any) -> Chunk:
        given, spent, suggested = self._judged(ids, judged)
        subs = self.checklist.sub_dimensions
        ordinal = [column for column, sub in enumerate(subs) if sub.is_ordinal]
        others = [column for column, sub in enumerate(subs) if not sub.is_ordinal]
        levels = harmonize(self.checklist, given[:, ordinal])
        items, at = np.unique(rows["item_id"].to_numpy(), return_inverse=True)
        found = ItemColumns(items)
        people = [self._name(pk) for pk in rows["annotator"].to_pylist()]
        synthetic = rows["annotator_is_synthetic"].to_pylist()
        self.annotators.update(people)
        self.synthetic.update(name for name, is_one in zip(people, synthetic, strict=True) if is_one)
        self._ids.append(np.stack([ids, items[at], found.prompts[at], rows["annotator"].to_numpy()], axis=1))
        self._levels.append(levels)

        names = [subs[column].id for column in (*ordinal, *others)]
        annotation = np.concatenate([levels, given[:, others]], axis=1)
        spans = {name: rows[name].cast(schema.TIME) for name in ("started_at", "submitted_at")}
        everything = [sub.id for sub in subs]
        order = [names.index(id) for id in everything]
        answers = Answers(self.checklist, levels)
        ladders, shown = names[: len(ordinal)], suggested[:, ordinal]
        table = pa.table(
            {
                "annotation_id": rows["annotation_id"],
                **found.columns(at),
                "purpose": rows["purpose"],
                "annotator": pa.array(people, pa.string()),
                "annotator_is_synthetic": rows["annotator_is_synthetic"],
                **spans,
                "annotation": _struct(everything, annotation[:, order], pa.int8()),
                "milliseconds": _struct(everything, spent, pa.int32()),
                "suggested": _struct(ladders, shown, pa.int8()),
                "suggested_by": rows["suggested_by"],
                "suggestions_shown": rows["suggestions_shown"],
                **answers.columns(),
            },
            schema=schema.annotations_schema(self.checklist),
        )
        lines = [
            f'{{"annotation_id": {pk}, {item}, "purpose": "{purpose}", "annotator": "{person}", '
            f'"annotator_is_synthetic": {_BOOLEAN[is_one]}, "started_at": "{started.isoformat()}", '
            f'"submitted_at": "{ended.isoformat()}", "annotation": {{{said}}}, "milliseconds": {{{times}}}, '
            f'"suggested": {{{hints}}}, "suggested_by": {_text(by)}, '
            f'"suggestions_shown": {_BOOLEAN[seen]}, {answered}}}\n'
            for pk, item, purpose, person, is_one, started, ended, said, times, hints, by, seen, answered in zip(
                ids.tolist(), found.texts(at), rows["purpose"].to_pylist(), people, synthetic,
                spans["started_at"].to_pylist(), spans["submitted_at"].to_pylist(),
                _texts(names, annotation), _texts(everything, spent), _texts(ladders, shown),
                rows["suggested_by"].to_pylist(),
                rows["suggestions_shown"].to_pylist(), answers.texts(), strict=True,
            )
        ]  # fmt: skip
        return Chunk(table, lines)

    def _judged(
        self, ids: NDArray[np.int64], judged: Any
    ) -> tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int16]]:
        """Levels int16, milliseconds int32 and suggestions int16, [a, all sub-dimensions] each; ABSENT where there is
        none."""
        subs = [sub.id for sub in self.checklist.sub_dimensions]
        told = copied(
            Judgment.objects.filter(assignment__in=judged)
            .order_by()
            .annotate(
                column=Coalesce(PositionIn("sub_dimension", subs), 0),
                hint=Cast(Coalesce("suggested_level", Value(ABSENT)), SmallIntegerField()),
            )
            .values_list("assignment_id", "column", "level", "milliseconds", "hint"),
            ("i8", "i4", "i2", "i4", "i2"),
        )
        # One submitted between the two queries waits for the next version.
        told, at = matched(told, ids)
        self.judgments += len(told)
        known = told["f1"] > 0
        told, cell = told[known], (at[known], told["f1"][known] - 1)
        given = np.full((len(ids), len(subs)), ABSENT, dtype=np.int16)
        spent = np.full_like(given, ABSENT, dtype=np.int32)
        suggested = np.full_like(given, ABSENT)
        given[cell], spent[cell], suggested[cell] = told["f2"], told["f3"], told["f4"]
        return given, spent, suggested

    def _name(self, user_id: int) -> str:
        if user_id not in self._names:
            self._names[user_id] = pseudonym(user_id)
        return self._names[user_id]

    def table(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """What was read: (annotation, item, prompt, annotator) int64 [a, 4], and levels int8 [a, s]."""
        width = len(self.checklist.ordinal)
        ids = [np.zeros((0, 4), dtype=np.int64), *self._ids]
        levels = [np.zeros((0, width), dtype=np.int8), *self._levels]
        return np.concatenate(ids), np.concatenate(levels)


def consensus_chunks(table: ConsensusTable, annotations: NDArray[np.int64]) -> Iterator[tuple[Chunk, ItemColumns]]:
    """The rows of the consensus, one per item.

    Args:
        annotations: int64 [i], how many each item has.
    """
    checklist = table.checklist
    names = [sub.id for sub in checklist.ordinal]
    for start in range(0, len(table.items), CHUNK):
        part = slice(start, start + CHUNK)
        items, levels = ItemColumns(table.items[part]), table.levels[part]
        support, agreement = table.support[part], table.agreement[part]
        answers = Answers(checklist, levels)
        decided = [[names[column] for column in np.flatnonzero(row)] for row in table.adjudicated[part]]
        at = np.arange(len(levels))
        rows = pa.table(
            {
                **items.columns(at),
                "annotations": pa.array(annotations[part], pa.int32()),
                "annotation": _struct(names, levels, pa.int8()),
                "support": _struct(names, support, pa.int32()),
                "agreement": _struct(names, agreement, pa.float64()),
                "adjudicated": pa.array(decided, pa.list_(pa.string())),
                **answers.columns(),
            },
            schema=schema.consensus_schema(checklist),
        )
        lines = [
            f'{{{item}, "annotations": {n}, "annotation": {{{said}}}, "support": {{{votes}}}, '
            f'"agreement": {{{share}}}, "adjudicated": {_text(settled)}, {answered}}}\n'
            for item, n, said, votes, share, settled, answered in zip(
                items.texts(at), annotations[part].tolist(), _texts(names, levels), _texts(names, support),
                _texts(names, agreement), decided, answers.texts(), strict=True,
            )
        ]  # fmt: skip
        yield Chunk(rows, lines), items


class ItemColumns:
    """What a dataset tells of some items (their ids, ascending): a column each, and a piece of a line each."""

    _READ = pa.schema(
        [(name, kind) for name, kind in schema.ITEM if not name.startswith(("generator", "media_file"))]
        + [("generator_id", pa.int64()), ("extension", pa.string())]
    )

    def __init__(self, ids: NDArray[np.int64]) -> None:
        renamed = {"item_id": "pk", "prompt": "prompt__text", "media_sha256": "sha256"}
        found = Item.objects.filter(pk__in=ids.tolist()).order_by("pk")
        read = copied_table(found.values_list(*(renamed.get(name, name) for name in self._READ.names)), self._READ)
        generators = Generator.objects.in_bulk(read["generator_id"].unique().to_pylist())
        makers = [generators[pk] for pk in read["generator_id"].to_pylist()]
        parameters = {
            pk: json.dumps(maker.parameters, ensure_ascii=False, sort_keys=True) for pk, maker in generators.items()
        }
        names, endings = read["media_sha256"].to_pylist(), read["extension"].to_pylist()
        made = {
            "generator": [maker.name for maker in makers],
            "generator_version": [maker.version for maker in makers],
            "generator_parameters": [parameters[maker.pk] for maker in makers],
            "media_file": [f"{name}.{ending}" for name, ending in zip(names, endings, strict=True)],
        }
        self.table = pa.table(
            {
                name: pa.array(made[name], kind) if name in made else read[name].combine_chunks()
                for name, kind in schema.ITEM
            }
        )
        self.prompts = self.table["prompt_id"].to_numpy()

    def columns(self, at: NDArray[np.int64]) -> dict[str, pa.ChunkedArray]:
        """The columns of the items at these places."""
        taken = self.table.take(pa.array(at))
        return {name: taken[name] for name in taken.column_names}

    def texts(self, at: NDArray[np.int64]) -> list[str]:
        """The same as pieces of JSON, without braces."""
        pieces = [json.dumps(row, ensure_ascii=False)[1:-1] for row in self.table.to_pylist()]
        return [pieces[place] for place in at.tolist()]


class Answers:
    """The columns of answers: ``answers`` −1 no, 0 masked or not judged, +1 yes; ``meta_result`` 1 yes, 0 else;
    ``meta_mask`` 1 applies. ``levels``: int8 [n, s]."""

    def __init__(self, checklist: Checklist, levels: NDArray[np.int8]) -> None:
        answers = to_answers(checklist, levels)
        self._arrays = {
            "answers": answers.astype(np.int8),
            "meta_result": (answers == 1).astype(np.int8),
            "meta_mask": to_masks(answers).astype(np.int8),
        }

    def columns(self) -> dict[str, pa.Array]:
        found = {}
        for name, array in self._arrays.items():
            offsets = np.arange(len(array) + 1, dtype=np.int32) * array.shape[1]
            found[name] = pa.ListArray.from_arrays(offsets, np.ascontiguousarray(array).ravel())
        return found

    def texts(self) -> list[str]:
        """Pieces of JSON; a list of whole numbers is written there as Python writes it."""
        columns = [[f'"{name}": {row}' for row in array.tolist()] for name, array in self._arrays.items()]
        return [", ".join(pieces) for pieces in zip(*columns, strict=True)]


_BOOLEAN = {True: "true", False: "false"}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_null(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a number stands for null: ABSENT among whole numbers, NaN among others."""
    return np.asarray(np.isnan(values) if values.dtype.kind == "f" else values == ABSENT)


def _struct(names: Sequence[str], values: NDArray[Any], kind: pa.DataType) -> pa.StructArray:
    """A column of structs from [n, names]."""
    columns = []
    for column in values.T:
        null = _is_null(column)
        known = np.where(null, 0, column).astype(kind.to_pandas_dtype())
        columns.append(pa.array(known, kind, mask=null))
    return pa.StructArray.from_arrays(columns, list(names))


def _texts(names: Sequence[str], values: NDArray[Any]) -> Iterable[str]:
    """Pieces of JSON objects from [n, names]. Each number is written once, however often it occurs."""
    columns = []
    for name, column in zip(names, values.T, strict=True):
        known, place = np.unique(column, return_inverse=True)
        nulls = _is_null(known).tolist()
        said = [f'"{name}": {"null" if null else value}' for value, null in zip(known.tolist(), nulls, strict=True)]
        columns.append(np.array(said, dtype=object)[place].tolist())
    return (", ".join(pieces) for pieces in zip(*columns, strict=True)) if columns else [""] * len(values)


def item_columns(item: Item) -> Row:
    """What a dataset tells of one item at hand."""
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
        "license": item.license,
    }
