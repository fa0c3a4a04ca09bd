"""Laws of taking the likeliest token each time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tables import WORDS, random_tables, score, toy

from seq2seq.search import greedy
from seq2seq.special import BOS, EOS, PAD


@settings(max_examples=40)
@given(seed=st.integers(0, 2**30), limits=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_every_token_is_the_likeliest_that_may_be_written(seed: int, limits: list[int]) -> None:
    tables = random_tables(seed, len(limits))
    tables[:, :, [PAD, BOS]] += 5.0
    for table, limit, h in zip(tables, limits, greedy(toy(tables), torch.tensor(limits)), strict=True):
        written = h.ids if len(h.ids) == limit else [*h.ids, EOS]
        assert h.score == pytest.approx(score(table, written), abs=1e-4)
        last = BOS
        for token in written:
            allowed = [word for word in range(WORDS) if word not in (PAD, BOS)]
            assert table[last, token] == table[last, allowed].max()
            last = token


def test_a_limit_of_no_token_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="at least 1 token, and 0 was given"):
        greedy(toy(random_tables(0, 2)), torch.tensor([0, 3]))
