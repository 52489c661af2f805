"""What the model said and what people said of the same items, and whether the model had seen their prompts.

A version's heads are fitted on all annotated items in the end, so that its scores of those are no evidence of how it
does on new ones. Two things are: what heads that had not seen an item's prompt said while the version was measured
(kept beside the model), and scores of items whose prompts the version was never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import JudgmentTable, judgment_levels
from annotator.core.errors import ProblemError
from annotator.library.models import Item
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services import artifacts
from annotator.trust.consensus import ConsensusTable, majority

CHUNK = 5000


@dataclass(frozen=True)
class Evidence:
    """n items that people judged, ascending. ``held_out`` and ``scored``: float64 [n, q], P(yes) of the two kinds,
    rows of NaN where there is none. ``notes``: what could not be taken into account, in words."""

    table: JudgmentTable
    consensus: ConsensusTable
    held_out: NDArray[np.float64]
    scored: NDArray[np.float64]
    notes: tuple[str, ...]

    @property
    def items(self) -> NDArray[np.int64]:
        return self.consensus.items

    @property
    def has_held_out(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.held_out).any(axis=1))

    @property
    def has_scores(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.scored).any(axis=1))


def gather(model: RewardModel | None, campaigns: list[Campaign]) -> Evidence:
    """Gather what people and the model say of the same items.

    Raises:
        ProblemError: If nobody annotated, or with a checklist other than the model's.
    """
    table = judgment_levels(campaigns)
    if not len(table.items):
        raise ProblemError(
            gettext("No one has submitted an annotation here yet, so there is nothing to compare."), code="empty"
        )
    consensus = majority(table)
    width = len(table.checklist.questions)
    held_out = np.full((len(consensus.items), width), np.nan)
    scored = held_out.copy()
    notes: list[str] = []
    if model is not None:
        if model.checklist_version_id != table.version.pk:
            raise ProblemError(
                gettext(
                    "%(model)s answers the checklist %(checklist_version)s, but these campaigns use "
                    "%(version)s, which has different levels. Choose a campaign with the model's checklist."
                )
                % {"model": model, "checklist_version": model.checklist_version, "version": table.version},
                code="mixed_checklists",
            )
        _fill_scores(scored, model, consensus.items, notes)
        _fill_held_out(held_out, scored, model, consensus, notes)
    return Evidence(table, consensus, held_out, scored, tuple(notes))


def of_generator(evidence: Evidence, generator: int) -> Evidence:
    """Keep the items that a generator made.

    Raises:
        ProblemError: If nobody judged any of them.
    """
    made = np.fromiter(Item.objects.filter(generator=generator).values_list("pk", flat=True).iterator(), np.int64)
    kept, told = np.isin(evidence.items, made), np.isin(evidence.table.items, made)
    if not kept.any():
        raise ProblemError(
            gettext("No one has judged an item of this generator here. Choose another one, or all."), code="empty"
        )
    consensus, table = evidence.consensus, evidence.table
    by_item = ("items", "prompts", "levels", "support", "agreement", "adjudicated")
    by_annotation = ("assignments", "items", "prompts", "annotators", "levels")
    return replace(
        evidence,
        table=replace(table, **{name: getattr(table, name)[told] for name in by_annotation}),
        consensus=replace(
            consensus, annotations=int(told.sum()), **{name: getattr(consensus, name)[kept] for name in by_item}
        ),
        held_out=evidence.held_out[kept],
        scored=evidence.scored[kept],
    )


def _fill_scores(scored: NDArray[np.float64], model: RewardModel, items: NDArray[np.int64], notes: list[str]) -> None:
    misfits = 0
    for start in range(0, len(items), CHUNK):
        part = [int(pk) for pk in items[start : start + CHUNK]]
        for pk, p_yes in Score.objects.filter(reward_model=model, item__in=part).values_list("item_id", "p_yes"):
            if len(p_yes) != scored.shape[1]:
                misfits += 1
                continue
            scored[np.searchsorted(items, pk)] = p_yes
    if misfits:
        notes.append(f"{misfits} scores were made with another checklist and are left out. Score those items again.")


def _fill_held_out(
    held_out: NDArray[np.float64],
    scored: NDArray[np.float64],
    model: RewardModel,
    consensus: ConsensusTable,
    notes: list[str],
) -> None:
    if model.snapshot is None:
        notes.append("The training data of this version is not recorded, so none of its scores counts as held out.")
        return
    try:
        trained_on = artifacts.read_snapshot(model.snapshot)["prompts"]
        unseen = artifacts.read_held_out(model)
    except artifacts.BrokenArtifactError as problem:
        notes.append(f"{problem.message} Until then none of this version's scores counts as held out.")
        return
    new = ~np.isin(consensus.prompts, trained_on)
    held_out[new] = scored[new]
    _, here, there = np.intersect1d(consensus.items, unseen["items"], return_indices=True)
    held_out[here] = unseen.get("calibrated", unseen["p_yes"])[there]  # as it is used
