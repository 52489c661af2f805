"""What annotators have reported, for reviewers."""

from django.db.models import QuerySet

from annotator.campaigns.models import Campaign, Flag, FlagOutcome


def flags(*, campaign: Campaign | None = None, settled: bool = False, reason: str = "") -> QuerySet[Flag]:
    """List reports that wait for a reviewer, the oldest first.

    With ``settled``, list those that have been settled, the newest first.
    """
    found = Flag.objects.select_related(
        "assignment__annotator", "assignment__campaign_item__campaign__checklist_version", "item__prompt", "settled_by"
    )
    if campaign is not None:
        found = found.filter(assignment__campaign_item__campaign=campaign)
    if reason:
        found = found.filter(reason=reason)
    if settled:
        return found.exclude(outcome=FlagOutcome.OPEN).order_by("-settled_at", "-pk")
    return found.filter(outcome=FlagOutcome.OPEN).order_by("pk")


def open_flags(campaign: Campaign | None = None) -> int:
    """Count the reports that wait for a reviewer."""
    found = Flag.objects.filter(outcome=FlagOutcome.OPEN)
    return (found if campaign is None else found.filter(assignment__campaign_item__campaign=campaign)).count()
