"""The kernels give what torch gives, and each row the same whatever stands beside it."""

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seq2seq.kernels.attention import attend
from seq2seq.kernels.library import library, serves
from seq2seq.kernels.search import likeliest
from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import Int8Linear, divided, to_int8
from seq2seq.recurrence import GRU, LSTM, Recurrence
from seq2seq.special_tokens import BOS, NO_TOKEN, PAD
from seq2seq.state import flatten

pytestmark = pytest.mark.skipif(library() is None, reason="needs a C++ compiler, and a processor with AVX2")

LAYERS = [pytest.param(LSTM, Int8LSTM, id="lstm"), pytest.param(GRU, Int8GRU, id="gru")]
sizes = st.integers(2, 150)  # torch's own products of one input are wrong now and then


def linear(inputs: int, outputs: int, bias: bool = True, seed: int = 1) -> Int8Linear:
    torch.manual_seed(seed)
    return Int8Linear(nn.Linear(inputs, outputs, bias))


@settings(max_examples=60)
@given(rows=st.integers(0, 30), inputs=sizes, outputs=sizes, bias=st.booleans(), seed=st.integers(0, 99))
def test_a_linear_layer_says_what_torch_says(rows: int, inputs: int, outputs: int, bias: bool, seed: int) -> None:
    layer = linear(inputs, outputs, bias, seed)
    x = torch.randn(rows, inputs) * torch.logspace(-3, 3, rows)[:, None]
    assert serves(x)
    torch.testing.assert_close(layer(x), layer.plain(x), atol=1e-6, rtol=1e-5)


@settings(max_examples=60)
@given(rows=st.integers(0, 9), size=st.integers(1, 100), magnitude=st.floats(1e-35, 1e30), seed=st.integers(0, 99))
def test_rows_are_rounded_as_torch_rounds_them(rows: int, size: int, magnitude: float, seed: int) -> None:
    x = magnitude * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    x[:1] = 0.0
    assert serves(x)
    assert all(torch.equal(one, other) for one, other in zip(to_int8(x), divided(x), strict=True))


def test_whole_numbers_are_added_up_without_error() -> None:
    layer = linear(512, 70, bias=False)
    layer.rounded[:] = 127  # the largest sums there can be, in both directions
    x = torch.ones(3, 512) * torch.tensor([[1.0], [-1.0], [0.0]])
    whole, scale = to_int8(x)
    exact = (whole.double() @ layer.rounded.double().t()) * scale.double() * layer.scale.double()
    torch.testing.assert_close(layer(x).double(), exact, atol=0, rtol=1e-6)


@pytest.mark.parametrize("rows", [*range(1, 20), 200, 500])
def test_a_row_does_not_depend_on_how_many_there_are(rows: int) -> None:
    layer, x = linear(90, 130), torch.randn(500, 90)
    assert torch.equal(layer(x[:rows]), layer(x)[:rows])


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_not_lost_and_stays_in_its_row(wrong: float) -> None:
    layer, x = linear(40, 30), torch.randn(9, 40)
    expected = layer(x)
    x[4, 7] = wrong
    said = layer(x)
    assert said[4].isnan().all()
    rest = [row for row in range(9) if row != 4]
    assert torch.equal(said[rest], expected[rest])
    ids = torch.arange(5)[None]
    assert layer.chosen(x, torch.zeros(9, dtype=torch.long), ids).isnan().any(dim=1).nonzero().tolist() == [[4]]


@settings(max_examples=60)
@given(
    owners=st.lists(st.integers(0, 4), max_size=40).map(sorted),
    inputs=sizes,
    outputs=sizes,
    count=st.integers(1, 40),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_chosen_outputs_are_those_of_the_whole_layer(
    owners: list[int], inputs: int, outputs: int, count: int, bias: bool, seed: int
) -> None:
    layer = linear(inputs, outputs, bias, seed)
    x, ids, owned = (
        torch.randn(len(owners), inputs),
        torch.randint(-1, outputs, (5, count)),
        torch.tensor(owners).long(),
    )
    asked = ids[owned]
    expected = layer.plain(x).gather(1, asked.clamp(min=0)).masked_fill(asked == NO_TOKEN, float("-inf"))
    torch.testing.assert_close(layer.chosen(x, owned, ids), expected, atol=1e-6, rtol=1e-5)


def made(kind: Any, rounded: Any, inputs: int, size: int) -> tuple[Any, Recurrence[Any]]:
    torch.manual_seed(1)
    layer = rounded(kind(inputs, size).eval().requires_grad_(False))
    return layer, layer.plain


@settings(max_examples=40)
@given(
    rows=st.integers(1, 20),
    time=st.integers(1, 6),
    inputs=sizes,
    size=sizes,
    ends=st.lists(st.integers(0, 6), min_size=20, max_size=20) | st.none(),
)
@pytest.mark.parametrize(("kind", "rounded"), LAYERS)
def test_a_sequence_is_read_as_torch_reads_it(
    kind: Any, rounded: Any, rows: int, time: int, inputs: int, size: int, ends: list[int] | None
) -> None:
    layer, plain = made(kind, rounded, inputs, size)
    x = torch.randn(rows, time, inputs)
    lengths = None if ends is None else torch.tensor(ends[:rows]).clamp(max=time)
    _, state = plain(torch.randn(rows, 3, inputs))
    y, after = layer(x, state, lengths)
    expected, expected_after = plain(x, state, lengths)
    real = torch.ones(rows, time, dtype=torch.bool)
    if lengths is not None:
        real = torch.arange(time) < lengths[:, None]
    # a state on the border of two whole numbers may be rounded to the other one
    torch.testing.assert_close(y[real], expected[real], atol=2e-3, rtol=0)
    torch.testing.assert_close(flatten(after), flatten(expected_after), atol=4e-3, rtol=0)


@pytest.mark.parametrize(("kind", "rounded"), LAYERS)
def test_steps_say_what_a_sequence_says(kind: Any, rounded: Any) -> None:
    layer, _ = made(kind, rounded, 30, 50)
    x = torch.randn(7, 9, 30)
    y, after = layer(x)
    state = layer.initial_state(7)
    for t in range(9):
        said, state = layer.step(x[:, t], state)
        assert torch.equal(said, y[:, t])
    assert all(torch.equal(one, other) for one, other in zip(flatten(state), flatten(after), strict=True))


@pytest.mark.parametrize(("kind", "rounded"), LAYERS)
def test_what_the_input_says_may_come_worked_out(kind: Any, rounded: Any) -> None:
    layer, plain = made(kind, rounded, 30, 50)
    x = torch.randn(7, 4, 30)
    y, _ = layer(x)
    heard, plain.outer = plain.outer(x), nn.Identity()
    given_heard, _ = made(kind, rounded, 30, 50)
    given_heard.plain.outer = nn.Identity()
    torch.testing.assert_close(given_heard(heard)[0], y, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("kind", "rounded"), LAYERS)
def test_threads_change_nothing(kind: Any, rounded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece of work is so large that it is shared out."""
    layer, _ = made(kind, rounded, 256, 256)
    output, x = linear(256, 400), torch.randn(200, 3, 256)
    ids, owners = torch.randint(0, 400, (25, 400)), torch.arange(200) // 8
    keys, values, real = torch.randn(25, 9, 256), torch.randn(25, 9, 256), torch.ones(25, 9, dtype=torch.bool)

    def all_of_it() -> list[Tensor]:
        y, _ = layer(x)
        scores, tokens = likeliest(wide, 7, [PAD, BOS])
        few = output.chosen(y[:, 0], owners, ids)
        return [y, output(y), few, scores, tokens, *attend(y[:, 0], owners, keys, values, real)]

    wide = torch.randn(200, 2000)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    one = all_of_it()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert all(torch.equal(a, b) for a, b in zip(one, all_of_it(), strict=True))


@pytest.mark.parametrize(("kind", "rounded"), LAYERS)
def test_shapes_that_do_not_fit_are_said(kind: Any, rounded: Any) -> None:
    layer, _ = made(kind, rounded, 20, 30)
    for x, state in (
        (torch.randn(2, 3, 21), layer.initial_state(2)),
        (torch.randn(2, 3, 20), layer.initial_state(3)),
    ):
        with pytest.raises(ValueError, match=r"on the CPU, and .* was given"):
            layer(x, state)
    with pytest.raises(ValueError, match=r"shape \[5, 30\] on the CPU, and .* of the shape \[5, 31\]"):
        linear(30, 10)(torch.randn(5, 31))
    double = tuple(part.double() for part in flatten(layer.initial_state(2)))
    x = torch.randn(2, 20)
    state = layer.initial_state(2)
    said, _ = layer.step(x, type(state)(*double) if isinstance(state, tuple) else double[0])
    assert torch.equal(said, layer.step(x, state)[0])


def test_layers_that_were_used_can_be_copied_and_pickled() -> None:
    layer, _ = made(LSTM, Int8LSTM, 20, 30)
    output, x = linear(30, 10), torch.randn(2, 3, 20)
    said = output(layer(x)[0])
    for again in (copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))):
        one, other = again(layer), again(output)
        del layer.gates, output.product
        assert torch.equal(other(one(x)[0]), said)
        layer.gates = output.product = None
