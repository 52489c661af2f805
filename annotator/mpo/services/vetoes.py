"""People look at pairs and veto those they do not believe."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from annotator.mpo.models import PreferencePair


def set_veto(*, pair: PreferencePair, vetoed: bool, by: Any) -> PreferencePair:
    """Veto a pair or take the veto back. Doing so twice is doing it once; the first veto's author and time stay."""
    rows: QuerySet[PreferencePair] = PreferencePair.objects.filter(pk=pair.pk, vetoed_at__isnull=vetoed)
    rows.update(vetoed_at=timezone.now() if vetoed else None, vetoed_by=by if vetoed else None)
    pair.refresh_from_db(fields=["vetoed_at", "vetoed_by"])
    return pair
