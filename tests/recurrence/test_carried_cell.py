"""Tests that an LSTM's final cell is the one at each row's end, however large weights and pre-activations are."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.recurrence import LSTM
from seq2seq.recurrence.rnn import LSTMState

INPUT, SIZE, TIME = 3, 4, 6
scales = st.floats(-2, 12).map(lambda power: 10.0**power)


def looped(layer: LSTM, x: Tensor, state: LSTMState, length: int) -> LSTMState:
    """Return the state after the first steps of one row, by the equations (Gers et al., 2000)."""
    weight_ih, weight_hh, bias_ih, bias_hh = layer.rnn.all_weights[0]
    hidden, cell = state
    for x_t in x[:length]:
        i, f, g, o = (weight_ih @ x_t + weight_hh @ hidden + bias_ih + bias_hh).chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
    return LSTMState(hidden, cell)


def assert_state_is_carried(layer: LSTM, x: Tensor, state: LSTMState, lengths: list[int]) -> None:
    y, final_state = layer(x, state, torch.tensor(lengths))
    assert y.isfinite().all()
    for row, length in enumerate(lengths):
        expected = looped(layer, x[row], LSTMState(*(part[row] for part in state)), length)
        torch.testing.assert_close(LSTMState(*(part[row] for part in final_state)), expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=200)
@given(
    weights=scales,
    recurrent=scales,
    biases=scales,
    lengths=st.lists(st.integers(0, TIME), min_size=1, max_size=4),
    one_sign=st.sampled_from([0.0, 1.0, -1.0]),
    seed=st.integers(0, 2**30),
)
@example(weights=4.0, recurrent=4.0, biases=1e2, lengths=[1], one_sign=1.0, seed=0)
@example(weights=1e4, recurrent=1e4, biases=1e4, lengths=[0, 3], one_sign=-1.0, seed=0)
def test_short_rows_keep_their_cell_for_any_weights(
    weights: float, recurrent: float, biases: float, lengths: list[int], one_sign: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layer = LSTM(INPUT, SIZE).double().requires_grad_(False)
    for parameter, scale in zip(layer.rnn.all_weights[0], (weights, recurrent, biases, biases), strict=True):
        parameter.copy_(scale * torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
        if one_sign:
            parameter.abs_().mul_(one_sign)
    rows = len(lengths)
    x, hidden, cell = (
        torch.randn(rows, *shape, dtype=torch.float64, generator=generator)
        for shape in ((TIME, INPUT), (SIZE,), (SIZE,))
    )
    assert_state_is_carried(layer, x, LSTMState(hidden.tanh(), 4 * cell), lengths)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("preactivation", [1e2, 1e4, 1e9, 1e12, -1e2, -1e4, -1e12])
def test_padding_leaves_the_state_bitwise_unchanged(dtype: torch.dtype, preactivation: float) -> None:
    torch.manual_seed(1)
    layer = LSTM(INPUT, SIZE).to(dtype).requires_grad_(False)
    for bias in layer.rnn.all_weights[0][2:]:
        bias.fill_(preactivation / 2)
    state = LSTMState(torch.rand(3, SIZE, dtype=dtype), torch.randn(3, SIZE, dtype=dtype))
    _, final_state = layer(torch.randn(3, TIME, INPUT, dtype=dtype), state, torch.tensor([0, 0, 0]))
    assert torch.equal(final_state.cell, state.cell)
    assert torch.equal(final_state.hidden, state.hidden)
