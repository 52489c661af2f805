"""The pages and the API of retraining policies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Campaign
from annotator.jobs.models import Job
from annotator.rewards import services
from annotator.rewards.models import BaseModel, RetrainingPolicy
from tests.annotator.rewards.test_retraining import toy
from tests.annotator.rewards.test_views import text_of
from tests.factories import make_annotated_campaign, make_item

pytestmark = pytest.mark.django_db

__all__ = ["toy"]  # a fixture


@pytest.fixture
def annotated(make_user: Callable[..., User]) -> Campaign:
    """A campaign with one submitted annotation."""
    return make_annotated_campaign([make_item()], [make_user("ann")])


@pytest.mark.parametrize("role", ["admin", "reviewer", "annotator", None])
def test_who_may_do_what(client: Client, sign_in: Callable, annotated: Campaign, role: str | None) -> None:
    policy = services.create_policy(checklist_version=annotated.checklist_version, judge="probe")
    sign_in(role)
    new = f"?checklist_version={annotated.checklist_version_id}&judge=probe"
    pages = [
        ("get", reverse("rewards:policies"), {"admin", "reviewer"}),
        ("get", reverse("rewards:policy-new") + new, {"admin"}),
        ("get", reverse("rewards:policy", args=[policy.pk]), {"admin"}),
        ("post", reverse("rewards:policy-retrain", args=[policy.pk]), {"admin"}),
        ("post", reverse("rewards:policy-delete", args=[policy.pk]), {"admin"}),
    ]
    for method, address, allowed in pages:
        response = getattr(client, method)(address)
        assert (response.status_code in (200, 302)) == (role in allowed), address
        assert role in allowed or response.status_code == 403, address


def test_a_policy_is_made_changed_followed_and_deleted(
    client: Client, sign_in: Callable, annotated: Campaign, toy: None
) -> None:
    admin = sign_in(Role.ADMIN).user
    page = client.get(reverse("rewards:policies"))
    assert "Without a policy" in text_of(page)
    assert "After 200 new annotations" in text_of(page)
    new = f"{reverse('rewards:policy-new')}?checklist_version={annotated.checklist_version_id}&judge=toy"
    form = client.get(new).content.decode()
    assert 'name="settings-rate"' in form, "the kind's own form"
    base = BaseModel.objects.create(name="tiny-vlm", state="ready")
    sent = {"enabled": "on", "after_annotations": "1000", "nightly_hour": "2", "settings-rate": "0.25",
            "settings-base": base.pk}  # fmt: skip
    saved = client.post(new, sent, follow=True)
    policy = RetrainingPolicy.objects.get()
    assert (policy.created_by, policy.base, policy.judge_settings["rate"]) == (admin, base, 0.25)
    assert (policy.after_annotations, policy.nightly_hour, policy.promotes) == (1000, 2, False)
    words = text_of(saved)
    for expected in ("Toy", "After 1,000 new annotations · Nightly at 02:00 UTC", "tiny-vlm", "999 to go", "None yet"):
        assert expected in words, expected

    edit = reverse("rewards:policy", args=[policy.pk])
    assert 'value="0.25"' in client.get(edit).content.decode()
    client.post(edit, {"promotes": "on", "settings-rate": "1"})
    policy.refresh_from_db()
    assert (policy.enabled, policy.promotes, policy.nightly_hour, policy.base) == (False, True, None, None)
    assert "Manual only" in text_of(client.get(reverse("rewards:policies")))

    page = client.post(reverse("rewards:policy-retrain", args=[policy.pk]), follow=True)
    assert "Training requested" in text_of(page)
    job = Job.objects.get()
    assert (job.params["judge"], job.params["promote"], job.requested_by) == ("toy", True, admin)
    page = client.post(reverse("rewards:policy-retrain", args=[policy.pk]), follow=True)
    assert "already in progress" in text_of(page)
    assert Job.objects.count() == 1

    client.post(reverse("rewards:policy-delete", args=[policy.pk]))
    assert not RetrainingPolicy.objects.exists()


def test_a_form_that_does_not_fit_says_so(client: Client, sign_in: Callable, annotated: Campaign, toy: None) -> None:
    sign_in(Role.ADMIN)
    new = f"{reverse('rewards:policy-new')}?checklist_version={annotated.checklist_version_id}&judge=toy"
    for data, words in [
        ({"after_annotations": "0", "settings-rate": "1"}, "greater than or equal to 1"),
        ({"nightly_hour": "24", "settings-rate": "1"}, "not one of the available choices"),
        ({"settings-rate": "-1"}, "greater than or equal to 0"),
    ]:
        response = client.post(new, data)
        assert response.status_code == 422
        assert words in text_of(response), words
    assert not RetrainingPolicy.objects.exists()
    services.create_policy(checklist_version=annotated.checklist_version, judge="toy")
    assert "already" in text_of(client.post(new, {"settings-rate": "1"}))
    for query in ("", "?judge=toy", f"?checklist_version={annotated.checklist_version_id}&judge=nonesuch"):
        assert client.get(reverse("rewards:policy-new") + query).status_code == 404


def test_a_policy_of_a_kind_that_is_gone_is_reported(client: Client, sign_in: Callable, annotated: Campaign) -> None:
    sign_in(Role.ADMIN)
    policy = RetrainingPolicy.objects.create(checklist_version=annotated.checklist_version, judge="gone",
                                             after_annotations=1)  # fmt: skip
    services.retrain_when_grown()
    assert "There is no kind of judge called “gone”" in text_of(client.get(reverse("rewards:policies")))
    page = client.get(reverse("rewards:policy", args=[policy.pk]), follow=True)
    assert "There is no kind of judge called “gone”" in text_of(page)


def test_an_empty_platform_says_what_to_do(client: Client, sign_in: Callable) -> None:
    sign_in(Role.ADMIN)
    assert "No campaign uses a checklist yet" in text_of(client.get(reverse("rewards:policies")))


def test_the_api(make_user: Callable[..., User], annotated: Campaign, toy: None) -> None:
    client = APIClient()
    client.force_authenticate(make_user("root", Role.ADMIN))
    path, version = "/api/v1/retraining-policies/", annotated.checklist_version_id
    base = BaseModel.objects.create(name="tiny-vlm", state="ready")
    made = client.post(path, {"checklist_version": version, "judge": "toy", "base": base.pk, "nightly_hour": 3})
    assert made.status_code == 201, made.json()
    body: dict[str, Any] = made.json()
    assert body["judge_settings"] == {"rate": 0.5, "base": base.pk}
    assert (body["base"], body["new_annotations"], body["created_by"]) == (base.pk, 1, "root")
    one = f"{path}{body['id']}/"
    changed = client.patch(one, {"promotes": True}).json()
    assert (changed["promotes"], changed["nightly_hour"], changed["base"]) == (True, 3, base.pk)
    assert client.patch(one, {"nightly_hour": None}).json()["nightly_hour"] is None
    assert client.patch(one, {"judge": "probe"}).status_code == 400
    again = client.post(path, {"checklist_version": version, "judge": "toy"})
    assert (again.status_code, again.json()["code"]) == (409, "policy_exists")
    for bad in ({"judge": "nonesuch"}, {"judge": "probe", "base": base.pk}, {"judge": "probe", "nightly_hour": 24},
                {"judge": "probe", "judge_settings": {"x": 1}}):  # fmt: skip
        refused = client.post(path, {"checklist_version": version, **bad})
        assert refused.status_code == 400, bad
        assert refused["Content-Type"] == "application/problem+json"
    job = client.post(f"{one}retrain/")
    assert job.status_code == 202
    assert client.post(f"{one}retrain/").json()["id"] == job.json()["id"]
    client.force_authenticate(make_user("rev", Role.REVIEWER))
    assert client.get(path).json()["count"] == 1
    assert client.post(f"{one}retrain/").status_code == 403
    assert client.delete(one).status_code == 403
    client.force_authenticate(User.objects.get(username="root"))
    assert client.delete(one).status_code == 204
    client.force_authenticate(User.objects.get(username="ann"))
    assert client.get(path).status_code == 403
