"""Tests of measuring the cost of generation."""

import pytest
import torch
from tiny_runs import Runs

from seq2seq.comparison.generation import measure_generation
from seq2seq.state import flatten
from seq2seq.tasks.loading import open_checkpoint


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_generation_is_measured_at_each_position(runs: Runs, kind: str) -> None:
    run = runs.language if kind == "language" else runs.translator
    costs = measure_generation(run, "cpu", positions=(10, 300))
    assert [cost.position for cost in costs] == [10, 300]
    assert all(cost.tokens_per_second > 0 for cost in costs)
    assert costs[0].state_bytes == costs[1].state_bytes
    # a translator's state includes the sentence index
    state_size, index_bytes = (2 * 2 * 16, 0) if kind == "language" else (1 * 2 * 32, 8)
    assert costs[0].state_bytes == state_size * 4 + index_bytes


def test_measuring_generation_preserves_random_state(runs: Runs) -> None:
    random_state = torch.random.get_rng_state()
    measure_generation(runs.language, "cpu", positions=(3,))
    assert torch.equal(random_state, torch.random.get_rng_state())


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_prefill_equals_steps(runs: Runs, kind: str) -> None:
    model = open_checkpoint(runs.language if kind == "language" else runs.translator).network
    with torch.inference_mode():
        torch.manual_seed(1)
        stepper = model.generation_stepper()
        ids = torch.randint(4, stepper.vocab_size, (1, 5))
        at_once, state = stepper.prefill(ids, stepper.state), stepper.state
        for token in ids[0]:
            _, state = stepper.step(token[None], state)
    for one, other in zip(flatten(at_once), flatten(state), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
