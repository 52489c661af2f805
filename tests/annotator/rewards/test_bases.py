"""Base models: registered from what is found, checked by a job, refused in words, deleted where nothing needs them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from annotator.accounts.models import Role, User
from annotator.campaigns.services import load_builtin_checklists
from annotator.core.errors import ConflictError, ProblemError
from annotator.jobs.models import Job, JobState, Queue
from annotator.jobs.services import request_cancel, run_job
from annotator.rewards import queries, services, vlms
from annotator.rewards.models import BaseModel, BaseModelState, RetrainingPolicy, RewardModel
from reward_engine.errors import ArtifactError
from tests.annotator.rewards.bases import REPORT, Inspection, make_folder, stand_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    settings.VLM_ROOTS = [tmp_path / "vlms"]
    settings.VLMS_FROM_HUB = False
    make_folder(tmp_path / "vlms")
    return tmp_path / "vlms"


@pytest.fixture
def inspection(monkeypatch: pytest.MonkeyPatch) -> Inspection:
    return stand_in(monkeypatch)


def check(base: BaseModel) -> BaseModel:
    """Run its check here; returns the row as it is then."""
    run_job(str(base.job_id), services.check_base)
    base.refresh_from_db()
    return base


def version_of(base: BaseModel) -> RewardModel:
    checklist, _new = load_builtin_checklists()[0]
    return RewardModel.objects.create(
        media_type="image", version=1, judge="vlm", base=base, checklist_version=checklist, path="x", weights=[]
    )


def test_only_folders_that_look_like_such_models_are_found(root: Path, tmp_path: Path) -> None:
    make_folder(root, "group/llava")
    (root / "text-model").mkdir()
    (root / "text-model" / "config.json").touch()
    (root / ".hidden").mkdir()
    outside = make_folder(tmp_path, "outside")
    (root / "away").symlink_to(outside)
    assert vlms.available() == ["group/llava", "qwen2-vl-2b"]
    services.register_base(name="group/llava")
    assert queries.registrable() == ["qwen2-vl-2b"]


@pytest.mark.parametrize(
    ("name", "revision", "field", "words"),
    [
        ("nowhere", "", "base", "There is no folder “nowhere” in .*Available: “qwen2-vl-2b”"),
        ("../outside", "", "base", "Enter the path below"),
        ("away", "", "base", "leads outside .*VLM_ROOTS"),
        ("text-model", "", "base", "does not contain a vision-language model"),
        ("qwen2-vl-2b", "main", "revision", "has no revisions"),
        ("owner/name", "", "base", r"has not allowed downloads \(VLMS_FROM_HUB\)"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_words(
    root: Path, tmp_path: Path, name: str, revision: str, field: str, words: str
) -> None:
    (root / "text-model").mkdir()
    (root / "away").symlink_to(make_folder(tmp_path, "outside"))
    with pytest.raises(ProblemError, match=words) as refused:
        services.register_base(name=name, revision=revision)
    assert refused.value.details["field"] == field
    assert not BaseModel.objects.exists()
    assert not Job.objects.exists()


def test_a_hub_id_stays_at_the_commit_that_was_checked(root: Path, settings: Any, inspection: Inspection) -> None:
    settings.VLMS_FROM_HUB = True
    inspection.report["revision"] = "0123abc"
    assert check(services.register_base(name="owner/name", revision="main")).pinned_revision == "0123abc"
    inspection.report["revision"] = None
    assert check(services.register_base(name="qwen2-vl-2b")).pinned_revision is None


def test_hub_ids_where_the_operator_allows_them(root: Path, settings: Any, inspection: Inspection) -> None:
    settings.VLMS_FROM_HUB = True
    base = check(services.register_base(name="owner/name", revision="0123abc"))
    assert (str(base), base.state) == ("owner/name@0123abc", BaseModelState.READY)
    [(source, options)] = inspection.asked
    assert (source, options["revision"]) == ("owner/name", "0123abc")
    with pytest.raises(ProblemError, match="is not a revision"):
        services.register_base(name="owner/name", revision="../x")
    settings.VLMS_FROM_HUB = False  # the operator has changed their mind
    base = check(services.request_check(base=base))
    assert base.state == BaseModelState.REFUSED
    assert "VLMS_FROM_HUB" in base.error


def test_a_check_on_the_gpu_queue_fills_in_the_report(
    root: Path, inspection: Inspection, make_user: Callable[..., User]
) -> None:
    base = services.register_base(name="qwen2-vl-2b", requested_by=make_user("root", Role.ADMIN))
    assert base.job is not None
    assert (base.state, base.job.kind, base.job.queue) == ("checking", "rewards.check_base", Queue.GPU)
    assert not BaseModel.objects.filter(state=BaseModelState.READY).exists()
    base = check(base)
    assert (base.state, base.report, base.digest) == (BaseModelState.READY, REPORT, REPORT["digest"])
    assert BaseModel.objects.filter(state=BaseModelState.READY).get() == base
    [(source, options)] = inspection.asked
    assert source == root / "qwen2-vl-2b"
    assert options["checklist"].media_type == "image"
    job = Job.objects.get(pk=base.job_id)
    assert job.state == JobState.SUCCEEDED
    assert "can be used. It processes questions this way: packed." in job.message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ArtifactError("qwen2-vl-2b: the weights are pickled (a.bin).", code="pickle"), "the weights are pickled"),
        (RuntimeError("shape mismatch"), "RuntimeError: shape mismatch"),
    ],
)
def test_a_refusal_stands_with_the_engines_words(
    root: Path, inspection: Inspection, error: Exception, words: str
) -> None:
    inspection.error = error
    base = check(services.register_base(name="qwen2-vl-2b"))
    assert base.state == BaseModelState.REFUSED
    assert words in base.error
    job = Job.objects.get(pk=base.job_id)
    assert (job.state, words in job.error) == (JobState.FAILED, True)
    inspection.error = None
    again = check(services.request_check(base=base))
    assert (again.state, again.error) == (BaseModelState.READY, "")


def test_a_check_that_ended_without_a_word_is_reported_by_its_job(root: Path, inspection: Inspection) -> None:
    base = services.register_base(name="qwen2-vl-2b")
    assert queries.outcome(base).state == "checking"
    request_cancel(job=base.job)
    canceled = queries.outcome(queries.bases().get())
    assert (canceled.state, "was canceled" in canceled.error) == ("refused", True)
    base = services.request_check(base=base)
    Job.objects.filter(pk=base.job_id).update(state=JobState.FAILED, error="The worker died 5 times.")
    assert queries.outcome(queries.bases().get()).error == "The worker died 5 times."
    Job.objects.all().delete()
    assert "Check the model again" in queries.outcome(queries.bases().get()).error


def test_the_same_model_is_registered_once_and_checked_once_at_a_time(root: Path, inspection: Inspection) -> None:
    base = services.register_base(name="qwen2-vl-2b")
    with pytest.raises(ConflictError, match="already registered"), transaction.atomic():
        services.register_base(name=" qwen2-vl-2b ")
    assert services.request_check(base=base).job_id == base.job_id
    assert Job.objects.count() == 1


def test_other_files_under_the_name_of_a_model_in_use_are_refused(root: Path, inspection: Inspection) -> None:
    base = check(services.register_base(name="qwen2-vl-2b"))
    inspection.report["digest"] = "cd34" * 16
    assert check(services.request_check(base=base)).digest == "cd34" * 16  # nobody needs the old ones
    version_of(base)
    inspection.report["digest"] = "ef56" * 16
    changed = check(services.request_check(base=base))
    assert (changed.state, changed.digest) == (BaseModelState.REFUSED, "cd34" * 16)
    assert "differ from the ones that its versions are based on" in changed.error


def test_a_model_is_deleted_where_nothing_needs_it(root: Path, inspection: Inspection) -> None:
    base = services.register_base(name="qwen2-vl-2b")
    job = base.job
    services.delete_base(base=base)
    assert not BaseModel.objects.exists()
    assert job is not None
    job.refresh_from_db()
    assert job.state == JobState.CANCELED
    assert (root / "qwen2-vl-2b").is_dir()
    base = services.register_base(name="qwen2-vl-2b")
    model = version_of(base)
    RetrainingPolicy.objects.create(checklist_version=model.checklist_version, judge="vlm", base=base)
    with pytest.raises(ConflictError, match="used by 1 version, 1 retraining policy"):
        services.delete_base(base=base)


def test_a_check_whose_model_is_deleted_meanwhile_writes_nothing(root: Path, inspection: Inspection) -> None:
    base = services.register_base(name="qwen2-vl-2b")
    inspection.before = lambda: BaseModel.objects.all().delete()
    run_job(str(base.job_id), services.check_base)
    assert not BaseModel.objects.exists()


def test_pages_by_role(root: Path, inspection: Inspection, sign_in: Callable[[str], Client]) -> None:
    client = sign_in(Role.ANNOTATOR)
    assert client.get("/rewards/bases/").status_code == 403
    client = sign_in(Role.REVIEWER)
    page = client.get("/rewards/bases/").content.decode()
    assert "Register a model" not in page
    assert client.post("/rewards/bases/", {"folder": "qwen2-vl-2b"}).status_code == 403
    assert not BaseModel.objects.exists()
    client = sign_in(Role.ADMIN)
    page = client.get("/rewards/bases/").content.decode()
    assert "qwen2-vl-2b</option>" in page
    assert 'name="hub_id"' not in page
    assert "/rewards/bases/" in client.get("/rewards/").content.decode()
    made = client.post("/rewards/bases/", {"folder": "qwen2-vl-2b"})
    base = check(BaseModel.objects.get())
    assert made["Location"] == f"/rewards/bases/{base.pk}/"
    page = client.get(made["Location"]).content.decode()
    for words in ("qwen2_vl", "2.2 G", "bfloat16", "6.2 GB", "Packed", "7.2e-07", REPORT["digest"]):
        assert words in page, words
    listed = client.get("/rewards/bases/").content.decode()
    assert "All models found are registered" in listed
    for place in ("check", "delete"):
        other = Client()
        other.force_login(User.objects.get(username=Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
        assert other.post(f"/rewards/bases/{base.pk}/{place}/").status_code == 403
    version = version_of(base)
    kept = client.post(f"/rewards/bases/{base.pk}/delete/", follow=True).content.decode()
    assert "used by 1 version" in kept
    version.delete()
    gone = client.post(f"/rewards/bases/{base.pk}/delete/", follow=True).content.decode()
    assert "no longer registered" in gone


def test_a_refused_model_says_why_on_its_page(
    root: Path, inspection: Inspection, sign_in: Callable[[str], Client]
) -> None:
    inspection.error = ArtifactError("qwen2-vl-2b: <b>pickled</b> weights.", code="pickle")
    base = check(services.register_base(name="qwen2-vl-2b"))
    client = sign_in(Role.ADMIN)
    page = client.get(f"/rewards/bases/{base.pk}/").content.decode()
    assert "It cannot be used" in page
    assert "&lt;b&gt;pickled&lt;/b&gt;" in page
    assert "Train a version on it" not in page
    assert "pickled" in client.get("/rewards/bases/", headers={"HX-Request": "true"}).content.decode()
    inspection.error = None
    client.post(f"/rewards/bases/{base.pk}/check/")
    base.refresh_from_db()
    assert check(base).state == BaseModelState.READY


def test_the_form_refuses_at_its_field(root: Path, settings: Any, sign_in: Callable[[str], Client]) -> None:
    client = sign_in(Role.ADMIN)
    for given in ({"folder": "nowhere"}, {}):
        assert client.post("/rewards/bases/", given).status_code == 422
    settings.VLMS_FROM_HUB = True
    for given, words in (
        ({}, "not both"),
        ({"folder": "qwen2-vl-2b", "hub_id": "owner/name"}, "not both"),
        ({"hub_id": "not a hub id"}, "There is no folder"),
        ({"hub_id": "owner/name", "revision": "a b"}, "is not a revision"),
        ({"folder": "qwen2-vl-2b", "revision": "main"}, "has no revisions"),
    ):
        refused = client.post("/rewards/bases/", given)
        assert refused.status_code == 422
        assert words in refused.content.decode()
    assert client.post("/rewards/bases/", {"hub_id": "owner/name", "revision": "v1"}).status_code == 302
    assert str(BaseModel.objects.get()) == "owner/name@v1"


def test_an_empty_folder_of_models_is_informed_where_to_put_one(
    settings: Any, tmp_path: Path, sign_in: Callable[[str], Client]
) -> None:
    settings.VLM_ROOTS = [tmp_path / "nothing"]
    client = sign_in(Role.ADMIN)
    page = client.get("/rewards/bases/").content.decode()
    assert "No models found." in page
    assert str(tmp_path / "nothing") in page
    settings.VLMS_FROM_HUB = True
    page = client.get("/rewards/bases/").content.decode()
    assert 'name="hub_id"' in page
    assert 'name="folder"' not in page


def test_the_api_registers_lists_checks_and_deletes(root: Path, inspection: Inspection, api_of: Callable) -> None:
    client, base_url = api_of(Role.ADMIN), "/api/v1/base-models/"
    assert client.get(f"{base_url}found/").json() == {"names": ["qwen2-vl-2b"], "from_hub": False}
    made = client.post(base_url, {"name": "qwen2-vl-2b"})
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["report"]) == ("checking", None)
    again = client.post(base_url, {"name": "qwen2-vl-2b"})
    assert (again.status_code, again.json()["code"]) == (409, "registered")
    refused = client.post(base_url, {"name": "/etc"})
    assert (refused.status_code, refused.json()["code"]) == (400, "no_base")
    base = check(BaseModel.objects.get())
    one = client.get(f"{base_url}{base.pk}/").json()
    assert (one["state"], one["report"], one["versions"]) == ("ready", REPORT, 0)
    assert client.get(base_url).json()["count"] == 1
    checked = client.post(f"{base_url}{base.pk}/check/")
    assert (checked.status_code, checked.json()["state"]) == (202, "checking")
    inspection.error = ArtifactError("no chat template")
    check(BaseModel.objects.get())
    assert client.get(f"{base_url}{base.pk}/").json()["error"] == "no chat template"
    version = version_of(base)
    assert client.delete(f"{base_url}{base.pk}/").status_code == 409
    version.delete()
    assert client.delete(f"{base_url}{base.pk}/").status_code == 204


def test_the_api_by_role(root: Path, api_of: Callable) -> None:
    base = services.register_base(name="qwen2-vl-2b")
    url = f"/api/v1/base-models/{base.pk}/"
    reviewer, annotator = api_of(Role.REVIEWER), api_of(Role.ANNOTATOR)
    assert reviewer.get(url).status_code == 200
    assert annotator.get(url).status_code == 403
    assert reviewer.get("/api/v1/base-models/found/").status_code == 403
    assert reviewer.post("/api/v1/base-models/", {"name": "x"}).status_code == 403
    assert reviewer.post(f"{url}check/").status_code == 403
    assert reviewer.delete(url).status_code == 403
