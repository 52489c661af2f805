"""Pages and API of runs and comparisons: who may, what they answer, what is refused in words."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from annotator.accounts.models import Role
from annotator.campaigns.checklists import checklist_of
from annotator.core.templatetags import format_tags
from annotator.jobs.devices import WORKER
from annotator.jobs.models import Job
from annotator.mpo import services
from annotator.mpo.forms.runs import ADVANCED, MAIN
from annotator.mpo.models import HumanVerdict, ModelComparison, MpoRun, PairSet
from annotator.rewards import judges
from reward_engine.mpo.training import Settings
from tests.annotator.mpo.tuning import SETTINGS, BrightJudge, fake_comparison, fake_finished
from tests.factories import make_prompt

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_machine")]


@pytest.fixture
def run(pair_set_to_train_on: PairSet) -> MpoRun:
    return services.create_run(
        pair_set=pair_set_to_train_on, pipeline="tiny", settings=SETTINGS, name="Bright", held_out_share=0
    )


def form_data(**changes: Any) -> dict[str, Any]:
    """What the form sends; a box that is not ticked is not sent."""
    return {name: value for name, value in (SETTINGS | {"weight_decay": 0.01, "max_grad_norm": 1.0, "width": 0,
            "height": 0, "frames": 0, "seed": 0, "held_out_share": 0.2, "pipeline": "tiny", "start_lora": "",
            "name": ""} | changes).items() if value is not False}  # fmt: skip


def test_annotators_see_no_runs_and_reviewers_start_none(sign_in: Callable, run: MpoRun) -> None:
    pages = [reverse("mpo:runs"), reverse("mpo:run", args=[run.pk]), reverse("mpo:comparisons"), "/api/v1/mpo-runs/",
             "/api/v1/model-comparisons/", f"/api/v1/mpo-runs/{run.pk}/", f"/api/v1/mpo-runs/{run.pk}/metrics/",
             reverse("mpo:run-samples", args=[run.pk]), reverse("mpo:run-grid", args=[run.pk, 0]),
             reverse("mpo:run-download", args=[run.pk, "README.md"])]  # fmt: skip
    changes = [reverse("mpo:run-cancel", args=[run.pk]), reverse("mpo:run-resume", args=[run.pk]),
               f"/api/v1/mpo-runs/{run.pk}/cancel/", reverse("mpo:run-new"), reverse("mpo:comparison-new"),
               "/api/v1/mpo-runs/", "/api/v1/model-comparisons/"]  # fmt: skip
    client = sign_in(Role.ANNOTATOR)
    assert {client.get(page).status_code for page in pages} == {403}
    assert {client.post(page).status_code for page in changes} == {403}
    client = sign_in(Role.REVIEWER)
    assert {client.get(page).status_code for page in pages[:7]} == {200}
    assert {client.post(page).status_code for page in changes} == {403}
    assert client.get(reverse("mpo:run-estimate")).status_code == 403
    assert Job.objects.get().state == "queued"


def test_the_form_knows_all_settings_and_the_family_s_defaults(
    sign_in: Callable, pair_set_to_train_on: PairSet
) -> None:
    shown = {*MAIN, *(name for _, names in ADVANCED for name in names)}
    assert shown == set(Settings().to_dict())
    client = sign_in(Role.ADMIN)
    page = client.get(reverse("mpo:run-new"), {"pairs": pair_set_to_train_on.pk}).content.decode()
    assert f'<option value="{pair_set_to_train_on.pk}" selected>' in page
    assert '<option value="tiny"></option>' in page
    answer = client.get(reverse("mpo:run-defaults"), {"pipeline": "tiny"})
    assert answer["HX-Trigger-After-Settle"] == "settings-changed"
    part = answer.content.decode()
    assert "defaults for Stable Diffusion 1.x/2.x" in part
    assert 'name="beta" value="2000"' in part
    assert (
        "is not a trainable pipeline" in client.get(reverse("mpo:run-defaults"), {"pipeline": "none"}).content.decode()
    )


def test_the_estimate_answers_as_one_types(sign_in: Callable, pair_set_to_train_on: PairSet) -> None:
    cache.delete(WORKER)  # other tests' jobs have measured this machine
    client = sign_in(Role.ADMIN)
    address = reverse("mpo:run-estimate")
    ask = form_data(pair_set=pair_set_to_train_on.pk)
    part = client.get(address, ask).content.decode()
    assert "of memory" in part
    assert "pairs of" in part
    assert "NVIDIA" not in part, "what is told in bf16 does not hold in fp32"
    assert "NVIDIA H100" in client.get(address, ask | {"precision": "bf16"}).content.decode()
    assert "There is no folder “none”" in client.get(address, ask | {"pipeline": "none"}).content.decode()
    assert "Enter a pipeline" in client.get(address, ask | {"pipeline": ""}).content.decode()
    cache.set(WORKER, {"name": "NVIDIA Tiny", "flops": 1e12, "memory_bytes": 1000}, 60)
    try:
        part = client.get(address, ask).content.decode()
    finally:
        cache.delete(WORKER)
    assert "on NVIDIA Tiny, the worker’s device" in part
    assert "does not fit" in part
    assert "Not even one pair fits" in part


def test_a_run_by_form_and_its_refusals_at_the_field(sign_in: Callable, pair_set_to_train_on: PairSet) -> None:
    client = sign_in(Role.ADMIN)
    ask = form_data(pair_set=pair_set_to_train_on.pk, name="By form")
    refused = client.post(reverse("mpo:run-new"), ask | {"pipeline": "none"})
    assert refused.status_code == 422
    assert "There is no folder “none”" in refused.context["form"].errors["pipeline"][0]
    refused = client.post(reverse("mpo:run-new"), ask | {"warmup_steps": -1})
    assert refused.status_code == 422
    assert '<details class="more" open>' in refused.content.decode()
    checked = client.post(reverse("mpo:run-new"), ask | {"check": "1"})
    assert checked.status_code == 200
    assert "of memory" in checked.content.decode()
    assert not MpoRun.objects.exists()
    done = client.post(reverse("mpo:run-new"), ask)
    made = MpoRun.objects.get()
    assert done["Location"] == reverse("mpo:run", args=[made.pk])
    assert made.settings == Settings.from_dict(SETTINGS).to_dict()
    assert made.created_by.username == Role.ADMIN


def test_without_pairs_the_form_says_where_to_begin(sign_in: Callable) -> None:
    client = sign_in(Role.ADMIN)
    assert "Mine pairs from a reward model’s scores" in client.get(reverse("mpo:run-new")).content.decode()
    assert "No finished runs yet" in client.get(reverse("mpo:comparison-new")).content.decode()
    assert "No runs yet" in client.get(reverse("mpo:runs")).content.decode()


def test_a_run_is_watched_canceled_and_resumed(
    sign_in: Callable, run: MpoRun, django_assert_max_num_queries: Callable
) -> None:
    client = sign_in(Role.ADMIN)
    address = reverse("mpo:run", args=[run.pk])
    lines = [{"step": n, "loss": 0.7 - n / 100, "accuracy": 0.5, "margin": n / 10, "seconds": 0.5, "memory_bytes": 0}
             for n in range(1, 5)]  # fmt: skip
    lines[2] |= {"held_out_accuracy": 0.75, "held_out_margin": 0.2}
    (run.folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    samples = run.folder / "samples"
    samples.mkdir()
    Image.new("RGB", (3000, 1500)).save(samples / "step-00000000.png")
    with django_assert_max_num_queries(16):
        page = client.get(address).content.decode()
    assert page.count('<svg class="line-chart"') == 3
    assert 'hx-trigger="every 2s"' in page
    assert "2.0 steps/s" in page
    assert "0.750" in page
    assert "before training" in page
    live = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in live
    samples_page = reverse("mpo:run-samples", args=[run.pk])
    assert client.get(samples_page, {"have": 1}).status_code == 204
    assert client.get(samples_page, {"have": 0}).status_code == 200
    grid = reverse("mpo:run-grid", args=[run.pk, 0])
    assert Image.open(io.BytesIO(client.get(grid).getvalue())).size == (1400, 700)
    assert Image.open(io.BytesIO(client.get(f"{grid}?full").getvalue())).size == (3000, 1500)
    assert client.get(reverse("mpo:run-grid", args=[run.pk, 5])).status_code == 404
    client.post(reverse("mpo:run-cancel", args=[run.pk]))
    assert Job.objects.get().state == "canceled"
    page = client.get(address).content.decode()
    assert "Resume from step 4" in page
    assert "every 2s" not in page
    client.post(reverse("mpo:run-resume", args=[run.pk]))
    run.refresh_from_db()
    assert run.job.state == "queued"
    assert Job.objects.count() == 2


def test_a_failed_run_says_why(sign_in: Callable, run: MpoRun) -> None:
    Job.objects.filter(pk=run.job_id).update(state="failed", error="The disk is full <b>")
    client, address = sign_in(Role.REVIEWER), reverse("mpo:run", args=[run.pk])
    page = client.get(address).content.decode()
    assert "The disk is full &lt;b&gt;" in page
    MpoRun.objects.filter(pk=run.pk).update(job=None)
    assert "Job missing" in client.get(address).content.decode()


def test_what_a_run_leaves_is_downloaded_and_nothing_else(sign_in: Callable, run: MpoRun) -> None:
    client = sign_in(Role.REVIEWER)
    address = reverse("mpo:run-download", args=[run.pk, "README.md"])
    assert client.get(address).status_code == 404, "not before it is finished"
    fake_finished(run)
    assert client.get(address).getvalue() == b"# card"
    assert client.get(reverse("mpo:run-download", args=[run.pk, "run.json"])).status_code == 404
    assert client.get(reverse("mpo:run-download", args=[run.pk, "../../x"])).status_code == 404
    answer = client.get(reverse("mpo:run-download", args=[run.pk, "all.zip"]))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert archive.testzip() is None
    assert set(archive.namelist()) >= {"bright/README.md", "bright/lora/pytorch_lora_weights.safetensors"}
    (run.folder / "README.md").unlink()
    answer = client.get(reverse("mpo:run-download", args=[run.pk, "all.zip"]), follow=True)
    assert "is missing on the server" in answer.content.decode()


def test_the_pair_set_leads_to_a_run(sign_in: Callable, pair_set_to_train_on: PairSet) -> None:
    address = reverse("mpo:pair-set", args=[pair_set_to_train_on.pk])
    link = f"{reverse('mpo:run-new')}?pairs={pair_set_to_train_on.pk}"
    assert link not in sign_in(Role.REVIEWER).get(address).content.decode()
    assert link in sign_in(Role.ADMIN).get(address).content.decode()


# --- Comparisons ----------------------------------------------------------------------------------


def test_a_comparison_by_form(sign_in: Callable, run: MpoRun, monkeypatch: Any) -> None:
    monkeypatch.setattr(judges, "load", lambda model: BrightJudge(checklist_of(model.checklist_version)))
    monkeypatch.setattr(judges, "check", lambda model: None)
    fake_finished(run)
    client = sign_in(Role.ADMIN)
    address = reverse("mpo:comparison-new")
    page = client.get(address, {"runs": run.pk}).content.decode()
    assert f'value="{run.pk}" checked' in page
    ask = {"runs": [run.pk], "prompt_set": "", "per_prompt": 2, "seed": 1, "tie_margin": 0, "name": "Better?"}
    refused = client.post(address, ask)
    assert refused.status_code == 422, "nothing is held out, two are needed"
    assert "at least two are needed" in refused.content.decode()
    assert client.post(address, ask | {"runs": []}).status_code == 422
    from annotator.generations.models import PromptSet, PromptSetMember

    prompts = PromptSet.objects.create(name="New ones")
    for position, text in enumerate(("a red square", "a blue square")):
        PromptSetMember.objects.create(prompt_set=prompts, prompt=make_prompt(text), position=position)
    done = client.post(address, ask | {"prompt_set": prompts.pk})
    made = ModelComparison.objects.get()
    assert done["Location"] == reverse("mpo:comparison", args=[made.pk])
    page = client.get(done["Location"]).content.decode()
    assert "Cancel comparison" in page
    assert "every 2s" in page
    client.post(reverse("mpo:comparison-cancel", args=[made.pk]))
    page = client.get(done["Location"]).content.decode()
    assert reverse("mpo:comparison-resume", args=[made.pk]) in page
    client.post(reverse("mpo:comparison-resume", args=[made.pk]))
    made.refresh_from_db()
    assert made.job.state == "queued"
    assert "Better?" in client.get(reverse("mpo:comparisons")).content.decode()


@pytest.fixture
def compared(run: MpoRun, files: Path) -> ModelComparison:
    """The answer of two runs: MPO raises all, the baseline pays with a dimension."""
    fake_finished(run)
    total = PairSet.objects.create(
        name="By total", reward_model=run.pair_set.reward_model, options={"level": "total"}, ready_at=timezone.now()
    )
    other = MpoRun.objects.create(
        name="Total", pair_set=total, pipeline="tiny", pipeline_class=run.pipeline_class, settings=run.settings,
        pipeline_fingerprint=run.pipeline_fingerprint, path="mpo/runs/total", finished_at=timezone.now(),
    )  # fmt: skip
    return fake_comparison([run, other])


def test_the_answer_names_what_was_paid(
    sign_in: Callable, compared: ModelComparison, django_assert_max_num_queries: Callable
) -> None:
    client = sign_in(Role.ADMIN)
    address = reverse("mpo:comparison", args=[compared.pk])
    with django_assert_max_num_queries(24):
        page = client.get(address).content.decode()
    first, second = page.index("Bright</a>"), page.index("Total</a>")
    assert "The reward rises, and no dimension falls significantly" in page[first:second]
    assert "Over-optimized." in page[second:]
    checklist = checklist_of(compared.reward_model.checklist_version)
    lost = checklist.dimensions[1].name
    assert lost in page[second : second + 1500]
    assert page.count('<svg class="dot-plot"') == 1 + len(checklist.dimensions) + len(checklist.ordinal)
    assert page.count('<article class="card compared"') == 2
    asked_by = {"HX-Request": "true", "HX-Target": "gallery"}
    best = client.get(address, {"order": "gain"}, headers=asked_by).content.decode()
    assert 'id="gallery"' in best
    assert "dot-plot" not in best
    assert "over-optimized" in client.get(reverse("mpo:comparisons")).content.decode()


def test_people_are_asked_by_a_button(sign_in: Callable, compared: ModelComparison) -> None:
    client = sign_in(Role.ADMIN)
    run = compared.runs.get(name="Total")
    address = reverse("mpo:comparison-ask", args=[compared.pk, run.pk])
    page = client.post(address, {"pairs": 0, "overlap": 3}, follow=True).content.decode()
    assert "greater than or equal to 1" in page
    page = client.post(address, {"pairs": 2, "overlap": 3}, follow=True).content.decode()
    assert "is open to annotators" in page
    assert "No pairs have been compared yet" in page
    assert HumanVerdict.objects.get().campaign.pairs.count() == 2
    page = client.post(address, {"pairs": 2, "overlap": 3}, follow=True).content.decode()
    assert "already been asked about “Total”" in page


# --- API ------------------------------------------------------------------------------------------


def test_runs_by_api(api: APIClient, pair_set_to_train_on: PairSet) -> None:
    ask = {"pair_set": pair_set_to_train_on.pk, "pipeline": "tiny", "settings": SETTINGS, "held_out_share": 0.2}
    refused = api.post("/api/v1/mpo-runs/", ask | {"settings": {"steps": 0}})
    assert (refused.status_code, refused.json()["code"]) == (400, "settings")
    assert api.post("/api/v1/mpo-runs/", ask | {"pipeline": "none"}).json()["code"] == "no_pipeline"
    answer = api.post("/api/v1/mpo-runs/", ask)
    assert answer.status_code == 202, answer.json()
    made = answer.json()
    assert (made["objective"], made["state"], made["job"]["kind"]) == ("mpo", "queued", "mpo.train")
    assert answer["Location"].endswith(f"/api/v1/mpo-runs/{made['id']}/")
    detail = f"/api/v1/mpo-runs/{made['id']}/"
    assert api.get(detail).json()["estimate"]["memory_bytes"] > 0
    assert api.get("/api/v1/mpo-runs/", {"pair_set": pair_set_to_train_on.pk}).json()["count"] == 1
    assert api.get(f"{detail}metrics/").json() == []
    assert api.get(f"{detail}download/").status_code == 409
    assert api.post(f"{detail}cancel/").json()["state"] == "canceled"
    assert api.post(f"{detail}cancel/").status_code == 409
    assert api.post(f"{detail}resume/").json()["state"] == "queued"
    run = MpoRun.objects.get()
    fake_finished(run)
    assert b"".join(api.get(f"{detail}download/").streaming_content).startswith(b"PK")
    assert api.post(f"{detail}resume/").status_code == 409


def test_comparisons_by_api(api: APIClient, compared: ModelComparison, monkeypatch: Any) -> None:
    monkeypatch.setattr(judges, "load", lambda model: BrightJudge(checklist_of(model.checklist_version)))
    monkeypatch.setattr(judges, "check", lambda model: None)
    detail = f"/api/v1/model-comparisons/{compared.pk}/"
    assert api.get(detail).json()["result"]["models"][1]["over_optimized"]
    run = compared.runs.get(name="Bright")
    ask = {"runs": [run.pk], "per_prompt": 2}
    refused = api.post("/api/v1/model-comparisons/", ask)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_few_prompts")
    assert api.post("/api/v1/model-comparisons/", {"runs": []}).status_code == 400
    assert api.get(f"{detail}verdicts/").json() == []
    asked = api.post(f"{detail}ask/", {"run": run.pk, "pairs": 1})
    assert asked.status_code == 201
    assert asked.json()["needed"] == 3
    assert api.get(f"{detail}verdicts/").json()[0]["preferred"]["value"] is None
    assert api.post(f"{detail}ask/", {"run": run.pk}).status_code == 409
    assert api.post(f"{detail}cancel/").status_code == 409
    assert api.post(f"{detail}resume/").status_code == 409


def test_how_figures_are_written() -> None:
    assert [format_tags.size(value) for value in (None, 12, 3.4e9, 240e6)] == ["–", "12 B", "3.4 GB", "240 MB"]
    assert [format_tags.speed(value) for value in (None, 2.0, 0.25)] == ["–", "2.0 steps/s", "4.0 s/step"]
    assert [format_tags.signed(value) for value in (None, -0.0001, -0.14, 0.2)] == ["–", "0.000", "−0.140", "+0.200"]
    assert [format_tags.millions(value) for value in (2.567e9, 860e6, 1.5e5)] == ["2.6 G", "860 M", "0.15 M"]
