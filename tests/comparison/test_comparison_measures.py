"""Generation is measured after as many tokens as it says, with the state that is there."""

import pytest
import torch
from tiny_runs import Runs

from seq2seq.comparison.measures import generation, stepping
from seq2seq.inference import load_text_generator, load_translation
from seq2seq.state import flatten


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_generation_is_measured_at_each_position(runs: Runs, kind: str) -> None:
    run = runs.language if kind == "language" else runs.translator
    found = generation(run, "cpu", (10, 300))
    assert [one.position for one in found] == [10, 300]
    assert all(one.tokens_per_second > 0 for one in found)
    assert found[0].state_bytes == found[1].state_bytes
    cells, number = (2 * 2 * 16, 0) if kind == "language" else (1 * 2 * 32, 8)  # and which sentence it is
    assert found[0].state_bytes == cells * 4 + number


def test_chance_elsewhere_stays_as_it_was(runs: Runs) -> None:
    before = torch.random.get_rng_state()
    generation(runs.language, "cpu", (3,))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_reading_in_blocks_is_reading_step_by_step(runs: Runs, kind: str) -> None:
    model = (
        load_text_generator(runs.language).model if kind == "language" else load_translation(runs.translator).models[0]
    )
    with torch.inference_mode():
        torch.manual_seed(1)
        parts = stepping(model)
        ids = torch.randint(4, parts.words, (1, 5))
        at_once, state = parts.read(ids, parts.state), parts.state
        for now in ids[0]:
            _, state = parts.step(now[None], state)
    for one, other in zip(flatten(at_once), flatten(state), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
