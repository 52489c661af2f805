"""The quick way from COPY to the files writes byte for byte what the ORM's rows would be."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, Judgment
from annotator.campaigns.queries import judgment_levels
from annotator.datasets import rows, schema
from annotator.library.models import Generator, Item
from annotator.trust.queries import consensus_from
from annotator.trust.services import adjudicate
from tests.annotator.datasets.slow_rows import annotation_rows, consensus_rows, line

pytestmark = pytest.mark.django_db

NASTY = ["", " ", '"', "\\N", "\\.", "a,b", "a\nb", "a\r\nb", "雨 \u2028", "'", "NULL", "\t", '""', "nan"]


@pytest.fixture
def odd(campaign: Campaign, make_user: Callable[..., User]) -> Campaign:
    """A campaign with everything that a file could get wrong: odd text, lacking answers, decisions, suggestions."""
    draw = random.Random(3)
    for number, item in enumerate(Item.objects.order_by("pk")):
        Item.objects.filter(pk=item.pk).update(
            source=draw.choice(NASTY), license=draw.choice(NASTY), external_id=draw.choice(NASTY),
            file_name=draw.choice(NASTY), frame_rate=[None, 23.976023976023978, 0.1][number % 3],
            duration_ms=[None, 0, 41][number % 3],
        )  # fmt: skip
    Generator.objects.update(parameters={"b": [1, None], "a": "ü\n"}, version='1"')
    for number, judgment in enumerate(Judgment.objects.order_by("pk")):
        if number % 11 == 0:
            judgment.delete()
        elif number % 7 == 0:
            judgment.suggested_level, judgment.suggestion_shown = 1, True
            judgment.save()
    for number, assignment in enumerate(Assignment.objects.order_by("pk")):
        assignment.suggested_by = draw.choice(NASTY)
        assignment.suggestions_shown = bool(number % 2)
        if number % 2:
            assignment.submitted_at = assignment.submitted_at.replace(microsecond=0)
        assignment.save()
    sub = next(sub for sub in checklist_of(campaign.checklist_version).ordinal if sub.mask is None)
    adjudicate(
        campaign_item=campaign.campaign_items.first(), levels={sub.id: sub.highest}, adjudicator=make_user("rae")
    )
    return campaign


@pytest.mark.parametrize("chunk", [2, 20_000])
def test_both_tables_are_the_rows_of_the_orm(odd: Campaign, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(rows, "CHUNK", chunk)
    checklist = checklist_of(odd.checklist_version)
    annotations = rows.Annotations(odd.pk, checklist)
    made = list(annotations.chunks())
    expected = annotation_rows(odd.pk, checklist)
    assert [text for part in made for text in part.lines] == [line(row) for row in expected]
    table = pa.concat_tables(part.table for part in made)
    assert table.equals(pa.Table.from_pylist(expected, schema.annotations_schema(checklist)))
    assert annotations.judgments == Judgment.objects.count()

    ids, levels = annotations.table()
    judged = judgment_levels([odd])
    assert (ids[:, 0] == judged.assignments).all()
    assert (levels == judged.levels).all()
    consensus = consensus_from(judged, [odd], "majority")
    by_item = Counter(judged.items.tolist())
    expected = consensus_rows(consensus, by_item)
    counts = [by_item[pk] for pk in consensus.items.tolist()]
    made = [part for part, _items in rows.consensus_chunks(consensus, pa.array(counts).to_numpy())]
    assert [text for part in made for text in part.lines] == [line(row) for row in expected]
    table = pa.concat_tables(part.table for part in made)
    assert table.equals(pa.Table.from_pylist(expected, schema.consensus_schema(checklist)))


def test_a_file_is_read_back_as_the_rows_were(odd: Campaign, exported: Callable, files: Path) -> None:
    version = exported(odd)
    read = pq.read_table(version.folder / "annotations.parquet").to_pylist()
    assert read == annotation_rows(odd.pk, checklist_of(odd.checklist_version))
