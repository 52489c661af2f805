"""Simplified Chinese: the texts are there, compiled, and keep their placeholders; pages and messages speak it."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

from annotator.campaigns.checklists import checklist_in, checklist_of
from annotator.campaigns.models import ChecklistVersion, SkipReason
from annotator.campaigns.workspace import _texts
from reward_engine.checklist import builtin, dumps

FOLDER = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
STRING = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
MARKED = re.compile(rf"\b(_|gettext|ngettext)\(\s*u?({STRING})")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+>|%%")


@pytest.fixture(autouse=True)
def _language_as_before() -> Iterator[None]:
    """A page leaves its language active in this thread; the tests that follow must not read it."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


def written() -> dict[str, tuple[str, str]]:
    """msgid → (the text whose placeholders count, its translation), as the .po file has it."""
    found = {}
    for block in (FOLDER / "django.po").read_text(encoding="utf-8").split("\n\n"):
        fields: dict[str, str] = {}
        field = ""
        for line in block.splitlines():
            if match := re.match(r"(msg\w+(?:\[0\])?) (.*)", line):
                field, text = match.groups()
                fields[field] = ast.literal_eval(text)
            elif line.startswith('"'):
                fields[field] += ast.literal_eval(line)
        if fields.get("msgid"):
            said = fields["msgstr"] if "msgstr" in fields else fields["msgstr[0]"]
            found[fields["msgid"]] = (fields.get("msgid_plural", fields["msgid"]), said)
    return found


def marked() -> set[str]:
    """Every text that templates and code mark for translation."""
    found = set()
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        for _function, text in MARKED.findall(templatize(path.read_text(encoding="utf-8"))):
            found.add(ast.literal_eval(text))
    for path in (settings.BASE_DIR / "annotator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("_", "gettext", "gettext_lazy", "ngettext")
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    return found


def test_every_text_has_a_translation_with_the_same_placeholders():
    texts = written()
    assert len(texts) > 800
    for text, (model, said) in texts.items():
        assert said.strip(), f"“{text}” is not translated"
        assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(model)), text


def test_the_compiled_file_says_what_the_written_one_says():
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for text, (plural, said) in written().items():
        assert (compiled.gettext(text) if plural == text else compiled.ngettext(text, plural, 5)) == said, text


def test_what_is_marked_is_in_the_file():
    """A text just added may stand in English for a while; not many may."""
    texts = marked()
    assert len(texts) > 800
    lacking = texts - written().keys()
    assert len(lacking) <= len(texts) // 50, f"run makemessages and translate: {sorted(lacking)}"


@pytest.mark.django_db
@pytest.mark.parametrize(("accepts", "language", "heading"), [("zh-CN", "zh-hans", "登录"), ("fr", "en", "Sign in")])
def test_a_page_speaks_the_language_of_the_browser(client, accepts, language, heading):
    page = client.get("/accounts/login/", headers={"accept-language": accepts}).content.decode()
    assert f'<html lang="{language}"' in page
    assert f"<h1>{heading}</h1>" in page


@pytest.mark.django_db
def test_the_choice_in_the_menu_wins_over_the_browser(client):
    client.post("/i18n/setlang/", {"language": "zh-hans"})
    page = client.get("/accounts/login/", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="zh-hans"' in page


def test_what_the_workspace_says_and_offers_is_chinese():
    with translation.override("zh-hans"):
        assert not [text for text in _texts().values() if text.isascii()]
        assert not [label for label in SkipReason.labels if str(label).isascii()]
    with translation.override("en"):
        assert SkipReason.BROKEN.label == "The media does not show or play"


@pytest.mark.parametrize("media_type", ["image", "video"])
def test_a_stored_checklist_is_read_in_a_language_and_stays_itself(media_type):
    built_in = builtin(media_type)
    version = ChecklistVersion(content_hash=built_in.content_hash, source=dumps(built_in))
    chinese = checklist_in(version, "zh-hans")
    assert chinese.sub_dimension("safety").name == "安全"
    assert chinese.content_hash == checklist_of(version).content_hash == built_in.content_hash
    assert checklist_in(version, "en") is checklist_of(version)
    assert checklist_in(version, None) is checklist_of(version)
