"""Laws of reading from both ends."""

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


def given(layer: LayerFactory) -> tuple[Bidirectional, torch.Tensor]:
    torch.manual_seed(0)
    return Bidirectional(layer, 5, 6).double(), torch.randn(3, 7, 5, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_it_equals_two_layers_that_read_each_row_alone(layer: LayerFactory) -> None:
    both, x = given(layer)
    y = both(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = x[row : row + 1, :length]
        ahead, _ = both.forwards(alone)
        back, _ = both.backwards(alone.flip(1))
        expected = torch.cat([ahead, back.flip(1)], dim=-1)[0]
        torch.testing.assert_close(y[row, :length], expected)
        mine, other = (torch.autograd.grad(z.cos().sum(), x, retain_graph=True)[0] for z in (y[row, :length], expected))
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_padding_changes_nothing(layer: LayerFactory) -> None:
    both, x = given(layer)
    real = torch.arange(7) < LENGTHS[:, None]
    other = torch.where(real[..., None], x, 50.0)
    longer = torch.cat([other, torch.full((3, 2, 5), -50.0)], dim=1)
    torch.testing.assert_close(both(other, LENGTHS)[real], both(x, LENGTHS)[real])
    torch.testing.assert_close(both(longer, LENGTHS)[:, :7][real], both(x, LENGTHS)[real])


@pytest.mark.parametrize("padding", [float("nan"), float("inf"), 1e38])
@pytest.mark.parametrize("kind", [*LAYERS, "attention"])
def test_padding_may_hold_anything_and_learns_nothing(kind: str, padding: float) -> None:
    torch.manual_seed(0)
    reader = SelfAttention(5, 8) if kind == "attention" else Bidirectional(LAYERS[kind], 5, 8)
    lengths = torch.tensor([7, 0, 4])
    real, x = torch.arange(7) < lengths[:, None], torch.randn(3, 7, 5)
    outcomes = []
    for filling in (0.0, padding):
        given = x.masked_fill(~real[..., None], filling).requires_grad_()
        y = reader(given, lengths)
        assert y.isfinite().all()
        outcomes.append([y[real], *torch.autograd.grad(y[real].cos().sum(), [given, *reader.parameters()])])
        assert not outcomes[-1][1][~real].any()
    torch.testing.assert_close(outcomes[1], outcomes[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [*LAYERS, "attention"])
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (3, 0), (0, 0)])
def test_there_may_be_no_rows_and_no_steps(kind: str, rows: int, steps: int) -> None:
    reader = SelfAttention(5, 8) if kind == "attention" else Bidirectional(LAYERS[kind], 5, 8)
    x = torch.zeros(rows, steps, 5, requires_grad=True)
    y = reader(x, torch.full((rows,), steps))
    assert y.shape == (rows, steps, 8)
    y.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in reader.parameters())


def test_a_row_is_turned_within_its_length_and_turning_twice_is_nothing() -> None:
    x = torch.arange(1, 9).view(2, 4, 1).double()
    turned = reverse(x, torch.tensor([4, 3]))
    assert turned.squeeze(-1).tolist() == [[4, 3, 2, 1], [7, 6, 5, 8]]
    assert torch.equal(reverse(turned, torch.tensor([4, 3])), x)


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="must be even, half for each direction, not 7"):
        Bidirectional(LSTM, 5, 7)
