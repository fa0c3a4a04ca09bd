"""Properties of a language model and of its carried state."""

import io
import itertools
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.batch import LanguageBatch
from seq2seq.recurrence import GRU, LSTM, RNN, RWKV, BlockConfig, CausalAttention, Mamba, Stack
from seq2seq.search import Sampling, sample
from seq2seq.special_tokens import BOS
from seq2seq.training.language_model import LanguageModel

VOCAB_SIZE = 12
OPTIONS: dict[str, dict[str, Any]] = {
    "tied": {},
    "untied": {"tied": False},
    "narrow embedding": {"embedding_size": 5},
    "untied narrow embedding": {"embedding_size": 5, "tied": False},
    "mixed": {"layer": GRU, "depth": 3, "block": BlockConfig(norm=True, residual=True)},
    "parallel": {"layer": Mamba, "depth": 2, "block": BlockConfig(norm=True, residual=True, feed_forward=2.0)},
    "shifted": {"layer": partial(RWKV, heads=2), "depth": 2, "block": BlockConfig(norm=True, residual=True)},
    "window": {"layer": partial(CausalAttention, window=4), "depth": 2, "block": BlockConfig(norm=True, residual=True)},
    "relu": {"layer": partial(RNN, nonlinearity="relu"), "depth": 1},
}
each_model = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def build(**options: Any) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(VOCAB_SIZE, **{"size": 8, **options}).double().eval()


def ids(rows: int, time: int) -> Tensor:
    return torch.randint(4, VOCAB_SIZE, (rows, time), generator=torch.Generator().manual_seed(rows + time))


def chunks(text: Tensor, size: int) -> list[LanguageBatch]:
    return [
        LanguageBatch(part[:, :-1], part[:, 1:], begin == 0, 0)
        for begin in range(0, text.shape[1] - 1, size)
        for part in [text[:, begin : begin + size + 1]]
    ]


@each_model
def test_steps_equal_one_forward(options: dict[str, Any]) -> None:
    model, text = build(**options), ids(3, 9)
    features, _ = model(text)
    state: Any = model.initial_state(3)
    for t in range(9):
        logits, state = model.step(text[:, t], state)
        torch.testing.assert_close(logits, model.output.linear(features[:, t]))


@each_model
@pytest.mark.parametrize("size", [1, 4, 20])
def test_chunks_with_carried_state_equal_one_forward(options: dict[str, Any], size: int) -> None:
    model, text = build(**options), ids(3, 14)
    whole, _ = model(text[:, :-1])
    features = [model.run_carried(batch, "train").output for batch in chunks(text, size)]
    torch.testing.assert_close(torch.cat(features, dim=1), whole)


def test_growing_state_is_not_carried_between_batches() -> None:
    model, text = build(layer=CausalAttention, depth=1), ids(2, 21)
    features = [model.run_carried(batch, "val").output for batch in chunks(text, 5)]
    alone = [model(batch.inputs)[0] for batch in chunks(text, 5)]
    torch.testing.assert_close(torch.cat(features, dim=1), torch.cat(alone, dim=1))
    assert not model.carried_states
    whole, _ = model(text[:, :-1])
    assert (whole[:, 5:] - torch.cat(features, dim=1)[:, 5:]).abs().max() > 1e-3


def test_stack_grows_if_a_layer_grows() -> None:
    assert Stack(8, 8, [LSTM, CausalAttention]).grows
    assert not Stack(8, 8, [LSTM, partial(CausalAttention, window=3)]).grows


def test_truncated_bptt_stops_the_gradient_between_batches_only() -> None:
    model, (first, second) = build(tied=False), chunks(torch.arange(4, 12).repeat(2, 1), 4)
    model.run_carried(first, "train")
    model.run_carried(second, "train").output.sum().backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert (gradient[first.inputs.unique()] == 0).all()
    assert (gradient[second.inputs.unique()] != 0).any(dim=1).all()


def test_start_resets_the_carried_state() -> None:
    model = build()
    first, second = chunks(ids(2, 9), 4)
    fresh = model.run_carried(first, "train").output
    continued = model.run_carried(second, "train").output
    assert torch.equal(model.run_carried(first, "train").output, fresh)
    assert not torch.allclose(model.run_carried(second._replace(start=True), "train").output, continued)


def test_validation_state_is_separate_from_training_state() -> None:
    model, other = build(), ids(5, 9)
    first, second = chunks(ids(2, 9), 4)
    model.run_carried(first, "train")
    expected = model.run_carried(second, "train").output
    model.run_carried(first, "train")
    validated = [model.run_carried(batch, "val").output for batch in chunks(other, 4)]
    assert torch.equal(model.run_carried(second, "train").output, expected)
    torch.testing.assert_close(torch.cat(validated, dim=1), model(other[:, :-1])[0])


def test_checkpoint_restores_carried_state() -> None:
    first, second, third = chunks(ids(2, 13), 4)
    model = build()
    model.run_carried(first, "train")
    checkpoint: dict[str, Any] = {}
    model.on_save_checkpoint(checkpoint)
    file = io.BytesIO()
    torch.save(checkpoint, file)
    expected = [model.run_carried(batch, "train").output for batch in (second, third)]
    file.seek(0)
    restored = build()
    restored.on_load_checkpoint(torch.load(file, weights_only=True))
    restored.run_carried(chunks(ids(5, 9), 4)[0], "val")  # a validation in between changes nothing
    for batch, features in zip((second, third), expected, strict=True):
        assert torch.equal(restored.run_carried(batch, "train").output, features)


def test_start_resets_the_state_restored_from_a_checkpoint() -> None:
    first, second = chunks(ids(2, 9), 4)
    model = build()
    model.run_carried(first, "train")
    checkpoint: dict[str, Any] = {}
    model.on_save_checkpoint(checkpoint)
    restored = build()
    restored.on_load_checkpoint(checkpoint)
    for batch in (first, second):
        assert torch.equal(restored.run_carried(batch, "train").output, model.run_carried(batch, "train").output)


def test_token_nats_are_negative_log_probabilities_of_the_targets() -> None:
    model, text = build(), ids(2, 6)
    targets = text[:, 1:].clone()
    targets[1, 3:] = 0
    nats, _ = model.token_nats(text[:, :-1], targets)
    log_probs = model.output.linear(model(text[:, :-1])[0]).log_softmax(dim=-1)
    expected = -log_probs.gather(2, targets[..., None]).squeeze(2).masked_fill(targets == 0, 0)
    torch.testing.assert_close(nats, expected)


def test_padding_changes_neither_token_nats_nor_state() -> None:
    model, text = build(), ids(2, 8)
    lengths = torch.tensor([7, 3])
    nats, state = model.token_nats(text[:, :-1], text[:, 1:], None, lengths)
    next_nats, _ = model.token_nats(text[:, :-1], text[:, 1:], state)
    for row, length in enumerate(lengths.tolist()):
        inputs, target = text[row : row + 1, :length], text[row : row + 1, 1 : length + 1]
        alone, own_state = model.token_nats(inputs, target)
        torch.testing.assert_close(nats[row : row + 1, :length], alone)
        next_alone, _ = model.token_nats(text[row : row + 1, :-1], text[row : row + 1, 1:], own_state)
        torch.testing.assert_close(next_nats[row : row + 1], next_alone)


@pytest.mark.parametrize("sampler", [Sampling(), Sampling(temperature=0.5, top_k=3)])
def test_scores_of_samples_equal_token_nats(sampler: Sampling) -> None:
    model, begin = build(), torch.full((3,), BOS)
    with torch.no_grad():
        sampling = sample(model.step, begin, model.initial_state(3), sampler, torch.Generator().manual_seed(0))
        draws = list(itertools.islice(sampling, 20))
        sampled = torch.stack([draw.tokens for draw in draws], dim=1)
        nats, _ = model.token_nats(torch.cat([begin[:, None], sampled[:, :-1]], dim=1), sampled)
    scores = torch.stack([draw.scores for draw in draws], dim=1)
    torch.testing.assert_close(-scores.double(), nats, rtol=0, atol=1e-5)


def test_mean_over_ranks_is_the_loss_of_the_global_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, text = build(), ids(4, 9)
    monkeypatch.setattr(model, "log", lambda *_, **__: None)
    targets = text[:, 1:].clone()
    targets[3, 2:] = 0
    count = int((targets != 0).sum())

    def training_loss(rows: slice, ranks: int) -> Tensor:
        model._trainer = SimpleNamespace(world_size=ranks)  # type: ignore[assignment]
        return model.training_step(LanguageBatch(text[rows, :-1], targets[rows], True, count))

    whole = training_loss(slice(0, 4), 1)
    shares = [training_loss(slice(0, 1), 2), training_loss(slice(1, 4), 2)]
    torch.testing.assert_close(sum(shares) / 2, whole)
    torch.testing.assert_close(whole, model.token_nats(text[:, :-1], targets)[0].sum() / count)


def test_tied_models_share_embedding_and_output_weights() -> None:
    tied, untied = build(), build(tied=False)
    assert tied.output.linear.weight is tied.embedding.weight
    assert untied.output.linear.weight is not untied.embedding.weight
    assert sum(p.numel() for p in untied.parameters()) - sum(p.numel() for p in tied.parameters()) == VOCAB_SIZE * 8


def test_dropout_and_word_dropout_apply_in_training_only() -> None:
    model, text = build(dropout=0.5, word_dropout=0.5), ids(2, 9)
    assert torch.equal(model(text)[0], model(text)[0])
    model.train()
    assert not torch.equal(model(text)[0], model(text)[0])


@pytest.mark.parametrize("layer", [LSTM, GRU])
def test_bfloat16_autocast_trains_and_is_close_to_float32(layer: Any) -> None:
    model, text = build(layer=layer).float(), ids(3, 9)
    full, _ = model.token_nats(text[:, :-1], text[:, 1:])
    with torch.autocast("cpu", torch.bfloat16):
        for batch in chunks(text, 4):
            model.run_carried(batch, "train").output.float().sum().backward()
        half, _ = model.token_nats(text[:, :-1], text[:, 1:])
    torch.testing.assert_close(half, full, rtol=0.02, atol=0.02)
