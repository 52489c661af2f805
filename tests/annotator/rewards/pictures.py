"""Pictures blurred and darkened by known steps, and people who judge them: something a judge can really learn."""

from __future__ import annotations

import dataclasses
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from PIL import Image, ImageFilter

from annotator.accounts.models import User
from annotator.campaigns.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    HumanComparison,
    Judgment,
)
from annotator.campaigns.services import create_campaign, create_comparison_campaign, store_checklist
from annotator.library import services as library
from annotator.library import storage
from annotator.library.media_facts import MediaFacts
from annotator.library.models import Item
from tests.factories import make_generator, make_prompt
from tests.reward_engine.training.planted import small_checklist

BLUR = (4.0, 2.0, 1.0, 0.0)  # clarity −2 … 1
LIGHT = (0.12, 0.45, 1.0)  # lighting −1 … 1
SUBJECTS = ("Kite", "Lamp", "Boat", "Tree", "Clock", "Bridge", "Apple", "Train")


def picture(seed: int, blur: float, light: float) -> Image.Image:
    """Coarse colored shapes with fine texture; blurred and darkened by a known amount."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 256, (5, 7, 3), dtype=np.uint8)).resize((112, 80), Image.Resampling.BOX)
    fine = np.asarray(coarse, np.float64) + rng.normal(0, 22, (80, 112, 1))
    image = Image.fromarray(np.clip(fine, 0, 255).astype(np.uint8))
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur))
    return image.point(lambda value: int(value * light))


_facts: dict[tuple[int, int], MediaFacts] = {}


def make_pictures(prompts: int = len(SUBJECTS), first_seed: int = 0, place: str = "by the sea") -> list[Item]:
    """Four pictures a prompt. ``extra["truth"]`` says how clear and how lit each is made."""
    generators = [make_generator(f"painter {number}") for number in range(2)]
    items = []
    for number in range(prompts):
        prompt = make_prompt(f"{SUBJECTS[number % len(SUBJECTS)]} {place}, {number // len(SUBJECTS) + 1}")
        for step, blur in enumerate(BLUR):
            light = (step + number) % 3
            items.append(
                Item(
                    **dataclasses.asdict(_stored(first_seed + number, step, blur, LIGHT[light])),
                    prompt=prompt,
                    generator=generators[step % 2],
                    file_name=f"{number}-{step}.png",
                    extra={"truth": {"clarity": step - 2, "lighting": light - 1}},
                )
            )
    return Item.objects.bulk_create(items)


def _stored(seed: int, step: int, blur: float, light: float) -> MediaFacts:
    """The picture in the store; drawn and verified once a session where its file is there already."""
    facts = _facts.get((seed, step))
    if facts is None or not storage.has(facts):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            picture(seed, blur, light).save(path)
            facts = _facts[seed, step] = library.store_media(path, path.name)
    return facts


def levels_of(item: Item, rng: np.random.Generator) -> dict[str, int]:
    """What an annotator says who errs by a step on one picture in ten."""
    clarity, lighting = item.extra["truth"]["clarity"], item.extra["truth"]["lighting"]
    if rng.random() < 0.1:
        clarity = int(np.clip(clarity + rng.choice([-1, 1]), -2, 1))
    return {
        "clarity": clarity,
        "symmetry": int(rng.random() < 0.4),
        "hands": 0,
        "lighting": lighting,
        "lighting_beauty": -1 if lighting == -1 else int(rng.integers(0, 3)),
    }


def open_campaign(items: list[Item], name: str = "Clear and lit", text: str = "d") -> Campaign:
    version, _ = store_checklist(checklist=small_checklist(text=text))
    return create_campaign(name=name, checklist_version=version, items=items, overlap=2, state=CampaignState.OPEN)


def submit_all(campaign: Campaign, user: User, items: list[Item] | None = None, seed: int = 0) -> int:
    """Submitted annotations of all items of the campaign (or of these) by this person; returns how many."""
    rng = np.random.default_rng(seed)
    rows = CampaignItem.objects.filter(campaign=campaign).select_related("item").order_by("pk")
    if items is not None:
        rows = rows.filter(item__in=items)
    now = timezone.now()
    assignments = Assignment.objects.bulk_create(
        Assignment(
            campaign_item=row, annotator=user, state=AssignmentState.SUBMITTED, lease_expires_at=now, submitted_at=now
        )
        for row in rows
    )
    Judgment.objects.bulk_create(
        Judgment(assignment=assignment, sub_dimension=sub, level=level, milliseconds=900)
        for assignment in assignments
        for sub, level in levels_of(assignment.campaign_item.item, rng).items()
    )
    rows.update(submitted=F("submitted") + 1, open_slots=Greatest(F("open_slots") - 1, 0))
    return len(assignments)


def compare_all(items: list[Item], annotator: User, name: str = "Which is better?") -> Campaign:
    """A campaign of all pairs of a prompt: the clearer picture is preferred, now and then there is no difference."""
    pairs = [pair for pair in combinations(items, 2) if pair[0].prompt_id == pair[1].prompt_id]
    campaign = create_comparison_campaign(name=name, pairs=pairs, overlap=1, state=CampaignState.OPEN)
    now = timezone.now()
    said = []
    for number, pair in enumerate(campaign.pairs.select_related("first", "second")):
        gap = pair.first.extra["truth"]["clarity"] - pair.second.extra["truth"]["clarity"]
        wins = "tie" if number % 12 == 5 else "left" if (gap > 0) != pair.swapped else "right"
        said.append(
            HumanComparison(pair=pair, annotator=annotator, swapped=pair.swapped, state="submitted", preference=wins,
                       lease_expires_at=now, submitted_at=now)
        )  # fmt: skip
    HumanComparison.objects.bulk_create(said)
    return campaign
