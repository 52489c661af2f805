"""What a list of scores can be narrowed by, on the page and in the API alike."""

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from annotator.library.models import MediaType
from annotator.rewards.models import RewardModelState, Score

ORDERINGS = {
    "best": (_("Best first"), ("-reward", "item_id")),
    "worst": (_("Worst first"), ("reward", "-item_id")),
    "newest": (_("Newest item first"), ("-item_id",)),
}


class ScoreFilter(django_filters.FilterSet):
    model = django_filters.NumberFilter(field_name="reward_model_id", label="ID of the reward model")
    promoted = django_filters.BooleanFilter(method="of_promoted", label="Only scores of the promoted versions")
    media_type = django_filters.ChoiceFilter(field_name="reward_model__media_type", choices=MediaType.choices)
    item = django_filters.NumberFilter(field_name="item_id", label="ID of the item")
    prompt = django_filters.NumberFilter(field_name="item__prompt_id", label="ID of the prompt")
    q = django_filters.CharFilter(
        field_name="item__prompt__text", lookup_expr="icontains", label="Part of the prompt's text"
    )
    generator = django_filters.CharFilter(field_name="item__generator__name", label="Name of the generator")
    order = django_filters.ChoiceFilter(
        choices=[(value, label) for value, (label, _fields) in ORDERINGS.items()], method="in_order", label="Order"
    )

    class Meta:
        model = Score
        fields = ("model", "promoted", "media_type", "item", "prompt", "q", "generator", "order")

    def of_promoted(self, scores: QuerySet[Score], _name: str, value: bool) -> QuerySet[Score]:
        return scores.filter(reward_model__state=RewardModelState.PROMOTED) if value else scores

    def in_order(self, scores: QuerySet[Score], _name: str, value: str) -> QuerySet[Score]:
        return scores.order_by(*ORDERINGS[value][1])
