"""Laws of the sLSTM: it is the paper's equations without their overflow, and a head is on its own."""

import pytest
import torch
from torch import Tensor

from seq2seq.recurrence.slstm import SLSTM
from seq2seq.state import flatten

ROWS, TIME, INPUT, SIZE, HEADS = 3, 9, 5, 12, 3
SHARE = SIZE // HEADS


def given() -> tuple[SLSTM, Tensor]:
    torch.manual_seed(0)
    layer = SLSTM(INPUT, SIZE, HEADS).double()
    with torch.no_grad():
        for parameter in layer.parameters():  # the recurrent weights begin at zero, where they would go unnoticed
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer, torch.randn(ROWS, TIME, INPUT, dtype=torch.double)


def by_head_and_gate(x: Tensor) -> Tensor:
    return x.view(*x.shape[:-1], HEADS, 4, SHARE)


def reference(layer: SLSTM, x: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's equations 8 to 14, with no stabiliser and with block-diagonal matrices written out; and c / n."""
    outer = by_head_and_gate(layer.outer(x))
    recurrent = torch.zeros(4, SIZE, SIZE, dtype=torch.double)
    for head in range(HEADS):
        own = slice(head * SHARE, (head + 1) * SHARE)
        for gate in range(4):
            recurrent[gate, own, own] = layer.inner[head][:, gate * SHARE : (gate + 1) * SHARE].T
    c = n = h = torch.zeros(ROWS, SIZE, dtype=torch.double)
    said = []
    for t in range(x.shape[1]):
        read = [outer[:, t, :, gate].reshape(ROWS, SIZE) + h @ recurrent[gate].T for gate in range(4)]
        i, f, z, o = (
            torch.exp(read[0]),
            1 / (1 + torch.exp(-read[1])),
            torch.tanh(read[2]),
            1 / (1 + torch.exp(-read[3])),
        )
        c, n = f * c + i * z, f * n + i
        h = o * c / n
        heads = h.view(ROWS, HEADS, SHARE)
        centred = heads - heads.mean(dim=2, keepdim=True)
        normal = centred / (centred.square().mean(dim=2, keepdim=True) + 1e-5).sqrt()
        said.append(normal.reshape(ROWS, SIZE) * layer.gain)
    return torch.stack(said, dim=1), c / n


def test_it_is_the_papers_equations_and_so_are_its_gradients() -> None:
    layer, x = given()
    x.requires_grad_()
    y, state = layer(x)
    expected, ratio = reference(layer, x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close((state.cell / state.normaliser).flatten(1), ratio)
    wanted = [x, *layer.parameters()]
    mixture = torch.linspace(-1, 1, y.numel(), dtype=torch.double).view_as(y).cos()
    slopes = (torch.autograd.grad((each * mixture).sum(), wanted) for each in (y, expected))
    for mine, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_first_step_sets_the_stabiliser_to_the_input_gate() -> None:
    layer, x = given()
    _, state = layer(x[:, :1])
    torch.testing.assert_close(state.stabiliser, by_head_and_gate(layer.outer(x[:, 0]))[:, :, 0])
    torch.testing.assert_close(state.normaliser, torch.ones_like(state.normaliser), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_no_input_makes_it_overflow(dtype: torch.dtype, scale: float) -> None:
    layer, x = given()
    layer, x = layer.to(dtype), (scale * x).to(dtype).requires_grad_()
    state = layer.initial_state(ROWS)
    for part in state:
        part.requires_grad_()
    y, after = layer(x, state, torch.tensor([TIME, 4, 0]))
    slopes = torch.autograd.grad(y.cos().sum(), [x, *layer.parameters(), *state], materialize_grads=True)
    for tensor in [y, *flatten(after), *slopes]:
        assert tensor.isfinite().all()


def test_a_head_hears_no_other_head() -> None:
    layer, x = given()
    other = layer.initial_state(ROWS)
    other.hidden[:, 1] = 1.0
    y, changed = layer(x)[0], layer(x, other)[0]
    moved = (changed - y).view(ROWS, TIME, HEADS, SHARE).abs().amax(dim=(0, 1, 3))
    assert moved.count_nonzero() == 1
    assert moved[1] > 1e-3


def test_it_starts_without_a_past_and_with_forget_gates_of_many_lengths() -> None:
    layer = SLSTM(INPUT, 12, heads=3)
    i, f, z, o = layer.outer.bias.detach().view(3, 4, 4).unbind(1)
    expected = torch.tensor([5 - 12 * (n / 3) ** 0.95 for n in range(4)])
    torch.testing.assert_close(f, expected.expand(3, 4))
    assert not torch.cat([i, z, o]).any()
    assert not layer.inner.any()
    assert layer.gain.eq(1).all()


def test_the_size_of_the_state_is_constant_and_it_stays_in_float32_under_autocast() -> None:
    layer, x = given()
    layer, x = layer.float(), x.float()
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x)
    for before, after in zip(layer.initial_state(ROWS), state, strict=True):
        assert before.shape == after.shape == (ROWS, HEADS, SHARE)
        assert before.dtype == after.dtype == torch.float32


def test_heads_that_do_not_divide_the_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"size \(10\) must be a multiple of heads \(4\)"):
        SLSTM(5, 10)
