"""One item, decoded and tokenized, and several of them in a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TYPES = "mm_token_type_ids"
"""Which tokens are text, image or video: an input that is as long as the tokens."""


@dataclass(frozen=True)
class Encoded:
    """An item as the model takes it.

    ``prefix`` int64 [p], ``questions`` int64 [·] each, ``media`` tensors.

    ``types``: int64 [p], the kind of each prefix token, where the family wants it.
    """

    key: str
    prefix: Tensor
    questions: tuple[Tensor, ...]
    media: Mapping[str, Tensor]
    types: Tensor | None = None

    @property
    def question_tokens(self) -> int:
        return sum(len(question) for question in self.questions)

    @property
    def tokens(self) -> int:
        """Tokens that a packed pass computes for this item alone."""
        return len(self.prefix) + self.question_tokens

    def alone(self, question: int) -> dict[str, Tensor]:
        """The model's inputs for one question asked alone, as published: [1, …] each."""
        ids = torch.cat([self.prefix, self.questions[question]])
        found = {"input_ids": ids[None], "attention_mask": torch.ones_like(ids)[None], **self.media}
        if self.types is not None:
            found[TYPES] = torch.cat([self.types, torch.zeros(len(ids) - len(self.types), dtype=torch.long)])[None]
        return found


@dataclass(frozen=True)
class Prefixes:
    """The prefixes of b items, padded on the right.

    ``ids`` int64 [b, p], ``real`` bool [b, p], and their media.
    """

    ids: Tensor
    real: Tensor
    media: Mapping[str, Tensor]
    types: Tensor | None

    def to(self, device: torch.device) -> Prefixes:
        return Prefixes(
            self.ids.to(device),
            self.real.to(device),
            {name: value.to(device) for name, value in self.media.items()},
            None if self.types is None else self.types.to(device),
        )


def collate(items: Sequence[Encoded], pad_id: int) -> Prefixes:
    """Pad prefixes into one batch.

    They stand side by side, their media one after the other in the order of the items.
    """
    longest = max(len(item.prefix) for item in items)
    ids = torch.full((len(items), longest), pad_id, dtype=torch.long)
    real = torch.zeros_like(ids, dtype=torch.bool)
    types = torch.zeros_like(ids) if items[0].types is not None else None
    for row, item in enumerate(items):
        ids[row, : len(item.prefix)] = item.prefix
        real[row, : len(item.prefix)] = True
        if types is not None and item.types is not None:
            types[row, : len(item.prefix)] = item.types
    names = {name: None for item in items for name in item.media}
    media = {name: joined([item.media[name] for item in items if name in item.media]) for name in names}
    return Prefixes(ids, real, media, types)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along the first axis.

    Where their other axes differ (tiles of an image), they are filled up with zeros, which towers skip.
    """
    sizes = torch.tensor([tensor.shape[1:] for tensor in tensors])
    largest = sizes.amax(0).tolist() if sizes.numel() else []
    full = []
    for tensor in tensors:
        missing: list[int] = []
        for have, want in zip(reversed(tensor.shape[1:]), reversed(largest), strict=True):
            missing += [0, int(want) - have]
        full.append(torch.nn.functional.pad(tensor, missing) if any(missing) else tensor)
    return torch.cat(full)
