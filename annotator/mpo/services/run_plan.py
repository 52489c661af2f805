"""What a run would train on and with, looked at before anything is queued: each refusal names the field to mend.

Nothing here needs a GPU, and nothing loads PyTorch: web processes do all of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext, ngettext

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.generations import pipelines
from annotator.generations.pipelines import hub_class, located
from annotator.library.models import Item, MediaType
from annotator.library.storage import shown_path
from annotator.mpo.models import PairSet, PreferencePair
from annotator.mpo.options import MiningOptions, Source
from annotator.mpo.queries import kept_pairs
from annotator.rewards.models import Score
from reward_engine.errors import RewardEngineError
from reward_engine.mpo.policies import FAMILIES, check_lora, family_of, folder
from reward_engine.mpo.seeds import seed_of
from reward_engine.mpo.training import Settings

if TYPE_CHECKING:
    from reward_engine.mpo.training import TrainingPair

# Held-out pairs are measured again and again: so many say it exactly enough (accuracy within 3 %), more would take
# longer than the training itself.
MOST_MEASURED = 256
LEAST_HELD_OUT = 2  # a comparison on one prompt could not say how sure it is


MOST = {
    "steps": 10_000_000, "pairs_per_step": 100_000, "batch_size": 4096, "rank": 1024, "alpha": 1_000_000,
    "width": 8192, "height": 8192, "frames": 1024, "evaluation_draws": 256, "sample_prompts": 64, "sample_seeds": 64,
    "sampling_steps": 1000, "save_every": 10_000_000, "seed": 2**62,
}  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Which prompts are held out, and what that leaves. ``items``: pictures or clips that must be encoded."""

    held_out: frozenset[int]
    trained_pairs: int
    held_out_pairs: int
    trained_prompts: int
    items: int

    @property
    def held_out_prompts(self) -> int:
        return len(self.held_out)


@dataclass(frozen=True)
class RunPlan:
    """A run that may be started. ``source``: the pipeline's folder, or a hub id that is fetched when the run begins."""

    pair_set: PairSet
    pipeline: str
    source: Path | str
    pipeline_class: str
    start_lora: str
    lora: Path | None
    settings: Settings
    split: Split


def plan_run(
    *, pair_set: PairSet, pipeline: str, start_lora: str = "", settings: dict[str, Any], held_out_share: float = 0.1
) -> RunPlan:
    """Check all options of a run and plan it.

    Raises:
        ProblemError: With ``field`` where one is to blame.
    """
    with problem_at("settings"):
        wanted = Settings.from_dict(settings)
    _require_sane(wanted)
    source = pipelines.pipeline_source(pipeline)
    with problem_at("pipeline"):
        pipeline_class = class_of(source)
    _require_media_type(pair_set, pipeline_class)
    try:
        lora = pipelines.lora_file(start_lora)
        if lora is not None:
            with problem_at("start_lora"):
                check_lora(lora)
    except ProblemError as problem:
        raise ProblemError(problem.message, code=problem.code, field="start_lora") from problem
    check_scores(pair_set)
    split = split_pairs(pair_set, held_out_share)
    _require_frames(pair_set, wanted)
    return RunPlan(pair_set, pipeline, source, pipeline_class, start_lora, lora, wanted, split)


def _require_sane(settings: Settings) -> None:
    """Numbers that no run has, which would only use up memory before they failed."""
    for name, value in settings.to_dict().items():
        most = MOST.get(name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ProblemError(
                gettext("“%(name)s” must be a finite number.") % {"name": name}, code="settings", field=name
            )
        if most is not None and not 0 <= value <= most:
            raise ProblemError(
                gettext("“%(name)s” must be at most %(most)s, not %(value)s.")
                % {"name": name, "most": f"{most:,}", "value": f"{value:,}"},
                code="settings",
                field=name,
            )


@contextmanager
def problem_at(field: str) -> Iterator[None]:
    """Turn errors of the engine into a problem of this field.

    An error of settings becomes a problem of the setting that it names.
    """
    try:
        yield
    except RewardEngineError as error:
        named = re.match(r"“(\w+)” must be", error.message) if field == "settings" else None
        raise ProblemError(error.message, code=error.code, field=named[1] if named else field) from error


def class_of(source: Path | str) -> str:
    """Read the class of a pipeline that can be trained.

    The pipeline is checked to be whole and of a family that can be trained.

    Raises:
        TrainingError: It cannot be trained.
    """
    place = located(source)
    if place is None:
        return hub_class(str(source))
    folder.check(place)
    family_of(place)
    return folder.pipeline_class(place)


def _require_media_type(pair_set: PairSet, pipeline_class: str) -> None:
    made, given = FAMILIES[pipeline_class].media_type, pair_set.reward_model.media_type
    if made != given:
        raise ProblemError(
            gettext(
                "%(pipeline_class)s generates %(made)s items, but “%(pair_set)s” contains %(given)s pairs. "
                "Choose a pipeline for the media type %(given)s, or pairs of the media type %(made)s."
            )
            % {"pipeline_class": pipeline_class, "made": made, "pair_set": pair_set, "given": given},
            code="media_type",
            field="pipeline",
        )


def _kept(pair_set: PairSet) -> QuerySet[PreferencePair]:
    return pair_set.pairs.filter(vetoed_at__isnull=True)


def check_scores(pair_set: PairSet) -> None:
    """Check that there are pairs whose scores still stand.

    Each pair must be measured by the set's checklist.

    Raises:
        ProblemError: With the code ``no_pairs``, ``mixed_versions`` or ``missing_scores``.
    """
    kept = _kept(pair_set)
    if pair_set.ready_at is None or not kept.exists():
        vetoed = pair_set.pairs_count
        raise _pairs_problem(
            (
                gettext(
                    "“%(pair_set)s” has no pairs to train on: all %(vetoed)s are vetoed. Remove vetoes, or mine "
                    "with a smaller margin, at a coarser level, or from more items per prompt."
                )
                if vetoed
                else gettext(
                    "“%(pair_set)s” has no pairs to train on: no item dominates another one of its prompt. Mine "
                    "with a smaller margin, at a coarser level, or from more items per prompt."
                )
            )
            % {"pair_set": pair_set, "vetoed": f"{vetoed:,}"},
            "no_pairs",
        )
    checklist = checklist_of(pair_set.reward_model.checklist_version)
    other = kept.exclude(gap_by_dimension__len=len(checklist.dimensions)).count()
    if other:
        raise _pairs_problem(
            gettext(
                "%(other)s pairs of “%(pair_set)s” were scored with another checklist version than "
                "%(checklist_version)s, so their dimensions differ. Score the items with one reward model "
                "and mine again."
            )
            % {
                "other": f"{other:,}",
                "pair_set": pair_set,
                "checklist_version": pair_set.reward_model.checklist_version,
            },
            "mixed_versions",
        )
    if MiningOptions.of_set(pair_set.options).source == Source.CONSENSUS:
        return
    items = Item.objects.filter(Exists(kept.filter(Q(winner=OuterRef("pk")) | Q(loser=OuterRef("pk")))))
    scores = Score.objects.filter(reward_model=pair_set.reward_model, item=OuterRef("pk"))
    lacking = items.filter(~Exists(scores))
    if count := lacking.count():
        raise _pairs_problem(
            ngettext(
                "%(count)s item of “%(pair_set)s” no longer has a score from %(reward_model)s: item %(item)s. Score it "
                "with that version, and mine again.",
                "%(count)s items of “%(pair_set)s” no longer have a score from %(reward_model)s, including "
                "item %(item)s. Score them with it, and mine again.",
                count,
            )
            % {
                "count": f"{count:,}",
                "pair_set": pair_set,
                "reward_model": pair_set.reward_model,
                "item": lacking.order_by("pk").values_list("pk", flat=True)[0],
            },
            "missing_scores",
        )


def _pairs_problem(message: str, code: str) -> ProblemError:
    return ProblemError(message, code=code, field="pair_set")


def split_pairs(pair_set: PairSet, share: float) -> Split:
    """Hold out about ``share`` of the prompts with all their pairs.

    Held-out pairs are measured and never trained on.

    The prompt's text alone decides which ones, so that all runs hold out the same. Where that leaves fewer than a
    comparison needs, or none to train on, though there are prompts enough, the next ones change sides.

    Raises:
        ProblemError: For a share that is none.
    """
    if not 0 <= share < 1:
        raise ProblemError(
            gettext("The held-out share must be at least 0 and below 1, not %(share)s.") % {"share": f"{share:g}"},
            code="options",
            field="held_out_share",
        )
    rows = list(_kept(pair_set).order_by().values_list("prompt_id", "prompt__text").annotate(n=Count("pk")))
    drawn = sorted((seed_of(0, "held out", text) / 2**63, pk) for pk, text, _ in rows)
    out = [pk for draw, pk in drawn if draw < share]
    if share > 0:
        out = [pk for _, pk in drawn[: max(len(out), min(LEAST_HELD_OUT, len(drawn) // 2))]]
    if len(out) == len(drawn):
        out = out[:-1]
    held = frozenset(out)
    of_held = sum(n for pk, _, n in rows if pk in held)
    kept = _kept(pair_set)
    items = Item.objects.filter(
        Exists(kept.filter(winner=OuterRef("pk"))) | Exists(kept.filter(loser=OuterRef("pk")))
    ).count()
    return Split(
        held_out=held,
        trained_pairs=sum(n for _, _, n in rows) - of_held,
        held_out_pairs=min(of_held, MOST_MEASURED),
        trained_prompts=len(rows) - len(held),
        items=items,
    )


def _require_frames(pair_set: PairSet, settings: Settings) -> None:
    if pair_set.reward_model.media_type != MediaType.VIDEO or not settings.frames:
        return
    kept = _kept(pair_set)
    items = Item.objects.filter(
        Exists(kept.filter(winner=OuterRef("pk"))) | Exists(kept.filter(loser=OuterRef("pk")))
    ).filter(frame_count__lt=settings.frames)
    if count := items.count():
        shortest = items.aggregate(least=Min("frame_count"))["least"]
        raise ProblemError(
            ngettext(
                "%(count)s video has fewer than %(frames)s frames: %(shortest)s. Choose fewer frames.",
                "%(count)s videos have fewer than %(frames)s frames; the shortest has %(shortest)s. Choose "
                "fewer frames.",
                count,
            )
            % {"count": f"{count:,}", "frames": settings.frames, "shortest": shortest},
            code="too_short",
            field="frames",
        )


def training_pairs(plan: RunPlan) -> list[TrainingPair]:
    """List the pairs as the trainer takes them.

    Pairs of held-out prompts are marked, and there are at most MOST_MEASURED of them.
    """
    from reward_engine.mpo.training import TrainingPair

    trained: list[TrainingPair] = []
    measured: list[tuple[int, TrainingPair]] = []
    for chunk in kept_pairs(plan.pair_set):
        for row in chunk:
            winner, loser = shown_path(row.winner), shown_path(row.loser)
            if row.prompt_id in plan.split.held_out:
                draw = seed_of("measured", row.winner.sha256, row.loser.sha256)
                measured.append((draw, TrainingPair(row.prompt, winner, loser, held_out=True)))
            else:
                trained.append(TrainingPair(row.prompt, winner, loser))
    measured.sort(key=lambda pair: pair[0])
    return trained + [pair for _, pair in measured[:MOST_MEASURED]]
