"""Laws of a translator."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from translator_cases import ATTENTIONS, OPTIONS, SOURCES, build, each_model

from seq2seq.batch import TranslationBatch
from seq2seq.models import Translator
from seq2seq.recurrence import GRU, LSTM, LayerFactory, MinGRU
from seq2seq.search import Hypothesis, beam_search, greedy
from seq2seq.special_tokens import BOS
from seq2seq.state import repeat

LENGTHS = torch.tensor([6, 1, 4])


def batch() -> TranslationBatch:
    random = torch.Generator().manual_seed(0)
    source, text = (torch.randint(4, SOURCES, (3, time), generator=random) for time in (6, 5))
    source[torch.arange(6) >= LENGTHS[:, None]] = 0
    inputs = torch.cat([torch.full((3, 1), BOS), text[:, :-1]], dim=1)
    targets = text.clone()
    targets[2, 2:] = 0
    return TranslationBatch(source, LENGTHS, inputs, targets, int((targets != 0).sum()))


def row(b: TranslationBatch, at: int) -> TranslationBatch:
    """One sentence alone, without padding."""
    one = slice(at, at + 1)
    return TranslationBatch(b.source[one, : b.lengths[at]], b.lengths[one], b.inputs[one], b.targets[one], b.tokens)


@each_model
def test_steps_over_a_given_translation_equal_one_forward(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    features, weights, _ = model(b.source, b.lengths, b.inputs)
    step, state, _ = model.problem(b.source, b.lengths)
    for t in range(b.inputs.shape[1]):
        logits, state = step(b.inputs[:, t], state)
        torch.testing.assert_close(logits, model.output(features[:, t]))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 5, dtype=weights.dtype))


@each_model
def test_padding_does_not_change_what_is_said_of_a_sentence(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    nats = model.nats(b)
    features, _, _ = model(b.source, b.lengths, b.inputs)
    for at in range(3):
        alone = row(b, at)
        torch.testing.assert_close(model.nats(alone)[0], nats[at])
        torch.testing.assert_close(model(alone.source, alone.lengths, alone.inputs).features[0], features[at])


@each_model
def test_hypotheses_of_a_sentence_share_its_memory(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    memory, state = model.start(b.source, b.lengths)
    tokens = torch.randint(4, SOURCES, (2, 12), generator=torch.Generator().manual_seed(1))
    shared, own = repeat(state, 4), repeat(state, 4)._replace(sentence=torch.arange(12))
    for now in tokens:
        together, shared = model.step(now, shared, memory)
        apart, own = model.step(now, own, repeat(memory, 4))
        torch.testing.assert_close(together, apart)
    assert (together[0] - together[1]).abs().max() > 1e-4


@each_model
def test_the_future_of_a_translation_does_not_change_its_past(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    other = b.inputs.clone()
    other[:, 3:] = (other[:, 3:] - 3) % (SOURCES - 4) + 4
    features, _, _ = model(b.source, b.lengths, b.inputs)
    changed, _, _ = model(b.source, b.lengths, other)
    torch.testing.assert_close(changed[:, :3], features[:, :3])
    assert (changed[:, 3:] - features[:, 3:]).abs().max() > 1e-4


@each_model
def test_every_parameter_learns_from_a_batch(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():  # RWKV starts some at zero, behind which nothing learns at first
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.nats(b).sum().backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()}
    assert unused == set()


@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
@pytest.mark.parametrize("layer", [LSTM, GRU, MinGRU])
def test_packed_weights_change_nothing_in_input_feeding(
    attention: Any, layer: LayerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for wide in (1, 1000):
        monkeypatch.setattr("seq2seq.recurrence.ops.packed_loop.WIDE", wide)
        model, b = build(attention=attention, decoder=layer, input_feeding=True).float(), batch()
        nats = model.nats(b)
        nats.sum().backward()
        found.append([nats.detach(), *(parameter.grad for parameter in model.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
def test_input_feeding_reads_what_was_last_said(attention: Any) -> None:
    model, b = build(attention=attention, input_feeding=True), batch()
    memory, state = model.start(b.source, b.lengths)
    assert not state.feed.any()
    words = model.target_embedding(b.inputs)
    said, _, after = model.decoder.step(words[:, 0], memory, state)
    assert torch.equal(after.feed, said)
    told, _, _ = model.decoder.step(words[:, 1], memory, after)
    other, _, _ = model.decoder.step(words[:, 1], memory, after._replace(feed=-said))
    assert (told - other).abs().max() > 1e-4


def searches(model: Translator) -> list[Callable[[TranslationBatch], list[list[Hypothesis]]]]:
    return [
        lambda b: [[h] for h in greedy(model.problem(b.source, b.lengths), 2 * b.lengths + 3)],
        lambda b: beam_search(model.problem(b.source, b.lengths), 2 * b.lengths + 3, beams=4, n_best=4),
    ]


@each_model
@torch.no_grad()
def test_a_sentence_alone_is_translated_as_in_a_batch(options: dict[str, Any]) -> None:
    model, b = build(**options), batch()
    for search in searches(model):
        together = search(b)
        for at in range(3):
            (alone,) = search(row(b, at))
            assert [h.ids for h in alone] == [h.ids for h in together[at]]
            assert [h.score for h in alone] == pytest.approx([h.score for h in together[at]], abs=1e-4)


@torch.no_grad()
def test_a_translation_is_scored_as_it_was_found() -> None:
    model, b = build(), batch()
    for at, hypotheses in enumerate(searches(model)[1](b)):
        for h in hypotheses:
            wanted = [*h.ids, 3][: 2 * int(LENGTHS[at]) + 3]
            inputs, targets = torch.tensor([[BOS, *wanted[:-1]]]), torch.tensor([wanted])
            nats = model.nats(row(b, at)._replace(inputs=inputs, targets=targets))
            assert float(nats.sum()) == pytest.approx(-h.score, abs=1e-4)


@torch.no_grad()
def test_a_beam_of_one_without_length_penalty_is_greedy() -> None:
    model, b = build(), batch()
    found = beam_search(model.problem(b.source, b.lengths), 2 * LENGTHS, beams=1, length_penalty=0.0)
    assert [h.ids for (h,) in found] == [h.ids for h in greedy(model.problem(b.source, b.lengths), 2 * LENGTHS)]


def training_loss(model: Translator, b: TranslationBatch, ranks: int = 1) -> Tensor:
    model._trainer = SimpleNamespace(world_size=ranks)  # type: ignore[assignment]
    return model.training_step(b)


def test_label_smoothing_is_in_the_loss_that_is_trained_on_and_in_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: dict[str, float] = {}
    b, losses = batch(), []
    for smoothing in (0.0, 0.3):
        model = build(label_smoothing=smoothing)
        monkeypatch.setattr(model, "log", lambda name, value, **_: logged.update({name: float(value.detach())}))
        losses.append(float(training_loss(model, b).detach()))
        model.validation_step(b)
        model.test_step(b)
        nats = float(model.nats(b).detach().sum() / b.tokens)
        assert logged == pytest.approx(dict.fromkeys(("train_loss", "val_loss", "test_loss"), nats))
    logits = model.output(model(b.source, b.lengths, b.inputs).features)
    smoothed = F.cross_entropy(logits.flatten(0, 1), b.targets.flatten(), ignore_index=0, label_smoothing=0.3)
    assert losses == pytest.approx([nats, float(smoothed.detach())])
    assert abs(losses[1] - losses[0]) > 1e-4


def test_the_mean_over_ranks_is_the_loss_of_the_global_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, b = build(), batch()
    monkeypatch.setattr(model, "log", lambda *_, **__: None)
    shares = [training_loss(model, row(b, at), ranks=3) for at in range(3)]
    torch.testing.assert_close(sum(shares) / 3, training_loss(model, b))


def test_a_batch_that_asks_for_nothing_takes_part_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model, b = build(), batch()
    weighed: list[int] = []
    monkeypatch.setattr(model, "log", lambda *_, batch_size, **__: weighed.append(batch_size))
    empty = b._replace(targets=torch.zeros_like(b.targets))
    model.validation_step(empty)
    loss = training_loss(model, empty)
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    assert weighed[0] == 0


def test_tables_are_shared_when_they_are_tied_and_the_vocabulary_is_one() -> None:
    tied, shared = build(), build(**OPTIONS["shared"])
    assert tied.output.weight is tied.target_embedding.weight
    assert tied.source_embedding is not tied.target_embedding
    assert shared.output.weight is shared.source_embedding.weight
    untied = build(tied=False, shared_vocabulary=True, target_vocab_size=SOURCES)
    assert len({id(w.weight) for w in (untied.output, untied.source_embedding, untied.target_embedding)}) == 3


def test_a_shared_vocabulary_of_two_sizes_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="has one size, not 11 for the source and 13 for the target"):
        build(shared_vocabulary=True)


def test_dropout_and_word_dropout_work_in_training_only() -> None:
    model, b = build(dropout=0.5, word_dropout=0.3), batch()
    assert torch.equal(model.nats(b), model.nats(b))
    model.train()
    assert not torch.equal(model.nats(b), model.nats(b))


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("attention", ATTENTIONS.values(), ids=ATTENTIONS)
def test_bfloat16_autocast_trains_and_stays_near_float32(attention: Any, fed: bool) -> None:
    model, b = build(attention=attention, input_feeding=fed).float(), batch()
    exact = model.nats(b)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model.nats(b)
        found = searches(model)[1](b)
    rough.sum().backward()
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=0.05)
    assert all(found)
