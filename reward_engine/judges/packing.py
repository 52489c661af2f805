"""Many questions behind one shared prefix in a single pass: where each token goes, and what it may see.

A row of a packed batch is the prefix of an item (system text, media, prompt), padding to the longest prefix,
then all its questions one after the other, then padding. Token k of segment s sees the prefix and the earlier
tokens of s, nothing else, and its position is as if s alone followed the prefix. So every question is computed
exactly as if it had been asked alone, while the prefix is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PREFIX, PAD = 0, -1


@dataclass(frozen=True)
class Packed:
    """The questions of b items, padded to the longest: all int64.

    ``tokens`` [b, m]; ``segments`` [b, m]: 1, 2, … by question, −1 padding; ``offsets`` [b, m]: distance from the
    start of its question; ``last`` [b, k]: where each question's last token is (0 where an item has fewer than k).
    """

    tokens: Tensor
    segments: Tensor
    offsets: Tensor
    last: Tensor

    @property
    def width(self) -> int:
        return int(self.tokens.shape[1])


def pack(questions: Sequence[Sequence[Tensor]], pad_id: int) -> Packed:
    """Lay the questions (int64 [length] each) of each item behind one another."""
    width = max(sum(len(question) for question in item) for item in questions)
    count = max(len(item) for item in questions)
    tokens = torch.full((len(questions), width), pad_id, dtype=torch.long)
    segments = torch.full_like(tokens, PAD)
    offsets = torch.zeros_like(tokens)
    last = torch.zeros(len(questions), count, dtype=torch.long)
    for row, item in enumerate(questions):
        lengths = torch.tensor([len(question) for question in item])
        ends = lengths.cumsum(0)
        total = int(ends[-1])
        tokens[row, :total] = torch.cat(list(item))
        segments[row, :total] = torch.repeat_interleave(torch.arange(1, len(item) + 1), lengths)
        offsets[row, :total] = torch.arange(total) - torch.repeat_interleave(ends - lengths, lengths)
        last[row, : len(item)] = ends - 1
    return Packed(tokens, segments, offsets, last)


def block_mask(prefix: Tensor, packed: Packed, *, whole: bool) -> Tensor:
    """Build the mask of which token may look at which.

    Returns bool [b, 1, rows, p + m]: True where a token (row) may look at another (column). Rows of padding look at the
    first token, since a row that sees nothing has no softmax.

    Args:
        prefix: bool [b, p], False where it is padding.
        whole: Rows for prefix and questions, for a single pass; otherwise rows for the questions alone, for a pass over
            a cached prefix.
    """
    device = prefix.device
    segments = torch.cat([torch.where(prefix, PREFIX, PAD), packed.segments.to(device)], dim=1)
    start = 0 if whole else prefix.shape[1]
    row = segments[:, start:, None]
    column = segments[:, None, :]
    place = torch.arange(segments.shape[1], device=device)
    earlier = place[None, :] <= place[start:, None]
    allowed = ((column == PREFIX) | (column == row)) & (row != PAD) & earlier
    allowed[:, :, 0] |= segments[:, start:] == PAD
    return allowed[:, None]


def as_attention_mask(allowed: Tensor, attention: str, dtype: torch.dtype) -> Tensor:
    """The form an attention implementation takes: bool for sdpa, added numbers for eager."""
    if attention == "sdpa":
        return allowed
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, torch.finfo(dtype).min)
