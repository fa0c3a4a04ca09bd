"""Tests of stacked layers."""

import pytest
import torch

from seq2seq.recurrence import GRU, LSTM, RNN, BlockConfig, Stack


def test_each_layer_gets_the_output_of_the_layer_below() -> None:
    stack = Stack(3, 4, [LSTM, GRU])
    x = torch.randn(2, 5, 3)
    below, _ = stack.layers[0](x)
    above, _ = stack.layers[1](below)
    assert torch.equal(stack(x)[0], above)


def test_residual_connections_need_equal_sizes() -> None:
    stack = Stack(3, 4, [RNN, GRU], block=BlockConfig(residual=True))
    x = torch.randn(2, 5, 3)
    below, _ = stack.layers[0](x)  # 3 features cannot be added to 4
    above, _ = stack.layers[1](below)
    assert torch.equal(stack(x)[0], below + above)


def test_normalized_stack_ignores_the_scale_of_its_input() -> None:
    stack = Stack(6, 4, [LSTM, LSTM], block=BlockConfig(norm=True))
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(stack(x)[0], stack(100 * x)[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(stack(x)[0].mean(dim=-1), torch.zeros(2, 5), rtol=0, atol=1e-5)


def test_dropout_uses_one_mask_for_all_steps_and_none_in_evaluation() -> None:
    torch.manual_seed(0)
    stack = Stack(3, 50, [LSTM], block=BlockConfig(dropout=0.5))
    x = torch.randn(2, 7, 3)
    dropped = stack(x)[0] == 0
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert 0.3 < dropped.float().mean() < 0.7
    assert not torch.equal(dropped[0], dropped[1])
    assert not (stack.eval()(x)[0] == 0).any()


def test_empty_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        Stack(3, 4, [])
