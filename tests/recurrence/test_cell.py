"""A cell of a user's own: three short methods, and the laws of the contract hold."""

from collections.abc import Callable
from functools import partial

import pytest
import test_contract as contract
import torch
from contract_cases import INPUT, KINDS, ROWS, SIZE, assert_equal_outcome, assert_same, case
from torch import Tensor, nn

from seq2seq.recurrence import Bidirectional, Cell, Recurrence, Stack
from seq2seq.state import select


class MinimalGatedUnit(Cell[Tensor]):
    """h = (1 - f) h + f tanh(V x + U (f h)) with one gate f = sigmoid(W x + R h) (Zhou et al., 2016)."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__(input_size, size)
        self.linear_ih = nn.Linear(input_size, 2 * size)
        self.forget_hh = nn.Linear(size, size, bias=False)
        self.candidate_hh = nn.Linear(size, size, bias=False)
        self.gain = nn.Parameter(torch.ones(size))
        self.projections = 0

    def initial_state(self, batch: int) -> Tensor:
        return self.gain.new_zeros(batch, self.size)

    def project_input(self, x: Tensor) -> Tensor:
        self.projections += 1
        return self.linear_ih(x)

    def cell(self, projected_x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        forget, candidate = self.gates(projected_x, state)
        hidden = (1 - forget) * state + forget * candidate
        return hidden, hidden

    def project_output(self, y: Tensor) -> Tensor:
        return y * self.gain

    def named_gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return dict(zip(("forget", "candidate"), self.gates(self.project_input(x), state), strict=True))

    def gates(self, projected_x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        forget_ih, candidate_ih = projected_x.chunk(2, dim=-1)
        forget = (forget_ih + self.forget_hh(state)).sigmoid()
        return forget, (candidate_ih + self.candidate_hh(forget * state)).tanh()


KIND, DOUBLE = "minimal gated unit", torch.float64
LAWS: dict[str, Callable[[], None]] = {
    "forward is a loop of steps": partial(contract.check_loop, KIND, DOUBLE, 33),
    "two parts equal the whole": partial(contract.check_split, KIND, DOUBLE, 33),
    "padding changes nothing": partial(contract.check_padding, KIND, DOUBLE, 33),
    "select and repeat move rows": partial(contract.test_select_and_repeat_move_rows_of_a_state, KIND, DOUBLE),
    "causal": partial(contract.test_layer_is_causal, KIND, DOUBLE, 33),
    "detach": partial(contract.test_detach_stops_the_gradient_and_nothing_else, KIND, DOUBLE),
    "default state": partial(contract.test_default_state_is_the_initial_state, KIND),
    "state has a row for each row": partial(contract.test_state_has_one_row_for_each_row_of_the_batch, KIND),
    "autocast": partial(contract.test_bfloat16_autocast_is_close_to_float32, KIND),
}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, KIND, MinimalGatedUnit)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_users_cell_obeys_every_law(law: Callable[[], None]) -> None:
    law()


def test_forward_projects_all_steps_at_once_and_equals_the_plain_loop() -> None:
    c = case(KIND, DOUBLE, 7)
    assert isinstance(c.layer, MinimalGatedUnit)
    c.layer.projections = 0
    y, state = c.layer(c.x, c.state)
    assert c.layer.projections == 1
    hidden = c.state
    for x_t, y_t in zip(c.x.unbind(1), y.unbind(1), strict=True):
        gates = c.layer.named_gates(x_t, hidden)
        hidden = hidden + gates["forget"] * (gates["candidate"] - hidden)
        assert_same(y_t, hidden * c.layer.gain)
    assert_same(state, hidden)
    assert_equal_outcome(y, Recurrence.forward(c.layer, c.x, c.state)[0], c)


def test_empty_batches_and_sequences_are_allowed() -> None:
    layer = MinimalGatedUnit(INPUT, SIZE)
    for rows, steps in [(0, 4), (3, 0), (0, 0)]:
        state = torch.randn(rows, SIZE)
        y, final = layer(torch.zeros(rows, steps, INPUT), state, torch.full((rows,), steps))
        assert y.shape == (rows, steps, SIZE)
        assert torch.equal(final, state)


def test_a_users_cell_is_bidirectional() -> None:
    torch.manual_seed(0)
    module = Bidirectional(MinimalGatedUnit, INPUT, SIZE).double()
    x, lengths = torch.randn(ROWS, 7, INPUT, dtype=DOUBLE), torch.tensor([7, 0, 4])
    x[1:, 4:] = torch.nan  # padding may have any value
    y = module(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        single = x[row : row + 1, :length]
        forward_output, _ = module.forward_layer(single)
        backward_output, _ = module.backward_layer(single.flip(1))
        expected = torch.cat([forward_output, backward_output.flip(1)], dim=-1)[0]
        torch.testing.assert_close(y[row, :length], expected)


def test_a_users_cell_is_stacked() -> None:
    torch.manual_seed(0)
    stack = Stack(INPUT, SIZE, [MinimalGatedUnit, MinimalGatedUnit]).double()
    x = torch.randn(ROWS, 7, INPUT, dtype=DOUBLE)
    y, state = stack(x)
    expected = x
    for layer in stack.layers:
        expected, _ = layer(expected)
    assert_same(y, expected)
    rows = torch.tensor([2, 0])
    assert_same(stack.step(x[rows, 0], select(state, rows))[0], stack.step(x[:, 0], state)[0][rows])


@pytest.mark.parametrize("method", ["initial_state", "project_input", "cell"])
def test_cell_without_a_method_is_refused(method: str) -> None:
    incomplete = type("Incomplete", (MinimalGatedUnit,), {method: getattr(Cell, method)})
    with pytest.raises(TypeError, match=f"Incomplete.*{method}"):
        incomplete(INPUT, SIZE)
