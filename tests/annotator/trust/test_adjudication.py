"""A reviewer's word stands."""

import pytest

from annotator.accounts.models import Role
from annotator.core.errors import ProblemError
from annotator.trust.models import Adjudication
from annotator.trust.services import adjudicate


def test_decisions_are_made_changed_and_taken_back(make_campaign, make_user):
    row, rev = make_campaign(1).campaign_items.get(), make_user("rev", Role.REVIEWER)
    adjudicate(campaign_item=row, levels={"clarity": 1, "safety": 1}, adjudicator=rev, note=" sharp ")
    assert dict(row.adjudications.values_list("sub_dimension", "level")) == {"clarity": 1, "safety": 1}
    standing = adjudicate(campaign_item=row, levels={"clarity": 2, "safety": None}, adjudicator=rev)
    assert [(a.sub_dimension, a.level) for a in standing] == [("clarity", 2)]


def test_a_decision_must_be_on_the_checklist_and_nothing_half_is_kept(make_campaign, make_user):
    row, rev = make_campaign(1).campaign_items.get(), make_user("rev", Role.REVIEWER)
    with pytest.raises(ProblemError, match="no level 7"):
        adjudicate(campaign_item=row, levels={"safety": 1, "clarity": 7}, adjudicator=rev)
    assert not Adjudication.objects.exists()
