"""The content hash stands for what a checklist says, not for how its file is written."""

import copy
import json

import pytest
import yaml

from reward_engine.checklist import loads
from reward_engine.errors import ChecklistError

NOT_CONTENT = {("name",), ("version",)}


def leaves(data, path=()):
    """The path of every text and number in a parsed file."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path


def changed(data, path):
    data = copy.deepcopy(data)
    place = data
    for step in path[:-1]:
        place = place[step]
    value = place[path[-1]]
    place[path[-1]] = value + "x" if isinstance(value, str) else (not value if isinstance(value, bool) else value + 1)
    return data


def test_every_change_of_content_changes_it(small_text):
    data = yaml.safe_load(small_text)
    before = loads(small_text)
    seen, refused = {before.content_hash}, 0
    for path in leaves(data):
        if path in NOT_CONTENT:
            continue
        try:
            after = loads(yaml.safe_dump(changed(data, path)))
        except ChecklistError:
            refused += 1  # a score out of order, an id that others point to
            continue
        assert after.content_hash not in seen, f"{path} was changed and the hash was not, or as by another change"
        seen.add(after.content_hash)
    assert len(seen) > 60
    assert refused < 30


@pytest.mark.parametrize("path", ["sub_dimensions", "levels"])
def test_order_is_content(small_text, path):
    data = yaml.safe_load(small_text)
    if path == "sub_dimensions":
        data["dimensions"][1]["sub_dimensions"].reverse()
    else:
        levels = data["dimensions"][1]["sub_dimensions"][2]["levels"]  # of the category: 0 and 1
        levels[0]["name"], levels[1]["name"] = levels[1]["name"], levels[0]["name"]
    assert loads(yaml.safe_dump(data, sort_keys=False)).content_hash != loads(small_text).content_hash


def test_formatting_is_no_content(small_text):
    data = yaml.safe_load(small_text)
    expected = loads(small_text).content_hash
    for text in (
        yaml.safe_dump(data, sort_keys=True),
        yaml.safe_dump(data, default_flow_style=True, width=40),
        json.dumps(data, indent=1),
        "# a comment\n" + small_text.replace("name: Clarity\n", "name:   'Clarity'   # another\n"),
        small_text.replace("\n", "\r\n"),
    ):
        assert loads(text).content_hash == expected


def test_name_and_version_of_the_whole_are_no_content(small_text):
    data = yaml.safe_load(small_text)
    data |= {"name": "Smaller", "version": 7}
    assert loads(yaml.safe_dump(data)).content_hash == loads(small_text).content_hash


def test_it_is_the_same_on_every_machine(small_text):
    """Stored judgments and models refer to it: a change of the way it is computed would orphan them all."""
    assert loads(small_text).content_hash == "d7e2bdb6b55193d72bb1ad5fd53a543137e2249bcb7e0c5e7b86199ebeb44552"
