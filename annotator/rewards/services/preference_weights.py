"""Weights fitted on what people preferred."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import preferences
from annotator.core.errors import ProblemError
from reward_engine.checklist import Checklist
from reward_engine.comparisons import Comparisons
from reward_engine.errors import RewardEngineError
from reward_engine.reward import soft_values
from reward_engine.weights import Weights

# Prompts are drawn anew so often for the intervals of the weights.
RESAMPLES = 200


def require_preferences(campaigns: Iterable[Campaign], media_type: str) -> None:
    """Check that weights can be fitted on these campaigns' comparisons.

    Raises:
        ProblemError: If none can be fitted on what people preferred in them.
    """
    campaigns = list(campaigns)
    for campaign in campaigns:
        if campaign.media_type != media_type:
            raise ProblemError(
                gettext("“%(name)s” compares the media type %(media_type)s, but the model is for %(media_type2)s.")
                % {"name": campaign.name, "media_type": campaign.media_type, "media_type2": media_type},
                code="media_type",
            )
    said = preferences(campaigns)
    if not (said.preferred != 0).any():
        raise ProblemError(
            gettext(
                "No one has preferred one item to another in these campaigns yet. Collect comparisons first, "
                "or train with equal weights."
            ),
            code="no_preferences",
        )
    if len(np.unique(said.prompts)) < 2:
        raise ProblemError(
            gettext(
                "All comparisons have the same prompt, so weights fitted to them could not be checked on "
                "another one. Compare items of more prompts."
            ),
            code="one_prompt",
        )


def fit_on_comparisons(
    checklist: Checklist,
    campaigns: Sequence[Campaign],
    p_yes_of: Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[Any]]],
    seed: int,
) -> tuple[Weights, dict[str, Any]]:
    """Fit weights that order items as people do.

    Returns the weights and plain data for the manifest.

    Args:
        p_yes_of: (the items that can be read, their P(yes) [n, q]) of items asked for.

    Raises:
        ProblemError: If nothing can be learned.
    """
    from reward_engine.preferences import fit_weights  # slow to import, and only this job needs it
    from reward_engine.preferences.effect import dimension_effects

    said = preferences(campaigns)
    items, p_yes = p_yes_of(np.unique([said.left, said.right]))
    known = np.isin(said.left, items) & np.isin(said.right, items)
    order = np.argsort(items)
    items, p_yes = items[order], p_yes[order]
    try:
        pairs = Comparisons.of(
            np.searchsorted(items, said.left[known]),
            np.searchsorted(items, said.right[known]),
            said.preferred[known],
            said.prompts[known],
            items=len(items),
        )
        values = soft_values(p_yes, checklist)
        found = fit_weights(checklist, values, pairs, resamples=RESAMPLES, seed=seed)
    except RewardEngineError as error:
        raise ProblemError(
            gettext("No weights could be fitted. %(message)s") % {"message": error.message}, code=error.code
        ) from error
    if not np.any(found.weights.coef):
        raise ProblemError(
            gettext(
                "No weights could be fitted: every weight came out as 0, because no answer of this judge "
                "agrees with people's preferences. Train without comparisons, or collect comparisons on "
                "which people agree."
            ),
            code="zero_weights",
        )
    report = found.to_json(checklist)
    del report["weights"]  # they stand in the manifest as the version's own
    effects = dimension_effects(checklist, values, pairs, found.weights, seed=seed)
    return found.weights, {
        "effects": [effect.to_json() for effect in effects],
        "campaigns": [{"id": campaign.pk, "name": campaign.name} for campaign in campaigns],
        "left_out": int((~known).sum()),
        "people": len(np.unique(said.annotators)),
        **report,
    }
