"""Properties of a translator."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from translator_cases import ATTENTIONS, OPTIONS, SOURCE_VOCAB_SIZE, TARGET_VOCAB_SIZE, build, each_model

from seq2seq.batch import TranslationBatch
from seq2seq.models.encoder_decoder import EncoderDecoderOutput
from seq2seq.recurrence import GRU, LSTM, EncoderLayer, LayerFactory, MinGRU, Stack
from seq2seq.search import Beam, Greedy, Hypothesis
from seq2seq.search.beam import beam_search
from seq2seq.special_tokens import BOS, PAD
from seq2seq.state import repeat
from seq2seq.training.translator import Translator

LENGTHS = torch.tensor([6, 1, 4])


def batch() -> TranslationBatch:
    generator = torch.Generator().manual_seed(0)
    source, text = (torch.randint(4, SOURCE_VOCAB_SIZE, (3, time), generator=generator) for time in (6, 5))
    source[torch.arange(6) >= LENGTHS[:, None]] = 0
    inputs = torch.cat([torch.full((3, 1), BOS), text[:, :-1]], dim=1)
    targets = text.clone()
    targets[2, 2:] = 0
    return TranslationBatch(source, LENGTHS, inputs, targets, int((targets != 0).sum()))


def sentence(b: TranslationBatch, index: int) -> TranslationBatch:
    """Return a batch of one sentence, without padding of its source."""
    row = slice(index, index + 1)
    source = b.source[row, : b.lengths[index]]
    return TranslationBatch(source, b.lengths[row], b.inputs[row], b.targets[row], b.tokens)


@each_model
def test_steps_equal_one_forward(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    features, _, weights, *_ = model(b.source, b.lengths, b.inputs)
    step, state, *_ = model.decoding_problem(b.source, b.lengths)
    for t in range(b.inputs.shape[1]):
        logits, state = step(b.inputs[:, t], state)
        torch.testing.assert_close(logits, model.output.linear(features[:, t]))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 5, dtype=weights.dtype))


@each_model
def test_padding_changes_neither_token_nats_nor_features(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    nats = model.token_nats(b)
    features, *_ = model(b.source, b.lengths, b.inputs)
    for index in range(3):
        alone = sentence(b, index)
        torch.testing.assert_close(model.token_nats(alone)[0], nats[index])
        torch.testing.assert_close(model(alone.source, alone.lengths, alone.inputs).features[0], features[index])


@each_model
def test_rows_that_share_a_memory_equal_rows_with_copies(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    encoded, state = model.encode(b.source, b.lengths)
    tokens = torch.randint(4, SOURCE_VOCAB_SIZE, (2, 12), generator=torch.Generator().manual_seed(1))
    shared, own = repeat(state, 4), repeat(state, 4)._replace(sentence_index=torch.arange(12))
    for step_tokens in tokens:
        shared_logits, shared = model.step(step_tokens, shared, encoded)
        own_logits, own = model.step(step_tokens, own, repeat(encoded, 4))
        torch.testing.assert_close(shared_logits, own_logits)
    assert (shared_logits[0] - shared_logits[1]).abs().max() > 1e-4


@each_model
def test_features_do_not_depend_on_later_target_tokens(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    other = b.inputs.clone()
    other[:, 3:] = (other[:, 3:] - 3) % (SOURCE_VOCAB_SIZE - 4) + 4
    features, *_ = model(b.source, b.lengths, b.inputs)
    changed, *_ = model(b.source, b.lengths, other)
    torch.testing.assert_close(changed[:, :3], features[:, :3])
    assert (changed[:, 3:] - features[:, 3:]).abs().max() > 1e-4


@each_model
def test_run_returns_the_activations_of_every_layer(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    output, encoder_activations, decoder_activations, mask = model.run(b)
    assert torch.equal(mask, b.targets != PAD)
    assert torch.equal(output.features, model(b.source, b.lengths, b.inputs).features)
    depth = len(model.encoder.layers)
    assert [y.shape for y in encoder_activations] == [(3, 6, 8)] * depth
    assert [y.shape for y in decoder_activations] == [(3, 5, 8)] * depth
    torch.testing.assert_close(model.encoder.norm(encoder_activations[-1]), output.encoding.states)
    memory = model.decoder.start(output.encoding)[0]
    last_query = decoder_activations[-1 if model.decoder.input_feed_size else 0]
    hidden = model.decoder.query_stack.norm(last_query)
    torch.testing.assert_close(model.decoder.attention(hidden, memory).context, output.context)
    if model.decoder.output_stack is not None:
        hidden = model.decoder.output_stack.norm(decoder_activations[-1])
    features = model.decoder.feature_projection(model.decoder.combine(hidden, output.context)).tanh()
    torch.testing.assert_close(features, output.features)
    assert not any(module._forward_hooks for module in model.modules())


class NestedStacks(EncoderLayer):
    """An encoder layer with residual blocks of its own, of which some are never called."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.called = Stack(input_size, size, [MinGRU, MinGRU])
        self.unused = Stack(input_size, size, [MinGRU])

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        output: Tensor = self.called(x, lengths=lengths)[0]
        return output


def test_run_returns_no_activations_from_within_a_layer() -> None:
    model, b = build(encoder=NestedStacks, depth=2), batch()
    output = model.run(b)
    assert [y.shape for y in output.encoder_activations] == [(3, 6, 8)] * 2
    torch.testing.assert_close(output.encoder_activations[-1], output.output_input.encoding.states)


class ActivationNorm(Translator):
    """A translator whose loss contains a norm of its layers' activations (Merity et al., 2017)."""

    def auxiliary_loss(self, output: EncoderDecoderOutput) -> Tensor:
        activations = [*output.encoder_activations, *output.decoder_activations]
        return torch.stack([y.square().mean() for y in activations]).sum()


@pytest.mark.parametrize("input_feeding", [False, True])
def test_auxiliary_loss_of_activations_is_added_and_reaches_every_layer(
    input_feeding: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    b, losses, models = batch(), [], []
    for kind in (Translator, ActivationNorm):
        torch.manual_seed(0)
        model = kind(SOURCE_VOCAB_SIZE, TARGET_VOCAB_SIZE, size=8, input_feeding=input_feeding, dropout=0.0)
        monkeypatch.setattr(model, "log", lambda *_, **__: None)
        losses.append(training_loss(model, b))
        models.append(model)
    auxiliary = losses[1] - losses[0]
    torch.testing.assert_close(auxiliary, models[1].auxiliary_loss(models[1].run(b)))
    assert auxiliary > 0
    auxiliary.backward()
    layers = [*models[1].encoder.layers, *models[1].decoder.query_stack.layers]
    assert len(layers) == (4 if input_feeding else 3)
    assert all(
        parameter.grad is not None and parameter.grad.any() for layer in layers for parameter in layer.parameters()
    )


@each_model
def test_every_parameter_gets_a_gradient(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():  # RWKV initializes some with zeros, which block the gradient of others
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.token_nats(b).sum().backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()}
    assert unused == set()


@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
@pytest.mark.parametrize("layer", [LSTM, GRU, MinGRU])
def test_packed_loop_changes_nothing_with_input_feeding(
    attention: Any, layer: LayerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for min_size in (1, 1000):
        monkeypatch.setattr("seq2seq.recurrence.ops.packed_loop.MIN_PACKED_SIZE", min_size)
        model, b = build(attention=attention, decoder=layer, input_feeding=True).float(), batch()
        nats = model.token_nats(b)
        nats.sum().backward()
        found.append([nats.detach(), *(parameter.grad for parameter in model.parameters())])
    for packed, plain in zip(*found, strict=True):
        torch.testing.assert_close(packed, plain, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
def test_input_feeding_uses_the_last_features(attention: Any) -> None:
    model, b = build(attention=attention, input_feeding=True), batch()
    encoded, state = model.encode(b.source, b.lengths)
    assert not state.input_feed.any()
    embedded = model.target_embedding(b.inputs)
    features, *_, state = model.decoder.step(embedded[:, 0], encoded.memory, state)
    assert torch.equal(state.input_feed, features)
    expected, *_ = model.decoder.step(embedded[:, 1], encoded.memory, state)
    other, *_ = model.decoder.step(embedded[:, 1], encoded.memory, state._replace(input_feed=-features))
    assert (expected - other).abs().max() > 1e-4


def searches(model: Translator) -> list[Callable[[TranslationBatch], list[list[Hypothesis]]]]:
    return [
        lambda b: Greedy()(model.decoding_problem(b.source, b.lengths), 2 * b.lengths + 3),
        lambda b: Beam(4)(model.decoding_problem(b.source, b.lengths), 2 * b.lengths + 3, n_best=4),
    ]


@each_model
@torch.no_grad()
def test_translation_does_not_depend_on_the_batch(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    for search in searches(model):
        together = search(b)
        for index in range(3):
            (alone,) = search(sentence(b, index))
            assert [h.ids for h in alone] == [h.ids for h in together[index]]
            assert [h.score for h in alone] == pytest.approx([h.score for h in together[index]], abs=1e-4)


@torch.no_grad()
def test_token_nats_of_a_translation_equal_its_search_score() -> None:
    model, b = build(), batch()
    for index, hypotheses in enumerate(searches(model)[1](b)):
        for h in hypotheses:
            target = [*h.ids, 3][: 2 * int(LENGTHS[index]) + 3]
            inputs, targets = torch.tensor([[BOS, *target[:-1]]]), torch.tensor([target])
            nats = model.token_nats(sentence(b, index)._replace(inputs=inputs, targets=targets))
            assert float(nats.sum()) == pytest.approx(-h.score, abs=1e-4)


@torch.no_grad()
def test_beam_of_one_without_length_penalty_is_greedy() -> None:
    model, b = build(), batch()
    found = beam_search(model.decoding_problem(b.source, b.lengths), 2 * LENGTHS, Beam(1, length_penalty=0.0))
    assert [h.ids for (h,) in found] == [
        h.ids for (h,) in Greedy()(model.decoding_problem(b.source, b.lengths), 2 * LENGTHS)
    ]


def training_loss(model: Translator, b: TranslationBatch, ranks: int = 1) -> Tensor:
    model._trainer = SimpleNamespace(world_size=ranks)  # type: ignore[assignment]
    return model.training_step(b)


def test_label_smoothing_applies_to_the_training_loss_only(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: dict[str, float] = {}
    b, losses = batch(), []
    for smoothing in (0.0, 0.3):
        model = build(label_smoothing=smoothing)
        monkeypatch.setattr(model, "log", lambda name, value, **_: logged.update({name: float(value.detach())}))
        losses.append(float(training_loss(model, b).detach()))
        model.validation_step(b)
        model.test_step(b)
        nats = float(model.token_nats(b).detach().sum() / b.tokens)
        assert logged == pytest.approx(dict.fromkeys(("train_loss", "val_loss", "test_loss"), nats))
    logits = model.output.linear(model(b.source, b.lengths, b.inputs).features)
    smoothed = F.cross_entropy(logits.flatten(0, 1), b.targets.flatten(), ignore_index=0, label_smoothing=0.3)
    assert losses == pytest.approx([nats, float(smoothed.detach())])
    assert abs(losses[1] - losses[0]) > 1e-4


def test_mean_over_ranks_is_the_loss_of_the_global_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, b = build(), batch()
    monkeypatch.setattr(model, "log", lambda *_, **__: None)
    shares = [training_loss(model, sentence(b, index), ranks=3) for index in range(3)]
    torch.testing.assert_close(sum(shares) / 3, training_loss(model, b))


def test_batch_of_only_padding_targets_has_no_loss_and_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    model, b = build(), batch()
    batch_sizes: list[int] = []
    monkeypatch.setattr(model, "log", lambda *_, batch_size, **__: batch_sizes.append(batch_size))
    empty = b._replace(targets=torch.zeros_like(b.targets))
    model.validation_step(empty)
    loss = training_loss(model, empty)
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    assert batch_sizes[0] == 0


def test_tied_embeddings_and_shared_vocabulary_share_weights() -> None:
    tied, shared = build(), build(**OPTIONS["shared"])
    assert tied.output.linear.weight is tied.target_embedding.weight
    assert tied.source_embedding is not tied.target_embedding
    assert shared.output.linear.weight is shared.source_embedding.weight
    untied = build(tied=False, shared_vocabulary=True, target_vocab_size=SOURCE_VOCAB_SIZE)
    assert len({id(w.weight) for w in (untied.output.linear, untied.source_embedding, untied.target_embedding)}) == 3


def test_shared_vocabulary_of_two_sizes_raises() -> None:
    with pytest.raises(ValueError, match="has one size, not 11 for the source and 13 for the target"):
        build(shared_vocabulary=True)


def test_dropout_and_word_dropout_apply_in_training_only() -> None:
    model, b = build(dropout=0.5, word_dropout=0.3), batch()
    assert torch.equal(model.token_nats(b), model.token_nats(b))
    model.train()
    assert not torch.equal(model.token_nats(b), model.token_nats(b))


@pytest.mark.parametrize("input_feeding", [False, True])
@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
def test_bfloat16_autocast_trains_and_is_close_to_float32(attention: Any, input_feeding: bool) -> None:
    model, b = build(attention=attention, input_feeding=input_feeding).float(), batch()
    full = model.token_nats(b)
    with torch.autocast("cpu", torch.bfloat16):
        half = model.token_nats(b)
        found = searches(model)[1](b)
    half.sum().backward()
    torch.testing.assert_close(half, full, rtol=0.05, atol=0.05)
    assert all(found)
