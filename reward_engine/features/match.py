"""Does the picture show what the prompt says? Through words: prompt → ImageNet's class names ← network.

The network's class probabilities say which of a thousand things it sees; the sentence embedding says how
near the prompt is to each of their names. Coarse (a thousand things, one network), but made of
two independent parts, and it orders matching against mismatched prompts.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LABELS_FILE = Path(__file__).with_name("imagenet_labels.txt")
TEMPERATURE = 0.05  # of the softmax that makes a prompt's similarities to the names into shares

MATCH_NAMES: tuple[str, ...] = (
    "match_expected",  # cosine of the prompt and the mean of the names, weighted by what is seen
    "match_mean",  # mean cosine of the prompt and the names, weighted by what is seen
    "match_best",  # cosine to the nearest name among the five likeliest
    "match_contrast",  # match_mean in deviations of the prompt's similarity to all names
    "match_lift",  # log of how much more of what the prompt is near to is seen than by chance
    "match_certainty",  # how sure the network is: largest probability
    "match_entropy",  # … and the entropy of its probabilities in bits
)


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """The first name of each of the 1,000 classes, in the network's order."""
    lines = LABELS_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line.split(",")[0].strip() for line in lines if line and not line.startswith("#"))


def label_texts() -> list[str]:
    """The texts whose embeddings stand for the classes."""
    return [f"a photo of a {name}" for name in class_names()]


def match_features(
    prompts: NDArray[np.floating], labels: NDArray[np.floating], probabilities: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Measure how what is seen fits the prompt.

    Returns float32 [n, 7], named by :data:`MATCH_NAMES`.

    Args:
        prompts: [n, 384], unit embeddings; zeros where there is no prompt, which gives zeros in every column about it.
        labels: [1000, 384], unit embeddings of the names.
        probabilities: [n, 1000].
    """
    # In double precision, so that rounding does not depend on how many rows are multiplied at once.
    prompts, labels = prompts.astype(np.float64), labels.astype(np.float64)
    similarity = prompts @ labels.T
    p = probabilities.astype(np.float64)
    blend = p @ labels
    blend /= np.maximum(np.linalg.norm(blend, axis=1, keepdims=True), 1e-9)
    mean = (p * similarity).sum(axis=1)
    likeliest = np.argsort(-p, axis=1, kind="stable")[:, :5]
    best = np.take_along_axis(similarity, likeliest, axis=1).max(axis=1)
    contrast = (mean - similarity.mean(axis=1)) / (similarity.std(axis=1) + 1e-3)
    share = np.exp((similarity - similarity.max(axis=1, keepdims=True)) / TEMPERATURE)
    share /= share.sum(axis=1, keepdims=True)
    lift = np.log((p * share).sum(axis=1) * similarity.shape[1] + 1e-3)
    given = np.linalg.norm(prompts, axis=1) > 0.5
    entropy = -(p * np.log2(p + 1e-12)).sum(axis=1)
    about_prompt = [(prompts * blend).sum(axis=1), mean, best, contrast, lift]
    columns = [np.where(given, column, 0.0) for column in about_prompt] + [p.max(axis=1), entropy]
    return np.stack(columns, axis=1).astype(np.float32)
