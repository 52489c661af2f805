"""Annotators see the media of the items they have been given, and of no others."""

from django.db.models import Exists, OuterRef, Q

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, Comparison


def given_to(user: User) -> Q:
    """Items this person has, or had, an assignment for, or has been given in a pair to compare."""
    compared = Comparison.objects.filter(annotator=user)
    return (
        Q(Exists(Assignment.objects.filter(campaign_item__item=OuterRef("pk"), annotator=user)))
        | Q(Exists(compared.filter(pair__first=OuterRef("pk"))))
        | Q(Exists(compared.filter(pair__second=OuterRef("pk"))))
    )
