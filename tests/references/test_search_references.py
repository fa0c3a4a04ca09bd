"""Greedy and beam search and sampling filters against transformers and JoeyNMT, on models with random weights."""

import itertools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from agreement import Compare
from joeynmt_search import beam_search as joeynmt_beam_search
from torch import Tensor
from transformers import BartConfig, BartForConditionalGeneration, GenerationConfig, LlamaConfig, LlamaForCausalLM
from transformers.generation import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from seq2seq.search import Beam, DecodingProblem, Greedy, Sampling
from seq2seq.search.sampling import truncated_probabilities
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

VOCABULARY = 12
SOURCES = 6
MAX_TOKENS = 60
LOGIT_SCALE, EOS_BIAS = 3.0, 3.0
INFINITE = float("inf")
SUPPRESSED = [PAD, UNK, BOS]  # tokens that our searches never generate
ROUNDING = 1e-5  # both are in float32


class History(NamedTuple):
    """A state with all previous tokens and the encoded source."""

    tokens: Tensor  # [rows, length]
    source: Tensor  # [rows, source, size]
    mask: Tensor  # [rows, source]


class Generator(NamedTuple):
    """A model of transformers, its inputs, and the same model as a decoding problem of ours."""

    model: Any
    inputs: dict[str, Tensor]
    problem: DecodingProblem[History]


def sharpen(model: Any, eos_bias: float) -> Any:
    """Change a model so that few tokens are likely, EOS among them."""
    model.eval()
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(LOGIT_SCALE * head.weight.detach())
    head.bias = torch.nn.Parameter(torch.zeros(VOCABULARY).index_fill(0, torch.tensor(EOS), eos_bias))
    return model


def translator(seed: int) -> Generator:
    torch.manual_seed(seed)
    config = BartConfig(
        vocab_size=VOCABULARY,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        init_std=0.5,
        tie_word_embeddings=False,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        decoder_start_token_id=BOS,
        forced_eos_token_id=None,
    )
    model = sharpen(BartForConditionalGeneration(config), eos_bias=EOS_BIAS)
    source = torch.randint(4, VOCABULARY, (SOURCES, 7))
    mask = torch.arange(7) < torch.tensor([7, 3, 5, 1, 2, 6])[:, None]
    encoded = model.get_encoder()(source, attention_mask=mask.long()).last_hidden_state

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        tokens = torch.cat([state.tokens, tokens[:, None]], dim=1)
        output = model(
            encoder_outputs=(state.source,), attention_mask=state.mask.long(), decoder_input_ids=tokens, use_cache=False
        )
        return output.logits[:, -1], state._replace(tokens=tokens)

    state = History(torch.empty(SOURCES, 0, dtype=torch.long), encoded, mask)
    return Generator(
        model, {"input_ids": source, "attention_mask": mask.long()}, DecodingProblem(step, state, lambda _: step)
    )


def language_model(seed: int) -> Generator:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=0.5,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
    )
    model = sharpen(LlamaForCausalLM(config), eos_bias=EOS_BIAS)
    prompts = torch.randint(4, VOCABULARY, (SOURCES, 5))

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        tokens = torch.cat([state.tokens, tokens[:, None]], dim=1)
        return model(tokens, use_cache=False).logits[:, -1], state._replace(tokens=tokens)

    state = History(prompts, torch.empty(SOURCES, 0, 0), torch.empty(SOURCES, 0, dtype=torch.bool))
    inputs = torch.cat([prompts, torch.full((SOURCES, 1), BOS)], dim=1)
    model_inputs = {"input_ids": inputs, "attention_mask": torch.ones_like(inputs)}
    return Generator(model, model_inputs, DecodingProblem(step, state, lambda _: step))


GENERATORS = pytest.mark.parametrize("make", [translator, language_model])
SEEDS = pytest.mark.parametrize("seed", [0, 2, 3, 4])


def reference_generate(generator: Generator, limit: int, **options: Any) -> Any:
    config = GenerationConfig(
        max_new_tokens=limit,
        do_sample=False,
        suppress_tokens=SUPPRESSED,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        decoder_start_token_id=BOS,
        return_dict_in_generate=True,
        output_scores=True,
        output_logits=True,
        **options,
    )
    return generator.model.generate(**generator.inputs, generation_config=config)


def generated_ids(generator: Generator, sequences: Tensor) -> list[list[int]]:
    """Return the tokens after the prompt or BOS and before EOS."""
    start = 1 if generator.model.config.is_encoder_decoder else generator.inputs["input_ids"].shape[1]
    return [list(itertools.takewhile(lambda token: token != EOS, row)) for row in sequences[:, start:].tolist()]


def without_padding(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[token for token in row if token != PAD] for row in rows]


def model_name(make: Any) -> str:
    return "an encoder and decoder (Bart)" if make is translator else "a language model (Llama)"


@pytest.mark.parametrize("limit", [3, MAX_TOKENS])
@GENERATORS
@SEEDS
@torch.no_grad()
def test_greedy(compare: Compare, make: Any, seed: int, limit: int) -> None:
    generator = make(seed)
    theirs = reference_generate(generator, limit, num_beams=1)
    hypotheses = [best for (best,) in Greedy()(generator.problem, torch.full((SOURCES,), limit))]
    comparison = compare("greedy", "transformers", f"tokens and scores of {model_name(make)}", ROUNDING)
    expected = generated_ids(generator, theirs.sequences)
    comparison.equal("tokens", [hypothesis.ids for hypothesis in hypotheses], without_padding(expected))
    log_probs = torch.stack(theirs.logits, dim=1).log_softmax(-1)
    scores = [
        log_probs[row].gather(1, torch.tensor([*ids, EOS][: log_probs.shape[1]])[:, None]).sum()
        for row, ids in enumerate(without_padding(expected))
    ]
    comparison.close("scores", torch.tensor([hypothesis.score for hypothesis in hypotheses]), torch.stack(scores))


@pytest.mark.parametrize("beams", [2, 3, 5])
@GENERATORS
@SEEDS
@torch.no_grad()
def test_beam_search(compare: Compare, make: Any, seed: int, beams: int) -> None:
    """Without length penalty, defined differently there, and without early stopping, all hypotheses are equal."""
    generator = make(seed)
    options = {"num_beams": beams, "num_return_sequences": beams, "length_penalty": 0.0, "early_stopping": "never"}
    theirs = reference_generate(generator, MAX_TOKENS, **options)
    limits = torch.full((SOURCES,), MAX_TOKENS)
    results = Beam(beams, 0.0, patience=INFINITE, threshold=INFINITE)(generator.problem, limits, beams)
    comparison = compare(
        "beam_search", "transformers", f"the n best of {model_name(make)}, no length penalty", ROUNDING
    )
    compared = 0
    n_bests = zip(*(iter(generated_ids(generator, theirs.sequences)),) * beams, strict=True)
    scores = theirs.sequences_scores.view(SOURCES, beams)
    for hypotheses, expected, expected_scores in zip(results, n_bests, scores, strict=True):
        if max(map(len, expected)) < MAX_TOKENS:  # truncated hypotheses rank last in our search, but not in theirs
            comparison.equal("tokens", [hypothesis.ids for hypothesis in hypotheses], [*expected])
            ours = torch.tensor([hypothesis.score for hypothesis in hypotheses])
            comparison.close("scores", ours, expected_scores)
            compared += 1
    assert compared >= SOURCES // 2


SMALL_VOCABULARY = 7  # four special tokens and three others
ALL_BEAMS = 400  # more than there are sequences of 4 tokens


class BigramModel(NamedTuple):
    """A bigram model with JoeyNMT's interface, whose table of logits is the hidden state."""

    decoder: Any
    bos_index: int = BOS
    eos_index: int = EOS
    pad_index: int = PAD
    unk_index: int = UNK
    sep_index: None = None
    lang_tags: list[int] = []  # noqa: RUF012
    specials: list[int] = []  # noqa: RUF012

    def __call__(self, trg_input: Tensor, decoder_hidden: Tensor, **_: Any) -> tuple[Tensor, Tensor, None, None]:
        tables = decoder_hidden.view(-1, SMALL_VOCABULARY, SMALL_VOCABULARY)
        return tables[torch.arange(len(tables)), trg_input[:, 0]][:, None], decoder_hidden, None, None


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
@SEEDS
def test_length_penalty(compare: Compare, seed: int, alpha: float) -> None:
    """Compare rankings by Wu et al.'s length penalty, in a beam that holds all sequences."""
    torch.manual_seed(seed)
    tables, limit, n_best = 2 * torch.randn(SOURCES, SMALL_VOCABULARY, SMALL_VOCABULARY), 4, 20
    decoder = SimpleNamespace(output_size=SMALL_VOCABULARY, _init_hidden=lambda hidden: hidden)
    theirs, theirs_scores, _ = joeynmt_beam_search(
        BigramModel(decoder),
        ALL_BEAMS,
        torch.zeros(SOURCES, 1, 1),
        tables.view(1, SOURCES, -1),
        torch.ones(SOURCES, 1, 1, dtype=torch.bool),
        limit,
        alpha,
        n_best=ALL_BEAMS,
        min_output_length=0,
        generate_unk=False,
        return_prob="hyp",
    )
    state = torch.arange(SOURCES)

    def step(tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return tables[state, tokens], state

    problem = DecodingProblem(step, state, lambda _: step)
    limits = torch.full((SOURCES,), limit)
    results = Beam(ALL_BEAMS, alpha, patience=INFINITE, threshold=INFINITE)(problem, limits, n_best)
    comparison = compare("beam_search", "joeynmt", "the n best and their ranks, length penalties 0 to 2", ROUNDING)
    rows = zip(theirs.view(SOURCES, ALL_BEAMS, -1).tolist(), theirs_scores.view(SOURCES, ALL_BEAMS), strict=True)
    compared = 0
    for hypotheses, (expected, expected_scores) in zip(results, rows, strict=True):
        if max(map(len, without_padding(expected))) < limit:
            continue  # theirs stopped early, since every beam had reached EOS at some step
        ended = [n for n, ids in enumerate(expected) if EOS in ids][:n_best]  # unfinished ones rank last in our search
        ours = [[*hypothesis.ids, EOS] for hypothesis in hypotheses]
        comparison.equal("tokens", ours, without_padding([expected[n] for n in ended]))
        normalized_scores = torch.tensor([hypothesis.normalized_score for hypothesis in hypotheses])
        comparison.close("ranks", normalized_scores, expected_scores[ended])
        compared += 1
    assert compared >= SOURCES // 2


TEMPERATURES, TOP_KS, TOP_PS, MIN_PS = (0.3, 1.0, 2.0), (0, 1, 7), (0.2, 0.9, 1.0), (0.0, 0.05, 0.5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("top_k", TOP_KS)
@pytest.mark.parametrize("top_p", TOP_PS)
@pytest.mark.parametrize("min_p", MIN_PS)
def test_sampling_filters(compare: Compare, temperature: float, top_k: int, top_p: float, min_p: float) -> None:
    torch.manual_seed(3)
    logits = 2 * torch.randn(200, 50)
    filters = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
    if top_k:
        filters.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        filters.append(TopPLogitsWarper(top_p))
    if min_p:
        filters.append(MinPLogitsWarper(min_p))
    expected = filters(torch.empty(200, 0, dtype=torch.long), logits).softmax(-1)
    probabilities = truncated_probabilities(
        logits, Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    )
    comparison = compare(
        "Sampling.probabilities", "transformers", "temperature, top_k, top_p and min_p in turn", ROUNDING
    )
    comparison.equal("tokens left", (probabilities > 0).tolist(), (expected > 0).tolist())
    comparison.close("probabilities", probabilities, expected)
