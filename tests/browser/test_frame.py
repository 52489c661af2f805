"""The frame of every page: signing in, the home page of each role, appearance, jobs, people, tokens."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import ApiToken, Role, User
from annotator.jobs.models import Job, JobState

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_person_signs_in_and_out(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
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


def test_a_wrong_password_is_said_and_nothing_else(
    open_page: Callable[..., Page], make_user: Callable[..., User]
) -> None:
    make_user("ann")
    page = open_page()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_chosen_appearance_and_language_stay(
    open_page: Callable[..., Page], make_user: Callable[..., User]
) -> None:
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


def test_the_home_page_of_an_admin(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    admin = make_user("root", Role.ADMIN)
    Job.objects.create(kind="x", title="Import of 60 images", state=JobState.FAILED, error="The archive is truncated.")
    page = open_page(admin)
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    look(page, "home-admin")


def test_jobs_are_seen_live_and_canceled(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    admin = make_user("root", Role.ADMIN)
    job = Job.objects.create(
        kind="x", title="Scoring with image reward v3", state=JobState.RUNNING, stage="Reading media", done=30,
        total=120, requested_by=admin,
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
    page.get_by_role("button", name="Cancel job").click()
    expect(page.get_by_text("Canceling")).to_be_visible()


def test_an_admin_invites_and_the_invited_person_joins(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/people/")
    page.get_by_label("Recipient").fill("Chen")
    page.get_by_role("button", name="Create invitation").click()
    link = page.locator(".notice pre").inner_text()
    look(page, "people")
    guest = open_page()
    guest.goto(link)
    guest.get_by_label("Username").fill("chen")
    guest.get_by_label("Password", exact=True).fill("a long enough phrase")
    guest.get_by_label("Password (again)").fill("a long enough phrase")
    look(guest, "join")
    guest.get_by_role("button", name="Create account").click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("Hello, chen")
    assert list(User.objects.get(username="chen").groups.values_list("name", flat=True)) == ["annotator"]
    late = open_page()
    late.goto(link)
    expect(late.get_by_text("was already used")).to_be_visible()


def test_an_api_token_is_shown_once(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    ann = make_user("ann")
    page = open_page(ann)
    page.goto("/accounts/tokens/")
    page.get_by_label("Name").fill("notebook")
    page.get_by_role("button", name="Create token").click()
    token = page.locator(".notice pre").inner_text()
    assert token.startswith(ApiToken.objects.get(user=ann).prefix)
    look(page, "tokens")
    page.goto("/accounts/tokens/")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Token revoked")).to_be_visible()


def test_the_api_reference_works_under_the_strict_policy(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/api/docs/")
    operation = page.locator(".opblock-get", has_text="/api/v1/jobs/").first
    page.locator(".opblock-tag[data-tag=jobs]").click()
    expect(operation).to_be_visible()
    operation.locator(".opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")
    page.evaluate("scrollTo(0, 0)")
    look(page, "api-reference", axe=False)  # Swagger UI's own markup is not ours to mend


def test_the_database_admin_works_under_the_strict_policy(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    root = make_user("root", Role.ADMIN, is_staff=True, is_superuser=True)
    Job.objects.create(kind="x", title="Import of 60 images")
    page = open_page(root)
    page.goto("/admin/")
    page.locator(".model-job a", has_text="Jobs").first.click()
    page.get_by_role("link", name="Import of 60 images").click()
    expect(page.get_by_text("Import of 60 images (Queued)").first).to_be_visible()
    page.goto(f"/admin/accounts/user/{root.pk}/change/")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    look(page, "admin-user", axe=False)  # Django's own pages


@pytest.mark.parametrize(("address", "name"), [("/nowhere/", "not-found"), ("/people/", "not-allowed")])
def test_pages_for_when_something_is_wrong(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable, address: str, name: str
) -> None:
    page = open_page(make_user("ann"), strict=False)  # the browser itself reports a 404 as an error
    page.goto(address)
    expect(page.get_by_role("link", name="Go to the home page")).to_be_visible()
    look(page, name)


def test_on_a_phone_every_main_page_is_in_the_menu(
    open_page: Callable[..., Page], make_user: Callable[..., User]
) -> None:
    page = open_page(make_user("root", Role.ADMIN), phone=True)
    page.goto("/")
    expect(page.locator(".site-nav")).to_be_hidden()
    page.get_by_text("Menu", exact=True).click()
    links = page.locator(".nav-menu .panel a")
    addresses = [link.get_attribute("href") for link in links.all()]
    assert {"/", "/campaigns/", "/library/", "/jobs/"} <= set(addresses)
    page.screenshot(path="test-results/screenshots/menu-phone.png")
    for address in addresses:
        box = page.locator(f".nav-menu .panel a[href='{address}']").bounding_box()
        assert box
        assert box["height"] >= 40, "it can be hit with a finger"
        assert box["y"] + box["height"] <= 844, "it is in the window"
    page.locator(".nav-menu .panel").get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()


def test_a_lost_password_is_replaced_by_a_link_of_an_admin(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    make_user("ann")
    make_user("careful-7", is_synthetic=True)
    make_user("gone", Role.REVIEWER, is_active=False)
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/people/")
    page.get_by_role("button", name="Password link ann").click()
    link = page.locator(".notice pre").inner_text()
    look(page, "people-password-link")
    guest = open_page()
    guest.goto(link)
    guest.get_by_label("New Password", exact=True).fill("a long enough phrase")
    guest.get_by_label("New Password (again)").fill("a long enough phrase")
    look(guest, "new-password")
    guest.get_by_role("button", name="Save password").click()
    guest.get_by_role("link", name="Sign in").click()
    guest.get_by_label("Username").fill("ann")
    guest.get_by_label("Password").fill("a long enough phrase")
    guest.get_by_role("button", name="Sign in").click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("Hello, ann")


def test_what_is_true_no_longer_is_not_said_any_longer(
    open_page: Callable[..., Page], make_user: Callable[..., User]
) -> None:
    page = open_page(make_user("ann"))
    page.goto("/")
    page.evaluate("document.dispatchEvent(new Event('htmx:sendError'))")
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:afterOnLoad', { detail: { xhr: { status: 200 } } }))")
    expect(page.get_by_text("The server cannot be reached")).to_have_count(0)
    page.evaluate("document.querySelector('.messages').innerHTML = '<p class=\"notice good\">It runs.</p>'")
    page.evaluate("document.body.dispatchEvent(new Event('job-finished', { bubbles: true }))")
    expect(page.get_by_text("It runs.")).to_have_count(0)
