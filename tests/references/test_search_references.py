"""Greedy and beam search, and the filters of sampling, against transformers, on models of random weights."""

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

from seq2seq.search import DecodingProblem, Sampling, beam_search, greedy
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

VOCABULARY = 12
SOURCES = 6
LIMIT = 60
SHARPNESS, ENDS = 3.0, 3.0
INFINITE = float("inf")
NEVER = [PAD, UNK, BOS]  # what our searches never write
ROUNDING = 1e-5  # both are in float32


class History(NamedTuple):
    """A state that remembers all that was read, and the source it belongs to."""

    read: Tensor  # [rows, length]
    source: Tensor  # [rows, source, size]
    mask: Tensor  # [rows, source]


class Writer(NamedTuple):
    """A model of transformers, what it starts from, and the same as a problem of ours."""

    model: Any
    inputs: dict[str, Tensor]
    problem: DecodingProblem[History]


def sharpened(model: Any, ends: float) -> Any:
    """A model with few likely tokens, of which the end is one."""
    model.eval()
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(SHARPNESS * head.weight.detach())
    head.bias = torch.nn.Parameter(torch.zeros(VOCABULARY).index_fill(0, torch.tensor(EOS), ends))
    return model


def translator(seed: int) -> Writer:
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
    model = sharpened(BartForConditionalGeneration(config), ends=ENDS)
    source = torch.randint(4, VOCABULARY, (SOURCES, 7))
    mask = torch.arange(7) < torch.tensor([7, 3, 5, 1, 2, 6])[:, None]
    encoded = model.get_encoder()(source, attention_mask=mask.long()).last_hidden_state

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        read = torch.cat([state.read, tokens[:, None]], dim=1)
        found = model(
            encoder_outputs=(state.source,), attention_mask=state.mask.long(), decoder_input_ids=read, use_cache=False
        )
        return found.logits[:, -1], state._replace(read=read)

    state = History(torch.empty(SOURCES, 0, dtype=torch.long), encoded, mask)
    return Writer(
        model, {"input_ids": source, "attention_mask": mask.long()}, DecodingProblem(step, state, lambda _: step)
    )


def language_model(seed: int) -> Writer:
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
    model = sharpened(LlamaForCausalLM(config), ends=ENDS)
    prompts = torch.randint(4, VOCABULARY, (SOURCES, 5))

    def step(tokens: Tensor, state: History) -> tuple[Tensor, History]:
        read = torch.cat([state.read, tokens[:, None]], dim=1)
        return model(read, use_cache=False).logits[:, -1], state._replace(read=read)

    state = History(prompts, torch.empty(SOURCES, 0, 0), torch.empty(SOURCES, 0, dtype=torch.bool))
    inputs = torch.cat([prompts, torch.full((SOURCES, 1), BOS)], dim=1)
    given = {"input_ids": inputs, "attention_mask": torch.ones_like(inputs)}
    return Writer(model, given, DecodingProblem(step, state, lambda _: step))


WRITERS = pytest.mark.parametrize("make", [translator, language_model])
SEEDS = pytest.mark.parametrize("seed", [0, 2, 3, 4])


def generated(writer: Writer, limit: int, **options: Any) -> Any:
    config = GenerationConfig(
        max_new_tokens=limit,
        do_sample=False,
        suppress_tokens=NEVER,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=EOS,
        decoder_start_token_id=BOS,
        return_dict_in_generate=True,
        output_scores=True,
        output_logits=True,
        **options,
    )
    return writer.model.generate(**writer.inputs, generation_config=config)


def written(writer: Writer, sequences: Tensor) -> list[list[int]]:
    """What stands between the beginning and the end."""
    began = 1 if writer.model.config.is_encoder_decoder else writer.inputs["input_ids"].shape[1]
    return [list(itertools.takewhile(lambda token: token != EOS, row)) for row in sequences[:, began:].tolist()]


def without_padding(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[token for token in row if token != PAD] for row in rows]


def package(make: Any) -> str:
    return "an encoder and decoder (Bart)" if make is translator else "a language model (Llama)"


@pytest.mark.parametrize("limit", [3, LIMIT])
@WRITERS
@SEEDS
@torch.no_grad()
def test_greedy(compare: Compare, make: Any, seed: int, limit: int) -> None:
    writer = make(seed)
    theirs = generated(writer, limit, num_beams=1)
    found = greedy(writer.problem, torch.full((SOURCES,), limit))
    comparison = compare("greedy", "transformers", f"tokens and scores of {package(make)}", ROUNDING)
    wanted = written(writer, theirs.sequences)
    comparison.equal("tokens", [one.ids for one in found], without_padding(wanted))
    every = torch.stack(theirs.logits, dim=1).log_softmax(-1)
    scores = [
        every[row].gather(1, torch.tensor([*ids, EOS][: every.shape[1]])[:, None]).sum()
        for row, ids in enumerate(without_padding(wanted))
    ]
    comparison.close("scores", torch.tensor([one.score for one in found]), torch.stack(scores))


@pytest.mark.parametrize("beams", [2, 3, 5])
@WRITERS
@SEEDS
@torch.no_grad()
def test_beam_search(compare: Compare, make: Any, seed: int, beams: int) -> None:
    """Without a length penalty, which they define otherwise, and without giving up early, all that is found is one."""
    writer = make(seed)
    options = {"num_beams": beams, "num_return_sequences": beams, "length_penalty": 0.0, "early_stopping": "never"}
    theirs = generated(writer, LIMIT, **options)
    limits = torch.full((SOURCES,), LIMIT)
    found = beam_search(writer.problem, limits, beams, 0.0, beams, patience=INFINITE, threshold=INFINITE)
    comparison = compare("beam_search", "transformers", f"the n best of {package(make)}, no length penalty", ROUNDING)
    compared = 0
    n_bests = zip(*(iter(written(writer, theirs.sequences)),) * beams, strict=True)
    scores = theirs.sequences_scores.view(SOURCES, beams)
    for hypotheses, wanted, wanted_scores in zip(found, n_bests, scores, strict=True):
        if max(map(len, wanted)) < LIMIT:  # what is cut off ranks last with us, and not with them
            comparison.equal("tokens", [one.ids for one in hypotheses], [*wanted])
            comparison.close("scores", torch.tensor([one.score for one in hypotheses]), wanted_scores)
            compared += 1
    assert compared >= SOURCES // 2


WORDS = 7  # the special four and three of text
EVERYTHING = 400  # more beams than there are sequences of 4 tokens


class Tables(NamedTuple):
    """A model as JoeyNMT calls it: the next token hangs on the last one, by a table that is the hidden state."""

    decoder: Any
    bos_index: int = BOS
    eos_index: int = EOS
    pad_index: int = PAD
    unk_index: int = UNK
    sep_index: None = None
    lang_tags: list[int] = []  # noqa: RUF012
    specials: list[int] = []  # noqa: RUF012

    def __call__(self, trg_input: Tensor, decoder_hidden: Tensor, **_: Any) -> tuple[Tensor, Tensor, None, None]:
        tables = decoder_hidden.view(-1, WORDS, WORDS)
        return tables[torch.arange(len(tables)), trg_input[:, 0]][:, None], decoder_hidden, None, None


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
@SEEDS
def test_length_penalty(compare: Compare, seed: int, alpha: float) -> None:
    """A beam that holds everything, so that the ranks alone decide; JoeyNMT has Wu et al.'s penalty too."""
    torch.manual_seed(seed)
    tables, limit, n_best = 2 * torch.randn(SOURCES, WORDS, WORDS), 4, 20
    decoder = SimpleNamespace(output_size=WORDS, _init_hidden=lambda hidden: hidden)
    theirs, ranks, _ = joeynmt_beam_search(
        Tables(decoder),
        EVERYTHING,
        torch.zeros(SOURCES, 1, 1),
        tables.view(1, SOURCES, -1),
        torch.ones(SOURCES, 1, 1, dtype=torch.bool),
        limit,
        alpha,
        n_best=EVERYTHING,
        min_output_length=0,
        generate_unk=False,
        return_prob="hyp",
    )
    rows = torch.arange(SOURCES)

    def step(tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return tables[state, tokens], state

    problem = DecodingProblem(step, rows, lambda _: step)
    limits = torch.full((SOURCES,), limit)
    found = beam_search(problem, limits, EVERYTHING, alpha, n_best, patience=INFINITE, threshold=INFINITE)
    comparison = compare("beam_search", "joeynmt", "the n best and their ranks, length penalties 0 to 2", ROUNDING)
    every = zip(theirs.view(SOURCES, EVERYTHING, -1).tolist(), ranks.view(SOURCES, EVERYTHING), strict=True)
    compared = 0
    for hypotheses, (wanted, wanted_ranks) in zip(found, every, strict=True):
        if max(map(len, without_padding(wanted))) < limit:
            continue  # theirs stopped, since every place of the beam had held an end at some time
        ended = [number for number, ids in enumerate(wanted) if EOS in ids][:n_best]  # others rank behind them with us
        comparison.equal("tokens", [[*one.ids, EOS] for one in hypotheses], without_padding([wanted[n] for n in ended]))
        comparison.close("ranks", torch.tensor([one.rank for one in hypotheses]), wanted_ranks[ended])
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
    wanted = filters(torch.empty(200, 0, dtype=torch.long), logits).softmax(-1)
    found = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p).probabilities(logits)
    comparison = compare(
        "Sampler.probabilities", "transformers", "temperature, top_k, top_p and min_p in turn", ROUNDING
    )
    comparison.equal("tokens left", (found > 0).tolist(), (wanted > 0).tolist())
    comparison.close("probabilities", found, wanted)
