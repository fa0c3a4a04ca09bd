"""Laws of layers on top of each other."""

import pytest
import torch

from seq2seq.recurrence import GRU, LSTM, RNN, Stack


def test_a_stack_reads_what_the_layer_below_says() -> None:
    stack = Stack(3, 4, [LSTM, GRU])
    x = torch.randn(2, 5, 3)
    below, _ = stack.layers[0](x)
    above, _ = stack.layers[1](below)
    assert torch.equal(stack(x)[0], above)


def test_residuals_add_what_went_in_where_the_sizes_allow_it() -> None:
    stack = Stack(3, 4, [RNN, GRU], residual=True)
    x = torch.randn(2, 5, 3)
    below, _ = stack.layers[0](x)  # 3 features cannot be added to 4
    above, _ = stack.layers[1](below)
    assert torch.equal(stack(x)[0], below + above)


def test_a_normalised_stack_ignores_the_scale_of_its_input() -> None:
    stack = Stack(6, 4, [LSTM, LSTM], norm=True)
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(stack(x)[0], stack(100 * x)[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(stack(x)[0].mean(dim=-1), torch.zeros(2, 5), rtol=0, atol=1e-5)


def test_dropout_takes_the_same_units_at_every_step_and_none_in_evaluation() -> None:
    torch.manual_seed(0)
    stack = Stack(3, 50, [LSTM], dropout=0.5)
    x = torch.randn(2, 7, 3)
    gone = stack(x)[0] == 0
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    assert 0.3 < gone.float().mean() < 0.7
    assert not torch.equal(gone[0], gone[1])
    assert not (stack.eval()(x)[0] == 0).any()


def test_a_stack_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        Stack(3, 4, [])
