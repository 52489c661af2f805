"""People are asked as well: a sample of a comparison becomes a blind side-by-side campaign."""

from __future__ import annotations

import random
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from annotator.campaigns.models import Campaign, CampaignState
from annotator.campaigns.services import create_comparison_campaign
from annotator.core.errors import ConflictError, ProblemError, refused
from annotator.library.models import Item
from annotator.mpo.models import HumanVerdict, ModelComparison, MpoRun

MOST_PAIRS = 2000
GUIDELINES = (
    "Two images or videos were generated for the same prompt. Choose the one you prefer overall, keeping the "
    "prompt in mind: how well it matches the prompt, and how good it is. If you see no difference, say so."
)


@transaction.atomic
def ask_people(
    *,
    comparison: ModelComparison,
    run: MpoRun,
    pairs: int = 50,
    overlap: int = 3,
    seed: int = 0,
    requested_by: Any = None,
) -> HumanVerdict:
    """Open a campaign that compares a run with its start.

    Each of ``pairs`` pairs is compared by ``overlap`` people. The sample is drawn by ``seed`` and spread over prompts.
    Sides are random, and nothing tells who made what.

    Raises:
        ProblemError: With ``field`` where one is to blame.
        ConflictError: If people are asked already.
    """
    # Two clicks at once wait for each other here.
    comparison = ModelComparison.objects.select_for_update(of=("self",)).get(pk=comparison.pk)
    if comparison.finished_at is None:
        raise ConflictError(
            gettext("“%(comparison)s” is not finished, so there is nothing to show yet.") % {"comparison": comparison},
            code="unfinished",
        )
    if not comparison.runs.filter(pk=run.pk).exists():
        raise ProblemError(
            gettext("“%(run)s” is not part of this comparison.") % {"run": run}, code="no_run", field="run"
        )
    if HumanVerdict.objects.filter(comparison=comparison, run=run).exists():
        raise ConflictError(gettext("Annotators have already been asked about “%(run)s”.") % {"run": run}, code="asked")
    if not 1 <= pairs <= MOST_PAIRS:
        raise refused(
            "pairs",
            gettext("The number of pairs must be 1 to %(most)s, not %(pairs)s.")
            % {"most": f"{MOST_PAIRS:,}", "pairs": pairs},
        )
    if not 1 <= overlap <= 50:
        raise refused(
            "overlap",
            gettext("The number of annotators per pair must be 1 to 50, not %(overlap)s.") % {"overlap": overlap},
        )
    sample = sample_pairs(comparison, run, pairs, seed)
    if not sample:
        raise ProblemError(
            gettext(
                "“%(run)s” generated exactly the same images as the reference model, so there is nothing to compare."
            )
            % {"run": run},
            code="no_pairs",
        )
    campaign = create_comparison_campaign(
        name=_campaign_name(comparison),
        pairs=sample,
        checklist_version=comparison.reward_model.checklist_version,
        overlap=overlap,
        seed=seed,
        guidelines=GUIDELINES,
        created_by=requested_by,
        state=CampaignState.OPEN,
    )
    return HumanVerdict.objects.create(
        comparison=comparison, run=run, campaign=campaign, seed=seed, created_by=requested_by
    )


def sample_pairs(comparison: ModelComparison, run: MpoRun, count: int, seed: int) -> list[tuple[Item, Item]]:
    """Draw at most ``count`` (start, run) pairs, spread over prompts.

    Both items of a pair have one prompt and seed. Every prompt gives one pair before any gives a second. Pairs whose
    pictures are the same bytes are left out, since nobody could prefer one of them.
    """
    made = comparison.made.select_related("item__prompt").order_by("prompt_id", "index")
    start = {(row.prompt_id, row.index): row.item for row in made.filter(run=None)}
    rows = [
        (row.prompt_id, start[row.prompt_id, row.index], row.item)
        for row in made.filter(run=run)
        if start[row.prompt_id, row.index].sha256 != row.item.sha256
    ]
    random.Random(seed).shuffle(rows)
    turn: dict[int, int] = {}
    ordered = []
    for place, (prompt, first, second) in enumerate(rows):
        turn[prompt] = turn.get(prompt, -1) + 1
        ordered.append((turn[prompt], place, first, second))
    ordered.sort(key=lambda row: row[:2])
    chosen: dict[tuple[int, int], tuple[Item, Item]] = {}
    for _, _, first, second in ordered:
        chosen.setdefault((first.pk, second.pk), (first, second))
    return list(chosen.values())[:count]


def _campaign_name(comparison: ModelComparison) -> str:
    """A name that tells annotators nothing of the models."""
    base = f"Which is better? {comparison.created_at:%Y-%m-%d}, no. {comparison.pk}"
    taken = set(Campaign.objects.filter(name__startswith=base).values_list("name", flat=True))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base} ({n})") not in taken)
