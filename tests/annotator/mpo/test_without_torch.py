"""No request about runs, generations or comparisons loads PyTorch into the web process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from annotator.accounts.models import Role, User
from annotator.mpo.models import PairSet
from tests.annotator.generations.generating import make_prompt_set
from tests.annotator.mpo.tuning import SETTINGS
from tests.conftest import test_database_url

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import hashlib, json, sys, django
django.setup()
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse
from django.utils import timezone
from annotator.accounts.models import User
from annotator.core import helper
from annotator.generations.models import GenerationSet, PromptSet
from annotator.mpo.models import ModelComparison, MpoRun, PairSet
from annotator.mpo.queries import LORA
from annotator.rewards import judges

setup_test_environment()
client = Client()
client.force_login(User.objects.get(username="boss"), backend="django.contrib.auth.backends.ModelBackend")
heavy = {"torch", "diffusers", "transformers", "peft"}

def ask(method, address, data=None, expected=200, **more):
    response = getattr(client, method)(address, data, **more)
    content = b"".join(response) if response.streaming else response.content
    assert response.status_code == expected, (address, response.status_code, content[-1500:])
    assert not heavy & set(sys.modules), address
    return content.decode(errors="replace")

def at(name, *args):
    app = "generations" if name.startswith(("generat", "prompt-set")) else "mpo"
    return reverse(app + ":" + name, args=args)

def get(name, /, *args, **data):
    return ask("get", at(name, *args), data)

def post(name, /, *args, expected=302, **data):
    return ask("post", at(name, *args), data, expected)

def api(path, /, expected=202, **data):
    return ask("post", "/api/v1/" + path, json.dumps(data), expected, content_type="application/json")

def says(words, page):
    assert words in page, page[-3000:]

def finish(run):
    file = run.folder / LORA
    file.parent.mkdir(parents=True)
    file.write_bytes(b"whole")
    MpoRun.objects.filter(pk=run.pk).update(
        finished_at=timezone.now(), manifest={"sha256": {LORA: hashlib.sha256(b"whole").hexdigest()}}
    )

pairs, prompts = PairSet.objects.get(), PromptSet.objects.get()
settings = json.loads(sys.argv[1])
form = {key: value for key, value in settings.items() if value is not False} | {
    "weight_decay": 0.01, "max_grad_norm": 1.0, "width": 0, "height": 0, "frames": 0, "seed": 0, "start_lora": "",
    "held_out_share": 0.4, "pipeline": "tiny", "pair_set": pairs.pk, "rank": 5, "name": "",
}
get("run-new"), get("run-defaults", pipeline="tiny")
says("parameters", get("run-estimate", **form))
assert helper._helper._process.is_alive()
post("run-new", **form, expected=302)
api("mpo-runs/", pair_set=pairs.pk, pipeline="tiny", settings=settings | {"rank": 6}, held_out_share=0.4)

wish = {"prompt_set": prompts.pk, "pipeline": "tiny", "per_prompt": 2, "steps": 3, "seed": 0, "precision": "auto"}
get("generate")
says("parameters", post("generation-estimate", expected=200, **wish))
refused = post("generation-estimate", expected=200, width=17, height=16, **wish)
says("<strong>Width:</strong> This pipeline makes", refused)
post("generate", **wish)
api("generation-sets/", **wish | {"steps": 4, "name": "by API"})

judges.check = lambda model: None  # this reward model has no files
run, other = MpoRun.objects.order_by("pk")
finish(run)
wish = {"runs": run.pk, "reward_model": pairs.reward_model_id, "per_prompt": 2, "tie_margin": 0, "seed": 1}
get("comparison-new")
says("The guidance scale is 0 to 100", post("comparison-new", expected=422, guidance_scale=500, **wish))
post("comparison-new", **wish)
api("model-comparisons/", **wish | {"runs": [run.pk], "name": "by API"})

made, comparison = GenerationSet.objects.first(), ModelComparison.objects.first()
for name, found in (("run", other), ("generation", made), ("comparison", comparison)):
    get(name + "s"), get(name, found.pk)
    post(name + "-cancel", found.pk), post(name + "-resume", found.pk)
get("run-samples", other.pk), get("generation-state", made.pk)
get("pair-sets"), get("mine"), get("pair-set", pairs.pk), get("prompt-set", prompts.pk)
get("download", pairs.pk, "jsonl")
for path in ("mpo-runs", "generation-sets", "model-comparisons"):
    ask("get", f"/api/v1/{path}/")
ask("get", f"/api/v1/mpo-runs/{run.pk}/metrics/"), ask("get", f"/api/v1/generation-sets/{made.pk}/lacking/")
print("done")
"""


@pytest.mark.django_db(transaction=True)
def test_no_request_about_runs_generations_and_comparisons_loads_torch(
    pair_set_to_train_on: PairSet, make_user: Callable[..., User], process_env: dict[str, str]
) -> None:
    make_user("boss", Role.ADMIN)
    make_prompt_set()
    env = {**os.environ, **process_env, "DJANGO_SETTINGS_MODULE": "annotator.settings",
           "DATABASE_URL": test_database_url(), "PIPELINE_ROOTS": str(settings.PIPELINE_ROOTS[0])}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(SETTINGS)], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip().endswith("done")
