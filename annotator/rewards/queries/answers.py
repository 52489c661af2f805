"""A score as an answer to a program: reward, parts, questions, the explanation in words, and by which version."""

from __future__ import annotations

from typing import Any

from annotator.rewards.models import Score
from annotator.rewards.queries.breakdown import item_score


def answer_of(score: Score, *, file: str = "") -> dict[str, Any]:
    """Turn a score into plain data.

    The score need not be stored, and neither need its ``item`` nor the item's ``prompt``.
    """
    parts = item_score(score)
    model = score.reward_model
    return {
        "item": score.item_id,
        "file": file,
        "media_type": model.media_type,
        "prompt": score.item.prompt.text,
        "reward": parts.reward,
        "best": parts.best,
        "intercept": parts.intercept,
        "by_dimension": {dimension.id: dimension.contribution for dimension in parts.dimensions},
        "questions": [
            {
                "id": question.id,
                "text": question.text,
                "p_yes": question.p_yes,
                "applies": question.applies,
                "contribution": question.contribution,
            }
            for sub in parts.sub_dimensions
            for question in sub.questions
        ],
        "explanation": parts.explanation.text,
        "version": model.version,
        "reward_model": model.pk,
        "error": None,
    }
