"""Keyboards of other countries, and prompts in their scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from annotator.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

# (key, code, shift, what it means)
KEYS = [
    *((sign, f"Digit{place}", False, str(place)) for place, sign in enumerate("&é\"'(-è_ç", 1)),  # AZERTY
    *((sign, f"Digit{place}", False, str(place)) for place, sign in enumerate("+ěščřžýáí", 1)),  # Czech
    *((sign, f"Digit{place}", False, str(place)) for place, sign in enumerate("١٢٣٤٥٦٧٨٩", 1)),  # Arabic
    ("1", "Digit1", True, "1"),  # AZERTY with shift
    ("!", "Digit1", True, "1"),
    ("6", "Numpad6", False, "6"),
    ("ArrowRight", "Numpad6", False, "ArrowRight"),  # without Num Lock
    ("3", "", False, "3"),  # a keyboard on a screen
    ("-", "Minus", False, "-"),
    (")", "Minus", False, "-"),  # AZERTY
    ("-", "Slash", False, "-"),  # Czech, German
    ("+", "Equal", True, "+"),
    ("+", "Digit1", True, "+"),  # Swiss
    ("+", "NumpadAdd", False, "+"),
    ("?", "Minus", True, "?"),  # German
    ("?", "KeyM", True, "?"),  # AZERTY
    (";", "Comma", False, ","),  # AZERTY
    (":", "Period", False, "."),
    ("Dead", "BracketLeft", False, "["),
    ("S", "KeyS", True, "s"),
    ("a", "KeyQ", False, "a"),  # AZERTY: letters by what they say
    ("ы", "KeyS", False, "s"),  # Russian: by where they lie
    ("х", "BracketLeft", False, "["),
]


def test_keys_mean_the_same_on_all_layouts(open_page: Callable[..., Page], make_user: Callable[..., User]) -> None:
    page = open_page(make_user("ann"))
    page.goto("/")
    found = page.evaluate(
        """async (keys) => {
            const { meaning } = await import("/static/js/annotate/keys.js");
            return keys.map(([key, code, shiftKey]) => meaning(new KeyboardEvent("keydown", { key, code, shiftKey })));
        }""",
        KEYS,
    )
    assert found == [meaning for *_, meaning in KEYS]
    # What an input method takes answers nothing: not in lists of reasons, and not on the page.
    answered = page.evaluate(
        """async () => {
            const { digit, listen } = await import("/static/js/annotate/keys.js");
            const heard = [], over = new AbortController();
            listen({ 1: () => heard.push("page") }, { enabled: () => true, signal: over.signal });
            for (const composed of [{ isComposing: true }, { keyCode: 229 }, {}]) {
                const event = new KeyboardEvent("keydown", { key: "1", code: "Digit1", bubbles: true, ...composed });
                heard.push(digit(event));
                document.body.dispatchEvent(event);
            }
            over.abort();
            return heard;
        }"""
    )
    assert answered == ["", "", "1", "page"]
    # A word of a right-to-left prompt stands where it stood before it could be pressed.
    lefts = page.evaluate(
        """async () => {
            const { Terms } = await import("/static/js/annotate/terms.js");
            const box = document.querySelector("main").appendChild(document.createElement("p"));
            Object.assign(box, { dir: "auto", textContent: "\u05e7\u05d5\u05e3 ליד red panda cub \u05e2\u05dc עץ" });
            new Terms(box, 0, new AbortController().signal);
            return [...box.querySelectorAll(".term")].map((term) => term.getBoundingClientRect().left);
        }"""
    )
    here, beside, red, panda, cub, on, tree = lefts
    assert here > beside > red < panda < cub < beside
    assert red > on > tree
    assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}["zone"]
