"""Laws of taking the likeliest token each time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tables import WORDS, random_tables, score, toy

from seq2seq.errors import UserError
from seq2seq.search import greedy
from seq2seq.special_tokens import BOS, EOS, PAD, UNK


@settings(max_examples=40)
@given(seed=st.integers(0, 2**30), limits=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_every_token_is_the_likeliest_that_may_be_written(seed: int, limits: list[int]) -> None:
    tables = random_tables(seed, len(limits))
    tables[:, :, [PAD, BOS, UNK]] += 5.0
    for table, limit, h in zip(tables, limits, greedy(toy(tables), torch.tensor(limits)), strict=True):
        written = h.ids if len(h.ids) == limit else [*h.ids, EOS]
        assert h.score == pytest.approx(score(table, written), abs=1e-4)
        last = BOS
        for token in written:
            allowed = [word for word in range(WORDS) if word not in (PAD, BOS, UNK)]
            assert table[last, token] == table[last, allowed].max()
            last = token


@pytest.mark.parametrize("row", [BOS, 4])
def test_nan_is_an_error(row: int) -> None:
    tables = torch.zeros(2, WORDS, WORDS)
    tables[1, :, 4] = 5.0
    tables[1, row] = torch.nan
    with pytest.raises(UserError, match="the model gives NaN for the next token"):
        greedy(toy(tables), torch.tensor([2, 6]))


def test_a_limit_may_be_far_beyond_what_fits_into_memory() -> None:
    tables = torch.zeros(1, WORDS, WORDS)
    tables[:, :, EOS] = 9.0
    assert greedy(toy(tables), torch.tensor([2**40]))[0].ids == []


def test_a_limit_of_no_token_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="at least 1 token, and 0 was given"):
        greedy(toy(random_tables(0, 2)), torch.tensor([0, 3]))
