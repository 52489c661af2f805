"""What a web process does with scores loads no torch: it would take hundreds of megabytes of each for good."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.campaigns.models import Campaign
from annotator.library.models import Item
from annotator.rewards.models import RewardModel, RewardModelState
from tests.conftest import test_database_url

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import sys, django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from annotator.campaigns.models import CampaignItem
from annotator.library.models import Item
from annotator.library.storage import original_path
from annotator.rewards import services
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services.score_requests import Wanted
from annotator.rewards.suggestions import suggest

model = RewardModel.objects.get()
item = Item.objects.order_by("pk").first()
place = CampaignItem.objects.select_related("campaign").get(item=item)
assert suggest(place.campaign, place.pk).levels
assert services.known_answers([Wanted(item=item)])[0]["explanation"]
upload = SimpleUploadedFile("a.png", original_path(item).read_bytes())
assert services.request_scores(wanted=[Wanted(upload=upload, prompt="A kite")], single=True)
services.retire(reward_model=model)
services.promote(reward_model=model)
services.score_new_items()
print("torch" in sys.modules)
"""


@pytest.mark.django_db(transaction=True)
def test_suggestions_answers_requests_and_promotions_load_no_torch(
    judged: Campaign, scored: RewardModel, pictures: list[Item], process_env: dict[str, str]
) -> None:
    assert scored.state == RewardModelState.PROMOTED
    env = {**os.environ, **process_env, "DJANGO_SETTINGS_MODULE": "annotator.settings",
           "DATABASE_URL": test_database_url()}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "False"
