"""Properties of ensembles."""

import pytest
import torch
from toy_tables import random_tables, step, toy

from seq2seq.search import Beam
from seq2seq.search.ensemble import ensemble


def test_ensemble_probabilities_are_the_mean_of_its_models() -> None:
    tables = [random_tables(seed, 3) for seed in range(2)]
    problem = ensemble([toy(table) for table in tables])
    tokens = torch.tensor([2, 4, 5])
    logits, _ = problem.step(tokens, problem.state)
    expected = torch.stack([step(tokens, toy(table).state)[0].softmax(dim=-1) for table in tables]).mean(dim=0)
    torch.testing.assert_close(logits.softmax(dim=-1), expected)


def test_ensemble_of_the_same_model_twice_equals_the_model() -> None:
    tables, limits = random_tables(0, 3), torch.tensor([4, 7, 2])
    once, twice = (Beam(3)(problem, limits, n_best=3) for problem in (toy(tables), ensemble([toy(tables)] * 2)))
    for expected, found in zip(once, twice, strict=True):
        assert [h.ids for h in found] == [h.ids for h in expected]
        assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-4)
