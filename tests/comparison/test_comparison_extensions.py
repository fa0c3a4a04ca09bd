"""Tests of comparing a user's own layers and models, named by import path."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, seq2seq, write_config

MODULE = '''
import pytorch_lightning as pl
import torch
from torch import nn

from seq2seq.recurrence import LSTM, LayerFactory, Recurrence


class Scaled(Recurrence):
    def __init__(self, input_size: int, size: int, scale: float = 0.5) -> None:
        super().__init__(input_size, size)
        self.rnn = nn.RNN(input_size, size, batch_first=True)
        self.scale = scale

    def initial_state(self, batch):
        return self.rnn.weight_hh_l0.new_zeros(batch, self.size)

    def forward(self, x, state=None, lengths=None):
        y, state = self.rnn(x, None if state is None else state[None])
        return self.scale * y, state[0]

    def step(self, x, state):
        y, state = self(x[:, None], state)
        return y[:, 0], state


class Labeller(pl.LightningModule):
    """Labels every token by whether the id of the next one is odd."""

    def __init__(self, vocab_size: int, layer: LayerFactory = LSTM, size: int = 8) -> None:
        super().__init__()
        self.embedding, self.layer, self.output = nn.Embedding(vocab_size, size), layer(size, size), nn.Linear(size, 2)

    def loss(self, batch):
        logits = self.output(self.layer(self.embedding(batch.inputs))[0])
        return nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten() % 2)

    def training_step(self, batch):
        return self.loss(batch)

    def validation_step(self, batch):
        self.log("val_loss", self.loss(batch))
'''


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_parts.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # where the processes of the trials import it from
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_parts", raising=False)


def compare(*options: str) -> list[dict[str, Any]]:
    command = seq2seq("compare", "--config", "tiny.yaml", "--output", "out", "--steps", "2", *options)
    assert command.status == 0, command.err
    results: list[dict[str, Any]] = json.loads(Path("out/results.json").read_text(encoding="utf-8"))["results"]
    return sorted(results, key=lambda result: str(result["entry"]))


def test_own_model_is_compared_with_own_layer(comparison_corpus: Path) -> None:
    config = LANGUAGE.replace("class_path: LanguageModel", "class_path: own_parts.Labeller")
    write_config(Path.cwd(), config.replace("depth: 1, dropout: 0", ""), comparison_corpus, "tiny")
    lstm, own = compare("--layers", "own_parts.Scaled:scale=0.9", "LSTM", "--parameters", "20000")
    assert own["block"] == f"Scaled, {own['size']}, scale 0.9"
    assert lstm["block"] == f"LSTM, {lstm['size']}"
    for result in (own, lstm):
        assert abs(result["parameters"] - 20_000) <= 400
        assert result["seeds"][0]["outcome"]["status"] == "finished"
        assert result["mean"] > 0
        assert (result["generation"], result["note"]) == ([], "not measured for this model")


def test_own_layer_is_trained_and_generates(comparison_corpus: Path) -> None:
    write_config(Path.cwd(), LANGUAGE, comparison_corpus, "tiny")
    (result,) = compare("--layers", "own_parts.Scaled:depth=2", "--budget", "tokens")
    assert result["block"] == "Scaled, 2 x 8"
    assert [cost["position"] for cost in result["generation"]] == [100, 10_000]
    assert result["generation"][0]["state_bytes"] == 2 * 8 * 4


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("own_parts.Lost", "there is no layer own_parts.Lost: module 'own_parts' has no attribute 'Lost'"),
        ("no_parts.Scaled", "there is no layer no_parts.Scaled: No module named 'no_parts'"),
        ("own_parts.Labeller", "own_parts.Labeller is no Recurrence, as layer must be"),
        ("torch.nn.Linear", "torch.nn.Linear is no Recurrence, as layer must be"),
        ("own_parts.Scaled:scald=1", "own_parts.Scaled has no option scald; did you mean scale?"),
        ("SelfAttention", "seq2seq.recurrence.SelfAttention is no Recurrence, as layer must be"),
    ],
)
def test_invalid_own_layers_are_reported(comparison_corpus: Path, layer: str, message: str) -> None:
    write_config(Path.cwd(), LANGUAGE, comparison_corpus, "tiny")
    command = seq2seq("compare", "--config", "tiny.yaml", "--layers", layer, "--output", "out")
    assert command.status == 1
    assert message in command.err
    assert command.err.count("\n") == 1
