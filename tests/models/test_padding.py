"""Whatever stands on padding, an encoder says the same of what is real, and learns the same."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.models import Translator
from seq2seq.models.encoder import Encoder
from seq2seq.quantization.quantize import quantize
from seq2seq.recurrence import GRU, LSTM, RNN, RWKV, SLSTM, CausalAttention, Mamba, MinGRU, ReaderFactory, SelfAttention

LENGTHS = torch.tensor([6, 0, 4])
REAL = torch.arange(6) < LENGTHS[:, None]
PADDING = [float("nan"), float("inf"), float("-inf"), 1e38]
LAYERS: dict[str, ReaderFactory] = {
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
AROUND: dict[str, dict[str, Any]] = {"plain": {}, "block": {"norm": True, "residual": True, "feed_forward": 2.0}}
each_around = pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)


def source(padding: float, dtype: torch.dtype) -> Tensor:
    x = torch.randn(3, 6, 8, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return x.masked_fill(~REAL[..., None], padding).requires_grad_()


def said(encoder: Any, x: Tensor) -> Tensor:
    states, summary, real = encoder(x, LENGTHS)
    assert states.isfinite().all()
    assert torch.equal(real, REAL)
    assert not summary[1].any()
    return torch.cat([states[REAL].flatten(), summary.flatten()])


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@each_around
def test_an_encoder_reads_and_learns_only_what_is_real(layer: ReaderFactory, around: dict[str, Any]) -> None:
    torch.manual_seed(0)
    encoder = Encoder(8, 8, [layer] * 2, **around).double()
    outcomes = []
    for padding in (0.0, *PADDING):
        x = source(padding, torch.float64)
        found = said(encoder, x)
        slopes = torch.autograd.grad(found.cos().sum(), [x, *encoder.parameters()], materialize_grads=True)
        assert not slopes[0][~REAL].any()
        assert slopes[0][REAL].any()
        outcomes.append([found, *slopes])
    for outcome in outcomes[1:]:
        torch.testing.assert_close(outcome, outcomes[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@each_around
@pytest.mark.parametrize("precision", ["bf16", "int8"])
@torch.no_grad()
def test_a_rounded_encoder_does_too(layer: ReaderFactory, around: dict[str, Any], precision: Any) -> None:
    torch.manual_seed(0)
    model = Translator(20, 20, encoder=layer, size=8, **around).eval().requires_grad_(False)
    quantize(model, precision)
    expected = said(model.encoder, source(0.0, torch.float32))
    for padding in PADDING:
        torch.testing.assert_close(said(model.encoder, source(padding, torch.float32)), expected, rtol=0, atol=1e-6)
