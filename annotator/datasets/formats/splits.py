"""The split of a dataset: by the prompt's text alone, so that no item ever moves from test to train."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

TRAIN, TEST = "train", "test"
SPLITS = (TRAIN, TEST)

# Of the prompts. A change moves items between the splits of versions that people have: don't.
TEST_PERCENT = 10


def split_of(prompt: str) -> str:
    """Tell the split of a prompt.

    It depends on nothing but the text: the same in every version, campaign and installation.
    """
    digest = hashlib.sha256(f"visionreward split {prompt}".encode()).digest()
    return TEST if int.from_bytes(digest[:8], "big") % 100 < TEST_PERCENT else TRAIN


def splits_of(prompts: Sequence[str]) -> list[str]:
    """Tell the split of each prompt; texts that come again are digested once."""
    known = {prompt: split_of(prompt) for prompt in set(prompts)}
    return [known[prompt] for prompt in prompts]
