"""Pages, downloads and API of datasets: who may, what they answer, what is refused in words."""

import io
import zipfile
from collections.abc import Callable

import pandas as pd
import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import ApiToken, Role, User
from annotator.campaigns.models import Campaign
from annotator.datasets.models import DatasetVersion
from annotator.jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(campaign: Campaign, exported: Callable[..., DatasetVersion]) -> DatasetVersion:
    return exported(campaign)


def test_annotators_get_no_datasets(sign_in: Callable, version: DatasetVersion) -> None:
    client = sign_in(Role.ANNOTATOR)
    for address in (
        reverse("datasets:list"), reverse("datasets:export", args=[version.campaign_id]),
        reverse("datasets:version", args=[version.pk]), reverse("datasets:download-all", args=[version.pk]),
        reverse("datasets:download", args=[version.pk, "annotations.jsonl"]), "/api/v1/datasets/",
        f"/api/v1/datasets/{version.pk}/zip/", f"/api/v1/datasets/{version.pk}/files/annotations.jsonl/",
    ):  # fmt: skip
        assert client.get(address).status_code == 403, address


def test_reviewers_download_but_only_admins_export(sign_in: Callable, version: DatasetVersion) -> None:
    client = sign_in(Role.REVIEWER)
    jobs = Job.objects.count()
    page = client.get(reverse("datasets:export", args=[version.campaign_id])).content.decode()
    assert "Export new version" not in page
    assert client.post(reverse("datasets:export", args=[version.campaign_id])).status_code == 403
    assert client.post("/api/v1/datasets/", {"campaign": version.campaign_id}).status_code == 403
    assert Job.objects.count() == jobs
    assert client.get(reverse("datasets:download", args=[version.pk, "README.md"])).status_code == 200


def test_an_admin_exports(sign_in: Callable, campaign: Campaign) -> None:
    client = sign_in(Role.ADMIN)
    address = reverse("datasets:export", args=[campaign.pk])
    assert "1 of the 3 annotators is synthetic" in client.get(address).content.decode()
    assert client.post(address).status_code == 302
    page = client.get(address).content.decode()
    assert "waiting for a worker" in page
    assert 'hx-trigger="every 2s' in page


def test_a_campaign_nobody_has_worked_in_says_so(sign_in: Callable, campaign: Campaign) -> None:
    campaign.campaign_items.first().assignments.model.objects.update(state="skipped")
    client = sign_in(Role.ADMIN)
    address = reverse("datasets:export", args=[campaign.pk])
    assert "there is nothing to export" in client.get(address).content.decode()
    answer = client.post(address, follow=True).content.decode()
    assert "No one has submitted an annotation in “Street scenes, May” yet" in answer
    assert not Job.objects.exists()


def test_the_lists(sign_in: Callable, version: DatasetVersion, django_assert_max_num_queries: Callable) -> None:
    client = sign_in(Role.REVIEWER)
    with django_assert_max_num_queries(12):
        page = client.get(reverse("datasets:list")).content.decode()
    assert "Street scenes, May v1" in page
    page = client.get(reverse("datasets:version", args=[version.pk])).content.decode()
    assert version.files[2]["sha256"] in page
    assert "CC0-1.0 (7)" in page


def test_one_file(sign_in: Callable, version: DatasetVersion) -> None:
    client = sign_in(Role.REVIEWER)
    response = client.get(reverse("datasets:download", args=[version.pk, "annotations.parquet"]))
    frame = pd.read_parquet(io.BytesIO(b"".join(response.streaming_content)))
    assert len(frame) == 21
    assert response["Content-Disposition"] == 'attachment; filename="street-scenes-may-v1-annotations.parquet"'
    assert response["ETag"].strip('"') == next(f["sha256"] for f in version.files if f["name"] == "annotations.parquet")


@pytest.mark.parametrize("name", ["secrets.txt", "..", "%2e%2e%2fv1%2fREADME.md", "..%2f..%2fx"])
def test_only_recorded_files_are_opened(sign_in: Callable, version: DatasetVersion, name: str) -> None:
    (version.folder / "secrets.txt").write_text("x")
    response = sign_in(Role.ADMIN).get(f"/datasets/{version.pk}/files/{name}")
    assert response.status_code == 404


def test_all_files_as_a_zip_that_is_made_while_it_is_sent(sign_in: Callable, version: DatasetVersion) -> None:
    response = sign_in(Role.REVIEWER).get(reverse("datasets:download-all", args=[version.pk]))
    pieces = list(response.streaming_content)
    assert len([piece for piece in pieces if piece]) > len(version.files)
    assert sum(map(len, pieces)) == version.zip_bytes
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"street-scenes-may-v1/{file['name']}" for file in version.files)
        for file in version.files:
            assert archive.read(f"street-scenes-may-v1/{file['name']}") == (version.folder / file["name"]).read_bytes()


def test_a_missing_or_altered_file_is_reported_before_anything_is_sent(
    sign_in: Callable, version: DatasetVersion
) -> None:
    path = version.folder / "consensus.jsonl"
    path.chmod(0o644)
    path.write_text("{}")
    client = sign_in(Role.REVIEWER)
    answer = client.get(reverse("datasets:download", args=[version.pk, "consensus.jsonl"]), follow=True)
    assert "is missing or altered on the server" in answer.content.decode()
    path.unlink()
    answer = client.get(reverse("datasets:download-all", args=[version.pk]), follow=True)
    assert "is missing or altered on the server" in answer.content.decode()


def test_the_campaigns_page_leads_to_its_datasets(sign_in: Callable, version: DatasetVersion) -> None:
    page = sign_in(Role.REVIEWER).get(reverse("campaigns:detail", args=[version.campaign_id])).content.decode()
    assert reverse("datasets:version", args=[version.pk]) in page


class TestApi:
    def test_export_look_and_download(self, api: APIClient, version: DatasetVersion) -> None:
        asked = api.post("/api/v1/datasets/", {"campaign": version.campaign_id})
        assert asked.status_code == 202
        one = api.get("/api/v1/datasets/", {"campaign": version.campaign_id}).json()["results"][0]
        assert (one["id"], one["annotations"], one["manifest"]["counts"]["items"]) == (version.pk, 21, 7)
        response = api.get(f"/api/v1/datasets/{version.pk}/files/annotations.jsonl/")
        assert len(b"".join(response.streaming_content).splitlines()) == 21
        response = api.get(f"/api/v1/datasets/{version.pk}/zip/")
        assert zipfile.is_zipfile(io.BytesIO(b"".join(response.streaming_content)))

    def test_problems_are_reported_in_words(self, api: APIClient, version: DatasetVersion, campaign: Campaign) -> None:
        refused = api.get(f"/api/v1/datasets/{version.pk}/files/x.txt/")
        assert (refused.status_code, refused.json()["code"]) == (404, "no_file")
        campaign.campaign_items.first().assignments.model.objects.update(counted=False)
        assert api.post("/api/v1/datasets/", {"campaign": campaign.pk, "consensus": "loudest"}).status_code == 400
        refused = api.post("/api/v1/datasets/", {"campaign": campaign.pk})
        assert (refused.status_code, refused.json()["code"]) == (400, "no_annotations")
        assert api.post("/api/v1/datasets/", {}).status_code == 400


@pytest.mark.asks_again
def test_files_with_what_people_answered_come_after_the_password(sign_in: Callable, version: DatasetVersion) -> None:
    client = sign_in(Role.REVIEWER)
    page = reverse("datasets:version", args=[version.pk])
    for wanted, address in (
        ("annotations.jsonl", reverse("datasets:download", args=[version.pk, "annotations.jsonl"])),
        ("zip", reverse("datasets:download-all", args=[version.pk])),
    ):
        client.force_login(client.user, backend="django.contrib.auth.backends.ModelBackend")
        asked = client.get(address)
        assert asked["location"] == f"/accounts/reauthenticate/?next={page.replace('/', '%2F')}%3Fdownload%3D{wanted}"
        then = client.post(asked["location"], {"password": "open sesame 1", "next": f"{page}?download={wanted}"})
        assert then["location"] == f"{page}?download={wanted}"
        assert f'content="0; url={address}"' in client.get(then["location"]).content.decode(), (
            "the file comes by itself"
        )
        assert client.get(address)["Content-Disposition"].startswith("attachment")
        client.logout()
    assert 'http-equiv="refresh"' not in client.get(f"{page}?download=//elsewhere").content.decode()


@pytest.mark.asks_again
def test_the_api_asks_a_session_but_no_token_for_the_password(
    sign_in: Callable, version: DatasetVersion, make_user: Callable[..., User]
) -> None:
    client = sign_in(Role.ADMIN)
    addresses = [f"/api/v1/datasets/{version.pk}/zip/", f"/api/v1/datasets/{version.pk}/files/annotations.jsonl/"]
    for address in addresses:
        refused = client.get(address)
        assert (refused.status_code, refused.json()["code"]) == (403, "password_again")
    assert client.post("/api/v1/datasets/", {"campaign": version.campaign_id}).json()["code"] == "password_again"
    assert client.get("/api/v1/datasets/").status_code == 200
    _row, token = ApiToken.issue(user=make_user("rae", Role.REVIEWER), name="script", scopes=["read"])
    for address in addresses:
        assert APIClient().get(address, headers={"authorization": f"Bearer {token}"}).status_code == 200
