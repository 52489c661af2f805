"""The endpoint judge against a server over a real, tiny model: the same answers, bounded, retried, refused in words."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.models import Size, build
from reward_engine.checklist import builtin
from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.judges.base import MediaInput
from reward_engine.judges.endpoint import EndpointJudge, EndpointSettings
from reward_engine.judges.endpoint import client as clients
from reward_engine.judges.endpoint.client import odds
from reward_engine.judges.vlm import VLMJudge, VLMOptions
from tests.reward_engine.judges.endpoint.server import Server, serving
from tests.reward_engine.judges.vlm.media import picture
from tests.reward_engine.judges.vlm.planted import color_checklist
from tests.reward_engine.media.clips import write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build("llava", tmp_path_factory.mktemp("model") / "llava", Size(spread=0.25))


@pytest.fixture(scope="module")
def local(folder):
    return VLMJudge.load(folder, checklist=color_checklist(), options=VLMOptions(way="loop"))


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    found = []
    for number in range(5):
        path = place / f"{number}.png"
        Image.fromarray(picture(number, 80, 60)).save(path)
        found.append(MediaInput(f"i{number}", "image", path, prompt="a cat on a sofa" if number % 2 else ""))
    return found


@pytest.fixture
def server(local):
    return Server(local)


@pytest.fixture
def address(server):
    with serving(server) as url:
        yield url


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(clients, "LONGEST_WAIT_SECONDS", 0.05)


def settings(address, **changes):
    return EndpointSettings(**{"base_url": address, "model": "tiny", "retries": 2, **changes})


@pytest.mark.parametrize("wording", ["platform", "published"])
def test_it_answers_as_the_local_judge_does(local, folder, items, address, wording):
    judge = EndpointJudge.connect(settings(address, wording=wording), color_checklist())
    found = judge.predict(items)
    options = VLMOptions(way="loop", wording=wording)
    expected = VLMJudge.load(folder, checklist=color_checklist(), options=options).predict(items)
    assert found.keys == expected.keys
    assert not found.errors
    np.testing.assert_allclose(found.p_yes, expected.p_yes, atol=1e-5)


def test_clips_are_sent_as_their_frames(folder, server, address, tmp_path):
    path = write_clip(tmp_path / "clip.mp4", [picture(frame, 64, 64) for frame in range(24)], rate=12)
    judge = EndpointJudge.connect(settings(address, frames=3), builtin("video"))
    judge = replace(judge, checklist=builtin("video"))
    found = judge.predict([MediaInput("clip", "video", path, "a dog runs")])
    assert found.keys == ("clip",)
    assert found.p_yes.shape == (1, len(builtin("video").questions))
    kinds = [part["type"] for part in server.bodies[0]["messages"][0]["content"]]
    assert kinds == ["image_url"] * 3 + ["text"]


def test_the_media_come_first_and_one_token_is_asked_for(items, server, address):
    EndpointJudge.connect(settings(address), color_checklist()).predict(items[:2])
    assert len(server.bodies) == 2 * len(color_checklist().questions)
    for body in server.bodies:
        assert [part["type"] for part in body["messages"][0]["content"]] == ["image_url", "text"]
        assert (body["max_tokens"], body["temperature"], body["logprobs"]) == (1, 0, True)
    same = {json.dumps(body["messages"][0]["content"][0]) for body in server.bodies}
    assert len(same) == 2  # all questions of an item share their prefix


def test_no_more_requests_are_under_way_than_allowed(items, server, address):
    server.delay = 0.03
    EndpointJudge.connect(settings(address, concurrency=3), color_checklist()).predict(items)
    assert 2 <= server.most_at_once <= 3


def test_what_may_pass_is_tried_again(items, server, address):
    server.refuse = lambda number: {1: (503, {}), 2: (429, {"Retry-After": "0.01"})}.get(number)
    found = EndpointJudge.connect(settings(address), color_checklist()).predict(items[:1])
    assert found.keys == ("i0",)
    assert server.requests == 2 + len(color_checklist().questions)


def test_an_item_that_fails_is_an_error_and_the_others_go_on(items, server, address, tmp_path):
    (tmp_path / "torn.png").write_bytes(b"no image")
    torn = replace(items[1], key="torn", path=tmp_path / "torn.png")
    clip = replace(items[2], key="clip", media_type="video")
    found = EndpointJudge.connect(settings(address), color_checklist()).predict([items[0], torn, clip, items[3]])
    assert found.keys == ("i0", "i3")
    assert "torn.png" in found.errors["torn"]
    assert "this is a video, and the checklist is for images" in found.errors["clip"]


def test_neither_yes_nor_no_is_an_error_and_not_a_number(items, server, address):
    server.bias = -100.0
    found = EndpointJudge.connect(settings(address), color_checklist()).predict(items[:1])
    assert not found.keys
    assert "neither yes nor no" in found.errors["i0"]


def test_what_lies_in_the_server_is_raised_in_words(items, server, address, monkeypatch):
    checklist = color_checklist()
    with pytest.raises(JudgeError, match="does not serve “huge”; it serves: tiny"):
        EndpointJudge.connect(settings(address, model="huge"), checklist)
    with pytest.raises(JudgeError, match="no such address"):
        EndpointJudge.connect(settings(address + "/api"), checklist)
    with pytest.raises(JudgeError, match="cannot be reached"):
        EndpointJudge.connect(settings("http://127.0.0.1:9/v1", retries=0), checklist)
    judge = EndpointJudge.connect(settings(address), checklist)
    server.key = "secret"
    with pytest.raises(JudgeError, match=r"refuses the key .*ENDPOINT_API_KEY"):
        judge.predict(items[:1])
    monkeypatch.setenv("ENDPOINT_API_KEY", "secret")
    assert judge.predict(items[:1]).keys == ("i0",)
    server.logprobs = False
    with pytest.raises(JudgeError, match="no top_logprobs"):
        judge.predict(items[:1])


def test_canceling_stops_it(items, server, address):
    server.delay = 0.05
    asked = iter([False, True])
    judge = EndpointJudge.connect(settings(address), color_checklist())
    found = judge.predict(items, canceled=lambda: next(asked, True))
    assert found.canceled
    assert len(found.keys) < len(items)


def test_it_is_saved_without_a_secret_and_opened_again(address, tmp_path, monkeypatch):
    monkeypatch.setenv("ENDPOINT_API_KEY", "hush")
    judge = EndpointJudge.connect(settings(address), color_checklist())
    judge.save(tmp_path / "endpoint")
    assert "hush" not in (tmp_path / "endpoint" / "manifest.json").read_text()
    back = EndpointJudge.load(tmp_path / "endpoint")
    assert back.version == judge.version
    assert replace(judge, settings=replace(judge.settings, wording="published")).version != judge.version
    with pytest.raises(ArtifactError, match="another checklist"):
        EndpointJudge.load(tmp_path / "endpoint", checklist=builtin("image"))
    path = tmp_path / "endpoint" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"endpoint": {"base_url": "ftp://x"}}))
    with pytest.raises(ArtifactError, match="incomplete or altered"):
        EndpointJudge.load(tmp_path / "endpoint")


def test_odds_are_read_off_every_spelling():
    found = odds([(" yes", np.log(0.4)), ("Yes", np.log(0.2)), ("no", np.log(0.1)), ("maybe", np.log(0.05))])
    assert found == pytest.approx(np.log(0.6 / 0.1))
    # What is not among the tokens has at most the probability of the least likely that is.
    assert odds([("Yes", np.log(0.9)), ("a", np.log(0.01))]) == pytest.approx(np.log(90))
    with pytest.raises(JudgeError, match="neither yes nor no"):
        odds([("maybe", -1.0)])


@pytest.mark.parametrize("url", ["ftp://host/v1", "http://u:p@host/v1", "host:80", "http://host/v1?x=1"])
def test_addresses_that_are_none_are_refused(url):
    with pytest.raises(JudgeError, match="no address"):
        EndpointSettings(base_url=url, model="m")


def test_no_torch_is_loaded():
    code = "import sys, reward_engine.judges.endpoint; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
