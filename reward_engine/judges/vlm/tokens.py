"""From the text of questions to token ids that share a prefix; and the tokens that mean yes and no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from reward_engine.errors import JudgeError

MARKS = "Ġ▁ \t"
"""How tokenizers write the space before a word."""


def answer_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Find the token ids that mean yes and those that mean no.

    Every spelling that is one token counts, with and without a space before it.

    Raises:
        JudgeError: If the tokenizer has none.
    """
    found: dict[str, list[int]] = {"yes": [], "no": []}
    for token, index in tokenizer.get_vocab().items():
        word = token.strip(MARKS)
        if word in ("yes", "Yes", "YES", "no", "No", "NO"):
            found[word.lower()].append(int(index))
    for word, ids in found.items():
        if not ids:
            raise JudgeError(
                f"The tokenizer of this model has no token for “{word}”, so its answer cannot be read off. "
                "Choose a model that answers in English.",
                code="no_answer_tokens",
            )
    return sorted(found["yes"]), sorted(found["no"])


def control_tokens(processor: Any) -> tuple[str, ...]:
    """List what a tokenizer or processor takes for a command in a text.

    The longest comes first.
    """
    names = set(processor.tokenizer.get_added_vocab()) | {
        str(getattr(processor, name)) for name in ("image_token", "video_token") if getattr(processor, name, None)
    }
    return tuple(sorted((name for name in names if len(name) > 1), key=lambda name: (-len(name), name)))


def neutral(text: str, control: Sequence[str]) -> str:
    """Break up the control tokens of a text.

    A prompt cannot end the turn then, or pretend to be an image.
    """
    for token in control:
        if token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def shared_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Count the ids that all sequences begin with, leaving each at least one."""
    shortest = min(len(sequence) for sequence in sequences)
    first = sequences[0]
    for place in range(shortest - 1):
        if any(sequence[place] != first[place] for sequence in sequences[1:]):
            return place
    return shortest - 1


def split(expanded: Tensor, plain: Sequence[Sequence[int]]) -> tuple[Tensor, list[Tensor]]:
    """Split question prompts into their shared prefix and the rest.

    Returns the prefix int64 [p] and each question int64 [·]: together they are the ids of each question asked alone.
    They are tokenized whole, so that no token is cut at the seam.

    Args:
        expanded: Ids of the first question's text with the media's tokens in their place.
        plain: Ids of every question's text with the media's placeholder.
    """
    start = shared_prefix(plain)
    tails = [torch.tensor(sequence[start:], dtype=torch.long) for sequence in plain]
    cut = len(expanded) - len(tails[0])
    if cut < start or not torch.equal(expanded[cut:], tails[0]):
        raise JudgeError(
            "The text behind the media is tokenized differently with and without them, so the questions cannot share "
            "a prefix. This model's processor is not supported.",
            code="tokens",
        )
    return expanded[:cut], tails
