"""Laws of several models that choose together."""

import pytest
import torch
from toy_tables import random_tables, step, toy

from seq2seq.search import beam_search, ensemble


def test_the_probabilities_of_an_ensemble_are_the_mean_of_its_models() -> None:
    tables = [random_tables(seed, 3) for seed in range(2)]
    together = ensemble([toy(table) for table in tables])
    tokens = torch.tensor([2, 4, 5])
    logits, _ = together.step(tokens, together.state)
    expected = torch.stack([step(tokens, toy(table).state)[0].softmax(dim=-1) for table in tables]).mean(dim=0)
    torch.testing.assert_close(logits.softmax(dim=-1), expected)


def test_a_model_twice_is_the_model_once() -> None:
    tables, limits = random_tables(0, 3), torch.tensor([4, 7, 2])
    once, twice = (beam_search(problem, limits, 3, n_best=3) for problem in (toy(tables), ensemble([toy(tables)] * 2)))
    for one, two in zip(once, twice, strict=True):
        assert [h.ids for h in one] == [h.ids for h in two]
        assert [h.score for h in one] == pytest.approx([h.score for h in two], abs=1e-4)
