"""An output layer gets the encoder's states in training and in every search, so that it may sum over positions."""

from functools import partial
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn
from translator_cases import SOURCE_VOCAB_SIZE, TARGET_VOCAB_SIZE, build

from seq2seq.batch import TranslationBatch
from seq2seq.errors import UserError
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.nn.attention import AdditiveAttention, FixedContext, MultiHeadAttention
from seq2seq.nn.output import LinearOutput, OutputInput, OutputLayer
from seq2seq.quantization.quantize import quantize
from seq2seq.recurrence import SelfAttention
from seq2seq.search import Beam, Greedy, Sampling, Search
from seq2seq.special_tokens import BOS, EOS, NO_TOKEN, NUM_SPECIAL, PAD
from seq2seq.training.translator import Translator
from tests.tasks.my_extensions import PointerOutput

LENGTHS = torch.tensor([6, 1, 4, 2, 3])
LIMITS = torch.tensor([9, 1, 2, 5, 2])  # so that most sentences are soon finished, and their memory is freed


class MarginalOutput(OutputLayer):
    """p(token) = sum over source positions of p(position) p(token | position), hard attention (Wu et al., 2018)."""

    def __init__(self, size: int, context_size: int, vocab_size: int) -> None:
        super().__init__(size, context_size, vocab_size)
        self.query_projection = nn.Linear(size, context_size)
        self.linear = nn.Linear(size + context_size, vocab_size)

    def logits(self, x: OutputInput) -> Float[Tensor, "batch target vocab"]:
        scores = self.query_projection(x.features) @ x.states.transpose(1, 2)
        positions = scores.masked_fill(~x.mask[:, None], -torch.inf).log_softmax(dim=2)
        features = x.features[:, :, None].expand(-1, -1, x.states.shape[1], -1)
        states = x.states[:, None].expand(-1, x.features.shape[1], -1, -1)
        tokens = self.linear(torch.cat([features, states], dim=3)).log_softmax(dim=3)
        return torch.logsumexp(positions[..., None] + tokens, dim=2)


class StatesOnly(OutputLayer):
    """Reads the encoder's states."""

    def logits(self, x: OutputInput) -> Tensor:
        return x.states


OPTIONS: dict[str, dict[str, Any]] = {
    "bilinear": {},
    "fixed context": {"attention": None},
    "heads": {"attention": partial(MultiHeadAttention, heads=2), "encoder": partial(SelfAttention, heads=2)},
    "input feeding": {"attention": AdditiveAttention, "input_feeding": True},
}
SEARCHES = [Greedy(), Beam(4, threshold=99, patience=99), Beam(1), Sampling(seed=2)]
each_model = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
each_search = pytest.mark.parametrize("search", SEARCHES, ids=["greedy", "beam", "beam of one", "sampling"])


def build_marginal(**options: Any) -> Translator:
    return build(output=MarginalOutput, tied=False, **options)


def sources() -> Tensor:
    source = torch.randint(4, SOURCE_VOCAB_SIZE, (5, 6), generator=torch.Generator().manual_seed(0))
    return source.masked_fill(torch.arange(6) >= LENGTHS[:, None], PAD)


def forced_score(model: Translator, sentence: int, tokens: list[int], allowed: Tensor | None = None) -> float:
    """Return the log-probability of tokens with teacher forcing, as in training, among the allowed ones."""
    source = sources()[sentence : sentence + 1, : LENGTHS[sentence]]
    x = model(source, LENGTHS[sentence : sentence + 1], torch.tensor([[BOS, *tokens[:-1]]]))
    logits = model.output.logits(x)[0]
    allowed = torch.arange(logits.shape[1]) if allowed is None else allowed[allowed != NO_TOKEN]
    log_probabilities = torch.full_like(logits, -torch.inf)
    log_probabilities[:, allowed] = logits[:, allowed].log_softmax(dim=1)
    return float(log_probabilities.gather(1, torch.tensor(tokens)[:, None]).sum())


def check_search(
    model: Translator, search: Search, shortlist: Tensor | None = None, tolerance: float = 1e-4
) -> list[int]:
    """Compare the score of every hypothesis with that of teacher forcing; return the lengths of the hypotheses."""
    n_best = 1 if isinstance(search, Greedy) or search == Beam(1) else 4
    found = search(model.decoding_problem(sources(), LENGTHS, shortlist), LIMITS, n_best)
    for sentence, hypotheses in enumerate(found):
        allowed = None if shortlist is None else shortlist[sentence]
        for hypothesis in hypotheses:
            ids = hypothesis.ids if allowed is None else allowed[hypothesis.ids].tolist()
            tokens = [*ids, EOS] if hypothesis.finished else ids
            assert hypothesis.score == pytest.approx(forced_score(model, sentence, tokens, allowed), abs=tolerance)
    return [len(hypothesis.ids) for hypotheses in found for hypothesis in hypotheses]


@each_model
@each_search
@torch.no_grad()
def test_scores_of_every_search_equal_those_of_teacher_forcing(options: dict[str, Any], search: Search) -> None:
    lengths = check_search(build_marginal(**options), search)
    assert max(lengths) > 2
    assert min(lengths) < 2


@each_model
@each_search
@torch.no_grad()
def test_scores_with_a_shortlist_equal_those_of_teacher_forcing(options: dict[str, Any], search: Search) -> None:
    shortlist = torch.tensor([[4, 6, 8, 9], [5, 7, 10, 12], [4, 5, -1, -1], [5, 9, 11, -1], [6, 12, -1, -1]])
    assert NO_TOKEN == -1
    special = torch.arange(NUM_SPECIAL).expand(len(shortlist), -1)
    check_search(build_marginal(**options), search, torch.cat([special, shortlist], dim=1))


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@each_model
@each_search
@torch.no_grad()
def test_scores_of_quantized_models_equal_those_of_teacher_forcing(
    options: dict[str, Any], search: Search, precision: Any
) -> None:
    model = build_marginal(**options).float().requires_grad_(False)
    quantize(model, precision)
    check_search(model, search, tolerance=0.05)


@each_model
def test_marginal_loss_in_chunks_trains_the_encoder(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, source = build_marginal(**options), sources()
    targets = torch.randint(4, TARGET_VOCAB_SIZE, (5, 7), generator=torch.Generator().manual_seed(1))
    targets[1, 3:] = PAD
    b = TranslationBatch(source, LENGTHS, targets.clamp(min=BOS), targets, int((targets != PAD).sum()))

    def loss_and_gradients() -> list[Tensor]:
        model.zero_grad()
        loss = model.output.loss(model(b.source, b.lengths, b.inputs), b.targets, 0.1)
        loss.smoothed.backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in model.parameters()]
        assert all(gradient is not None and gradient.any() for gradient in gradients)
        torch.testing.assert_close(model.token_nats(b).sum(), loss.nats)
        return [loss.smoothed, *gradients]  # type: ignore[list-item]

    whole = loss_and_gradients()
    monkeypatch.setattr("seq2seq.nn.output.CHUNK_LOGITS", 5 * TARGET_VOCAB_SIZE * 2)
    torch.testing.assert_close(loss_and_gradients(), whole)


def test_states_are_masked_and_those_of_each_row() -> None:
    model = build_marginal()
    x = model(sources(), LENGTHS, sources())
    assert torch.equal(x.mask, torch.arange(6) < LENGTHS[:, None])
    assert not x.states[~x.mask].any()
    assert x.states[x.mask].all()
    broken = x._replace(
        encoding=x.encoding._replace(states=x.encoding.states.masked_fill(~x.mask[..., None], torch.nan))
    )
    assert torch.equal(broken.states, x.states)
    rows = torch.tensor([0, 0, 3])
    assert torch.equal(x._replace(encoding_rows=rows).states, x.states[rows])
    assert torch.equal(x._replace(encoding_rows=rows).mask, x.mask[rows])


def test_nothing_is_copied_for_an_output_layer_that_ignores_the_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """The states stay one tensor, for all rows and steps; neither masked nor selected."""
    encodings: list[Any] = []

    class Recording(LinearOutput):
        def logits(self, x: OutputInput) -> Tensor:
            encodings.append(x.encoding)
            return super().logits(x)

    model = build(output=Recording)
    monkeypatch.setattr(OutputInput, "_source_encoding", lambda x: pytest.fail("the states were read"))
    problem = model.decoding_problem(sources(), LENGTHS)
    Beam(4)(problem, LIMITS)
    assert len(encodings) > 3
    assert {id(encoding.states) for encoding in encodings} == {id(encodings[0].states)}
    x = model(sources(), LENGTHS, sources())
    assert x.steps(1, 2).masked(torch.ones(5, 1, dtype=torch.bool)).encoding is x.encoding
    model.output.loss(x, sources())


def test_output_layers_that_need_an_encoder_or_attention_are_refused_in_one_sentence() -> None:
    model = LanguageModelNetwork(9, size=4, tied=False, output=StatesOnly)
    with pytest.raises(UserError, match=r"^the output layer needs the states of an encoder, and this model has none$"):
        model.token_nats(torch.ones(1, 2, dtype=torch.long), torch.ones(1, 2, dtype=torch.long))
    message = r"^PointerOutput needs attention weights, and a model without attention has none$"
    for attention in (None, FixedContext):
        with pytest.raises(UserError, match=message):
            build(output=PointerOutput, attention=attention)
    with pytest.raises(UserError, match=message):
        LanguageModelNetwork(9, size=4, output=PointerOutput)
