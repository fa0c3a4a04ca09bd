"""Laws of reading from both ends."""

from functools import partial

import pytest
import torch

from seq2seq.recurrence import GRU, LSTM, RNN, Bidirectional, LayerFactory, Stack
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


def test_a_row_is_turned_within_its_length_and_turning_twice_is_nothing() -> None:
    x = torch.arange(1, 9).view(2, 4, 1).double()
    turned = reverse(x, torch.tensor([4, 3]))
    assert turned.squeeze(-1).tolist() == [[4, 3, 2, 1], [7, 6, 5, 8]]
    assert torch.equal(reverse(turned, torch.tensor([4, 3])), x)


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="must be even, half for each direction, not 7"):
        Bidirectional(LSTM, 5, 7)
