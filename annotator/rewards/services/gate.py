"""The gate: whether a candidate may take the promoted version's place without a person looking.

**The rule.** Both versions' calibrated P(yes) are compared with people on the items that both held out, so each says
something of prompts it had not seen, and both of the same ones. What people say is taken from the candidate's snapshot,
the newer one. The candidate passes where its log loss, the mean over sub-dimensions, is at most that of the promoted
version; what vanishes in rounding to three digits counts as equal.

Why the estimate decides, and not its interval: "better beyond chance" would keep every small improvement waiting on
small datasets, and "not worse beyond chance" would let a version slide a little with each retraining. By the estimate a
version that is just as good passes at least every second time, and the next retraining is a new try, so that noise
holds nobody up for good. The interval stands beside it, and tells whoever decides by hand how much of it may be chance.

With fewer than FEWEST_PROMPTS common prompts there is nothing to draw from. Then each version's log loss is set in
relation to the baseline of its own held-out prompts, as was measured in training, and the smaller share passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages, items_text, joined, prompts_text
from annotator.rewards.models import RewardModel
from annotator.rewards.services import artifacts
from reward_engine.evaluation.level_comparison import JudgeFigures, compare_levels

FEWEST_PROMPTS = 5
ROUNDING = 0.0005
NEW, OLD = "new", "old"


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may take the promoted version's place, and why.

    ``why`` makes the sentence in the active language. ``comparison`` has the figures behind it as plain data; see
    :func:`gate`.
    """

    passes: bool
    why: Callable[[], str]
    comparison: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The reason in the active language."""
        return self.why()

    def to_json(self, *, asked: bool) -> dict[str, Any]:
        """Make plain data for the version's row.

        Args:
            asked: Whether it was to be promoted where it passes.
        """
        return {"passes": self.passes, "reason": in_all_languages(self.why), "asked": asked, **self.comparison}


@dataclass(frozen=True)
class Shared:
    """What several versions said of the items that all of them held out.

    ``items``, ``prompts`` int64 [n]; ``levels`` int8 [n, s] of the first version's snapshot; ``p_yes``: version's id →
    float32 [n, q], calibrated.
    """

    items: NDArray[np.int64]
    prompts: NDArray[np.int64]
    levels: NDArray[np.int8]
    p_yes: dict[int, NDArray[Any]]

    @property
    def prompt_count(self) -> int:
        return len(np.unique(self.prompts))


def shared_items(models: Sequence[RewardModel]) -> Shared:
    """Read versions' predictions of the items that all of them held out.

    The versions have one checklist. The levels are those of the first one.

    Raises:
        BrokenArtifactError: If a version's held-out predictions are missing or altered.
    """
    held = {model.pk: artifacts.read_held_out(model) for model in models}
    first = held[models[0].pk]
    common = first["items"]
    for arrays in held.values():
        common = np.intersect1d(common, arrays["items"])
    at = {pk: _rows(arrays["items"], common) for pk, arrays in held.items()}
    rows = at[models[0].pk]
    return Shared(
        items=common,
        prompts=_prompts(models[0], first)[rows],
        levels=first["levels"][rows],
        # Calibrated by fits that had not seen the prompt either; versions of before have only one of the two.
        p_yes={pk: arrays.get("calibrated", arrays["p_yes"])[at[pk]] for pk, arrays in held.items()},
    )


def _prompts(model: RewardModel, held_out: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """The prompts of a version's held-out items; for one made before they were kept there, from its snapshot."""
    if "prompts" in held_out:
        return held_out["prompts"]
    if model.snapshot is None:
        raise artifacts.BrokenArtifactError(
            gettext("The held-out predictions of %(model)s do not record their prompts. Train again.")
            % {"model": model}
        )
    frozen = artifacts.read_snapshot(model.snapshot)
    return np.asarray(frozen["prompts"][_rows(frozen["items"], held_out["items"])])


def _rows(items: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.argsort(items, kind="stable")
    return np.asarray(order[np.searchsorted(items[order], wanted)])


def gate(candidate: RewardModel, standing: RewardModel | None) -> Verdict:
    """May this candidate be promoted without a person looking?

    The verdict's ``comparison``: ``against`` (id, version, judge), ``how`` ("items": on common items; "shares": by the
    shares of each one's baseline; "none"), and with "items" ``items``, ``prompts``, ``rows`` (one a sub-dimension: id,
    name, n, and for accuracy and log_loss old, new and difference with value, low and high) and ``overall``, alike.
    """
    if standing is None:
        return Verdict(True, lambda: gettext("It is the first version: no other one is promoted."), {"how": "none"})
    against = {"against": {"id": standing.pk, "version": standing.version, "judge": standing.judge}}
    if standing.checklist_version_id != candidate.checklist_version_id:
        return Verdict(
            False,
            lambda: (
                gettext(
                    "It answers another checklist than version %(version)s, which is promoted. A person must decide."
                )
                % {"version": standing.version}
            ),
            {**against, "how": "none"},
        )
    try:
        shared = shared_items([candidate, standing])
    except ProblemError as problem:
        message = problem.message
        return _by_shares(
            candidate,
            standing,
            against,
            lambda: gettext("They cannot be compared on common items: %(reason)s") % {"reason": message},
        )
    if shared.prompt_count < FEWEST_PROMPTS:
        return _by_shares(candidate, standing, against, lambda: _too_few(shared))
    return _on_common_items(candidate, standing, shared, against)


def _on_common_items(candidate: RewardModel, standing: RewardModel, shared: Shared, against: dict[str, Any]) -> Verdict:
    checklist = checklist_of(candidate.checklist_version)
    found = compare_levels(
        checklist,
        {NEW: shared.p_yes[candidate.pk], OLD: shared.p_yes[standing.pk]},
        shared.levels,
        shared.prompts,
        reference=OLD,
    )
    loss = found.overall[NEW].log_loss_difference
    before, after = found.overall[OLD].log_loss, found.overall[NEW].log_loss
    if loss is None or before is None or after is None:
        return _by_shares(
            candidate, standing, against, lambda: gettext("Their log loss on common items cannot be computed.")
        )
    names = {sub.id: sub.name for sub in checklist.ordinal}
    comparison = {
        **against,
        "how": "items",
        "items": found.items,
        "prompts": found.prompts,
        "rows": [
            {"id": sub, "name": names[sub], "n": found.n[sub], **_pair(figures)}
            for sub, figures in found.sub_dimensions.items()
            if found.n[sub]
        ],
        "overall": _pair(found.overall),
    }
    passes = loss.value <= ROUNDING
    numbers = {
        "items": found.items,
        "prompts": found.prompts,
        "after": f"{after.value:.3f}",
        "before": f"{before.value:.3f}",
        "version": standing.version,
        "difference": _signed(loss.value),
        "low": _signed(loss.low),
        "high": _signed(loss.high),
    }
    by_chance = loss.low <= 0 <= loss.high and loss.low < loss.high
    return Verdict(passes, lambda: _loss_in_words(passes, numbers, by_chance), comparison)


def _loss_in_words(passes: bool, numbers: Mapping[str, Any], by_chance: bool) -> str:
    return joined(
        [
            gettext("It is at least as good.") if passes else gettext("It is not as good."),
            gettext(
                "On the %(items)s of %(prompts)s that both held out, its log loss is %(after)s, and version "
                "%(version)s’s is %(before)s (difference %(difference)s, 95%% interval %(low)s to %(high)s)."
            )
            % {**numbers, "items": items_text(numbers["items"]), "prompts": prompts_text(numbers["prompts"])},
            gettext("The difference may be chance.") if by_chance else "",
        ]
    )


def _too_few(shared: Shared) -> str:
    return gettext(
        "Both held out %(items)s of %(prompts)s in common, but at least %(fewest)s prompts are needed for a comparison."
    ) % {
        "items": items_text(len(shared.items)),
        "prompts": prompts_text(shared.prompt_count),
        "fewest": FEWEST_PROMPTS,
    }


def _pair(figures: Mapping[str, JudgeFigures]) -> dict[str, Any]:
    """Old, new and difference of accuracy and log loss."""
    old, new = figures[OLD], figures[NEW]
    return {
        name: {
            "old": None if (was := getattr(old, name)) is None else was.value,
            "new": None if (now := getattr(new, name)) is None else now.value,
            "difference": None if (gap := getattr(new, f"{name}_difference")) is None
            else {"value": gap.value, "low": gap.low, "high": gap.high},
        }
        for name in ("accuracy", "log_loss")
    }  # fmt: skip


def _by_shares(
    candidate: RewardModel, standing: RewardModel, against: dict[str, Any], why: Callable[[], str]
) -> Verdict:
    """How far each is below the log loss of its own baseline (1: no better than the shares of yes; 0: always sure and
    right), since the two were measured on different prompts."""
    ours, theirs = _relative_loss(candidate), _relative_loss(standing)
    if ours is None or theirs is None:
        comparison = {**against, "how": "none"}
        return Verdict(
            False,
            lambda: joined([gettext("Its held-out metrics cannot be compared. A person must decide."), why()]),
            comparison,
        )
    comparison = {**against, "how": "shares", "old_share": theirs, "new_share": ours}
    passes = ours <= theirs

    def in_words() -> str:
        shares = gettext(
            "Its log loss on held-out prompts is %(ours)s of the baseline’s, and version %(version)s’s is %(theirs)s."
        ) % {"ours": f"{ours:.0%}", "theirs": f"{theirs:.0%}", "version": standing.version}
        return joined([gettext("It is at least as good.") if passes else gettext("It is not as good."), shares, why()])

    return Verdict(passes, in_words, comparison)


def _relative_loss(model: RewardModel) -> float | None:
    overall = model.metrics.get("overall", {})
    loss, baseline = overall.get("log_loss"), overall.get("baseline_log_loss")
    return loss / baseline if loss is not None and baseline else None


def _signed(value: float) -> str:
    text = f"{abs(value):.3f}"
    return text if not float(text) else ("−" if value < 0 else "+") + text
