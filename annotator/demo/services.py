"""The demo, from photographs to a first loop. Every step may be repeated; what is done is not done again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from django.db import transaction

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign, CampaignState, ChecklistVersion
from annotator.campaigns.services import add_items, create_campaign, load_builtin_checklists
from annotator.core.errors import ProblemError
from annotator.core.locks import held_lock
from annotator.demo.annotators import OVERLAP, SYNTHETIC, answers, assigned, ensure_synthetic, milliseconds
from annotator.demo.bulk import Annotation, submit_annotations
from annotator.demo.content import Version, image_versions, video_versions
from annotator.demo.making import MANIFEST, expected_answer, make
from annotator.demo.models import Milestone
from annotator.library.models import Item, MediaType
from annotator.library.services import import_now
from annotator.rewards import services as rewards

Say = Callable[[str], None]

CAMPAIGNS = {MediaType.IMAGE: "Demo: images", MediaType.VIDEO: "Demo: videos"}
GUIDELINES = (
    "The items of this campaign are photographs and versions of them that a script degraded by known "
    "amounts. Most have been answered by synthetic annotators, which are also scripts, with known error "
    "rates. Some are open: try answering them yourself."
)
COMPLETE = "complete"
ITEMS_A_COMMIT = 40
_LOCK = 0x1B6A7_DE  # advisory lock: two set-ups at once make one demo


def create_demo(*, say: Say = lambda line: None, versions: Sequence[Version] | None = None) -> bool:
    """Create what the demo lacks.

    Returns False where nothing was lacking.

    Args:
        versions: A part of the content, for tests. None is all of it.
    """
    with held_lock(_LOCK, wait=True):
        if Milestone.objects.filter(name=COMPLETE).exists():
            return False
        chosen = list(versions) if versions is not None else [*image_versions(), *video_versions()]
        checklists = {version.media_type: version for version, _new in load_builtin_checklists()}
        items = _media(chosen, say)
        annotators = ensure_synthetic()
        for media_type, name in CAMPAIGNS.items():
            mine = [version for version in chosen if version.media_type == media_type]
            if not mine:
                continue
            campaign = _campaign(name, checklists[media_type], [items[version.name] for version in mine])
            count = _annotate(campaign, mine, items, annotators)
            say(f"{name}: {len(mine)} items, {count} annotations by {len(SYNTHETIC)} synthetic annotators "
                f"(error rates {_rates()}); the rest is open")  # fmt: skip
            _first_loop(campaign)
        Milestone.objects.get_or_create(name=COMPLETE)
    return True


def _rates() -> str:
    return ", ".join(f"{100 * one.error_rate:.0f}" for one in SYNTHETIC) + "%"


def _media(versions: Sequence[Version], say: Say) -> dict[str, Item]:
    """The items by external id; those that are not in the library yet are made and imported."""
    there = _items(versions)
    lacking = [version for version in versions if version.name not in there]
    if lacking:
        images = sum(version.media_type == MediaType.IMAGE for version in lacking)
        say(f"{images} images and {len(lacking) - images} videos from scikit-image’s photographs: synthetic, degraded "
            "by known amounts")  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="visionreward-demo-") as folder:
            make(lacking, Path(folder), lambda done, total: None)
            report = import_now(folder, {"manifest": MANIFEST}, name="Demo content")
        if report.problems:
            first = report.problems[0]
            raise ProblemError(f"{report.message} First: {first.file}: {first.message}", code="demo_import")
        there = _items(versions)
    return there


def _items(versions: Sequence[Version]) -> dict[str, Item]:
    names = [version.name for version in versions]
    return {item.external_id: item for item in Item.objects.filter(external_id__in=names).select_related("prompt")}


@transaction.atomic
def _campaign(name: str, checklist_version: ChecklistVersion, items: list[Item]) -> Campaign:
    campaign = Campaign.objects.filter(name=name, is_demo=True).first()
    if campaign is None:
        return create_campaign(
            name=name,
            checklist_version=checklist_version,
            items=items,
            overlap=OVERLAP,
            guidelines=GUIDELINES,
            state=CampaignState.OPEN,
            is_demo=True,
        )
    add_items(campaign=campaign, items=items)
    return campaign


def _annotate(
    campaign: Campaign, versions: Sequence[Version], items: dict[str, Item], annotators: Sequence[User]
) -> int:
    """Let the synthetic annotators answer; returns how many annotations there are of them."""
    if campaign.state != CampaignState.OPEN:  # somebody has closed it meanwhile
        return 0
    checklist = checklist_of(campaign.checklist_version)
    for start in range(0, len(versions), ITEMS_A_COMMIT):
        waiting = []
        for position, version in enumerate(versions[start : start + ITEMS_A_COMMIT], start):
            for index in assigned(position):
                synthetic = SYNTHETIC[index]
                levels = answers(checklist, expected_answer(version), synthetic, version.name)
                spent = {id: milliseconds(version.name, synthetic.username, id) for id in levels}
                waiting.append(Annotation(items[version.name].pk, annotators[index], levels, spent))
        submit_annotations(campaign=campaign, annotations=waiting)
    return sum(len(assigned(position)) for position in range(len(versions)))


@transaction.atomic
def _first_loop(campaign: Campaign) -> None:
    """Ask, once ever, for a judge trained on the campaign, promoted, and for what it says of all items."""
    _mark, first = Milestone.objects.get_or_create(name=f"first loop: {campaign.media_type}")
    if first:
        rewards.request_training(campaigns=[campaign], promote=True, score_after=True, mine_after=True)
