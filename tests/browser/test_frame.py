"""The frame of every page: signing in, the home page of each role, appearance, jobs, people, tokens."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import ApiToken, Role, User
from annotator.jobs.models import Job, JobState

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_person_signs_in_and_out(open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable) -> None:
    make_user("ann")
    page = open_page()
    page.goto("/")
    look(page, "sign-in")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("open sesame 1")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, ann")
    look(page, "home-annotator")
    page.get_by_label("Account and appearance").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_password_is_said_and_nothing_else(open_page: Callable[..., Page], make_user: Callable[..., User]) -> None:
    make_user("ann")
    page = open_page()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_chosen_appearance_and_language_stay(open_page: Callable[..., Page], make_user: Callable[..., User]) -> None:
    page = open_page(make_user("ann"))
    page.goto("/")
    page.get_by_label("Account and appearance").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Account and appearance").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")


def test_the_home_page_of_an_admin(open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable) -> None:
    admin = make_user("root", Role.ADMIN)
    Job.objects.create(kind="x", title="Import of 60 images", state=JobState.FAILED, error="The archive is truncated.")
    page = open_page(admin)
    page.goto("/")
    expect(page.get_by_role("heading", name="The loop")).to_be_visible()
    look(page, "home-admin")


def test_jobs_are_seen_live_and_cancelled(open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable) -> None:
    admin = make_user("root", Role.ADMIN)
    job = Job.objects.create(
        kind="x", title="Scoring with image reward v3", state=JobState.RUNNING, stage="Reading media", done=30, total=120,
        requested_by=admin,
    )  # fmt: skip
    Job.objects.create(kind="x", title="Export", state=JobState.SUCCEEDED, result={"message": "120 rows written."})
    page = open_page(admin)
    page.goto("/jobs/")
    expect(page.get_by_text("30 / 120")).to_be_visible()
    Job.objects.filter(pk=job.pk).update(done=60)
    expect(page.get_by_text("60 / 120")).to_be_visible()
    look(page, "jobs")
    page.get_by_role("link", name="Scoring with image reward v3").click()
    expect(page.get_by_text("60 / 120")).to_be_visible()
    look(page, "job")
    page.get_by_role("button", name="Cancel this job").click()
    expect(page.get_by_text("Cancelling")).to_be_visible()


def test_an_admin_invites_and_the_invited_person_joins(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/people/")
    page.get_by_label("For whom").fill("Chen")
    page.get_by_role("button", name="Make an invitation").click()
    link = page.locator(".notice pre").inner_text()
    look(page, "people")
    guest = open_page()
    guest.goto(link)
    guest.get_by_label("Username").fill("chen")
    guest.get_by_label("Password", exact=True).fill("a long enough phrase")
    guest.get_by_label("Password (again)").fill("a long enough phrase")
    look(guest, "join")
    guest.get_by_role("button", name="Make my account").click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("Hello, chen")
    assert list(User.objects.get(username="chen").groups.values_list("name", flat=True)) == ["annotator"]
    late = open_page()
    late.goto(link)
    expect(late.get_by_text("was used already")).to_be_visible()


def test_an_api_token_is_shown_once(open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable) -> None:
    ann = make_user("ann")
    page = open_page(ann)
    page.goto("/accounts/tokens/")
    page.get_by_label("Name").fill("notebook")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator(".notice pre").inner_text()
    assert token.startswith(ApiToken.objects.get(user=ann).prefix)
    look(page, "tokens")
    page.goto("/accounts/tokens/")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The token is revoked")).to_be_visible()
