"""Pages and API of generations: asked for, watched, taken up again, scored; and media that were made elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import ApiToken, Role, User
from annotator.generations import queries
from annotator.generations.models import GenerationSet
from annotator.jobs.models import Job, JobState
from annotator.library.models import Item
from tests.annotator.generations.generating import ask, make_prompt_set
from tests.factories import make_reward_model, make_score, write_image, write_video

pytestmark = pytest.mark.django_db


class TestAsking:
    def form(self, **fields: Any) -> dict[str, Any]:
        values = {"prompt_set": make_prompt_set().pk, "pipeline": "shapes", "per_prompt": 2, "steps": 3, "seed": 5,
                  "precision": "auto", "score_after": "on"}  # fmt: skip
        return values | fields

    def test_the_form_offers_what_is_there_and_asks(self, sign_in: Callable, pipelines: Path) -> None:
        client = sign_in(Role.ADMIN)
        assert "Create the first prompt set" in client.get(reverse("generations:generate")).content.decode()
        form = self.form()
        page = client.get(reverse("generations:generate"), {"prompt_set": form["prompt_set"]}).content.decode()
        assert '<option value="shapes">' in page
        assert '<option value="loras/style.safetensors">' in page
        answer = client.post(reverse("generations:generate"), form)
        made = GenerationSet.objects.get()
        assert answer["Location"] == reverse("generations:generation", args=[made.pk])
        assert (made.steps, made.guidance_scale, made.seed, made.score_after) == (3, 7.5, 5, True)
        assert made.job.params == {"generation_set": made.pk}
        again = client.get(reverse("generations:generate"), {"like": made.pk}).content.decode()
        assert 'name="seed" value="5"' in again

    def test_what_is_wrong_stands_at_its_field_and_starts_nothing(self, sign_in: Callable, pipelines: Path) -> None:
        client = sign_in(Role.ADMIN)
        form = self.form()
        for fields, words in (
            ({"pipeline": "papers"}, "has no model_index.json"),
            ({"width": "17", "height": "16"}, "a width of 17 is none"),
            ({"per_prompt": "0"}, "greater than or equal to 1"),
        ):
            answer = client.post(reverse("generations:generate"), form | fields)
            assert answer.status_code == 422
            field = answer.content.decode().split(f'id="id_{next(iter(fields))}_errors"')[1][:400]
            assert words in field
        assert not Job.objects.exists()

    def test_the_estimate_says_what_it_will_take_or_what_is_wrong(self, sign_in: Callable, pipelines: Path) -> None:
        client = sign_in(Role.ADMIN)
        form = self.form()

        def said(**fields: Any) -> str:
            return str(client.post(reverse("generations:generation-estimate"), form | fields).content.decode())

        page = said()
        assert "6 images" in page
        assert "16 × 16" in page
        assert "3 steps, guidance 7.5" in page
        assert "of memory, 8 at a time" in page
        assert "no worker has measured its device yet" in page
        assert "<strong>Width:</strong> This pipeline makes sides" in said(width="17", height="16")
        assert "Enter a pipeline" in said(pipeline="")
        assert "1 video" in said(pipeline="clips", per_prompt=1, prompt_set=make_prompt_set("One", ["a"]).pk)

    def test_only_admins_ask_and_act(self, sign_in: Callable, pipelines: Path) -> None:
        made = ask()
        for role, look in ((Role.REVIEWER, 200), (Role.ANNOTATOR, 403)):
            client = sign_in(role)
            for name in ("generations", "generation", "generation-state"):
                address = reverse(f"generations:{name}", args=[] if name == "generations" else [made.pk])
                assert client.get(address).status_code == look
            assert client.get("/api/v1/generation-sets/").status_code == look
            for name in ("cancel", "resume", "score"):
                assert client.post(reverse(f"generations:generation-{name}", args=[made.pk])).status_code == 403
                assert client.post(f"/api/v1/generation-sets/{made.pk}/{name}/").status_code == 403
            below = ("", "external/", f"{made.pk}/items/")
            for address in (
                reverse("generations:generate"),
                reverse("generations:generation-estimate"),
                *(f"/api/v1/generation-sets/{path}" for path in below),
            ):
                assert client.post(address).status_code == 403
        made.job.refresh_from_db()
        assert made.job.cancel_requested_at is None

    def test_by_api(self, api: APIClient, pipelines: Path) -> None:
        asked = {"prompt_set": make_prompt_set().pk, "pipeline": "shapes", "per_prompt": 2, "steps": 2}
        answer = api.post("/api/v1/generation-sets/", asked)
        assert answer.status_code == 202, answer.json()
        made = answer.json()
        assert (made["wanted"], made["made_count"], made["job"]["state"]) == (6, 0, "queued")
        assert api.get(answer["Location"]).json()["name"] == "Shapes, shapes"
        refused = api.post("/api/v1/generation-sets/", asked | {"pipeline": "../../etc"})
        assert (refused.status_code, refused.json()["field"]) == (400, "pipeline")
        refused = api.post("/api/v1/generation-sets/", asked | {"width": 17, "height": 16})
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (400, "width", "width")
        address = f"/api/v1/generation-sets/{made['id']}"
        assert api.post(f"{address}/resume/").status_code == 409
        assert api.post(f"{address}/cancel/").json()["state"] == "canceled"
        assert api.post(f"{address}/resume/").status_code == 202
        assert api.post(f"{address}/score/").json()["code"] == "no_model"


class TestWatching:
    def test_from_waiting_to_scored(
        self, sign_in: Callable, pipelines: Path, run_now: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = sign_in(Role.ADMIN)
        model = make_reward_model()
        made = ask(score_after=True)
        state = reverse("generations:generation-state", args=[made.pk])
        page = client.get(reverse("generations:generation", args=[made.pk])).content.decode()
        assert "waiting for a worker" in page
        assert f'hx-get="{state}?seen=0-0"' in page
        assert "HX-Trigger" not in client.get(state, {"seen": "0-0"}).headers

        job = run_now(made.job)
        assert job.state == JobState.SUCCEEDED, job.error
        assert "They are being scored." in job.message
        scoring = Job.objects.get(kind="rewards.score")
        assert scoring.params["reward_model"] == model.pk
        answer = client.get(state, {"seen": "0-0"})
        assert answer["HX-Trigger"] == "items-made"
        assert "is scoring them" in answer.content.decode()

        for item in Item.objects.all():
            make_score(model, item, 0.7)
        Job.objects.filter(pk=scoring.pk).update(state=JobState.SUCCEEDED)
        page = client.get(reverse("generations:generation", args=[made.pk])).content.decode()
        assert 'hx-trigger="every' not in page
        assert page.count("seed ") >= 6
        assert str(queries.seed_for(0, "a red disc", 1)) in page
        assert f"/mpo/mine/?model={model.pk}&amp;generation_set={made.pk}" in page
        assert reverse("rewards:scores") in page
        part = client.get(
            reverse("generations:generation", args=[made.pk]), headers={"HX-Request": "true"}
        ).content.decode()
        assert part.count("<img") == 6
        assert "<html" not in part
        assert "Complete" in client.get(reverse("generations:generations")).content.decode()

    def test_without_a_promoted_model_nothing_is_scored_and_it_is_said(
        self, sign_in: Callable, pipelines: Path, run_now: Callable
    ) -> None:
        made = ask(score_after=True)
        assert run_now(made.job).state == JobState.SUCCEEDED
        assert Job.objects.count() == 1
        client = sign_in(Role.ADMIN)
        page = client.get(reverse("generations:generation", args=[made.pk])).content.decode()
        assert "No reward model is promoted for this media type" in page
        answer = client.post(reverse("generations:generation-score", args=[made.pk]), follow=True)
        assert "Train and promote one first" in answer.content.decode()
        make_reward_model()
        client.post(reverse("generations:generation-score", args=[made.pk]))
        assert Job.objects.filter(kind="rewards.score").exists()

    def test_canceled_and_resumed(self, sign_in: Callable, pipelines: Path) -> None:
        client = sign_in(Role.ADMIN)
        made = ask()
        page = client.post(reverse("generations:generation-cancel", args=[made.pk]), follow=True).content.decode()
        assert "Canceled. Generated items are kept" in page
        assert "Resume: 6 missing" in page
        page = client.post(reverse("generations:generation-resume", args=[made.pk]), follow=True).content.decode()
        assert "Resumed: 6 missing." in page
        assert Job.objects.filter(kind="generations.generate").count() == 2
        assert "A job is already working on this" in client.post(
            reverse("generations:generation-resume", args=[made.pk]), follow=True
        ).content.decode()  # fmt: skip

    def test_a_failure_is_reported(self, sign_in: Callable, pipelines: Path, run_now: Callable) -> None:
        made = ask()
        GenerationSet.objects.update(pipeline="gone")
        assert run_now(made.job).state == JobState.FAILED
        page = sign_in(Role.ADMIN).get(reverse("generations:generation", args=[made.pk])).content.decode()
        assert "There is no folder “gone”" in page
        assert "Resume: 6 missing" in page


class TestFromOutside:
    @pytest.fixture
    def made(self, api: APIClient, files: Path) -> dict[str, Any]:
        asked = {"name": "Painted elsewhere", "prompt_set": make_prompt_set().pk, "media_type": "image",
                 "per_prompt": 2, "generator": "painter", "generator_version": "2",
                 "generator_parameters": {"steps": 50}}  # fmt: skip
        answer = api.post("/api/v1/generation-sets/external/", asked)
        assert answer.status_code == 201, answer.json()
        return dict(answer.json())

    @staticmethod
    def picture(tmp_path: Path, seed: int, name: str = "a.png") -> SimpleUploadedFile:
        return SimpleUploadedFile(name, write_image(tmp_path / "a.png", seed=seed).read_bytes())

    def test_one_by_one_until_nothing_lacks(self, api: APIClient, made: dict[str, Any], tmp_path: Path) -> None:
        model = make_reward_model()
        address = f"/api/v1/generation-sets/{made['id']}"
        lacking = api.get(f"{address}/lacking/").json()
        assert [(slot["text"], slot["index"]) for slot in lacking][:2] == [("a red disc", 0), ("a red disc", 1)]
        assert len(api.get(f"{address}/lacking/", {"limit": 4}).json()) == 4
        for number, slot in enumerate(lacking):
            form = {key: slot[key] for key in ("prompt", "index", "seed")}
            form["file"] = self.picture(tmp_path, number)
            answer = api.post(f"{address}/items/", form, format="multipart")
            assert answer.status_code == 201, answer.json()
            assert Job.objects.filter(kind="rewards.score").exists() is (number == 5)
        assert api.get(f"{address}/lacking/").json() == []
        rows = api.get(f"{address}/items/").json()["results"]
        assert [row["seed"] for row in rows] == [slot["seed"] for slot in lacking]
        item = Item.objects.get(pk=rows[0]["item"])
        assert (str(item.generator), item.prompt.text, item.extra["seed"]) == (
            "painter 2",
            "a red disc",
            rows[0]["seed"],
        )
        assert api.get(f"{address}/").json()["made_count"] == 6
        assert Job.objects.get().params["reward_model"] == model.pk

    def test_sending_one_twice_is_sending_it_once(self, api: APIClient, made: dict[str, Any], tmp_path: Path) -> None:
        address = f"/api/v1/generation-sets/{made['id']}/items/"
        prompt = queries.members(GenerationSet.objects.get().prompt_set)[0].prompt_id

        def send(seed: int, picture: int) -> Any:
            form = {"prompt": prompt, "index": 1, "seed": seed, "file": self.picture(tmp_path, picture)}
            return api.post(address, form, format="multipart")

        first, second = send(7, 0), send(7, 0)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        for seed, picture in ((7, 1), (8, 0)):
            refused = send(seed, picture)
            assert (refused.status_code, refused.json()["code"]) == (409, "other_item")
        assert Item.objects.count() == GenerationSet.objects.get().made.count() == 1

    def test_what_does_not_belong_is_refused_with_its_field(
        self, api: APIClient, made: dict[str, Any], tmp_path: Path, pipelines: Path
    ) -> None:
        address = f"/api/v1/generation-sets/{made['id']}/items/"
        prompt_set = GenerationSet.objects.get().prompt_set
        prompt = queries.members(prompt_set)[0].prompt_id
        other = make_prompt_set("Other", ["a whale"]).members.get().prompt_id
        clip = write_video(tmp_path / "a.mp4").read_bytes()
        for fields, code, field in (
            ({"prompt": other}, "other_prompt", "prompt"),
            ({"index": 2}, "bad_index", "index"),
            ({"file": SimpleUploadedFile("a.png", b"<svg/>")}, "svg", "file"),
            ({"file": SimpleUploadedFile("a.mp4", clip)}, "wrong_media_type", "file"),
        ):
            form = {"prompt": prompt, "index": 0, "seed": 1, "file": self.picture(tmp_path, 0)} | fields
            refused = api.post(address, form, format="multipart")
            assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (400, code, field)
        missing = api.post(address, {"prompt": 0, "index": -1}, format="multipart").json()
        assert missing["errors"].keys() == {"prompt", "index", "seed", "file"}
        own = ask(prompt_set)
        form = {"prompt": prompt, "index": 0, "seed": 1, "file": self.picture(tmp_path, 0)}
        refused = api.post(f"/api/v1/generation-sets/{own.pk}/items/", form, format="multipart")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_external")
        again = {"name": made["name"], "prompt_set": prompt_set.pk, "media_type": "image", "generator": "x"}
        refused = api.post("/api/v1/generation-sets/external/", again)
        assert (refused.status_code, refused.json()["generation_set"]) == (409, made["id"])
        for trouble in ("nul \0 here", "\ud800"):
            odd = again | {"name": "Odd", "generator_parameters": {"sampler": [trouble]}}
            address = "/api/v1/generation-sets/external/"
            refused = api.post(address, json.dumps(odd), content_type="application/json")
            assert (refused.status_code, refused.json()["field"]) == (400, "generator_parameters"), trouble
        assert not Item.objects.exists()

    def test_the_page_says_where_to_send_them(self, sign_in: Callable, made: dict[str, Any]) -> None:
        page = sign_in(Role.ADMIN).get(reverse("generations:generation", args=[made["id"]])).content.decode()
        assert f"POST /api/v1/generation-sets/{made['id']}/items/" in page
        assert ">Open</span>" in page
        assert "Resume" not in page
        canceled = sign_in(Role.REVIEWER)
        assert canceled.get(reverse("generations:generations")).status_code == 200

    def test_a_token_of_an_admin_is_enough(self, made: dict[str, Any], make_user: Callable[..., User]) -> None:
        client = APIClient()
        assert client.get(f"/api/v1/generation-sets/{made['id']}/lacking/").status_code in (401, 403)
        _, secret = ApiToken.issue(user=make_user("machine", Role.ADMIN), name="sampler")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        assert client.get(f"/api/v1/generation-sets/{made['id']}/lacking/").status_code == 200
