"""The formats of a version are read back as other tools read them, without the platform's code."""

import csv
import io
import itertools
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from django.conf import settings
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.datasets.formats import FORMATS, archives, export, flat, offered
from annotator.datasets.formats.splits import split_of
from annotator.datasets.models import DatasetVersion
from annotator.library import storage
from annotator.library.models import Item
from reward_engine.checklist import loads
from tests.factories import make_annotated_campaign, make_item

pytestmark = pytest.mark.django_db

FORMULA = "=SUM(1,2) “雨”\n<image>"


def made(version: DatasetVersion, name: str, split: str = "") -> bytes:
    return b"".join(export(version, name, split)[2])


def records(version: DatasetVersion, name: str, split: str = "") -> list[dict]:
    return [json.loads(line) for line in made(version, name, split).decode().splitlines()]


@pytest.fixture
def version(campaign: Campaign, exported: Callable, monkeypatch: pytest.MonkeyPatch) -> DatasetVersion:
    """Seven images in several chunks; the first prompt is what spreadsheets and trainers trip over."""
    monkeypatch.setattr(flat, "ROWS_AT_ONCE", 3)
    prompt = Item.objects.order_by("pk")[0].prompt
    prompt.__class__.objects.filter(pk=prompt.pk).update(text=FORMULA)
    return exported(campaign)


@pytest.fixture
def pictures(files: Path, people: list[User], exported: Callable) -> DatasetVersion:
    """A version of real images, of both splits."""
    texts = (f"A lake, {n}" for n in itertools.count())
    test = next(text for text in texts if split_of(text) == "test")
    train = itertools.islice((text for text in texts if split_of(text) == "train"), 4)
    items = [make_item(prompt=text, seed=n, license="CC0-1.0") for n, text in enumerate([test, *train])]
    return exported(make_annotated_campaign(items, people, name="Lakes"))


@pytest.mark.parametrize("table", ["items", "answers"])
def test_flat_tables_hold_what_the_frozen_tables_hold(version: DatasetVersion, table: str) -> None:
    frozen = pq.read_table(
        version.folder / ("consensus.parquet" if table == "items" else "annotations.parquet")
    ).to_pylist()
    rows = pq.read_table(io.BytesIO(made(version, f"{table}-parquet")))
    assert not any(str(kind).startswith(("struct", "list")) for kind in rows.schema.types)
    checklist = loads((version.folder / "checklist.yaml").read_text(), source="export")
    for row, known in zip(rows.to_pylist(), frozen, strict=True):
        assert {name: row[name] for name in row if name in known} == {k: v for k, v in known.items() if k in row}
        assert {k[6:]: v for k, v in row.items() if k.startswith("level_")} == known["annotation"]
        assert row["media_path"].endswith(known["media_file"])
        assert row["split"] == split_of(known["prompt"])
        if table == "items":
            assert {k[10:]: v for k, v in row.items() if k.startswith("agreement_")} == known["agreement"]
        else:
            answers = {question.id: said for question, said in zip(checklist.questions, known["answers"], strict=True)}
            assert {k[7:]: v for k, v in row.items() if k.startswith("answer_")} == answers
            assert row["annotator"].startswith("annotator-")
    text = made(version, f"{table}-csv")
    plain = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    assert plain[0]["prompt"] == "'" + FORMULA, "no formula runs"
    frame = pd.read_csv(io.BytesIO(text))
    as_read = pd.read_parquet(io.BytesIO(made(version, f"{table}-parquet")))
    assert list(frame) == list(as_read)
    levels = [name for name in frame if name.startswith(("level_", "answer_", "agreement_"))]
    pd.testing.assert_frame_equal(frame[levels].astype(float), as_read[levels].astype(float))
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    assert len(pyarrow.csv.read_csv(io.BytesIO(text), parse_options=parse)) == len(frozen)
    if table == "items":
        assert records(version, "items-jsonl") == rows.to_pylist()


def test_conversations_ask_each_question_that_applies(version: DatasetVersion) -> None:
    checklist = loads((version.folder / "checklist.yaml").read_text(), source="export")
    frozen = {row["item_id"]: row for row in pq.read_table(version.folder / "consensus.parquet").to_pylist()}
    expected = [
        (row["item_id"], question.id, "yes" if said == 1 else "no")
        for row in frozen.values()
        for question, said in zip(checklist.questions, row["answers"], strict=True)
        if said != 0
    ]
    assert any(0 in row["answers"] for row in frozen.values())
    texts = {question.id: question.text for question in checklist.questions}
    tagged, structured = records(version, "conversations"), records(version, "conversations-trl")
    for rows in (tagged, structured):
        assert [row["messages"][0]["role"] for row in rows] == ["user"] * len(expected)
        assert all(len(row["images"]) == 1 and row["images"][0].startswith("originals/") for row in rows)
    assert [(r["item_id"], r["question"], r["messages"][1]["content"]) for r in tagged] == expected
    assert [r["messages"][1]["content"][0]["text"] for r in structured] == [said for *_ids, said in expected]
    for row, parts in zip(tagged, structured, strict=True):
        asked = row["messages"][0]["content"]
        assert asked.startswith("<image>")
        assert asked.count("<image>") == len(row["images"]), "a tag in the prompt is no second picture"
        assert [part["type"] for part in parts["messages"][0]["content"]] == ["image", "text"]
        assert asked == "<image>" + parts["messages"][0]["content"][1]["text"]
        if "{prompt}" not in texts[row["question"]]:
            assert asked.endswith(texts[row["question"]])


def test_a_prompt_has_one_split_for_ever(
    version: DatasetVersion, studio_items: Callable, people: list[User], exported: Callable
) -> None:
    # These are facts of the format: a change here moves items of versions that people have trained on.
    assert [n for n in range(40) if split_of(f"A lake, {n}") == "test"] == [13, 33]
    before = {row["item_id"]: row["split"] for row in records(version, "items-jsonl")}
    other = exported(make_annotated_campaign([*Item.objects.all(), *studio_items(5)], people, name="More"))
    after = {row["item_id"]: row["split"] for row in records(other, "items-jsonl")}
    assert before.items() <= after.items()
    parts = [records(other, "items-jsonl", split) for split in ("train", "test")]
    assert sorted(row["item_id"] for part in parts for row in part) == sorted(after)
    assert all(row["split"] == "train" for row in parts[0])


def test_hugging_face_folder(pictures: DatasetVersion, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(made(pictures, "hugging-face"))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    folder = tmp_path / "lakes-v1"
    front = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert front["configs"][0]["data_files"] == [
        {"split": "train", "path": "train/**"},
        {"split": "test", "path": "test/**"},
    ]
    by_item = {row["item_id"]: row for row in records(pictures, "items-jsonl")}
    seen = set()
    for split in ("train", "test"):
        for row in pq.read_table(folder / split / "metadata.parquet").to_pylist():
            with Image.open(folder / split / row.pop("file_name")) as image:
                assert image.size == (row["width"], row["height"])
            assert row == by_item[row["item_id"]]
            seen.add((row["item_id"], split))
    assert seen == {(pk, row["split"]) for pk, row in by_item.items()}


def test_web_dataset_shards_are_bounded(pictures: DatasetVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = list(Item.objects.values_list("size_bytes", flat=True))
    monkeypatch.setattr(archives, "SHARD_BYTES", 2 * max(sizes))
    by_item = {row["item_id"]: row for row in records(pictures, "items-jsonl")}
    with zipfile.ZipFile(io.BytesIO(made(pictures, "webdataset"))) as archive:
        shards = {Path(name).name: archive.read(name) for name in archive.namelist()}
    assert sorted(shards) == ["test-000000.tar", "train-000000.tar", "train-000001.tar"]
    seen = []
    for name, content in shards.items():
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            members = [(member.name.split("."), tar.extractfile(member).read()) for member in tar.getmembers()]  # type: ignore[union-attr]
        for (key, _json, row), (key_2, _txt, prompt), (key_3, ending, media) in (
            tuple((parts[0], parts[1], data) for parts, data in members[at : at + 3])
            for at in range(0, len(members), 3)
        ):
            found = json.loads(row)
            assert (key, key, _json, _txt, ending) == (key_2, key_3, "json", "txt", "png")
            assert found == by_item[found["item_id"]]
            assert prompt.decode() == found["prompt"]
            assert media == (Path(settings.MEDIA_ROOT) / found["media_path"]).read_bytes()
            assert name.startswith(found["split"])
            seen.append(found["item_id"])
    assert sorted(seen) == sorted(by_item)


@pytest.mark.parametrize("name", ["hugging-face", "webdataset"])
def test_no_archive_is_whole_without_its_media(pictures: DatasetVersion, name: str) -> None:
    last = Item.objects.order_by("-pk")[0]
    storage.original_path(last).unlink()
    content = io.BytesIO()
    with pytest.raises(ProblemError, match=f"item {last.pk} is missing"):
        content.writelines(export(pictures, name)[2])
    assert not zipfile.is_zipfile(content)


def test_page_and_api_offer_the_formats(
    sign_in: Callable, version: DatasetVersion, api: APIClient, django_assert_max_num_queries: Callable
) -> None:
    client = sign_in(Role.REVIEWER)
    with django_assert_max_num_queries(12):
        page = client.get(reverse("datasets:version", args=[version.pk])).content.decode()
    for name in FORMATS:
        assert reverse("datasets:download-format", args=[version.pk, name]) in page
    address = reverse("datasets:download-format", args=[version.pk, "items-csv"])
    response = client.get(f"{address}?split=train")
    assert response["Content-Disposition"] == 'attachment; filename="street-scenes-may-v1-train-items.csv"'
    assert b"".join(response.streaming_content) == made(version, "items-csv", "train")
    below = f"/api/v1/datasets/{version.pk}/formats"
    assert b"".join(api.get(f"{below}/answers-parquet/").streaming_content) == made(version, "answers-parquet")
    for wrong, code in (("items-xls/", "no_format"), ("items-csv/?split=dev", "no_split"),
                        ("webdataset/?split=test", "no_split")):  # fmt: skip
        assert api.get(f"{below}/{wrong}").json()["code"] == code
    assert client.get(reverse("datasets:download-format", args=[version.pk, "items-xls"])).status_code == 404
    version.manifest["kind"] = "comparisons"
    assert offered(version) == {}
    path = version.folder / "consensus.parquet"
    path.chmod(0o644)
    path.write_bytes(b"")
    assert api.get(f"{below}/items-csv/").json()["code"] == "file_missing"
    assert "missing or altered" in client.get(address, follow=True).content.decode()
    assert sign_in(Role.ANNOTATOR).get(address).status_code == 403


@pytest.mark.asks_again
def test_formats_come_after_the_password(sign_in: Callable, version: DatasetVersion) -> None:
    client = sign_in(Role.REVIEWER)
    client.force_login(client.user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"{reverse('datasets:download-format', args=[version.pk, 'items-csv'])}?split=test"
    asked = client.get(address)["location"]
    page = f"{reverse('datasets:version', args=[version.pk])}?download=items-csv&split=test"
    then = client.post(asked, {"password": "open sesame 1", "next": page})["location"]
    assert then == page
    assert f'content="0; url={address}"' in client.get(page).content.decode()
    assert client.get(address)["Content-Disposition"].startswith("attachment")
