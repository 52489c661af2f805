"""An item's score on its page in the library."""

from typing import Any

from django.http import HttpRequest

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.library.models import Item
from annotator.rewards import queries
from annotator.rewards.models import Score, ScoreProblem


def item_panel(request: HttpRequest, item: Item) -> dict[str, Any] | None:
    """What the promoted version says of the item; None for annotators, who judge without knowing."""
    if not has_role(request.user, Role.REVIEWER, Role.ADMIN):
        return None
    model = queries.promoted(item.media_type)
    if model is None:
        return None
    score = Score.objects.filter(item=item, reward_model=model).first()
    if score is None:
        problem = ScoreProblem.objects.filter(item=item, reward_model=model).first()
        return {"model": model, "problem": problem}
    score.item, score.reward_model = item, model  # both are here already
    return {
        "model": model,
        "score": score,
        "parts": queries.item_score(score),
        "place": queries.place(score),
        "apart": queries.apart(score),
    }
