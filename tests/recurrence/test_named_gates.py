"""Gates for inspection: every layer names its own, and they are those by which a step multiplies."""

from typing import Any

import pytest
import torch
from contract_cases import INPUT, LAYERS, ROWS, SIZE, Case, assert_same, case
from torch import Tensor
from torch.nn import functional as F

from seq2seq.nn.heads import split_heads
from seq2seq.state import map_state

LSTM_GATES, GRU_GATES = ["input", "forget", "cell", "output"], ["reset", "update", "candidate"]
GATES = {
    "rnn": [],
    "relu": [],
    "lstm": LSTM_GATES,
    "gru": GRU_GATES,
    "norm lstm": LSTM_GATES,
    "norm gru": GRU_GATES,
    "mogrifier": LSTM_GATES,
    "low rank": LSTM_GATES,
    "slstm": LSTM_GATES,
    "mingru": ["forget", "input", "candidate"],
    "minlstm": ["forget", "input", "candidate"],
    "griffin": ["recurrence", "input", "decay", "output"],
    "mamba": ["decay", "step_size", "output"],
    "rwkv": ["decay", "output"],
    "retention": ["decay", "output"],
    "mlstm": ["input", "forget", "output"],
    "attention": [],
    "window": [],
}


def gates_and_next_state(c: Case) -> tuple[dict[str, Tensor], Any]:
    x = c.x[:, 0]
    _, next_state = c.layer.step(x, c.state)
    return c.layer.named_gates(x, c.state), next_state


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_names_its_gates(kind: str) -> None:
    c = case(kind, torch.float32, 1)
    for state in (c.state, c.layer.initial_state(ROWS)):
        gates = c.layer.named_gates(c.x[:, 0], state)
        assert list(gates) == GATES[kind]
        for gate in gates.values():
            assert gate.shape[0] == ROWS
            assert gate.shape[1:].numel() > 0
            assert gate.isfinite().all()
    assert c.layer.named_gates(torch.zeros(0, INPUT), c.layer.initial_state(0)).keys() == gates.keys()


@pytest.mark.parametrize("kind", LAYERS)
def test_gates_are_float32_under_autocast(kind: str) -> None:
    c = case(kind, torch.float32, 1)
    with torch.autocast("cpu", torch.bfloat16):
        gates = c.layer.named_gates(c.x[:, 0], c.state)
    expected = c.layer.named_gates(c.x[:, 0], c.state)
    for name, gate in gates.items():
        torch.testing.assert_close(gate, expected[name], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("kind", ["lstm", "norm lstm", "mogrifier", "low rank"])
def test_lstm_gates_give_the_next_state(kind: str) -> None:
    c = case(kind, torch.float64, 1)
    gates, next_state = gates_and_next_state(c)
    cell = gates["forget"] * c.state.cell + gates["input"] * gates["cell"]
    normalized = c.layer.norm_cell(cell) if kind == "norm lstm" else cell
    assert_same(next_state.cell, cell)
    assert_same(next_state.hidden, gates["output"] * normalized.tanh())


@pytest.mark.parametrize("kind", ["gru", "norm gru"])
def test_gru_gates_give_the_next_state(kind: str) -> None:
    c = case(kind, torch.float64, 1)
    gates, next_state = gates_and_next_state(c)
    assert_same(next_state, (1 - gates["update"]) * gates["candidate"] + gates["update"] * c.state)


def test_reset_gate_of_a_gru_gives_its_candidate() -> None:
    c = case("gru", torch.float64, 1)
    gates = c.layer.named_gates(c.x[:, 0], c.state)
    weight_ih, weight_hh, bias_ih, bias_hh = (part[2 * SIZE :] for part in c.layer.rnn.all_weights[0])
    hidden = gates["reset"] * F.linear(c.state, weight_hh, bias_hh)
    assert_same(gates["candidate"], torch.tanh(F.linear(c.x[:, 0], weight_ih, bias_ih) + hidden))


def test_slstm_gates_give_the_next_state() -> None:
    c = case("slstm", torch.float64, 1)
    gates, next_state = gates_and_next_state(c)
    state, expected = (map_state(lambda part: part.flatten(1), state) for state in (c.state, next_state))
    cell = gates["forget"] * state.cell + gates["input"] * gates["cell"]
    normalizer = gates["forget"] * state.normalizer + gates["input"]
    assert_same(expected.cell, cell)
    assert_same(expected.normalizer, normalizer)
    assert_same(expected.hidden, gates["output"] * cell / normalizer)


@pytest.mark.parametrize("kind", ["mingru", "minlstm"])
def test_minimal_gates_give_the_next_state(kind: str) -> None:
    c = case(kind, torch.float64, 1)
    gates, next_state = gates_and_next_state(c)
    assert_same(next_state, gates["forget"] * c.state + gates["input"] * gates["candidate"])
    assert_same(gates["forget"] + gates["input"], torch.ones(ROWS, SIZE, dtype=torch.float64))


def test_griffin_gates_give_the_next_state_and_the_output() -> None:
    c = case("griffin", torch.float64, 1)
    gates, next_state = gates_and_next_state(c)
    u, _ = c.layer.convolution.step(c.layer.input_projection(c.x[:, 0])[:, :SIZE], c.state.convolution)
    decay = torch.exp(-8 * gates["recurrence"] * F.softplus(c.layer.decay))
    assert_same(gates["decay"], decay)
    assert_same(next_state.hidden, decay * c.state.hidden + torch.sqrt(1 - decay**2) * gates["input"] * u)
    y, _ = c.layer.step(c.x[:, 0], c.state)
    assert_same(y, c.layer.output_projection(gates["output"] * next_state.hidden))


@pytest.mark.parametrize(
    ("kind", "name"), [("mamba", "decay"), ("rwkv", "decay"), ("retention", "decay"), ("mlstm", "forget")]
)
def test_decay_is_the_factor_of_a_matrix_state(kind: str, name: str) -> None:
    c = case(kind, torch.float64, 1)
    gates, next_state = gates_and_next_state(c)
    memory = c.state.memory
    _, without_past = c.layer.step(c.x[:, 0], c.state._replace(memory=torch.zeros_like(memory)))
    decay = gates[name].view(*memory.shape[:2], -1, 1)  # of each head, or of each key feature of it
    assert_same(next_state.memory, decay * memory + without_past.memory)


def test_input_gate_of_mlstm_is_the_factor_of_the_keys() -> None:
    c = case("mlstm", torch.float64, 1)
    gates = c.layer.named_gates(c.x[:, 0], c.state)
    _, next_state = c.layer.step(c.x[:, 0], c.state._replace(memory=torch.zeros_like(c.state.memory)))
    convolved, _ = c.layer.convolution.step(c.x[:, 0], c.state.convolution)
    key = split_heads(c.layer.query_key_projection(F.silu(convolved))[:, SIZE:], c.layer.heads)
    normalizer = next_state.memory[..., -1]  # the column of the sum of the keys
    assert_same(normalizer, gates["input"][..., None] * key * c.layer.head_dim**-0.5)


def test_step_size_of_mamba_is_the_factor_of_the_values() -> None:
    c = case("mamba", torch.float64, 1)
    gates = c.layer.named_gates(c.x[:, 0], c.state)
    _, next_state = c.layer.step(c.x[:, 0], c.state._replace(memory=torch.zeros_like(c.state.memory)))
    _, xbc, _ = c.layer.project_input(c.x[:, 0])
    convolved, _ = c.layer.convolution.step(xbc, c.state.convolution)
    values, keys, _ = F.silu(convolved).split([c.layer.inner_size, c.layer.state_size, c.layer.state_size], dim=-1)
    values = gates["step_size"][..., None] * split_heads(values, c.layer.heads)
    assert_same(next_state.memory, keys[:, None, :, None] * values[:, :, None])


def test_output_gates_of_matrix_states_are_projections_of_the_input() -> None:
    cases = {kind: case(kind, torch.float64, 1) for kind in ("mamba", "retention", "mlstm")}
    projected = {kind: c.layer.input_projection(c.x[:, 0]) for kind, c in cases.items()}
    expected = {
        "mamba": F.silu(projected["mamba"][:, : cases["mamba"].layer.inner_size]),
        "retention": F.silu(projected["retention"][:, 3 * SIZE :]),
        "mlstm": projected["mlstm"][:, SIZE:].sigmoid(),
    }
    for kind, c in cases.items():
        assert_same(c.layer.named_gates(c.x[:, 0], c.state)["output"], expected[kind])


def test_output_gate_of_rwkv_is_the_factor_of_the_normalized_output() -> None:
    c = case("rwkv", torch.float64, 1)
    normalized: list[Tensor] = []
    c.layer.norm.register_forward_hook(lambda module, inputs, output: normalized.append(output))
    y, _ = c.layer.step(c.x[:, 0], c.state)
    gate = c.layer.named_gates(c.x[:, 0], c.state)["output"]
    assert_same(y, c.layer.output_projection(normalized[0] * gate))


def test_gates_ignore_weight_dropout() -> None:
    torch.manual_seed(0)
    for kind in ("lstm", "gru", "norm lstm", "norm gru"):
        layer = LAYERS[kind](INPUT, SIZE)
        layer.weight_dropout.p = 0.5
        x, state = torch.randn(ROWS, INPUT), layer(torch.randn(ROWS, 3, INPUT))[1]
        training = layer.train().named_gates(x, state)
        for name, gate in layer.eval().named_gates(x, state).items():
            assert torch.equal(gate, training[name])
