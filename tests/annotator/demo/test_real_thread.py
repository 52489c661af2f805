"""Real generated clips through the whole thread: imported, judged, learned from, scored, compared.

What people said of them (means of human ratings, 1 to 5, in the manifest's further columns) stands in for annotators;
where they were not asked, the neutral level does.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from celery import current_app
from django.core.management import call_command

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, CampaignState
from annotator.campaigns.services import create_campaign, load_builtin_checklists
from annotator.demo.annotators import ensure_synthetic
from annotator.demo.bulk import Annotation, submit_annotations
from annotator.demo.content import image_versions
from annotator.demo.services import create_demo
from annotator.demo.truth import NEUTRAL
from annotator.jobs.models import Job, JobState
from annotator.library.models import Item
from annotator.mpo.models import PairSet
from annotator.rewards import services as rewards
from annotator.rewards.models import RewardModelState
from annotator.rewards.queries import promoted, score_table

pytestmark = pytest.mark.django_db(transaction=True)  # a job beats its heart from a thread of its own

PROMPTS = 5
RATED = {
    "static_quality": ("clarity", "detail_refinement", "color"),
    "temporal_quality": ("image_quality_stability",),
    "alignment": ("alignment",),
}


def work_off_the_queue() -> list[str]:
    """Run what waits, and what follows from it, as the workers would; returns the kinds in order."""
    current_app.loader.import_default_modules()
    done = []
    while (job := Job.objects.filter(state=JobState.QUEUED).order_by("created_at").first()) is not None:
        current_app.tasks[job.kind](str(job.pk))
        job.refresh_from_db()
        assert job.state == JobState.SUCCEEDED, (job.kind, job.error)
        done.append(job.kind)
    return done


def rated_campaign(items: list[Item], person: User) -> Campaign:
    versions = {version.media_type: version for version, _new in load_builtin_checklists()}
    campaign = create_campaign(
        name="Generated clips", checklist_version=versions["video"], items=items, overlap=1, state=CampaignState.OPEN
    )
    annotations = []
    for item in items:
        levels = dict(NEUTRAL["video"])
        for column, sub_dimensions in RATED.items():
            if column in item.extra:
                levels |= dict.fromkeys(sub_dimensions, round(float(item.extra[column])))
        annotations.append(Annotation(item.pk, person, levels, dict.fromkeys(levels, 1000)))
    assert submit_annotations(campaign=campaign, annotations=annotations) == len(items)
    return campaign


def import_shared_media(shared: Path, files: Path, *suffixes: str) -> list[Item]:
    source = shared / "media"
    if not source.is_dir():
        pytest.skip("needs shared/media beside the repository")
    names = sorted(path.name for path in source.iterdir() if path.suffix[1:] in suffixes)
    prompt = "a painting of an ocean with clouds and birds, day time, low depth field effect"
    rows = [f'{name},"{prompt if name.startswith("imagereward") else name}"' for name in names]
    (files / "media.csv").write_text("\n".join(["file,prompt", *rows]) + "\n")
    call_command("import_media", str(source), "--manifest", str(files / "media.csv"), "--set", "license=Apache-2.0")
    return list(Item.objects.filter(file_name__in=names).order_by("pk"))


def some_prompts(source: Path, files: Path) -> Path:
    """A manifest of the first prompts that have five clips: what the thread needs, in half the time of all."""
    with (source / "ratings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    clips = Counter(row["prompt"] for row in rows)
    chosen = [prompt for prompt, count in clips.items() if count == 5][:PROMPTS]
    with (files / "ratings.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row for row in rows if row["prompt"] in chosen)
    return files / "ratings.csv"


def test_generated_videos_are_scored_and_compared(
    shared: Path, files: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    source = shared / "data" / "generated-videos"
    if not source.is_dir():
        pytest.skip("needs shared/data/generated-videos beside the repository")
    settings.VALIDATION_FOLDS = 1
    call_command(
        "import_media", str(source), "--manifest", str(some_prompts(source, files)), "--set", "license=research data"
    )
    items = list(Item.objects.select_related("prompt").order_by("pk"))
    assert len(items) == 5 * PROMPTS
    import_shared_media(shared, files, "mp4")  # learned from by nobody
    campaign = rated_campaign(items, ensure_synthetic()[0])
    rewards.request_training(campaigns=[campaign], promote=True, score_after=True, mine_after=True)
    assert work_off_the_queue() == ["rewards.train", "rewards.score", "mpo.mine_pairs"]

    model = promoted("video")
    assert model is not None
    assert model.state == RewardModelState.PROMOTED
    table = score_table(model)
    assert table.items.tolist() == list(Item.objects.order_by("pk").values_list("pk", flat=True))
    assert len(table.items) == 5 * PROMPTS + 2
    assert np.isfinite(table.p_yes).all()
    assert ((table.p_yes >= 0) & (table.p_yes <= 1)).all()
    assert np.ptp(table.reward) > 0

    pair_set = PairSet.objects.get()
    assert pair_set.prompts == PROMPTS
    assert pair_set.pairs_count > 0
    row_of = {pk: row for row, pk in enumerate(table.items.tolist())}
    for pair in pair_set.pairs.all():
        winner, loser = row_of[pair.winner_id], row_of[pair.loser_id]
        assert table.prompts[winner] == table.prompts[loser] == pair.prompt_id
        gaps = table.by_dimension[winner] - table.by_dimension[loser]
        assert gaps.min() >= -1e-6
        assert gaps.max() > 0
        assert pair.gap_by_dimension == pytest.approx(gaps.tolist(), abs=1e-5)
    # How far it orders the clips that it has learned from as people did: printed, not promised.
    rated = [(item, float(item.extra["static_quality"])) for item in items if "static_quality" in item.extra]
    order = np.corrcoef([table.reward[row_of[item.pk]] for item, _ in rated], [rating for _, rating in rated])[0, 1]
    with capsys.disabled():
        print(f"\n{pair_set.pairs_count} pairs of {len(items)} clips; reward and static quality: r = {order:.2f}")


def test_the_shared_pictures_are_scored_and_compared(shared: Path, files: Path, settings: Any) -> None:
    """By a judge that has learned from a part of the demo alone."""
    settings.VALIDATION_FOLDS = 1
    pictures = import_shared_media(shared, files, "jpg", "webp")
    assert len(pictures) == 6
    create_demo(versions=list(image_versions())[::5])
    assert work_off_the_queue() == ["rewards.train", "rewards.score", "mpo.mine_pairs"]
    model = promoted("image")
    assert model is not None
    table = score_table(model)
    assert {item.pk for item in pictures} <= set(table.items.tolist())
    painted = {item.pk for item in pictures if item.file_name.startswith("imagereward")}
    assert len(painted) == 4
    rewards_of = [table.reward[row] for row, pk in enumerate(table.items.tolist()) if pk in painted]
    assert np.ptp(rewards_of) > 0
    pair_set = PairSet.objects.get()
    assert pair_set.pairs_count > 0
    for pair in pair_set.pairs.all():
        assert (pair.winner_id in painted) == (pair.loser_id in painted)
