"""How yes and no are spelled as tokens, for every judge that reads them off."""

from __future__ import annotations

YES = ("yes", "Yes", "YES")
NO = ("no", "No", "NO")
MARKS = "Ġ▁ \t"
"""How tokenizers write the space before a word."""


def answer_of(token: str) -> str | None:
    """Read a token as ``yes`` or ``no``; None if it is neither.

    Spellings count with or without a space before them.
    """
    word = token.strip(MARKS)
    return "yes" if word in YES else "no" if word in NO else None
