"""The int8 kernels equal the reference in torch, and a row's result does not depend on the other rows."""

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seq2seq.kernels.attention import attend
from seq2seq.kernels.library import kernels_available, library
from seq2seq.kernels.search import topk_log_probabilities
from seq2seq.nn.output import LinearOutput
from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import Int8Linear, to_int8
from seq2seq.recurrence import GRU, LSTM, Recurrence
from seq2seq.special_tokens import BOS, NO_TOKEN, PAD
from seq2seq.state import flatten

pytestmark = pytest.mark.skipif(library() is None, reason="needs a C++ compiler, and a processor with AVX2")

LAYERS = [pytest.param(LSTM, Int8LSTM, id="lstm"), pytest.param(GRU, Int8GRU, id="gru")]
sizes = st.integers(2, 150)  # torch's int8 products of a single input are wrong at times


def linear(inputs: int, outputs: int, bias: bool = True, seed: int = 1) -> Int8Linear:
    torch.manual_seed(seed)
    return Int8Linear(nn.Linear(inputs, outputs, bias))


@settings(max_examples=60)
@given(rows=st.integers(0, 30), inputs=sizes, outputs=sizes, bias=st.booleans(), seed=st.integers(0, 99))
def test_a_linear_layer_equals_the_reference(rows: int, inputs: int, outputs: int, bias: bool, seed: int) -> None:
    layer = linear(inputs, outputs, bias, seed)
    x = torch.randn(rows, inputs) * torch.logspace(-3, 3, rows)[:, None]
    assert kernels_available(x)
    torch.testing.assert_close(layer(x), layer.reference(x), atol=1e-6, rtol=1e-5)


@settings(max_examples=60)
@given(rows=st.integers(0, 9), size=st.integers(1, 100), magnitude=st.floats(1e-35, 1e30), seed=st.integers(0, 99))
def test_inputs_are_quantized_as_in_the_reference(rows: int, size: int, magnitude: float, seed: int) -> None:
    layer = linear(size, size, bias=False)
    layer.quantized_weight[:] = 127 * torch.eye(size, dtype=torch.int8)
    layer.scale[:] = 1 / 127
    x = magnitude * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    x[:1] = 0.0
    assert kernels_available(x)
    torch.testing.assert_close(layer(x), layer.reference(x), atol=0, rtol=1e-6)


def test_a_shortlist_is_computed_without_the_other_outputs() -> None:
    output = LinearOutput(20, 0, 30)
    ids = torch.tensor([[0, 3, 7], [0, 5, NO_TOKEN]])
    assert output.restrict(ids).layer is not output
    output.linear = Int8Linear(output.linear)  # type: ignore[assignment]
    assert output.restrict(ids).layer is output


def test_integer_sums_are_exact() -> None:
    layer = linear(512, 70, bias=False)
    layer.quantized_weight[:] = 127  # the largest possible sums, of both signs
    x = torch.ones(3, 512) * torch.tensor([[1.0], [-1.0], [0.0]])
    quantized, scale = to_int8(x)
    exact = (quantized.double() @ layer.quantized_weight.double().t()) * scale.double() * layer.scale.double()
    torch.testing.assert_close(layer(x).double(), exact, atol=0, rtol=1e-6)


@pytest.mark.parametrize("rows", [*range(1, 20), 200, 500])
def test_a_row_does_not_depend_on_the_number_of_rows(rows: int) -> None:
    layer, x = linear(90, 130), torch.randn(500, 90)
    assert torch.equal(layer(x[:rows]), layer(x)[:rows])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_make_their_row_nan_and_no_other(value: float) -> None:
    layer, x = linear(40, 30), torch.randn(9, 40)
    expected = layer(x)
    x[4, 7] = value
    y = layer(x)
    assert y[4].isnan().all()
    others = [row for row in range(9) if row != 4]
    assert torch.equal(y[others], expected[others])
    ids = torch.arange(5)[None]
    selected = layer.forward_selected(x, torch.zeros(9, dtype=torch.long), ids)
    assert selected.isnan().any(dim=1).nonzero().tolist() == [[4]]


@settings(max_examples=60)
@given(
    sentences=st.lists(st.integers(0, 4), max_size=40).map(sorted),
    inputs=sizes,
    outputs=sizes,
    count=st.integers(1, 40),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_selected_outputs_equal_those_of_the_whole_layer(
    sentences: list[int], inputs: int, outputs: int, count: int, bias: bool, seed: int
) -> None:
    layer = linear(inputs, outputs, bias, seed)
    x, ids = torch.randn(len(sentences), inputs), torch.randint(-1, outputs, (5, count))
    sentence_index = torch.tensor(sentences).long()
    row_ids = ids[sentence_index]
    expected = layer.reference(x).gather(1, row_ids.clamp(min=0)).masked_fill(row_ids == NO_TOKEN, float("-inf"))
    torch.testing.assert_close(layer.forward_selected(x, sentence_index, ids), expected, atol=1e-6, rtol=1e-5)


def quantized(layer_class: Any, int8_class: Any, inputs: int, size: int) -> tuple[Any, Recurrence[Any]]:
    """Return a random layer with int8 weights, and its reference in torch."""
    torch.manual_seed(1)
    layer = int8_class(layer_class(inputs, size).eval().requires_grad_(False))
    return layer, layer.reference


@settings(max_examples=40)
@given(
    rows=st.integers(1, 20),
    time=st.integers(1, 6),
    inputs=sizes,
    size=sizes,
    row_lengths=st.lists(st.integers(0, 6), min_size=20, max_size=20) | st.none(),
)
@pytest.mark.parametrize(("layer_class", "int8_class"), LAYERS)
def test_a_sequence_equals_the_reference(
    layer_class: Any, int8_class: Any, rows: int, time: int, inputs: int, size: int, row_lengths: list[int] | None
) -> None:
    layer, reference = quantized(layer_class, int8_class, inputs, size)
    x = torch.randn(rows, time, inputs)
    lengths = None if row_lengths is None else torch.tensor(row_lengths[:rows]).clamp(max=time)
    _, state = reference(torch.randn(rows, 3, inputs))
    y, final_state = layer(x, state, lengths)
    expected, expected_state = reference(x, state, lengths)
    mask = torch.ones(rows, time, dtype=torch.bool)
    if lengths is not None:
        mask = torch.arange(time) < lengths[:, None]
    # a state halfway between two integers may be rounded to the other one
    torch.testing.assert_close(y[mask], expected[mask], atol=2e-3, rtol=0)
    torch.testing.assert_close(flatten(final_state), flatten(expected_state), atol=4e-3, rtol=0)


@pytest.mark.parametrize(("layer_class", "int8_class"), LAYERS)
def test_steps_equal_the_whole_sequence(layer_class: Any, int8_class: Any) -> None:
    layer, _ = quantized(layer_class, int8_class, 30, 50)
    x = torch.randn(7, 9, 30)
    y, final_state = layer(x)
    state = layer.initial_state(7)
    for t in range(9):
        output, state = layer.step(x[:, t], state)
        assert torch.equal(output, y[:, t])
    assert all(torch.equal(*pair) for pair in zip(flatten(state), flatten(final_state), strict=True))


@pytest.mark.parametrize(("layer_class", "int8_class"), LAYERS)
def test_inputs_may_be_projected_already(layer_class: Any, int8_class: Any) -> None:
    layer, reference = quantized(layer_class, int8_class, 30, 50)
    x = torch.randn(7, 4, 30)
    y, _ = layer(x)
    gates_ih = reference.linear_ih(x)
    without_projection, _ = quantized(layer_class, int8_class, 30, 50)
    without_projection.reference.linear_ih = nn.Identity()
    torch.testing.assert_close(without_projection(gates_ih)[0], y, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("layer_class", "int8_class"), LAYERS)
def test_results_do_not_depend_on_the_number_of_threads(
    layer_class: Any, int8_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call is large enough to run in parallel."""
    layer, _ = quantized(layer_class, int8_class, 256, 256)
    output, x = linear(256, 400), torch.randn(200, 3, 256)
    ids, sentences = torch.randint(0, 400, (25, 400)), torch.arange(200) // 8
    keys, values, mask = torch.randn(25, 9, 256), torch.randn(25, 9, 256), torch.ones(25, 9, dtype=torch.bool)

    def run_all() -> list[Tensor]:
        y, _ = layer(x)
        scores, tokens = topk_log_probabilities(logits, 7, [PAD, BOS])
        selected = output.forward_selected(y[:, 0], sentences, ids)
        return [y, output(y), selected, scores, tokens, *attend(y[:, 0], sentences, keys, values, mask)]

    logits = torch.randn(200, 2000)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    single_threaded = run_all()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert all(torch.equal(*pair) for pair in zip(single_threaded, run_all(), strict=True))


@pytest.mark.parametrize(("layer_class", "int8_class"), LAYERS)
def test_wrong_shapes_are_rejected_and_states_are_converted(layer_class: Any, int8_class: Any) -> None:
    layer, _ = quantized(layer_class, int8_class, 20, 30)
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
    output, _ = layer.step(x, type(state)(*double) if isinstance(state, tuple) else double[0])
    assert torch.equal(output, layer.step(x, state)[0])


def test_used_layers_can_be_copied_and_pickled() -> None:
    layer, _ = quantized(LSTM, Int8LSTM, 20, 30)
    output, x = linear(30, 10), torch.randn(2, 3, 20)
    y = output(layer(x)[0])
    for copied in (copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))):
        layer_copy, output_copy = copied(layer), copied(output)
        del layer.packed, output.packed
        assert torch.equal(output_copy(layer_copy(x)[0]), y)
        layer.packed = output.packed = None
