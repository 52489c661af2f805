"""What follows from a finished scoring: pairs, where that was asked for."""

import logging
from typing import Any

from annotator.core.errors import ProblemError
from annotator.mpo import services
from annotator.rewards.models import RewardModel

logger = logging.getLogger(__name__)


def on_scoring_finished(
    sender: Any, *, reward_model: RewardModel, requested_by: Any = None, params: dict[str, Any], **kwargs: Any
) -> None:
    """Mine with the default options where the scoring was asked for with ``mine_after``.

    The scores stand already, so what hinders mining must not look like a failed scoring.
    """
    if not params.get("mine_after"):
        return
    try:
        services.request_pair_mining(reward_model=reward_model, requested_by=requested_by)
    except ProblemError as problem:
        logger.warning("no pairs are mined after scoring", extra={"reason": problem.message, "code": problem.code})
