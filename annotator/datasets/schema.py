"""The columns of a dataset's two tables, derived from its checklist."""

from __future__ import annotations

import pyarrow as pa

from reward_engine.checklist import Checklist

ITEM = [
    ("item_id", pa.int64()), ("external_id", pa.string()), ("media_type", pa.string()), ("prompt_id", pa.int64()),
    ("prompt", pa.string()), ("generator", pa.string()), ("generator_version", pa.string()),
    ("generator_parameters", pa.string()), ("media_sha256", pa.string()), ("media_file", pa.string()),
    ("file_name", pa.string()), ("mime_type", pa.string()), ("width", pa.int32()), ("height", pa.int32()),
    ("duration_ms", pa.int32()), ("frame_rate", pa.float64()), ("source", pa.string()), ("license", pa.string()),
]  # fmt: skip

TIME = pa.timestamp("us", tz="UTC")


def _answers() -> list[tuple[str, pa.DataType]]:
    return [(name, pa.list_(pa.int8())) for name in ("answers", "meta_result", "meta_mask")]


def annotations_schema(checklist: Checklist) -> pa.Schema:
    """One row per annotation: an item as one person judged it."""
    everything = [sub.id for sub in checklist.sub_dimensions]
    return pa.schema(
        [
            ("annotation_id", pa.int64()),
            *ITEM,
            ("purpose", pa.string()),
            ("annotator", pa.string()),
            ("annotator_is_synthetic", pa.bool_()),
            ("started_at", TIME),
            ("submitted_at", TIME),
            ("annotation", pa.struct([(id, pa.int8()) for id in everything])),
            ("milliseconds", pa.struct([(id, pa.int32()) for id in everything])),
            ("suggested", pa.struct([(sub.id, pa.int8()) for sub in checklist.ordinal])),
            ("suggested_by", pa.string()),
            ("suggestions_shown", pa.bool_()),
            *_answers(),
        ]
    )


def consensus_schema(checklist: Checklist) -> pa.Schema:
    """One row per item: the levels that count."""
    ordinal = [sub.id for sub in checklist.ordinal]
    return pa.schema(
        [
            *ITEM,
            ("annotations", pa.int32()),
            ("annotation", pa.struct([(id, pa.int8()) for id in ordinal])),
            ("support", pa.struct([(id, pa.int32()) for id in ordinal])),
            ("agreement", pa.struct([(id, pa.float64()) for id in ordinal])),
            ("adjudicated", pa.list_(pa.string())),
            *_answers(),
        ]
    )
