"""The levels that count, by the chosen method, a reviewer's decisions on top."""

from collections.abc import Iterable

import numpy as np
from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import JudgmentTable, judgment_levels
from annotator.core.errors import ProblemError
from annotator.trust.consensus import ConsensusTable, by_reliability, majority, overrule
from annotator.trust.models import Adjudication


class ConsensusMethod(TextChoices):
    """How answers become one level."""

    MAJORITY = "majority", _("Majority vote")
    RELIABILITY = "reliability", _("Weighted by annotator reliability (Dawid–Skene)")


METHODS = {ConsensusMethod.MAJORITY: majority, ConsensusMethod.RELIABILITY: by_reliability}


def consensus_of(campaigns: Iterable[Campaign], method: str = ConsensusMethod.MAJORITY) -> ConsensusTable:
    """Work out the consensus of campaigns.

    Raises:
        ProblemError: For an unknown method, mixed checklist versions, or no campaign.
    """
    require_method(method)
    campaigns = list(campaigns)
    return consensus_from(judgment_levels(campaigns), campaigns, method)


def require_method(method: str) -> None:
    """Check the name of a consensus method.

    Raises:
        ProblemError: If there is no such consensus.
    """
    if method not in ConsensusMethod.values:
        raise ProblemError(
            gettext("There is no consensus method “%(method)s”. Choose %(names)s.")
            % {"method": method, "names": " or ".join(ConsensusMethod.values)},
            code="no_consensus",
        )


def consensus_from(judgments: JudgmentTable, campaigns: Iterable[Campaign], method: str) -> ConsensusTable:
    """Work out the consensus of judgments that have been read already.

    The judgments were given in these campaigns.
    """
    table = METHODS[ConsensusMethod(method)](judgments)
    ordinal = {sub.id: index for index, sub in enumerate(table.checklist.ordinal)}
    decisions = [
        (item, ordinal[sub], level)
        for item, sub, level in Adjudication.objects.filter(campaign_item__campaign__in=list(campaigns))
        .order_by("updated_at")
        .values_list("campaign_item__item_id", "sub_dimension", "level")
        if sub in ordinal
    ]
    if not decisions:
        return table
    items, columns, levels = (np.array(column) for column in zip(*decisions, strict=True))
    return overrule(table, items.astype(np.int64), columns.astype(np.int64), levels.astype(np.int8))
