"""Empty batches, empty sources and empty targets, in every precision."""

from functools import partial
from typing import Any

import pytest
import torch
from translator_cases import ATTENTIONS, MODELS, OPTIONS, build, each_model

from seq2seq.batch import TranslationBatch
from seq2seq.inference.shortlist import Shortlist
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.quantization.quantize import quantize
from seq2seq.recurrence import GRU, LSTM, RNN, RWKV, BlockConfig, CausalAttention, LayerFactory, Mamba, MinGRU
from seq2seq.search import Beam, Greedy, Sampling, sample
from seq2seq.special_tokens import BOS, NUM_SPECIAL

SHAPES = [(0, 3, 4), (0, 0, 0), (2, 0, 4), (2, 3, 0), (2, 0, 0)]  # sentences, source tokens, target tokens
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_precision = pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])


def batch(rows: int, source: int, target: int) -> TranslationBatch:
    """Return a batch; of two sentences, the second one is empty."""
    sources, inputs = torch.full((rows, source), NUM_SPECIAL), torch.full((rows, target), NUM_SPECIAL + 1)
    return TranslationBatch(sources, torch.tensor([source, 0])[:rows], inputs, inputs, rows * target)


@each_model
@each_shape
def test_empty_translation_batches_have_finite_outputs_and_gradients(
    options: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    model, b = build(**options), batch(*shape)
    output = model(b.source, b.lengths, b.inputs)
    assert output.features.shape[:2] == b.inputs.shape
    assert output.weights.shape[:2] == b.inputs.shape
    assert output.features.isfinite().all()
    assert not output.weights[1:].any()
    nats = model.token_nats(b)
    assert nats.shape == b.targets.shape
    nats.sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert nats.numel() or not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize(
    "options",
    [*OPTIONS.values(), MODELS["additive with input feeding"], MODELS["bilinear with input feeding"]],
    ids=[*OPTIONS, "additive with input feeding", "bilinear with input feeding"],
)
@each_precision
@torch.no_grad()
def test_empty_batches_are_translated_and_scored_in_every_precision(options: dict[str, Any], precision: Any) -> None:
    model = build(**options).float().requires_grad_(False)
    quantize(model, precision)
    for shape in SHAPES:
        b = batch(*shape)
        assert model.token_nats(b).shape == b.targets.shape
        limits = torch.full((len(b.source),), 3)
        shortlist_ids = torch.arange(NUM_SPECIAL + 2).expand(len(b.source), -1)
        for shortlist in (None, shortlist_ids):
            assert len(Greedy()(model.decoding_problem(b.source, b.lengths, shortlist), limits)) == len(limits)
            assert len(Beam(3)(model.decoding_problem(b.source, b.lengths, shortlist), limits)) == len(limits)


@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
@pytest.mark.parametrize("layer", [LSTM, GRU, MinGRU])
@each_shape
def test_packed_loop_with_empty_batches(
    attention: Any, layer: LayerFactory, shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2seq.recurrence.ops.packed_loop.MIN_PACKED_SIZE", 1)
    model, b = build(attention=attention, decoder=layer, input_feeding=True).float(), batch(*shape)
    model.token_nats(b).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU, Mamba, partial(RWKV, heads=2), CausalAttention])
@pytest.mark.parametrize(
    "block", [{}, {"block": BlockConfig(norm=True, residual=True, feed_forward=2.0)}], ids=["plain", "block"]
)
@each_precision
def test_language_model_continues_after_an_empty_batch(
    layer: LayerFactory, block: dict[str, Any], precision: Any
) -> None:
    torch.manual_seed(0)
    model = LanguageModelNetwork(50, layer, 16, 2, **block).eval().requires_grad_(False)
    quantize(model, precision)
    ids = torch.randint(NUM_SPECIAL, 50, (2, 5))
    for rows in (0, 2):
        _, state = model(ids[:rows])
        nats, next_state = model.token_nats(ids[:rows, :0], ids[:rows, :0], state)
        assert nats.shape == (rows, 0)
        torch.testing.assert_close(model(ids[:rows], next_state)[0], model(ids[:rows], state)[0])
        bos = torch.full((rows,), BOS)
        for sampler in (Sampling(top_k=3), Sampling(temperature=0), Sampling(top_p=0.5)):
            draw = next(sample(model.step, bos, next_state, sampler, torch.Generator()))
            assert draw.tokens.shape == (rows,)


def test_shortlist_of_empty_batches() -> None:
    shortlist = Shortlist(torch.tensor([6]), torch.zeros(10, 2, dtype=torch.int32), 10)
    assert shortlist.allowed_ids(torch.zeros(0, 4, dtype=torch.long)).shape == (0, 0)
    assert shortlist.allowed_ids(torch.zeros(2, 0, dtype=torch.long)).tolist() == [[0, 1, 2, 3, 6]] * 2
