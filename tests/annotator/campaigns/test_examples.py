"""Examples of levels: verified like all media, kept with a version, changed and taken away by admins, seen by all."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotator.accounts.models import Role
from annotator.campaigns.models import LevelExample
from annotator.campaigns.services import add_example, remove_example, store_checklist, take_over_examples
from annotator.campaigns.services.examples import EXAMPLES_A_LEVEL
from annotator.core.errors import ProblemError
from annotator.library import storage
from annotator.library.services import make_missing_views
from reward_engine.checklist import dumps, loads
from tests.factories import built_in_checklist, write_image, write_video

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def version(files):
    return built_in_checklist("image")


@pytest.fixture
def picture(tmp_path) -> bytes:
    return write_image(tmp_path / "sharp.png").read_bytes()


def upload(content: bytes, name: str = "sharp.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def add(version, content, *, level=2, alt="A sharp portrait", name="sharp.png", **fields):
    return add_example(
        checklist_version=version, sub_dimension="clarity", level=level, upload=upload(content, name), alt=alt, **fields
    )


def test_a_picture_and_a_clip_are_verified_and_kept(version, picture, tmp_path):
    image = add(version, picture, caption=" The hair ")
    clip = add(version, write_video(tmp_path / "clip.mp4").read_bytes(), name="clip.mp4")
    assert (image.media_type, image.caption, image.position) == ("image", "The hair", 1)
    assert (clip.media_type, clip.position) == ("video", 2)
    for example in (image, clip):
        assert storage.original_path(example).is_file()
        assert storage.thumbnail_path(example).is_file()
    remove_example(example=image)
    assert list(version.examples.all()) == [clip]


def test_a_clip_that_needs_a_view_gets_it_from_the_sweep(version, tmp_path):
    clip = add(version, write_video(tmp_path / "clip.mp4", codec="mpeg4").read_bytes(), name="clip.mp4")
    assert clip.view is None
    assert make_missing_views() == 1
    clip.refresh_from_db()
    assert clip.view == "mp4"
    assert storage.view_path(clip).is_file()


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("a.png", b"no picture"), ("a.html", b"<html></html>")],
)
def test_what_is_no_media_is_refused(version, name, content):
    with pytest.raises(ProblemError):
        add(version, content, name=name)
    assert not LevelExample.objects.exists()


def test_a_level_needs_words_and_has_a_limit(version, picture):
    with pytest.raises(ProblemError, match="Describe what"):
        add(version, picture, alt="  ")
    with pytest.raises(ProblemError, match="no level 9"):
        add(version, picture, level=9)
    example = add(version, picture)
    LevelExample.objects.bulk_create(
        LevelExample(**{f.attname: getattr(example, f.attname) for f in LevelExample._meta.fields if not f.primary_key})
        for _ in range(EXAMPLES_A_LEVEL - 1)
    )
    with pytest.raises(ProblemError, match="at most 6"):
        add(version, picture)
    add(version, picture, level=1)


def test_a_new_version_takes_over_what_it_has_no_examples_for(version, picture):
    add(version, picture)
    add(version, picture, level=1)
    changed, _new = store_checklist(checklist=loads(dumps_changed(version), source="edited"))
    add(changed, picture, level=1, alt="Its own")
    assert take_over_examples(source=version, target=changed) == 1
    assert take_over_examples(source=version, target=changed) == 0
    assert sorted(changed.examples.values_list("level", "alt")) == [(1, "Its own"), (2, "A sharp portrait")]


def dumps_changed(version) -> str:
    from annotator.campaigns.checklists import checklist_of

    return dumps(checklist_of(version)).replace("Clarity", "Sharpness", 1)


def test_an_admin_adds_replaces_and_takes_away_on_the_page(client, version, picture, make_user, tmp_path):
    url = f"/campaigns/checklists/{version.pk}/clarity/2/"
    client.force_login(make_user("rev", Role.REVIEWER), backend=BACKEND)
    assert client.get(url).status_code == 403
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    assert client.get(url.replace("/2/", "/9/")).status_code == 404
    assert client.get(url.replace("clarity", "fur")).status_code == 404
    sent = {"example": "new", "new-alt": "A portrait", "new-upload": upload(b"no picture")}
    refused = client.post(url, sent)
    assert refused.status_code == 422
    assert "sharp.png" in refused.content.decode()  # says which file, and why
    assert client.post(url, {**sent, "new-upload": upload(picture)}).status_code == 302
    example = LevelExample.objects.get()
    before = example.sha256
    words = {"example": example.pk, f"e{example.pk}-alt": "Another", f"e{example.pk}-caption": "Look here"}
    client.post(url, words)
    example.refresh_from_db()
    assert (example.alt, example.sha256) == ("Another", before)  # the words alone
    other = write_image(tmp_path / "other.png").read_bytes()
    client.post(url, {**words, f"e{example.pk}-upload": upload(other)})
    example.refresh_from_db()
    assert example.sha256 != before
    assert "Look here" not in client.get(f"/campaigns/checklists/{version.pk}/").content.decode()
    assert 'alt="Another"' in client.get(f"/campaigns/checklists/{version.pk}/").content.decode()
    client.post(url, {"example": example.pk, "remove": "1"})
    assert not LevelExample.objects.exists()


def test_examples_are_served_safely_to_who_is_signed_in(client, version, picture, make_user):
    example = add(version, picture, caption="<b>Hair</b>")
    media, small = (f"/campaigns/examples/{example.pk}/{what}/" for what in ("media", "thumbnail"))
    assert client.get(media).status_code == 302
    client.force_login(make_user("ann"), backend=BACKEND)
    answer = client.get(media)
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert b"".join(answer.streaming_content) == picture
    assert client.get(small)["Content-Type"] == "image/webp"
    guide = client.get(f"/campaigns/checklists/{version.pk}/guide/").content.decode()
    assert "&lt;b&gt;Hair" in guide
    assert 'loading="lazy"' in guide
    Path(storage.original_path(example)).unlink()
    assert client.get(media).status_code == 404


def test_the_workspace_knows_which_ladders_have_examples(client, version, picture, make_user, make_campaign):
    add(version, picture)
    from annotator.campaigns.services import lease_next_item

    ann = make_user("ann")
    assignment = lease_next_item(campaign=make_campaign(), annotator=ann)
    client.force_login(ann, backend=BACKEND)
    page = client.get(f"/campaigns/assignments/{assignment.token}/").content.decode()
    assert page.count("data-guide ") == 1
