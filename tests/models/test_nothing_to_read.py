"""Models take batches of no sentences, sentences of no words, and translations of no words, rounded or not."""

from functools import partial
from typing import Any

import pytest
import torch
from translator_cases import ATTENTIONS, MODELS, OPTIONS, build, each_model

from seq2seq.batch import TranslationBatch
from seq2seq.inference.shortlist import Shortlist
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.quantization.quantize import quantize
from seq2seq.recurrence import GRU, LSTM, RNN, RWKV, CausalAttention, LayerFactory, Mamba, MinGRU
from seq2seq.search import Sampling, beam_search, greedy, sample
from seq2seq.special_tokens import BOS, NUM_SPECIAL

SHAPES = [(0, 3, 4), (0, 0, 0), (2, 0, 4), (2, 3, 0), (2, 0, 0)]  # sentences, words of the source, of the target
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_precision = pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])


def batch(rows: int, source: int, target: int) -> TranslationBatch:
    """Of two sentences, the second one has no words."""
    words, inputs = torch.full((rows, source), NUM_SPECIAL), torch.full((rows, target), NUM_SPECIAL + 1)
    return TranslationBatch(words, torch.tensor([source, 0])[:rows], inputs, inputs, rows * target)


@each_model
@each_shape
def test_a_translator_learns_nothing_from_nothing(options: dict[str, Any], shape: tuple[int, int, int]) -> None:
    model, b = build(**options), batch(*shape)
    reading = model(b.source, b.lengths, b.inputs)
    assert reading.features.shape[:2] == b.inputs.shape
    assert reading.weights.shape[:2] == b.inputs.shape
    assert reading.features.isfinite().all()
    assert not reading.weights[1:].any()
    nats = model.nats(b)
    assert nats.shape == b.targets.shape
    nats.sum().backward()
    slopes = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(slope.isfinite().all() for slope in slopes)
    assert nats.numel() or not any(slope.any() for slope in slopes)


@pytest.mark.parametrize(
    "options", [*OPTIONS.values(), MODELS["additive fed"], MODELS["bilinear fed"]], ids=[*OPTIONS, "fed", "looking fed"]
)
@each_precision
@torch.no_grad()
def test_nothing_is_translated_and_scored_in_every_precision(options: dict[str, Any], precision: Any) -> None:
    model = build(**options).float().requires_grad_(False)
    quantize(model, precision)
    for shape in SHAPES:
        b = batch(*shape)
        assert model.nats(b).shape == b.targets.shape
        limits = torch.full((len(b.source),), 3)
        candidates = torch.arange(NUM_SPECIAL + 2).expand(len(b.source), -1)
        for few in (None, candidates):
            assert len(greedy(model.problem(b.source, b.lengths, few), limits)) == len(limits)
            assert len(beam_search(model.problem(b.source, b.lengths, few), limits, beams=3)) == len(limits)


@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
@pytest.mark.parametrize("layer", [LSTM, GRU, MinGRU])
@each_shape
def test_packed_weights_take_nothing_too(
    attention: Any, layer: LayerFactory, shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2seq.recurrence.ops.packed_loop.WIDE", 1)
    model, b = build(attention=attention, decoder=layer, input_feeding=True).float(), batch(*shape)
    model.nats(b).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU, Mamba, partial(RWKV, heads=2), CausalAttention])
@pytest.mark.parametrize("around", [{}, {"norm": True, "residual": True, "feed_forward": 2.0}], ids=["plain", "block"])
@each_precision
def test_a_language_model_goes_on_after_nothing(layer: LayerFactory, around: dict[str, Any], precision: Any) -> None:
    torch.manual_seed(0)
    model = RecurrentLanguageModel(50, layer, 16, 2, **around).eval().requires_grad_(False)
    quantize(model, precision)
    words = torch.randint(NUM_SPECIAL, 50, (2, 5))
    for rows in (0, 2):
        _, state = model(words[:rows])
        nats, after = model.nats(words[:rows, :0], words[:rows, :0], state)
        assert nats.shape == (rows, 0)
        torch.testing.assert_close(model(words[:rows], after)[0], model(words[:rows], state)[0])
        begin = torch.full((rows,), BOS)
        for sampler in (Sampling(top_k=3), Sampling(temperature=0), Sampling(top_p=0.5)):
            drawn = next(sample(model.step, begin, after, sampler, torch.Generator()))
            assert drawn.tokens.shape == (rows,)


def test_no_sentences_have_no_candidates() -> None:
    shortlist = Shortlist(torch.tensor([6]), torch.zeros(10, 2, dtype=torch.int32), 10)
    assert shortlist.candidates(torch.zeros(0, 4, dtype=torch.long)).shape == (0, 0)
    assert shortlist.candidates(torch.zeros(2, 0, dtype=torch.long)).tolist() == [[0, 1, 2, 3, 6]] * 2
