"""The weights a version begins with, before preferences are fitted."""

from __future__ import annotations

import numpy as np

from reward_engine.checklist import Checklist
from reward_engine.weights import Weights, equal_weights


def first_weights(checklist: Checklist) -> Weights:
    """Every sub-dimension counts alike; whether there is something to judge at all counts nothing.

    A picture without hands is no worse for it, so the question "are there hands?" only decides whether the steps
    behind it count, as in the published scoring, which drops the answers to its presence questions as well.
    """
    coef = equal_weights(checklist).coef.copy()
    for sub in checklist.ordinal:
        if sub.mask is None or sub.mask.owner != sub.id or len(sub.questions) < 2:
            continue
        at = np.array([checklist.question_index(question.id) for question in sub.questions])
        coef[at[1:]] = coef[at].sum() / (len(at) - 1)
        coef[at[0]] = 0.0
    return Weights(coef=coef, form="equal", notes=("Presence questions have weight 0.",))
