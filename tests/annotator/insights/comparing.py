"""People's comparisons of items of several generators, as rows."""

from dataclasses import dataclass

import numpy as np
from django.utils import timezone

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign, CampaignKind, ComparisonPair, HumanComparison
from annotator.library.models import Item
from tests.factories import built_in_checklist, make_bare_items, make_generator, make_prompt


@dataclass
class Compared:
    """``items[prompt][generator]``: an item of each; each pair was compared by all ``people``."""

    campaign: Campaign
    items: list[list[Item]]
    pairs: list[ComparisonPair]


def make_compared(people: list[User], *, gains: dict[str, float], prompts: int = 12, seed: int = 0) -> Compared:
    """A campaign in which people compared all pairs of generators, the better the higher its gain."""
    rng = np.random.default_rng(seed)
    campaign = Campaign.objects.create(
        name=f"Pairs {seed}", kind=CampaignKind.COMPARING, media_type="image",
        checklist_version=built_in_checklist("image"), overlap=len(people), state="open",
    )  # fmt: skip
    makers = [make_generator(name) for name in gains]
    items: list[list[Item]] = []
    for number in range(prompts):
        prompt = make_prompt(f"Lamp number {number} of seed {seed}")
        items.append([])
        for maker in makers:
            item = make_bare_items(1, generator=maker)[0]
            Item.objects.filter(pk=item.pk).update(prompt=prompt, size_bytes=int(rng.integers(1, 1000)))
            item.refresh_from_db()
            items[-1].append(item)
    levels, pairs, said = list(gains.values()), [], []
    now = timezone.now()
    for row in items:
        for one in range(len(makers)):
            for other in range(one + 1, len(makers)):
                pair = ComparisonPair.objects.create(
                    campaign=campaign, first=row[one], second=row[other], needed=len(people), open_slots=0,
                    submitted=len(people),
                )  # fmt: skip
                pairs.append(pair)
                for index, person in enumerate(people):
                    gap, swapped = levels[one] - levels[other] + rng.logistic(), bool(index % 2)
                    first = "tie" if abs(gap) < 0.4 else "left" if (gap > 0) != swapped else "right"
                    said.append(
                        HumanComparison(
                            pair=pair,
                            annotator=person,
                            swapped=swapped,
                            preference=first,
                            state="submitted",
                            lease_expires_at=now,
                            submitted_at=now,
                        )
                    )
    HumanComparison.objects.bulk_create(said)
    return Compared(campaign, items, pairs)
