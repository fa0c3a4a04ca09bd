"""Tests of bidirectional layers."""

from functools import partial

import pytest
import torch

from seq2seq.recurrence import GRU, LSTM, RNN, Bidirectional, LayerFactory, SelfAttention, Stack
from seq2seq.recurrence.bidirectional import reverse

LAYERS: dict[str, LayerFactory] = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "stack": partial(Stack, layers=[LSTM, GRU]),
}
LENGTHS = torch.tensor([7, 1, 4])


def module_and_input(layer: LayerFactory) -> tuple[Bidirectional, torch.Tensor]:
    torch.manual_seed(0)
    return Bidirectional(layer, 5, 6).double(), torch.randn(3, 7, 5, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_output_equals_two_layers_on_each_row_alone(layer: LayerFactory) -> None:
    bidirectional, x = module_and_input(layer)
    y = bidirectional(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        single = x[row : row + 1, :length]
        forward_output, _ = bidirectional.forward_layer(single)
        backward_output, _ = bidirectional.backward_layer(single.flip(1))
        expected = torch.cat([forward_output, backward_output.flip(1)], dim=-1)[0]
        torch.testing.assert_close(y[row, :length], expected)
        grad, expected_grad = (
            torch.autograd.grad(z.cos().sum(), x, retain_graph=True)[0] for z in (y[row, :length], expected)
        )
        torch.testing.assert_close(grad, expected_grad)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_padding_does_not_change_the_output(layer: LayerFactory) -> None:
    bidirectional, x = module_and_input(layer)
    mask = torch.arange(7) < LENGTHS[:, None]
    other = torch.where(mask[..., None], x, 50.0)
    longer = torch.cat([other, torch.full((3, 2, 5), -50.0)], dim=1)
    torch.testing.assert_close(bidirectional(other, LENGTHS)[mask], bidirectional(x, LENGTHS)[mask])
    torch.testing.assert_close(bidirectional(longer, LENGTHS)[:, :7][mask], bidirectional(x, LENGTHS)[mask])


@pytest.mark.parametrize("padding", [float("nan"), float("inf"), 1e38])
@pytest.mark.parametrize("kind", [*LAYERS, "attention"])
def test_padding_may_have_any_value_and_gets_no_gradient(kind: str, padding: float) -> None:
    torch.manual_seed(0)
    module = SelfAttention(5, 8) if kind == "attention" else Bidirectional(LAYERS[kind], 5, 8)
    lengths = torch.tensor([7, 0, 4])
    mask, x = torch.arange(7) < lengths[:, None], torch.randn(3, 7, 5)
    outcomes = []
    for value in (0.0, padding):
        filled = x.masked_fill(~mask[..., None], value).requires_grad_()
        y = module(filled, lengths)
        assert y.isfinite().all()
        outcomes.append([y[mask], *torch.autograd.grad(y[mask].cos().sum(), [filled, *module.parameters()])])
        assert not outcomes[-1][1][~mask].any()
    torch.testing.assert_close(outcomes[1], outcomes[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [*LAYERS, "attention"])
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (3, 0), (0, 0)])
def test_empty_batches_and_sequences_are_allowed(kind: str, rows: int, steps: int) -> None:
    module = SelfAttention(5, 8) if kind == "attention" else Bidirectional(LAYERS[kind], 5, 8)
    x = torch.zeros(rows, steps, 5, requires_grad=True)
    y = module(x, torch.full((rows,), steps))
    assert y.shape == (rows, steps, 8)
    y.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())


def test_reverse_is_within_lengths_and_its_own_inverse() -> None:
    x = torch.arange(1, 9).view(2, 4, 1).double()
    backwards = reverse(x, torch.tensor([4, 3]))
    assert backwards.squeeze(-1).tolist() == [[4, 3, 2, 1], [7, 6, 5, 8]]
    assert torch.equal(reverse(backwards, torch.tensor([4, 3])), x)


def test_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="must be even, half for each direction, not 7"):
        Bidirectional(LSTM, 5, 7)
