"""Servers of the OpenAI protocol that judges may ask: the operator's list, and where the key of each comes from."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.utils.translation import gettext

from annotator.core.errors import ProblemError


def addresses() -> list[str]:
    """The allowed base URLs, in the operator's order, without a slash at their ends."""
    cleaned = (str(address).strip().rstrip("/") for address in settings.ENDPOINT_ADDRESSES)
    return list(dict.fromkeys(address for address in cleaned if address))


def choices() -> list[tuple[str, str]]:
    return [(address, address) for address in addresses()]


def require(address: str) -> None:
    """Check that the operator allows this address.

    Raises:
        ProblemError: If the operator does not allow this address (any more).
    """
    if address not in addresses():
        raise ProblemError(
            gettext("The address %(address)s is not on the operator’s list. Add it to ENDPOINT_ADDRESSES, or "
                    "create a new version with an address on the list.") % {"address": address},
            code="address", field="settings.address",
        )  # fmt: skip


def key_variable(address: str) -> str | None:
    """The environment variable that holds the key of an allowed address; None where there is none.

    ``ENDPOINT_API_KEY_1`` is that of the first address on the list; ``ENDPOINT_API_KEY`` is for all without their own.
    """
    own = f"ENDPOINT_API_KEY_{addresses().index(address) + 1}"
    if os.environ.get(own):
        return own
    return "ENDPOINT_API_KEY" if os.environ.get("ENDPOINT_API_KEY") else None


def check_addresses(**_: object) -> list[CheckMessage]:
    """Django's system check: each address is a URL without a name or password in it."""
    found: list[CheckMessage] = []
    for address in addresses():
        try:
            url = urlsplit(address)
            sound = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
        except ValueError:  # a port that is no number, brackets that do not close
            url, sound = urlsplit(""), False
        if not sound or url.query or url.fragment:
            found.append(
                Error(
                    f"ENDPOINT_ADDRESSES: “{address}” is not a base URL.",
                    hint="Write them like https://gpu1.example.org/v1, separated by commas.",
                    id="rewards.E001",
                )
            )
        elif url.username or url.password:
            found.append(
                Error(
                    f"ENDPOINT_ADDRESSES: an address of {url.hostname} contains a name or a password, and "
                    "addresses are visible to users.",
                    hint="Put the key into ENDPOINT_API_KEY of the GPU workers.",
                    id="rewards.E002",
                )
            )
    return found
