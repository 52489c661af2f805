"""``create_demo``: once, whole, and the same after having been killed; with work left for people."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, Campaign, CampaignItem, CampaignState, Judgment
from annotator.campaigns.services import create_campaign, lease_next_item, load_builtin_checklists, set_state
from annotator.core.errors import ProblemError
from annotator.demo import making, services
from annotator.demo.annotators import ONE_SHORT_AT, SYNTHETIC, UNTOUCHED_AT
from annotator.demo.content import Version, image_versions, video_versions
from annotator.demo.making import truth_of
from annotator.demo.models import Milestone
from annotator.jobs.models import Job
from annotator.library import storage
from annotator.library.models import ImportBatch, Item
from annotator.library.services import import_now

pytestmark = pytest.mark.django_db

# Enough of it that both kinds of open items occur.
SOME = [*list(image_versions())[:8], *list(video_versions())[:7]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of that content, made once."""
    folder = tmp_path_factory.mktemp("demo")
    making.make(SOME, folder, lambda done, total: None)
    return folder


def use(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo be that content, its files taken from where they are made."""
    rows = (made / making.MANIFEST).read_text(encoding="utf-8").splitlines(keepends=True)
    by_name = {json.loads(row)["external_id"]: row for row in rows}

    def take(versions: list[Version], folder: Path, report: object) -> None:
        mine = [by_name[version.name] for version in versions]
        (folder / making.MANIFEST).write_text("".join(mine), encoding="utf-8")
        for row in mine:
            shutil.copy(made / json.loads(row)["file"], folder)

    monkeypatch.setattr(services, "make", take)
    monkeypatch.setattr(services, "image_versions", lambda: SOME[:8])
    monkeypatch.setattr(services, "video_versions", lambda: SOME[8:])
    monkeypatch.setattr(services, "ITEMS_A_COMMIT", 3)


@pytest.fixture
def some_content(files: object, made: Path, monkeypatch: pytest.MonkeyPatch) -> list[Version]:
    use(made, monkeypatch)
    return SOME


def counts() -> dict[str, int]:
    models = (Item, ImportBatch, Campaign, CampaignItem, Assignment, Judgment, User, Milestone, Job)
    return {model.__name__: model.objects.count() for model in models}


def test_it_is_made_once_and_says_what_is_synthetic(some_content: list[Version]) -> None:
    out = io.StringIO()
    call_command("create_demo", stdout=out)
    said = out.getvalue()
    assert "8 images and 7 videos from scikit-image’s photographs: synthetic, degraded by known amounts" in said
    assert "by 5 synthetic annotators (error rates 3, 6, 10, 16, 28%)" in said
    made = counts()
    assert made["Item"] == 15
    assert made["Campaign"] == 2
    assert made["Job"] == 2
    again = io.StringIO()
    call_command("create_demo", stdout=again)
    assert again.getvalue().strip() == "The demo already exists."
    assert counts() == made


def test_items_tell_where_they_come_from_and_what_is_true(some_content: list[Version]) -> None:
    services.create_demo()
    for version in some_content:
        item = Item.objects.get(external_id=version.name)
        assert item.media_type == version.media_type
        assert item.prompt.text == version.prompt
        assert item.extra["truth"] == truth_of(version)
        assert item.extra["degradation"] == version.recipe.amounts
        assert "script" in item.extra["synthetic"]
        assert item.source.startswith("scikit-image, data/")
        assert item.license
        assert storage.original_path(item).is_file()
        assert storage.thumbnail_path(item).is_file()
    batch = ImportBatch.objects.get()
    assert (batch.name, batch.imported, batch.rejected) == ("Demo content", 15, 0)


def test_both_campaigns_are_open_and_people_have_work(
    some_content: list[Version], make_user: Callable[..., User]
) -> None:
    services.create_demo()
    ann = make_user("ann")
    for campaign in Campaign.objects.all():
        assert (campaign.state, campaign.is_demo, campaign.overlap) == (CampaignState.OPEN, True, 3)
        rows = list(campaign.campaign_items.order_by("pk"))
        assert all(row.open_slots == row.needed - row.submitted for row in rows)
        submitted = [row.submitted for row in rows]
        assert submitted[UNTOUCHED_AT] == 0
        assert submitted[ONE_SHORT_AT] == 2
        assert set(submitted[:UNTOUCHED_AT]) == {3}
        lease = lease_next_item(campaign=campaign, annotator=ann)
        assert lease is not None
        assert lease.campaign_item_id in {row.pk for row in rows if row.submitted < row.needed}
    assert {assignment.annotator.is_synthetic for assignment in Assignment.objects.exclude(annotator=ann)} == {True}


def test_the_first_loop_is_asked_for_once(some_content: list[Version], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as sent:
        services.create_demo()
    jobs = Job.objects.filter(kind="rewards.train").order_by("created_at")
    assert [job.params["media_type"] for job in jobs] == ["image", "video"]
    assert {(job.params["promote"], job.params["score_after"], job.params["mine_after"]) for job in jobs} == {
        (True, True, True)
    }
    assert len(sent) >= 2
    Milestone.objects.filter(name=services.COMPLETE).delete()  # as after a kill just before the end
    services.create_demo()
    assert Job.objects.count() == 2


class Killed(BaseException):
    """As abrupt as SIGKILL for everything that catches Exception."""


# What there is after a run that nobody disturbed: of eight images one is left to people and one has two answers, of
# seven videos too; 18 ladders of an image, 20 of a video.
IMAGE_ANSWERS, VIDEO_ANSWERS = 6 * 3 + 2, 5 * 3 + 2
WHOLE = {
    "Item": 15, "ImportBatch": 1, "Campaign": 2, "CampaignItem": 15, "User": 5, "Milestone": 3, "Job": 2,
    "Assignment": IMAGE_ANSWERS + VIDEO_ANSWERS, "Judgment": 18 * IMAGE_ANSWERS + 20 * VIDEO_ANSWERS,
}  # fmt: skip


@pytest.mark.parametrize("where", ["making", "importing", "second campaign", "annotating", "asking"])
def test_killed_and_started_again_it_is_whole(
    where: str, some_content: list[Version], made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killing(patch: pytest.MonkeyPatch, name: str, at: int) -> None:
        real = getattr(services, name)
        calls: list[int] = []

        def then_killed(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            if len(calls) == at:
                raise Killed
            return real(*args, **kwargs)

        patch.setattr(services, name, then_killed)

    with monkeypatch.context() as patch:
        if where == "importing":

            def only_some(folder: Any, options: Any, **kwargs: Any) -> None:
                manifest = Path(folder) / making.MANIFEST
                lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
                manifest.write_text("".join(lines[:5]), encoding="utf-8")
                import_now(folder, options, **kwargs)
                raise Killed

            patch.setattr(services, "import_now", only_some)
        else:
            name, at = {
                "making": ("make", 1),
                "second campaign": ("create_campaign", 2),
                "annotating": ("submit_annotations", 2),
                "asking": ("_first_loop", 2),
            }[where]
            killing(patch, name, at)
        with pytest.raises(Killed):
            services.create_demo()
    assert services.create_demo() is True
    batches = 2 if where == "importing" else 1
    assert counts() == WHOLE | {"ImportBatch": batches}
    for row in CampaignItem.objects.all():
        assert row.open_slots + row.submitted == row.needed


def test_what_an_admin_deleted_is_not_made_again(some_content: list[Version]) -> None:
    services.create_demo()
    Campaign.objects.all().delete()
    assert services.create_demo() is False
    assert not Campaign.objects.exists()


def test_a_person_who_came_first_keeps_the_item(some_content: list[Version], make_user: Callable[..., User]) -> None:
    """Killed before any answer, then a person works, then the set-up goes on: no slot is given twice."""
    ann = make_user("ann")
    services.create_demo(versions=some_content[:3])
    Milestone.objects.all().delete()
    Assignment.objects.all().delete()
    CampaignItem.objects.update(open_slots=F("needed"), submitted=0)
    campaign = Campaign.objects.get()
    lease = lease_next_item(campaign=campaign, annotator=ann)
    assert lease is not None
    services.create_demo(versions=some_content[:3])
    row = CampaignItem.objects.get(pk=lease.campaign_item_id)
    assert (row.open_slots, row.submitted) == (0, 2)


def test_a_paused_demo_is_left_alone(some_content: list[Version]) -> None:
    services.create_demo(versions=some_content[:3])
    before = counts()["Assignment"]
    Milestone.objects.filter(name=services.COMPLETE).delete()
    Assignment.objects.filter(annotator__username=SYNTHETIC[0].username).delete()
    set_state(campaign=Campaign.objects.get(), state=CampaignState.PAUSED)
    services.create_demo(versions=some_content[:3])
    assert 0 < Assignment.objects.count() < before


def test_a_name_that_is_taken_is_said(some_content: list[Version]) -> None:
    version = load_builtin_checklists()[0][0]
    create_campaign(name="Demo: images", checklist_version=version, items=[])
    with pytest.raises(CommandError, match="A campaign called “Demo: images” already exists"):
        call_command("create_demo", stdout=io.StringIO())


def test_a_file_that_does_not_go_in_stops_it_in_words(
    some_content: list[Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = services.make

    def broken(versions: Any, folder: Any, report: Any) -> None:
        real(versions, folder, report)
        next(folder.glob("*.jpg")).write_bytes(b"")

    monkeypatch.setattr(services, "make", broken)
    with pytest.raises(ProblemError, match="0 bytes"):
        services.create_demo()
