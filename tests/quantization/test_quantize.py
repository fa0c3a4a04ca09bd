"""Quantized models compute nearly the same, and are saved, loaded and refused as they should be."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import WORDS, Runs, reverse_words
from torch import nn

from seq2seq import Beam
from seq2seq.__main__ import main
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.quantization.quantize import quantize
from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RNN,
    RWKV,
    SLSTM,
    BlockConfig,
    CausalAttention,
    LayerFactory,
    LayerNormGRU,
    LayerNormLSTM,
    Mamba,
    MinGRU,
    MinLSTM,
    MogrifierLSTM,
    Retention,
)
from seq2seq.state import flatten
from seq2seq.tasks import load_text_generator, load_translation

LAYERS: list[LayerFactory] = [
    *(RNN, LSTM, GRU, LayerNormLSTM, LayerNormGRU, MogrifierLSTM, SLSTM, MinGRU, MinLSTM),
    *(RGLRU, Mamba, RWKV, Retention, MLSTM, CausalAttention),
]
MAX_ERROR = {"bf16": 0.1, "int8": 0.2}  # relative to the standard deviation
LINES = [" ".join(WORDS[:n]) for n in (1, 2, 3, 4)]

each_precision = pytest.mark.parametrize("precision", ["bf16", "int8"])


@each_precision
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_every_layer_computes_nearly_the_same(layer: LayerFactory, precision: Any) -> None:
    torch.manual_seed(1)
    ids = torch.randint(4, 50, (2, 20))
    with torch.no_grad():
        model = LanguageModelNetwork(50, layer, 32, 2, dropout=0.0, block=BlockConfig(norm=True, residual=True)).eval()
        expected, _ = model(ids)
        quantize(model, precision)
        features, _ = model(ids)
        assert (features - expected).std() < MAX_ERROR[precision] * expected.std()
        state = model.initial_state(2)
        for tokens in ids.unbind(1):
            logits, state = model.step(tokens, state)
        output = model.output.linear(model.output_adapter(features[:, -1]))
        torch.testing.assert_close(logits, output, atol=0.05, rtol=0.05)
        assert all(part.dtype == torch.float32 for part in flatten(state) if part.is_floating_point())


@each_precision
@pytest.mark.parametrize("layer", [LSTM, GRU, RNN, MinGRU], ids=lambda layer: layer.__name__)
def test_a_translator_computes_nearly_the_same(layer: LayerFactory, precision: Any) -> None:
    torch.manual_seed(1)
    source, lengths, inputs = torch.randint(4, 50, (2, 9)), torch.tensor([9, 5]), torch.randint(4, 50, (2, 7))
    with torch.no_grad():
        model = EncoderDecoder(50, 50, True, partial(layer), partial(layer), size=32, dropout=0.0).eval()
        expected = model(source, lengths, inputs).features
        quantize(model, precision)
        assert (model(source, lengths, inputs).features - expected).std() < MAX_ERROR[precision] * expected.std()


def test_a_shared_embedding_stays_shared() -> None:
    model = EncoderDecoder(50, 50, True, size=32).eval()
    quantize(model, "int8")
    assert model.source_embedding is model.target_embedding


@each_precision
def test_a_quantized_translator_translates_the_same(precision: Any, runs: Runs) -> None:
    for options in (Beam(beams=1), Beam(beams=3)):
        expected = load_translation(runs.translator)(LINES, options)
        assert load_translation(runs.translator, precision=precision)(LINES, options) == expected
    assert load_translation(runs.translator)(LINES) == [reverse_words(line) for line in LINES]


@each_precision
def test_a_saved_quantized_model_equals_one_quantized_when_loaded(precision: Any, runs: Runs, tmp_path: Path) -> None:
    for run in (runs.translator, runs.language):
        saved = tmp_path / f"{run.parent.name}.ckpt"
        assert main(["quantize", str(run), "--output", str(saved), "--precision", precision]) == 0
        assert saved.stat().st_size < (run / "checkpoints" / "best.ckpt").stat().st_size
    options = Beam(beams=2)
    expected = load_translation(runs.translator, precision=precision).translate(LINES, options)
    assert list(load_translation(tmp_path / "translator.ckpt").translate(LINES, options)) == list(expected)
    text = "one two\nsix fünf\n"
    quantized = load_text_generator(runs.language, precision=precision)
    loaded = load_text_generator(tmp_path / "language.ckpt")
    assert list(loaded.score(text)) == list(quantized.score(text))
    assert loaded.complete("one", 20) == quantized.complete("one", 20)


def test_a_saved_quantized_model_cannot_be_used_in_another_precision(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "quantized.ckpt"
    assert main(["quantize", str(runs.language), "--output", str(saved)]) == 0
    assert "quantized.ckpt" in capsys.readouterr().out
    for command in (
        ["sample", str(saved), "--precision", "bf16"],
        ["quantize", str(saved), "--output", str(tmp_path / "other.ckpt"), "--precision", "bf16"],
    ):
        assert main(command) == 1
        assert "saved in int8" in capsys.readouterr().err


def test_a_quantized_model_is_neither_trained_nor_averaged(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(tmp_path / "quantized.ckpt")
    assert main(["quantize", str(runs.language), "--output", saved]) == 0
    config = ["--config", str(runs.language / "config.yaml"), "--runs", str(tmp_path)]
    for command in (
        ["average", saved, str(runs.language), "--output", str(tmp_path / "mean.ckpt")],
        ["fit", *config, "--name", "quantized", "--init-from", saved],
        ["test", "--config", str(runs.language / "config.yaml"), "--ckpt-path", saved],
    ):
        assert main(command) == 1
        assert "saved in int8: only translate, sample, evaluate and score can use it" in capsys.readouterr().err


@each_precision
@pytest.mark.parametrize("layer", [LSTM, GRU, RNN], ids=lambda layer: layer.__name__)
def test_folding_the_embedding_does_not_change_the_output(
    layer: LayerFactory, precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = torch.randint(4, 50, (2, 20), generator=torch.Generator().manual_seed(1))
    outputs = []
    for max_vocab in (0, 50):
        monkeypatch.setattr("seq2seq.quantization.quantize.MAX_FOLDED_VOCAB", max_vocab)
        torch.manual_seed(1)
        model = LanguageModelNetwork(50, layer, 32, 2).eval()
        quantize(model, precision)
        first = model.stack.layers[0]
        assert isinstance(getattr(first, "reference", first).linear_ih, nn.Identity) == bool(max_vocab)
        outputs.append(model(ids)[0])
    assert (outputs[0] - outputs[1]).std() < MAX_ERROR[precision] * outputs[0].std()
