"""Where tokens go and what they see, against a slow and obvious reference."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reward_engine.errors import JudgeError
from reward_engine.judges.packing import as_attention_mask, block_mask, pack
from reward_engine.judges.vlm.inputs import joined
from reward_engine.judges.vlm.passes import alike, chunks
from reward_engine.judges.vlm.tokens import shared_prefix, split

batches = st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=1, max_size=4)), min_size=1, max_size=3)  # fmt: skip # noqa: E501


@given(batches)
def test_the_block_mask_lets_each_question_see_the_prefix_and_itself(batch):
    """``batch``: for each item the length of its prefix and of its questions."""
    longest = max(prefix for prefix, _ in batch)
    real = torch.tensor([[place < prefix for place in range(longest)] for prefix, _ in batch])
    packed = pack([[torch.full((length,), 7) for length in questions] for _, questions in batch], pad_id=0)
    whole = block_mask(real, packed, whole=True)
    assert torch.equal(block_mask(real, packed, whole=False), whole[:, :, longest:])
    for row, (prefix, questions) in enumerate(batch):
        owners = [0] * prefix + [None] * (longest - prefix)
        for number, length in enumerate(questions, 1):
            owners += [number] * length
        owners += [None] * (longest + packed.width - len(owners))
        for here, mine in enumerate(owners):
            seen = {place for place in range(len(owners)) if whole[row, 0, here, place]}
            if mine is None:
                assert seen == {0}
            else:
                assert seen == {p for p in range(here + 1) if owners[p] in (0, mine) and owners[p] is not None}
        ends = [longest + int(packed.last[row, column]) for column in range(len(questions))]
        assert [owners[end] for end in ends] == list(range(1, len(questions) + 1))
        assert [owners[end + 1] if end + 1 < len(owners) else None for end in ends][-1] is None
        starts = [0, *torch.tensor(questions).cumsum(0).tolist()]
        for start, length in zip(starts, questions, strict=False):
            assert packed.offsets[row, start : start + length].tolist() == list(range(length))


def test_eager_attention_gets_numbers_to_add():
    allowed = torch.tensor([[True, False]])
    assert as_attention_mask(allowed, "sdpa", torch.float32) is allowed
    added = as_attention_mask(allowed, "eager", torch.float16)
    assert added.tolist() == [[0.0, torch.finfo(torch.float16).min]]


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=5))
def test_a_shared_prefix_leaves_something_to_everyone(sequences):
    length = shared_prefix(sequences)
    assert all(sequence[:length] == sequences[0][:length] for sequence in sequences)
    assert all(len(sequence) > length for sequence in sequences)
    longer = length + 1
    assert any(len(s) <= longer or s[:longer] != sequences[0][:longer] for s in sequences)


def test_a_seam_that_does_not_fit_is_refused():
    prefix, tails = split(torch.tensor([1, 9, 9, 9, 2, 3]), [[1, 9, 2, 3], [1, 9, 2, 4]])
    assert prefix.tolist() == [1, 9, 9, 9, 2]
    assert [tail.tolist() for tail in tails] == [[3], [4]]
    with pytest.raises(JudgeError, match="tokenized differently"):
        split(torch.tensor([1, 9, 9, 5]), [[1, 9, 3], [1, 9, 4]])


def test_questions_are_cut_into_passes_and_batches():
    class Item:
        def __init__(self, *lengths):
            self.questions = [torch.zeros(length) for length in lengths]

    assert chunks([Item(3, 3, 3, 9, 1)], None) == [(0, 5)]
    assert chunks([Item(3, 3, 3, 9, 1)], 6) == [(0, 2), (2, 3), (3, 4), (4, 5)]
    assert chunks([Item(3, 3), Item(1, 5)], 8) == [(0, 1), (1, 2)]
    assert alike(Item(3, 5, 3, 3).questions, 2) == [[0, 2], [3], [1]]


def test_tiles_of_different_numbers_are_filled_up():
    many = joined([torch.ones(1, 5, 3), torch.ones(1, 2, 3)])
    assert many.shape == (2, 5, 3)
    assert many[1].sum() == 6
    assert joined([torch.ones(4, 7), torch.ones(2, 7)]).shape == (6, 7)
