"""Generating and scoring text with a language model."""

import gc
import itertools
import math
import random
import tracemalloc
import warnings
from typing import Any

import pytest
import torch
from tiny_runs import WORDS, Runs

from seq2seq import Sampling, TextGenerator
from seq2seq.errors import UserError
from seq2seq.inference.text_generator import CHUNK_TOKENS, MAX_TOKENS
from seq2seq.recurrence import GRU
from seq2seq.search import sample
from seq2seq.special_tokens import BOS, NUM_SPECIAL, UNK
from seq2seq.tasks import load_text_generator
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words
from seq2seq.training.language_model import LanguageModel

GREEDY = Sampling(temperature=0)
LINES = [f"{one} {two} Straße 日本" for one in WORDS for two in WORDS]
TEXT = "".join(line + "\n" for line in LINES)  # longer than a chunk


def trained_tokenizer(kind: str) -> Tokenizer:
    tokenizer = {"Bytes": Bytes, "Characters": Characters, "Subwords": lambda: Subwords(300)}[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tokenizer.learn(LINES)
    return tokenizer


@pytest.fixture(scope="module", params=["Bytes", "Characters", "Subwords"])
def generator(request: pytest.FixtureRequest) -> TextGenerator:
    """Return an untrained model with large weights, so that every token changes the next probabilities."""
    torch.manual_seed(1)
    tokenizer = trained_tokenizer(request.param)
    model = LanguageModel(tokenizer.vocab_size, GRU, size=12, depth=2).eval().requires_grad_(False)
    for weight in model.parameters():
        weight *= 3
    return TextGenerator(model, tokenizer)


class SpecialTokensOnly(Bytes):
    """A tokenizer with nothing but special tokens."""

    vocab_size = NUM_SPECIAL


def generate(generator: TextGenerator, prompts: list[str], length: int, *options: Any) -> list[str]:
    return ["".join(pieces) for pieces in zip(*generator.generate(prompts, length, *options), strict=True)]


def test_the_same_seed_generates_the_same_text(generator: TextGenerator) -> None:
    first, repeated, other = (generator.complete("one ", 100, Sampling(seed=seed)) for seed in (1, 1, 2))
    assert first == repeated != other


def test_complete_returns_the_prompt_and_the_generated_pieces(generator: TextGenerator) -> None:
    pieces = [piece for (piece,) in generator.generate(["one "], 100)]
    assert len(pieces) == 101  # one for each token, and the rest of the last character
    assert generator.complete("one ", 100) == "one " + "".join(pieces)


def test_pieces_are_the_text_of_the_sampled_tokens(generator: TextGenerator) -> None:
    prompt, tokenizer, model = "two 日", generator.tokenizer, generator.model
    ids = [BOS, *tokenizer.encode(prompt)]
    state = model.initial_state(1)
    with torch.inference_mode():
        for token in ids[:-1]:
            _, state = model.step(torch.tensor([token]), state)
        steps = sample(model.step, torch.tensor(ids[-1:]), state, Sampling(), torch.Generator().manual_seed(7))
        sampled = [int(step.tokens) for _, step in zip(range(80), steps, strict=False)]
    assert prompt + "".join(generate(generator, [prompt], 80, Sampling(seed=7))) == tokenizer.decode(ids + sampled)


def test_greedy_sampling_does_not_depend_on_the_seed(generator: TextGenerator) -> None:
    first, second = (generate(generator, ["one "], 50, Sampling(temperature=0, seed=seed)) for seed in (1, 2))
    assert first == second


def test_each_prompt_of_a_batch_is_continued_as_if_alone(generator: TextGenerator) -> None:
    prompts = ["one ", "", "two three\nfour", "日", "x" * (2 * CHUNK_TOKENS + 3), "six"]
    expected = [generate(generator, [prompt], 30, GREEDY)[0] for prompt in prompts]
    assert generate(generator, prompts, 30, GREEDY) == expected


@pytest.mark.parametrize("kind", ["Bytes", "Subwords"])
def test_incomplete_characters_are_held_back(kind: str) -> None:
    """With a model that repeats the bytes of the same characters."""
    tokenizer = trained_tokenizer(kind)
    ids = tokenizer.encode("é😀✓") if kind == "Bytes" else tokenizer.encode("x😀")[-4:]
    next_token = dict(itertools.pairwise([*ids, ids[0]]))

    class Cycle(LanguageModel):
        def step(self, tokens: torch.Tensor, state: tuple[Any, ...]) -> tuple[torch.Tensor, tuple[Any, ...]]:
            logits = torch.zeros(len(tokens), self.vocab_size)
            for row, token in enumerate(tokens.tolist()):
                logits[row, next_token.get(token, ids[0])] = 100.0
            return logits, state

    model = Cycle(tokenizer.vocab_size, size=4, depth=1).eval()
    pieces = [piece for (piece,) in TextGenerator(model, tokenizer).generate(["x"], 4 * len(ids), GREEDY)]
    assert "".join(pieces) == 4 * tokenizer.decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)
    assert sum(map(len, pieces)) == 4 * len(tokenizer.decode(ids))
    truncated = [piece for (piece,) in TextGenerator(model, tokenizer).generate(["x"], 4 * len(ids) + 1, GREEDY)]
    assert "".join(truncated).startswith("".join(pieces))  # an incomplete character at the end comes last


def test_generating_takes_constant_memory(runs: Runs) -> None:
    pieces = load_text_generator(runs.language).generate(["one "], 10_000)

    def tensor_values() -> int:
        gc.collect()
        return sum(value.numel() for value in gc.get_objects() if type(value) is torch.Tensor)

    list(itertools.islice(pieces, 50))
    initial_values = tensor_values()
    tracemalloc.start()
    list(itertools.islice(pieces, 50))
    initial_memory = tracemalloc.get_traced_memory()[0]
    for _ in itertools.islice(pieces, 150):
        pass
    growth = tracemalloc.get_traced_memory()[0] - initial_memory
    tracemalloc.stop()
    assert tensor_values() <= initial_values
    assert growth < 20_000


def test_sampled_and_scored_probabilities_are_equal(generator: TextGenerator) -> None:
    model, state = generator.model, generator.model.initial_state(1)
    with torch.inference_mode():
        steps = sample(model.step, torch.tensor([BOS]), state, Sampling(), torch.Generator().manual_seed(1))
        sampled = [(int(step.tokens), float(step.scores)) for _, step in zip(range(60), steps, strict=False)]
        ids = torch.tensor([[BOS, *(token for token, _ in sampled)]])
        nats, _ = model.token_nats(ids[:, :-1], ids[:, 1:])
    assert nats[0].tolist() == pytest.approx([-score for _, score in sampled], abs=1e-4)


def single_forward_nats(generator: TextGenerator, ids: list[int]) -> list[float]:
    """Compute the negative log-probabilities in one forward pass over all ids."""
    inputs = torch.tensor([[BOS, *ids[:-1]]])
    features, _ = generator.model(inputs)
    log_probabilities = generator.model.output.linear(features).log_softmax(dim=-1)
    return [-float(log_probabilities[0, position, token]) for position, token in enumerate(ids)]


def test_scoring_in_chunks_equals_one_forward_pass(generator: TextGenerator) -> None:
    ids = generator.tokenizer.encode(TEXT)
    assert len(ids) > CHUNK_TOKENS
    scored = list(generator.score(TEXT))
    assert [token.token for token in scored] == ids
    assert [token.nats for token in scored] == pytest.approx(single_forward_nats(generator, ids), abs=1e-3)
    assert "".join(token.text for token in scored) == generator.tokenizer.decode(ids)


@pytest.mark.parametrize("window", [1, 7, 256, 700, MAX_TOKENS + 1])
def test_windows_reset_the_state(generator: TextGenerator, window: int) -> None:
    ids = generator.tokenizer.encode(TEXT)
    inputs = [BOS, *ids]
    expected = []
    for start in range(0, len(ids), window):
        part = ids[start : start + window]
        features, _ = generator.model(torch.tensor([inputs[start : start + len(part)]]))
        log_probabilities = generator.model.output.linear(features).log_softmax(dim=-1)[0]
        expected += [-float(row[token]) for row, token in zip(log_probabilities, part, strict=True)]
    assert [token.nats for token in generator.score(TEXT, window)] == pytest.approx(expected, abs=1e-3)


def test_windows_longer_than_the_text_equal_no_window(generator: TextGenerator) -> None:
    """Long windows are read in chunks, and the state is reset between the windows."""
    expected = generator.score_text(TEXT)
    assert generator.score_text(TEXT, 2**31 - 1) == expected
    parts = [generator.score_text(text) for text in (TEXT[:2000], TEXT[2000:])]
    if isinstance(generator.tokenizer, Characters):
        window = 2000
        windowed = [token.nats for token in generator.score(TEXT, window)]
        assert windowed[:window] == [token.nats for token in generator.score(TEXT)][:window]
        assert sum(windowed[:window]) == pytest.approx(parts[0].nats)


@pytest.mark.parametrize("window", [None, 5])
def test_the_score_of_a_text_is_the_sum_over_its_tokens(generator: TextGenerator, window: int | None) -> None:
    text_score = generator.score_text(TEXT, window)
    scored = list(generator.score(TEXT, window))
    assert text_score.tokens == len(scored)
    assert text_score.nats == pytest.approx(sum(token.nats for token in scored))


def test_a_text_may_come_in_blocks(generator: TextGenerator) -> None:
    blocks = [line + "\n" for line in LINES]
    assert list(generator.score(blocks)) == list(generator.score(TEXT))
    assert generator.score_text(iter(blocks)) == generator.score_text(TEXT)


def test_the_last_character_of_a_text_is_scored() -> None:
    tokenizer = Bytes()
    generator = TextGenerator(LanguageModel(260, size=4, depth=1).eval(), tokenizer)
    for text in ("a\ufffd", "\ufffd\ufffd\ufffd\ufffd", "", "a\x1a"):
        assert "".join(token.text for token in generator.score(text)) == text


def test_an_empty_text_has_a_score_of_zero(generator: TextGenerator) -> None:
    assert list(generator.score("")) == []
    assert generator.score_text("") == (0.0, 0, 0, 0.0)


def test_scores_are_softmax_probabilities(generator: TextGenerator) -> None:
    logits, _ = generator.model.step(torch.tensor([BOS]), generator.model.initial_state(1))
    nats = single_forward_nats(generator, [5])[0]
    assert math.exp(-nats) == pytest.approx(float(logits.softmax(dim=-1)[0, 5]), abs=1e-6)


def test_text_like_the_training_text_is_likelier(runs: Runs) -> None:
    generator = load_text_generator(runs.language)
    likely, unlikely = (generator.score_text(text).nats for text in ("one two three four\n", "xqzv kkkk jjjjj ppp\n"))
    assert likely < 0.7 * unlikely


@pytest.mark.parametrize("sampler", [Sampling(), GREEDY, Sampling(top_p=0.5)])
def test_generating_with_a_model_that_gives_nan_raises(sampler: Sampling) -> None:
    model = LanguageModel(260, size=4, depth=1).eval().requires_grad_(False)
    model.output.linear.bias[7] = torch.nan
    with pytest.raises(UserError, match="the model gives NaN"):
        TextGenerator(model, Bytes()).complete("one", 1, sampler)


def test_the_unknown_token_is_generated_only_if_allowed(runs: Runs) -> None:
    generator = load_text_generator(runs.language)
    generator.model.output.linear.bias[UNK] = 30.0
    for temperature in (0.0, 1.0):
        assert "<unk>" not in generator.complete("one", 50, Sampling(temperature))
        assert generator.complete("one", 2, Sampling(temperature, allow_unknown=True)) == "one<unk><unk>"


def test_generating_with_special_tokens_only_raises() -> None:
    model = LanguageModel(NUM_SPECIAL, size=4, depth=1).eval().requires_grad_(False)
    with pytest.raises(UserError, match="the vocabulary contains only special tokens"):
        TextGenerator(model, SpecialTokensOnly()).complete("", 5)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("window", [None, 2])
def test_scoring_with_a_model_that_gives_nan_or_infinity_raises(value: float, window: int | None) -> None:
    model = LanguageModel(260, size=4, depth=1).eval().requires_grad_(False)
    model.output.linear.weight.fill_(value)
    for score in (TextGenerator(model, Bytes()).score, TextGenerator(model, Bytes()).score_text):
        with pytest.raises(UserError, match="cannot be scored, since the model gives NaN or infinity"):
            list(score("one", window))


def unigram_model(tokenizer: Tokenizer, text: str) -> TextGenerator:
    """Return a model that predicts each token by its relative frequency in the text, without context."""
    model = LanguageModel(tokenizer.vocab_size, size=4, depth=1).eval().requires_grad_(False)
    counts = torch.bincount(torch.tensor(tokenizer.encode(text)), minlength=tokenizer.vocab_size)
    model.output.linear.weight.zero_()
    model.output.linear.bias.copy_((counts / counts.sum()).clamp(min=1e-30).log())
    return TextGenerator(model, tokenizer)


@pytest.mark.parametrize("kind", [Words, Characters])
def test_a_smaller_vocabulary_worsens_the_comparable_score(kind: type[Words] | type[Characters]) -> None:
    """Although it improves the perplexity, since more units become the one unknown token."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(1, 8))) for _ in range(300)]
    text = "".join(words[min(299, int(rng.paretovariate(0.6)))] + rng.choice(" \n") for _ in range(4000))
    perplexities, comparable = [], []
    # 45 are 40 words and the fixed tokens
    for size in (6, 8, 12, 18, None) if kind is Characters else (6, 45, 100, None):
        tokenizer = kind(max_size=size)
        tokenizer.learn(text.split("\n"))
        text_score = unigram_model(tokenizer, text).score_text(text)
        perplexities.append(text_score.nats / text_score.tokens)
        comparable.append(text_score.nats + text_score.spelling)
    assert perplexities == sorted(perplexities)
    assert comparable == sorted(comparable, reverse=True)
    assert len(set(comparable)) == len(comparable)
    assert text_score.spelling == text_score.unknown == 0


def test_unknown_tokens_add_the_nats_of_their_spelling() -> None:
    words = Words(max_size=7)
    words.learn(["go go go ab ab ab rare"])  # it keeps go and ab, whose characters are g, o, a, b, and the newline
    generator = unigram_model(words, "go ab x")
    text_score = generator.score_text("go gob ab zé\n")
    assert (text_score.tokens, text_score.unknown) == (5, 2)
    end_and_characters = (3 + 1) + (2 + 1)
    assert text_score.spelling == pytest.approx(end_and_characters * math.log(5 + 1) + 2 * math.log(1_114_112))


def test_invalid_arguments_are_refused(generator: TextGenerator) -> None:
    with pytest.raises(ValueError, match="at least one prompt"):
        next(generator.generate([], 10))
    with pytest.raises(ValueError, match="window"):
        generator.score_text("one", window=0)
    with pytest.raises(ValueError, match="temperature"):
        Sampling(temperature=-1)
    with pytest.raises(TypeError, match="prompts must be a list of strings, not one string"):
        next(generator.generate("one", 10))
