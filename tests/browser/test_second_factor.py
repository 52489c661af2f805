"""An admin who must have a second factor: led to set-up, a passkey, an authenticator app, and signing in with each."""

import hashlib
import hmac
import struct
import time
from base64 import b32decode
from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Page, expect

from annotator.accounts.models import Role, User

PASSWORD = "open sesame 1"
Device = tuple[CDPSession, str]


def present(device: Device, here: bool) -> None:
    """Whether the owner is there and known when the device is asked."""
    session, id = device
    session.send("WebAuthn.setUserVerified", {"authenticatorId": id, "isUserVerified": here})


def authenticator_of(page: Page) -> Device:
    """Give the browser a device with passkeys, which knows its owner and is touched whenever it is asked."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return devtools, devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def code_of(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238: SHA-1, 30 s, six digits)."""
    mac = hmac.new(b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()


@pytest.mark.django_db(transaction=True)
def test_an_admin_sets_up_a_passkey_and_an_app_and_signs_in_with_each(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable[..., None], settings: object
) -> None:
    settings.ADMIN_SECOND_FACTOR = True  # type: ignore[attr-defined]
    make_user("root", Role.ADMIN)
    page = open_page()
    people = page.get_by_role("heading", name="People")
    device = authenticator_of(page)

    # Led to set-up, and nowhere else.
    sign_in(page)
    page.wait_for_url("**/accounts/2fa/")
    expect(page.get_by_text("Set it up to continue")).to_be_visible()
    page.get_by_role("link", name="Add").click()  # without the password again: it was given a moment ago
    look(page, "second-factor-passkey")
    present(device, False)
    page.locator("main").get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used")
    present(device, True)
    page.get_by_label("Name").fill("Desk")
    page.locator("main").get_by_role("button", name="Add").click()
    page.wait_for_url("**/accounts/2fa/recovery-codes/")
    look(page, "second-factor-codes")
    page.goto("/people/")
    expect(people).to_be_visible()

    # An app beside it, by the secret that the page shows.
    page.goto("/accounts/2fa/")
    page.get_by_role("link", name="Activate").click()
    secret = page.get_by_label("Authenticator secret").input_value()
    look(page, "second-factor-app")
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Activate").click()
    page.wait_for_url("**/accounts/2fa/")
    expect(page.get_by_text("Authentication using an authenticator app is active.")).to_be_visible()
    look(page, "second-factor-set")

    # The password alone is not enough; either factor ends the sign-in.
    sign_out(page)
    sign_in(page)
    page.wait_for_url("**/accounts/2fa/authenticate/**")
    look(page, "second-factor-asked")
    page.goto("/people/")
    page.wait_for_url("**/accounts/2fa/authenticate/**")
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    page.goto("/people/")
    expect(people).to_be_visible()
    sign_out(page)
    sign_in(page)
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Sign In", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    page.goto("/people/")
    expect(people).to_be_visible()
