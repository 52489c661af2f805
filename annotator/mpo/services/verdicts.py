"""People are asked as well: a sample of a comparison becomes a blind side-by-side campaign."""

from __future__ import annotations

import random
from typing import Any

from django.db import transaction

from annotator.campaigns.models import Campaign, CampaignState
from annotator.campaigns.services import create_comparison_campaign
from annotator.core.errors import ConflictError, ProblemError
from annotator.library.models import Item
from annotator.mpo.models import HumanVerdict, ModelComparison, MpoRun

MOST_PAIRS = 2000
GUIDELINES = (
    "Two pictures or clips were made for the same prompt. Say which one you prefer overall, with the prompt in mind: "
    "how well it shows what was asked, and how good it is. Where you see no difference, say so."
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
    """Open a campaign in which each of ``pairs`` start-and-run pairs is compared by ``overlap`` people.

    The sample is drawn by ``seed``, spread over prompts; sides are drawn by lot and nothing tells who made what.
    Raises ProblemError, with ``field`` where one is to blame, and ConflictError where people are asked already.
    """
    # Two clicks at once wait for each other here.
    comparison = ModelComparison.objects.select_for_update(of=("self",)).get(pk=comparison.pk)
    if comparison.finished_at is None:
        raise ConflictError(f"“{comparison}” is not finished; there is nothing to show yet.", code="unfinished")
    if not comparison.runs.filter(pk=run.pk).exists():
        raise ProblemError(f"“{run}” is not part of this comparison.", code="no_run", field="run")
    if HumanVerdict.objects.filter(comparison=comparison, run=run).exists():
        raise ConflictError(f"People are asked about “{run}” already.", code="asked")
    if not 1 <= pairs <= MOST_PAIRS:
        raise ProblemError(f"1 to {MOST_PAIRS:,} pairs can be sent, not {pairs}.", code="bad_option", field="pairs")
    if not 1 <= overlap <= 50:
        raise ProblemError(f"1 to 50 people can be asked of a pair, not {overlap}.", code="bad_option", field="overlap")
    sample = sample_pairs(comparison, run, pairs, seed)
    if not sample:
        raise ProblemError(
            f"“{run}” made the very same pictures as the start; there is nothing to compare.", code="no_pairs"
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
    """At most ``count`` (start, run) pairs of one prompt and seed: one of every prompt before a second of any.

    Pairs whose pictures are the same bytes are left out: nobody could say anything of them.
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
