"""Three ways to answer the same questions; they give the same numbers at very different cost.

* ``packed``: the media and the shared prefix once; then the questions of all items of the batch behind it, some
  hundred tokens per item at a time, under a block mask. Tokens computed: prefix + questions.
* ``cached``: the prefix once per item; the questions as a batch behind copies of its cache. The same tokens, but
  memory for as many copies, and no mask is needed.
* ``loop``: one full forward a question, as the published code does. Tokens: questions × (prefix + question).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from reward_engine.judges.packing import Packed, as_attention_mask, block_mask, pack
from reward_engine.judges.vlm.backbone import Backbone, on_device
from reward_engine.judges.vlm.inputs import TYPES, Encoded, Prefixes, collate

PART = 448
"""Question tokens of an item in one pass: enough to keep a processor busy, and few enough that attention does not spend
much on pairs of questions, which the mask throws away."""


def packed(backbone: Backbone, items: Sequence[Encoded], *, budget: int | None = None) -> Tensor:
    """Answer all questions of each item in one pass: log-odds float32 [b, k].

    Args:
        budget: Tokens a pass over questions may have; more questions go in several passes behind the same prefix.
    """
    prefixes, positions, cache = _prefilled(backbone, items)
    part = PART * len(items)
    found = []
    for start, stop in chunks(items, part if budget is None else min(budget, part)):
        questions = pack([item.questions[start:stop] for item in items], backbone.pad_id)
        found.append(_behind(backbone, prefixes, positions, questions, cache))
        cache.crop(-questions.width)
    return torch.cat(found, dim=1)


def _prefilled(backbone: Backbone, items: Sequence[Encoded]) -> tuple[Prefixes, Tensor, Any]:
    """(the prefixes of the items, their positions, their key-value cache), media encoded once."""
    prefixes = collate(items, backbone.pad_id).to(backbone.device)
    positions = backbone.prefix_positions(prefixes)
    cache = backbone.new_cache()
    # No mask: padding stands on the right, where nothing real looks at it, and the causal kernels are quickest.
    backbone.body(
        input_ids=prefixes.ids,
        position_ids=positions if backbone.three_rows else None,
        cache=cache,
        use_cache=True,
        **prefixes.media,
        **({} if prefixes.types is None else {TYPES: prefixes.types}),
    )
    return prefixes, positions, cache


def _behind(backbone: Backbone, prefixes: Prefixes, positions: Tensor, questions: Packed, cache: Any) -> Tensor:
    device = backbone.device
    mask = as_attention_mask(block_mask(prefixes.real, questions, whole=False), backbone.attention, backbone.dtype)
    output = backbone.body(
        input_ids=questions.tokens.to(device),
        attention_mask=mask,
        position_ids=backbone.question_positions(positions, prefixes.real, questions.offsets.to(device)),
        cache=cache,
        use_cache=True,
    )
    return backbone.log_odds(at_last(output.last_hidden_state, questions))


def single(backbone: Backbone, items: Sequence[Encoded]) -> Tensor:
    """Answer packed questions in one pass without a cache.

    Serves training, where gradients flow and activations are recomputed.
    """
    prefixes = collate(items, backbone.pad_id).to(backbone.device)
    questions = pack([item.questions for item in items], backbone.pad_id)
    positions = backbone.prefix_positions(prefixes)
    behind = backbone.question_positions(positions, prefixes.real, questions.offsets.to(backbone.device))
    mask = as_attention_mask(block_mask(prefixes.real, questions, whole=True), backbone.attention, backbone.dtype)
    types = None
    if prefixes.types is not None:
        types = torch.cat([prefixes.types, torch.zeros_like(questions.tokens).to(backbone.device)], dim=1)
    output = backbone.body(
        input_ids=torch.cat([prefixes.ids, questions.tokens.to(backbone.device)], dim=1),
        attention_mask=mask,
        position_ids=torch.cat([positions, behind], dim=-1),
        use_cache=False,
        **prefixes.media,
        **({} if types is None else {TYPES: types}),
    )
    hidden = output.last_hidden_state[:, prefixes.ids.shape[1] :]
    return backbone.log_odds(at_last(hidden, questions))


def at_last(hidden: Tensor, questions: Packed) -> Tensor:
    """Take the hidden state at the last token of each question, [b, k, d]."""
    last = questions.last.to(hidden.device)[:, :, None].expand(-1, -1, hidden.shape[-1])
    return hidden.gather(1, last)


def cached(backbone: Backbone, items: Sequence[Encoded], *, budget: int | None = None) -> Tensor:
    """Answer as :func:`packed` does, item by item.

    Args:
        budget: Tokens of prefix copies and questions together.
    """
    return torch.stack([_cached(backbone, item, budget) for item in items])


def _cached(backbone: Backbone, item: Encoded, budget: int | None) -> Tensor:
    prefixes, positions, cache = _prefilled(backbone, [item])
    found = torch.zeros(len(item.questions), device=backbone.device)
    for rows in alike(item.questions, None if budget is None else max(1, budget // (len(item.prefix) + 1))):
        tokens = torch.stack([item.questions[row] for row in rows]).to(backbone.device)
        offsets = torch.arange(tokens.shape[1], device=backbone.device).expand_as(tokens)
        behind = backbone.question_positions(positions, prefixes.real, offsets[:1])
        copies = copy.deepcopy(cache)
        # Not batch_repeat_interleave, which recurrent layers do not have.
        copies.reorder_cache(torch.zeros(len(rows), dtype=torch.long, device=backbone.device))
        output = backbone.body(
            input_ids=tokens,
            position_ids=behind.expand(*behind.shape[:-2], len(rows), -1),
            cache=copies,
            use_cache=True,
        )
        found[rows] = backbone.log_odds(output.last_hidden_state[:, -1])
    return found


def alike(questions: Sequence[Tensor], at_most: int | None) -> list[list[int]]:
    """Group positions of questions by length, so many together at most.

    No batch has padding then.
    """
    by_length: dict[int, list[int]] = {}
    for row, question in enumerate(questions):
        by_length.setdefault(len(question), []).append(row)
    groups = []
    for rows in by_length.values():
        step = at_most or len(rows)
        groups += [rows[start : start + step] for start in range(0, len(rows), step)]
    return groups


def loop(backbone: Backbone, items: Sequence[Encoded], *, budget: int | None = None) -> Tensor:
    """Answer each question with a full pass of the unchanged model.

    The other ways are compared with this one.
    """
    found = torch.zeros(len(items), max(len(item.questions) for item in items), device=backbone.device)
    for row, item in enumerate(items):
        for column in range(len(item.questions)):
            inputs = on_device(item.alone(column), backbone.device)
            output = backbone.model(**inputs, use_cache=False, logits_to_keep=1)
            found[row, column] = backbone.odds_of(output.logits[0, -1])
    return found


def chunks(items: Sequence[Encoded], budget: int | None) -> list[tuple[int, int]]:
    """Divide questions into ranges that fit a budget of tokens over all items.

    A range has at least one question.
    """
    count = max(len(item.questions) for item in items)
    if budget is None:
        return [(0, count)]
    ranges, start, used = [], 0, 0
    for column in range(count):
        tokens = len(items) * max(len(item.questions[column]) for item in items if column < len(item.questions))
        if column > start and used + tokens > budget:
            ranges.append((start, column))
            start, used = column, 0
        used += tokens
    return [*ranges, (start, count)]


PASSES = {"packed": packed, "cached": cached, "loop": loop}
