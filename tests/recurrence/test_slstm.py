"""Tests of the sLSTM: the paper's equations without overflow, and independent heads."""

import pytest
import torch
from torch import Tensor

from seq2seq.recurrence.slstm import SLSTM
from seq2seq.state import flatten

ROWS, TIME, INPUT, SIZE, HEADS = 3, 9, 5, 12, 3
HEAD_DIM = SIZE // HEADS


def layer_and_input() -> tuple[SLSTM, Tensor]:
    torch.manual_seed(0)
    layer = SLSTM(INPUT, SIZE, HEADS).double()
    with torch.no_grad():
        for parameter in layer.parameters():  # recurrent weights of zero would hide errors
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer, torch.randn(ROWS, TIME, INPUT, dtype=torch.double)


def by_head_and_gate(x: Tensor) -> Tensor:
    return x.view(*x.shape[:-1], HEADS, 4, HEAD_DIM)


def reference(layer: SLSTM, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs by the paper's equations 8 to 14, with full matrices and no stabilizer, and final c / n."""
    gates_ih = by_head_and_gate(layer.linear_ih(x))
    weight_hh = torch.zeros(4, SIZE, SIZE, dtype=torch.double)
    for head in range(HEADS):
        block = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
        for gate in range(4):
            weight_hh[gate, block, block] = layer.weight_hh[head][:, gate * HEAD_DIM : (gate + 1) * HEAD_DIM].T
    c = n = h = torch.zeros(ROWS, SIZE, dtype=torch.double)
    outputs = []
    for t in range(x.shape[1]):
        gates = [gates_ih[:, t, :, gate].reshape(ROWS, SIZE) + h @ weight_hh[gate].T for gate in range(4)]
        i, f, z, o = (
            torch.exp(gates[0]),
            1 / (1 + torch.exp(-gates[1])),
            torch.tanh(gates[2]),
            1 / (1 + torch.exp(-gates[3])),
        )
        c, n = f * c + i * z, f * n + i
        h = o * c / n
        heads = h.view(ROWS, HEADS, HEAD_DIM)
        centered = heads - heads.mean(dim=2, keepdim=True)
        normalized = centered / (centered.square().mean(dim=2, keepdim=True) + 1e-5).sqrt()
        outputs.append(normalized.reshape(ROWS, SIZE) * layer.gain)
    return torch.stack(outputs, dim=1), c / n


def test_outputs_and_gradients_equal_the_papers_equations() -> None:
    layer, x = layer_and_input()
    x.requires_grad_()
    y, state = layer(x)
    expected, ratio = reference(layer, x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close((state.cell / state.normalizer).flatten(1), ratio)
    leaves = [x, *layer.parameters()]
    probe = torch.linspace(-1, 1, y.numel(), dtype=torch.double).view_as(y).cos()
    grads = (torch.autograd.grad((output * probe).sum(), leaves) for output in (y, expected))
    for actual_grad, expected_grad in zip(*grads, strict=True):
        torch.testing.assert_close(actual_grad, expected_grad)


def test_first_step_sets_the_stabilizer_to_the_input_gate() -> None:
    layer, x = layer_and_input()
    _, state = layer(x[:, :1])
    torch.testing.assert_close(state.stabilizer, by_head_and_gate(layer.linear_ih(x[:, 0]))[:, :, 0])
    torch.testing.assert_close(state.normalizer, torch.ones_like(state.normalizer), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_large_inputs_do_not_overflow(dtype: torch.dtype, scale: float) -> None:
    layer, x = layer_and_input()
    layer, x = layer.to(dtype), (scale * x).to(dtype).requires_grad_()
    state = layer.initial_state(ROWS)
    for part in state:
        part.requires_grad_()
    y, final_state = layer(x, state, torch.tensor([TIME, 4, 0]))
    grads = torch.autograd.grad(y.cos().sum(), [x, *layer.parameters(), *state], materialize_grads=True)
    for tensor in [y, *flatten(final_state), *grads]:
        assert tensor.isfinite().all()


def test_heads_do_not_affect_each_other() -> None:
    layer, x = layer_and_input()
    other = layer.initial_state(ROWS)
    other.hidden[:, 1] = 1.0
    y, changed = layer(x)[0], layer(x, other)[0]
    difference = (changed - y).view(ROWS, TIME, HEADS, HEAD_DIM).abs().amax(dim=(0, 1, 3))
    assert difference.count_nonzero() == 1
    assert difference[1] > 1e-3


def test_initial_recurrent_weights_are_zero_and_forget_biases_are_spread() -> None:
    layer = SLSTM(INPUT, 12, heads=3)
    i, f, z, o = layer.linear_ih.bias.detach().view(3, 4, 4).unbind(1)
    expected = torch.tensor([5 - 12 * (n / 3) ** 0.95 for n in range(4)])
    torch.testing.assert_close(f, expected.expand(3, 4))
    assert not torch.cat([i, z, o]).any()
    assert not layer.weight_hh.any()
    assert layer.gain.eq(1).all()


def test_state_keeps_its_shape_and_float32_under_autocast() -> None:
    layer, x = layer_and_input()
    layer, x = layer.float(), x.float()
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x)
    for initial, final in zip(layer.initial_state(ROWS), state, strict=True):
        assert initial.shape == final.shape == (ROWS, HEADS, HEAD_DIM)
        assert initial.dtype == final.dtype == torch.float32


def test_size_that_is_no_multiple_of_heads_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size \(10\) must be a multiple of heads \(4\)"):
        SLSTM(5, 10)
