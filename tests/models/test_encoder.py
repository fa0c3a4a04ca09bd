"""An encoder and a stack are built and run alike, and refuse layers that they cannot use."""

from functools import partial

import pytest
import torch
from tasks.my_extensions import GatedConvolution
from torch import Tensor, nn

from seq2seq.models.encoder import Encoder
from seq2seq.recurrence import (
    GRU,
    LSTM,
    Bidirectional,
    BlockConfig,
    CausalAttention,
    EncoderLayer,
    EncoderLayerFactory,
    LayerFactory,
    SelfAttention,
    Stack,
)
from seq2seq.recurrence.residual_block import ResidualBlock

BLOCKS = [BlockConfig(dropout=0.3), BlockConfig(norm=True, residual=True, feed_forward=2.0, dropout=0.3)]
LENGTHS = torch.tensor([5, 0, 3])


def build_by_hand(factories: list[EncoderLayerFactory], block: BlockConfig) -> nn.Module:
    """Return the layers, then the blocks around them, then the final norm, in the order of their random draws."""
    torch.manual_seed(1)
    plain = nn.Module()
    plain.layers = nn.ModuleList(layer(size, 8) for layer, size in zip(factories, (6, 8), strict=True))
    plain.blocks = nn.ModuleList(ResidualBlock(size, 8, block) for size in (6, 8))
    plain.norm = block.layer_norm(8)
    return plain


def check_weights(module: nn.Module, plain: nn.Module) -> None:
    weights, expected = module.state_dict(), plain.state_dict()
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    "layer",
    [partial(Bidirectional, LSTM), partial(Bidirectional, GRU), partial(SelfAttention, heads=2), GatedConvolution],
    ids=["lstm", "gru", "attention", "convolution"],
)
def test_encoder_equals_its_parts_bit_for_bit(layer: EncoderLayerFactory, block: BlockConfig) -> None:
    plain = build_by_hand([layer] * 2, block)
    torch.manual_seed(1)
    recurrence = layer.args[0] if isinstance(layer, partial) and layer.args else layer
    encoder = Encoder(6, 8, [recurrence] * 2, block)
    check_weights(encoder, plain)
    x = torch.randn(3, 5, 6)
    torch.manual_seed(2)
    states, summary, mask = encoder(x, LENGTHS)
    torch.manual_seed(2)
    y: Tensor = x.masked_fill(~mask[..., None], 0.0)
    for module, around in zip(plain.layers, plain.blocks, strict=True):  # type: ignore[arg-type]
        y = around(y, module(around.norm(y), LENGTHS))
    y = plain.norm(y)  # type: ignore[operator]
    assert torch.equal(states[mask], y[mask])
    assert torch.equal(summary[0], torch.cat([y[0, 4, :4], y[0, 0, 4:]]))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("layer", [LSTM, GRU, partial(CausalAttention, heads=2)], ids=["lstm", "gru", "attention"])
def test_stack_equals_its_parts_bit_for_bit(layer: LayerFactory, block: BlockConfig) -> None:
    plain = build_by_hand([layer] * 2, block)
    torch.manual_seed(1)
    stack = Stack(6, 8, [layer] * 2, block)
    check_weights(stack, plain)
    x = torch.randn(3, 5, 6)
    torch.manual_seed(2)
    output, states, activations = stack.run(x)
    torch.manual_seed(2)
    y = x
    for index, (module, around) in enumerate(zip(plain.layers, plain.blocks, strict=True)):  # type: ignore[arg-type]
        z, state = module(around.norm(y))
        y = around(y, z)
        assert torch.equal(activations[index], y)
        assert all(map(torch.equal, states[index], state))
    assert torch.equal(output, plain.norm(y))  # type: ignore[operator]


def test_layers_that_are_not_causal_are_refused_in_a_stack() -> None:
    for layer in (GatedConvolution, SelfAttention):
        with pytest.raises(ValueError, match=f"layers must be recurrences, and {layer.__name__} is none"):
            Stack(6, 8, [LSTM, layer])  # type: ignore[list-item]


def test_other_modules_are_refused_in_an_encoder() -> None:
    with pytest.raises(ValueError, match="must be a Recurrence or an EncoderLayer, and Linear is neither"):
        Encoder(6, 8, [nn.Linear])  # type: ignore[list-item]


def test_an_encoder_layer_must_define_forward() -> None:
    class Incomplete(EncoderLayer):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Incomplete()  # type: ignore[abstract]
