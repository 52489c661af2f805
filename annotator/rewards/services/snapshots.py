"""Snapshots: what people agreed on, frozen as arrays under the digest of its content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from annotator.campaigns.models import Campaign
from annotator.core.errors import ProblemError
from annotator.rewards.models import Snapshot
from annotator.rewards.services import artifacts
from annotator.trust.consensus import ConsensusTable
from annotator.trust.queries import ConsensusMethod, consensus_of


@dataclass(frozen=True)
class Frozen:
    """A snapshot whose file is written and whose row is not made yet."""

    campaigns: list[Campaign]
    table: ConsensusTable
    path: str
    sha256: str


def freeze(campaigns: Iterable[Campaign], consensus: str = ConsensusMethod.MAJORITY) -> Frozen:
    """Write the consensus of these campaigns' submitted annotations.

    A reviewer's decisions come before it.

    Raises:
        ProblemError: If there are none, where the campaigns use different checklists, or for an unknown method.
    """
    campaigns = list(campaigns)
    table = consensus_of(campaigns, consensus)
    if not len(table.items):
        names = ", ".join(f"“{campaign.name}”" for campaign in campaigns)
        raise ProblemError(
            gettext("No annotations have been submitted in %(names)s yet. Annotate some items, then try again.")
            % {"names": names},
            code="no_annotations",
        )
    content = artifacts.pack(
        {
            "items": table.items,
            "prompts": table.prompts,
            "levels": table.levels,
            "support": table.support,
            "agreement": table.agreement,
            "adjudicated": table.adjudicated,
        },
        about=f"consensus by {table.method} on the checklist {table.checklist.content_hash}",
    )
    sha256 = artifacts.digest(content)
    path = artifacts.root() / "snapshots" / f"{sha256}.safetensors"
    artifacts.write_file(path, content)
    return Frozen(campaigns, table, artifacts.below_root(path), sha256)


def record(frozen: Frozen, created_by: Any = None) -> Snapshot:
    """Create the row of a frozen snapshot.

    The caller has begun a transaction.
    """
    snapshot = Snapshot.objects.create(
        media_type=frozen.table.version.media_type,
        checklist_version=frozen.table.version,
        consensus=frozen.table.method,
        items=len(frozen.table.items),
        judgments=frozen.table.judgments,
        prompts=len(set(frozen.table.prompts.tolist())),
        path=frozen.path,
        sha256=frozen.sha256,
        created_by=created_by,
    )
    snapshot.campaigns.set(frozen.campaigns)
    return snapshot
