"""Properties of greedy search."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tables import VOCAB_SIZE, random_tables, score, toy

from seq2seq.errors import UserError
from seq2seq.search import Greedy
from seq2seq.special_tokens import BOS, EOS, PAD, UNK


@settings(max_examples=40)
@given(seed=st.integers(0, 2**30), limits=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_every_token_is_the_most_likely_allowed_one(seed: int, limits: list[int]) -> None:
    tables = random_tables(seed, len(limits))
    tables[:, :, [PAD, BOS, UNK]] += 5.0
    for table, limit, (h,) in zip(tables, limits, Greedy()(toy(tables), torch.tensor(limits)), strict=True):
        tokens = h.ids if len(h.ids) == limit else [*h.ids, EOS]
        assert h.score == pytest.approx(score(table, tokens), abs=1e-4)
        last = BOS
        for token in tokens:
            allowed = [candidate for candidate in range(VOCAB_SIZE) if candidate not in (PAD, BOS, UNK)]
            assert table[last, token] == table[last, allowed].max()
            last = token


@pytest.mark.parametrize("row", [BOS, 4])
def test_nan_raises(row: int) -> None:
    tables = torch.zeros(2, VOCAB_SIZE, VOCAB_SIZE)
    tables[1, :, 4] = 5.0
    tables[1, row] = torch.nan
    with pytest.raises(UserError, match="the model gives NaN for the next token"):
        Greedy()(toy(tables), torch.tensor([2, 6]))


def test_memory_does_not_grow_with_the_limit() -> None:
    tables = torch.zeros(1, VOCAB_SIZE, VOCAB_SIZE)
    tables[:, :, EOS] = 9.0
    ((hypothesis,),) = Greedy()(toy(tables), torch.tensor([2**40]))
    assert hypothesis.ids == []


def test_limit_of_zero_raises() -> None:
    with pytest.raises(ValueError, match="at least 1 token, and 0 was given"):
        Greedy()(toy(random_tables(0, 2)), torch.tensor([0, 3]))
