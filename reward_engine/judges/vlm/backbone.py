"""A loaded model, seen as what answering needs: a body that makes hidden states, and a head for yes and no."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reward_engine.judges.vlm.inputs import TYPES, Prefixes


@dataclass(frozen=True)
class Backbone:
    """A loaded model and what asking it needs.

    ``model``: with the language head; ``yes``, ``no``: the token ids that are summed up; ``attention`` by name.
    """

    model: Any
    yes: tuple[int, ...]
    no: tuple[int, ...]
    attention: str
    pad_id: int

    @property
    def body(self) -> Any:
        return self.model.model

    @property
    def head(self) -> Any:
        return self.model.get_output_embeddings()

    @property
    def text(self) -> Any:
        """The language model inside the body."""
        return getattr(self.body, "language_model", None) or self.body.text_model

    @property
    def device(self) -> torch.device:
        return torch.device(self.model.device)

    @property
    def dtype(self) -> torch.dtype:
        found: torch.dtype = self.text.get_input_embeddings().weight.dtype
        return found

    @property
    def context(self) -> int | None:
        """The longest sequence the model knows positions for."""
        found = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return None if found is None else int(found)

    @property
    def three_rows(self) -> bool:
        """Whether positions have a row each for time, height and width (the Qwen families)."""
        return hasattr(self.body, "get_rope_index")

    def new_cache(self) -> Any:
        transformers: Any = importlib.import_module("transformers")
        return transformers.DynamicCache(config=self.model.config.get_text_config())

    def prefix_positions(self, prefixes: Prefixes) -> Tensor:
        """Number the positions of prefix tokens.

        Returns int64 [b, p], or [3, b, p] where media have rows and columns; padding has any.
        """
        b, p = prefixes.ids.shape
        if not self.three_rows:
            return torch.arange(p, device=prefixes.ids.device).expand(b, p)
        wanted = inspect.signature(self.body.get_rope_index).parameters
        types = prefixes.types if prefixes.types is not None else torch.zeros_like(prefixes.ids)
        given = {**prefixes.media, TYPES: types, "attention_mask": prefixes.real.long()}
        positions, _ = self.body.get_rope_index(
            prefixes.ids, **{name: value for name, value in given.items() if name in wanted}
        )
        found: Tensor = positions
        return found

    def question_positions(self, prefix_positions: Tensor, real: Tensor, offsets: Tensor) -> Tensor:
        """Number the positions of question tokens.

        They go on behind the largest position of their item's prefix.
        """
        behind = prefix_positions.masked_fill(~real, -1).amax(-1) + 1  # [b] or [3, b]
        if behind.ndim == 2:
            behind = behind.amax(0)
        positions = behind[:, None] + offsets
        return positions.expand(3, *positions.shape) if self.three_rows else positions

    def log_odds(self, hidden: Tensor) -> Tensor:
        """Compute log P(yes) − log P(no) from hidden states.

        Takes [..., d]; returns float32 [...].
        """
        head, ids = self.head, [*self.yes, *self.no]
        if type(head) is nn.Linear:
            # Only the rows of the answers: the vocabulary is a thousand times larger. In float32, since the
            # difference of two logits is all that is read.
            bias = None if head.bias is None else head.bias[ids].float()
            with torch.autocast(hidden.device.type, enabled=False):
                logits = nn.functional.linear(hidden.float(), head.weight[ids].float(), bias)
        else:
            logits = head(hidden)[..., ids].float()
        return odds(logits, len(self.yes))

    def odds_of(self, logits: Tensor) -> Tensor:
        """Compute the same from logits [..., v] over the whole vocabulary."""
        return odds(logits[..., [*self.yes, *self.no]].float(), len(self.yes))


def odds(logits: Tensor, yes: int) -> Tensor:
    """Compute log-odds from the logits of answer tokens.

    Takes [..., yes + no]: the yes tokens (the first ``yes``), then the no tokens.
    """
    return logits[..., :yes].logsumexp(-1) - logits[..., yes:].logsumexp(-1)


def on_device(inputs: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Move tensors to a device."""
    return {name: value.to(device) for name, value in inputs.items()}
