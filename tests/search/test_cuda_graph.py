"""A recorded step is the step itself."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.recurrence import LSTM, CausalAttention, LayerFactory, Mamba
from seq2seq.search.cuda_graph import keeps_its_size, replayed
from seq2seq.state import flatten


def remembered(once: Callable[[], Tensor]) -> tuple[Callable[[], Any], Tensor]:
    """As a GPU records: run once before, and afterwards always write into the same result."""
    result = once().clone()
    return lambda: result.copy_(once()), result


def test_a_recorded_step_is_the_step_itself() -> None:
    torch.manual_seed(1)
    model = RecurrentLanguageModel(30, size=16, depth=2).eval().requires_grad_(False)
    written = torch.randint(4, 30, (8, 3))
    state = model.initial_state(3)
    again = replayed(model.step, written[0], state, remembered)
    now = state
    for tokens in written:
        expected, state = model.step(tokens, state)
        logits, now = again(tokens, now)
        torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(flatten(now), flatten(state))
    assert not any(part.any() for part in flatten(model.initial_state(3)))


@pytest.mark.parametrize(("layer", "keeps"), [(LSTM, True), (Mamba, True), (partial(CausalAttention, window=3), False)])
def test_only_a_state_that_keeps_its_size_can_be_recorded(layer: LayerFactory, keeps: bool) -> None:
    model = RecurrentLanguageModel(30, layer, 16, 1).eval().requires_grad_(False)
    assert keeps_its_size(model.step, torch.tensor([5, 6]), model.initial_state(2)) == keeps
