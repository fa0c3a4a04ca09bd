"""An encoder's outputs and gradients do not depend on padding."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.models.encoder import Encoder
from seq2seq.quantization.quantize import quantize
from seq2seq.recurrence import (
    GRU,
    LSTM,
    RNN,
    RWKV,
    SLSTM,
    BlockConfig,
    CausalAttention,
    EncoderLayerFactory,
    Mamba,
    MinGRU,
    SelfAttention,
)
from seq2seq.training.translator import Translator

LENGTHS = torch.tensor([6, 0, 4])
MASK = torch.arange(6) < LENGTHS[:, None]
PADDING = [float("nan"), float("inf"), float("-inf"), 1e38]
LAYERS: dict[str, EncoderLayerFactory] = {
    "rnn": partial(RNN, nonlinearity="relu"),
    "lstm": LSTM,
    "gru": GRU,
    "slstm": partial(SLSTM, heads=2),
    "mingru": MinGRU,
    "mamba": Mamba,
    "rwkv": partial(RWKV, heads=2),
    "causal": partial(CausalAttention, heads=2),
    "attention": partial(SelfAttention, heads=2),
    "unordered attention": partial(SelfAttention, heads=2, rotary=False),
}
BLOCKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "block": {"block": BlockConfig(norm=True, residual=True, feed_forward=2.0)},
}
each_block = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


def source(padding: float, dtype: torch.dtype) -> Tensor:
    x = torch.randn(3, 6, 8, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return x.masked_fill(~MASK[..., None], padding).requires_grad_()


def encode(encoder: Any, x: Tensor) -> Tensor:
    states, summary, mask = encoder(x, LENGTHS)
    assert states.isfinite().all()
    assert torch.equal(mask, MASK)
    assert not summary[1].any()
    return torch.cat([states[MASK].flatten(), summary.flatten()])


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@each_block
def test_encoder_outputs_and_gradients_ignore_padding(layer: EncoderLayerFactory, block: dict[str, Any]) -> None:
    torch.manual_seed(0)
    encoder = Encoder(8, 8, [layer] * 2, **block).double()
    results = []
    for padding in (0.0, *PADDING):
        x = source(padding, torch.float64)
        found = encode(encoder, x)
        gradients = torch.autograd.grad(found.cos().sum(), [x, *encoder.parameters()], materialize_grads=True)
        assert not gradients[0][~MASK].any()
        assert gradients[0][MASK].any()
        results.append([found, *gradients])
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@each_block
@pytest.mark.parametrize("precision", ["bf16", "int8"])
@torch.no_grad()
def test_quantized_encoder_ignores_padding(layer: EncoderLayerFactory, block: dict[str, Any], precision: Any) -> None:
    torch.manual_seed(0)
    model = Translator(20, 20, encoder=layer, size=8, **block).eval().requires_grad_(False)
    quantize(model, precision)
    expected = encode(model.encoder, source(0.0, torch.float32))
    for padding in PADDING:
        torch.testing.assert_close(encode(model.encoder, source(padding, torch.float32)), expected, rtol=0, atol=1e-6)
