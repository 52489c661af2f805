"""Asking for a training: checked, and queued as a job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext

from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import enqueue
from annotator.library.models import MediaType
from annotator.rewards import judges
from annotator.rewards.services import preference_weights
from annotator.trust.queries import ConsensusMethod, require_method
from reward_engine.storage import sha256

TRAIN_TASK = "rewards.train"


def request_training(
    *,
    campaigns: Iterable[Campaign],
    requested_by: Any = None,
    promote: bool = False,
    score_after: bool = True,
    mine_after: bool = False,
    seed: int = 0,
    consensus: str = ConsensusMethod.MAJORITY,
    comparisons: Iterable[Campaign] = (),
    automatic: bool = False,
    judge: str = "probe",
    settings: Mapping[str, Any] | None = None,
    keep_limited: bool = False,
) -> Job:
    """Request a new version trained on these campaigns.

    Asking twice for the same returns the job that is under way.

    Args:
        promote: Promote it where it passes the gate (the first of a media type always does).
        score_after: Score all items with it.
        mine_after: And mine pairs from the scores.
        consensus: How several people's answers become one.
        comparisons: Campaigns in which people compared items; the weights are fitted on what they preferred, and
            without them they are those published with the checklist, or every sub-dimension counts alike.
        judge: The kind of judge, with its own ``settings`` (defaults for those not given).
        keep_limited: Let ladders count that held-out prompts give no reason to trust.

    Raises:
        ProblemError: If there are no campaigns, they use different checklists, or no weights can be fitted on these
            comparisons.
    """
    campaigns = sorted(campaigns, key=lambda campaign: campaign.pk)
    require_one_checklist(campaigns)
    require_method(consensus)
    comparisons = sorted(comparisons, key=lambda campaign: campaign.pk)
    if comparisons:
        preference_weights.require_preferences(comparisons, campaigns[0].media_type)
    kind = judges.kind_of(judge)
    chosen = kind.check_settings(settings or {}, campaigns[0].media_type)
    params = {
        "judge": kind.name,
        "settings": chosen,
        "campaigns": [campaign.pk for campaign in campaigns],
        "media_type": campaigns[0].media_type,
        "checklist_version": campaigns[0].checklist_version_id,
        "promote": promote,
        "score_after": score_after,
        "mine_after": mine_after,
        "seed": seed,
        "consensus": consensus,
        "comparisons": [campaign.pk for campaign in comparisons],
        "automatic": automatic,
        **({"keep_limited": True} if keep_limited else {}),
    }
    key = sha256(json.dumps(params, sort_keys=True).encode())
    return enqueue(
        kind=TRAIN_TASK,
        title=in_all_languages(lambda: _title(campaigns[0].media_type, kind)),
        params=params,
        queue=Queue.GPU,
        requested_by=requested_by,
        dedupe_key=f"train:{key}",
    )


def require_one_checklist(campaigns: Sequence[Campaign]) -> None:
    """Check that campaigns share one checklist version.

    Raises:
        ProblemError: If there are no campaigns, or they use different checklist versions.
    """
    if not campaigns:
        raise ProblemError(gettext("Choose at least one campaign."), code="no_campaign")
    if len({campaign.checklist_version_id for campaign in campaigns}) > 1:
        raise ProblemError(
            gettext(
                "These campaigns use different checklist versions, so their answers cannot be combined. "
                "Choose campaigns of one version."
            ),
            code="mixed_checklists",
        )


def _title(media_type: str, kind: judges.JudgeKind) -> str:
    image = media_type == MediaType.IMAGE
    if kind.learns:
        title = gettext("Train the image reward model") if image else gettext("Train the video reward model")
    else:
        title = gettext("Measure the image reward model") if image else gettext("Measure the video reward model")
    return title if kind.name == "probe" else f"{title}: {kind.label}"
