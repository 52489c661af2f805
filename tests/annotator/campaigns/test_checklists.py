"""Checklist versions: kept as they were, an edited file beside the old one."""

import pytest

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.services import load_builtin_checklists, load_checklist_text, store_checklist
from annotator.core.errors import ConflictError, ProblemError
from reward_engine.checklist import builtin, dumps

pytestmark = pytest.mark.django_db


def test_loading_twice_is_loading_once():
    first = load_builtin_checklists()
    again = load_builtin_checklists()
    assert [(version.pk, new) for version, new in first] == [(version.pk, True) for version, _ in again]
    assert not any(new for _, new in again)


def test_what_was_stored_says_what_the_file_said():
    for media_type in ("image", "video"):
        checklist = builtin(media_type)
        version, _ = store_checklist(checklist=checklist)
        assert checklist_of(version).content_hash == checklist.content_hash == version.content_hash


def test_an_edited_file_is_a_new_version_and_formatting_is_not():
    text = dumps(builtin("image"))
    first, _ = load_checklist_text(text=text, source="image.yaml")
    same, new = load_checklist_text(text=f"# a note\n{text}\n", source="image.yaml")
    assert (same.pk, new) == (first.pk, False)
    edited, new = load_checklist_text(text=text.replace("Very blurry", "Extremely blurry"), source="image.yaml")
    assert new
    assert edited.version == first.version + 1
    first.refresh_from_db()
    assert "Very blurry" in first.source


def test_a_version_never_changes(make_campaign):
    version = make_campaign().checklist_version
    version.source = "something else"
    with pytest.raises(ConflictError, match="never changes"):
        version.save()
    assert ChecklistVersion.objects.get(pk=version.pk).source != "something else"


def test_a_broken_file_is_refused_with_its_place():
    text = dumps(builtin("image")).replace("score: -1", "score: 7", 1)
    with pytest.raises(ProblemError, match=r"mine\.yaml"):
        load_checklist_text(text=text, source="mine.yaml")
    assert not ChecklistVersion.objects.exists()
