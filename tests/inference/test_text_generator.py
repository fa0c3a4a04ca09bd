"""Laws of going on with text, and of saying how likely text is."""

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
from seq2seq.inference import load_text_generator
from seq2seq.inference.text_generator import CHUNK, TOGETHER
from seq2seq.models import LanguageModel
from seq2seq.recurrence import GRU
from seq2seq.search import sample
from seq2seq.special_tokens import BOS, NUM_SPECIAL, UNK
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

GREEDY = Sampling(temperature=0)
LINES = [f"{one} {two} Straße 日本" for one in WORDS for two in WORDS]
TEXT = "".join(line + "\n" for line in LINES)  # longer than what is scored at once


def made(kind: str) -> Tokenizer:
    tokenizer = {"Bytes": Bytes, "Characters": Characters, "Subwords": lambda: Subwords(300)}[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tokenizer.learn(LINES)
    return tokenizer


@pytest.fixture(scope="module", params=["Bytes", "Characters", "Subwords"])
def writer(request: pytest.FixtureRequest) -> TextGenerator:
    """Untrained, with large weights, so that every token changes what comes next."""
    torch.manual_seed(1)
    tokenizer = made(request.param)
    model = LanguageModel(tokenizer.vocab_size, GRU, size=12, depth=2).eval().requires_grad_(False)
    for weight in model.parameters():
        weight *= 3
    return TextGenerator(model, tokenizer)


class Nothing(Bytes):
    """A tokenizer that knows no text."""

    vocab_size = NUM_SPECIAL


def written(writer: TextGenerator, prompts: list[str], length: int, *options: Any) -> list[str]:
    return ["".join(pieces) for pieces in zip(*writer.write(prompts, length, *options), strict=True)]


def test_the_same_seed_writes_the_same_text(writer: TextGenerator) -> None:
    one, again, other = (writer.complete("one ", 100, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


def test_text_is_the_prompt_and_its_pieces(writer: TextGenerator) -> None:
    pieces = [piece for (piece,) in writer.write(["one "], 100)]
    assert len(pieces) == 101  # one a token, and what was held back
    assert writer.complete("one ", 100) == "one " + "".join(pieces)


def test_pieces_are_the_text_of_the_tokens_that_were_drawn(writer: TextGenerator) -> None:
    prompt, tokenizer, model = "two 日", writer.tokenizer, writer.model
    ids = [BOS, *tokenizer.encode(prompt)]
    state = model.initial_state(1)
    with torch.inference_mode():
        for token in ids[:-1]:
            _, state = model.step(torch.tensor([token]), state)
        draws = sample(model.step, torch.tensor(ids[-1:]), state, Sampling(), torch.Generator().manual_seed(7))
        drawn = [int(draw.tokens) for _, draw in zip(range(80), draws, strict=False)]
    assert prompt + "".join(written(writer, [prompt], 80, Sampling(), 7)) == tokenizer.decode(ids + drawn)


def test_without_temperature_the_likeliest_is_taken_whatever_the_seed(writer: TextGenerator) -> None:
    one, other = (written(writer, ["one "], 50, GREEDY, seed) for seed in (1, 2))
    assert one == other


def test_a_batch_of_prompts_is_each_prompt_alone(writer: TextGenerator) -> None:
    prompts = ["one ", "", "two three\nfour", "日", "x" * (2 * CHUNK + 3), "six"]
    alone = [written(writer, [prompt], 30, GREEDY)[0] for prompt in prompts]
    assert written(writer, prompts, 30, GREEDY) == alone


@pytest.mark.parametrize("kind", ["Bytes", "Subwords"])
def test_no_character_is_written_by_half(kind: str) -> None:
    """A model that always goes on with the bytes of the same characters."""
    tokenizer = made(kind)
    ids = tokenizer.encode("é😀✓") if kind == "Bytes" else tokenizer.encode("x😀")[-4:]
    follows = dict(itertools.pairwise([*ids, ids[0]]))

    class Cycle(LanguageModel):
        def step(self, tokens: torch.Tensor, state: tuple[Any, ...]) -> tuple[torch.Tensor, tuple[Any, ...]]:
            logits = torch.zeros(len(tokens), self.vocab_size)
            for row, token in enumerate(tokens.tolist()):
                logits[row, follows.get(token, ids[0])] = 100.0
            return logits, state

    model = Cycle(tokenizer.vocab_size, size=4, depth=1).eval()
    pieces = [piece for (piece,) in TextGenerator(model, tokenizer).write(["x"], 4 * len(ids), GREEDY)]
    assert "".join(pieces) == 4 * tokenizer.decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)
    assert sum(map(len, pieces)) == 4 * len(tokenizer.decode(ids))
    cut = [piece for (piece,) in TextGenerator(model, tokenizer).write(["x"], 4 * len(ids) + 1, GREEDY)]
    assert "".join(cut).startswith("".join(pieces))  # what is incomplete at the very end comes last


def test_writing_takes_the_same_memory_at_any_length(runs: Runs) -> None:
    pieces = load_text_generator(runs.language).write(["one "], 10_000)

    def held() -> int:
        gc.collect()
        return sum(thing.numel() for thing in gc.get_objects() if type(thing) is torch.Tensor)

    list(itertools.islice(pieces, 50))
    tensors = held()
    tracemalloc.start()
    list(itertools.islice(pieces, 50))
    before = tracemalloc.get_traced_memory()[0]
    for _ in itertools.islice(pieces, 150):
        pass
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held() <= tensors
    assert grown < 20_000


def test_sampled_and_scored_probabilities_are_equal(writer: TextGenerator) -> None:
    model, state = writer.model, writer.model.initial_state(1)
    with torch.inference_mode():
        draws = sample(model.step, torch.tensor([BOS]), state, Sampling(), torch.Generator().manual_seed(1))
        drawn = [(int(draw.tokens), float(draw.scores)) for _, draw in zip(range(60), draws, strict=False)]
        ids = torch.tensor([[BOS, *(token for token, _ in drawn)]])
        nats, _ = model.nats(ids[:, :-1], ids[:, 1:])
    assert nats[0].tolist() == pytest.approx([-score for _, score in drawn], abs=1e-4)


def direct(writer: TextGenerator, ids: list[int]) -> list[float]:
    """By one long forward over all ids at once."""
    inputs = torch.tensor([[BOS, *ids[:-1]]])
    features, _ = writer.model(inputs)
    chances = writer.model.output(features).log_softmax(dim=-1)
    return [-float(chances[0, place, token]) for place, token in enumerate(ids)]


def test_a_carried_state_is_one_long_forward(writer: TextGenerator) -> None:
    ids = writer.tokenizer.encode(TEXT)
    assert len(ids) > CHUNK
    scored = list(writer.score(TEXT))
    assert [one.token for one in scored] == ids
    assert [one.nats for one in scored] == pytest.approx(direct(writer, ids), abs=1e-3)
    assert "".join(one.text for one in scored) == writer.tokenizer.decode(ids)


@pytest.mark.parametrize("window", [1, 7, 256, 700, TOGETHER + 1])
def test_windows_start_from_nothing(writer: TextGenerator, window: int) -> None:
    ids = writer.tokenizer.encode(TEXT)
    before = [BOS, *ids]
    expected = []
    for begin in range(0, len(ids), window):
        part = ids[begin : begin + window]
        features, _ = writer.model(torch.tensor([before[begin : begin + len(part)]]))
        chances = writer.model.output(features).log_softmax(dim=-1)[0]
        expected += [-float(row[token]) for row, token in zip(chances, part, strict=True)]
    assert [one.nats for one in writer.score(TEXT, window)] == pytest.approx(expected, abs=1e-3)


def test_long_windows_take_no_more_memory_than_the_text(writer: TextGenerator) -> None:
    """They are read in parts, and start from nothing where they should."""
    whole = writer.measure(TEXT)
    assert writer.measure(TEXT, 2**31 - 1) == whole
    parts = [writer.measure(text) for text in (TEXT[:2000], TEXT[2000:])]
    if isinstance(writer.tokenizer, Characters):
        window = 2000
        bound = [one.nats for one in writer.score(TEXT, window)]
        assert bound[:window] == [one.nats for one in writer.score(TEXT)][:window]
        assert sum(bound[:window]) == pytest.approx(parts[0].nats)


@pytest.mark.parametrize("window", [None, 5])
def test_the_sum_over_tokens_is_the_sum_of_the_text(writer: TextGenerator, window: int | None) -> None:
    measured = writer.measure(TEXT, window)
    scored = list(writer.score(TEXT, window))
    assert measured.tokens == len(scored)
    assert measured.nats == pytest.approx(sum(one.nats for one in scored))


def test_a_text_in_blocks_is_the_text(writer: TextGenerator) -> None:
    blocks = [line + "\n" for line in LINES]
    assert list(writer.score(blocks)) == list(writer.score(TEXT))
    assert writer.measure(iter(blocks)) == writer.measure(TEXT)


def test_the_last_character_of_a_text_is_not_lost() -> None:
    tokenizer = Bytes()
    writer = TextGenerator(LanguageModel(260, size=4, depth=1).eval(), tokenizer)
    for text in ("a\ufffd", "\ufffd\ufffd\ufffd\ufffd", "", "a\x1a"):
        assert "".join(one.text for one in writer.score(text)) == text


def test_a_text_without_tokens_has_no_nats(writer: TextGenerator) -> None:
    assert list(writer.score("")) == []
    assert writer.measure("") == (0.0, 0, 0, 0.0)


def test_the_chances_of_every_token_sum_to_one(writer: TextGenerator) -> None:
    logits, _ = writer.model.step(torch.tensor([BOS]), writer.model.initial_state(1))
    first = direct(writer, [5])[0]
    assert math.exp(-first) == pytest.approx(float(logits.softmax(dim=-1)[0, 5]), abs=1e-6)


def test_text_like_what_was_learned_is_likelier(runs: Runs) -> None:
    writer = load_text_generator(runs.language)
    likely, unlikely = (writer.measure(text).nats for text in ("one two three four\n", "xqzv kkkk jjjjj ppp\n"))
    assert likely < 0.7 * unlikely


@pytest.mark.parametrize("sampler", [Sampling(), GREEDY, Sampling(top_p=0.5)])
def test_a_model_that_gives_nan_writes_nothing(sampler: Sampling) -> None:
    model = LanguageModel(260, size=4, depth=1).eval().requires_grad_(False)
    model.output.bias[7] = torch.nan
    with pytest.raises(UserError, match="the model gives NaN"):
        TextGenerator(model, Bytes()).complete("one", 1, sampler)


def test_the_unknown_token_is_written_only_where_it_is_allowed(runs: Runs) -> None:
    likely = load_text_generator(runs.language)
    likely.model.output.bias[UNK] = 30.0
    for temperature in (0.0, 1.0):
        assert "<unk>" not in likely.complete("one", 50, Sampling(temperature))
        assert likely.complete("one", 2, Sampling(temperature, allow_unknown=True)) == "one<unk><unk>"


def test_a_vocabulary_without_text_writes_nothing() -> None:
    model = LanguageModel(NUM_SPECIAL, size=4, depth=1).eval().requires_grad_(False)
    with pytest.raises(UserError, match="the vocabulary holds nothing but special tokens"):
        TextGenerator(model, Nothing()).complete("", 5)


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("window", [None, 2])
def test_a_model_that_gives_no_finite_number_scores_nothing(number: float, window: int | None) -> None:
    model = LanguageModel(260, size=4, depth=1).eval().requires_grad_(False)
    model.output.weight.fill_(number)
    for scored in (TextGenerator(model, Bytes()).score, TextGenerator(model, Bytes()).measure):
        with pytest.raises(UserError, match="cannot be scored, since the model gives NaN or infinity"):
            list(scored("one", window))


def unigrams(tokenizer: Tokenizer, text: str) -> TextGenerator:
    """A model that gives each token its share of the text's tokens, whatever stands before it, and no weights else."""
    model = LanguageModel(tokenizer.vocab_size, size=4, depth=1).eval().requires_grad_(False)
    counts = torch.bincount(torch.tensor(tokenizer.encode(text)), minlength=tokenizer.vocab_size)
    model.output.weight.zero_()
    model.output.bias.copy_((counts / counts.sum()).clamp(min=1e-30).log())
    return TextGenerator(model, tokenizer)


@pytest.mark.parametrize("kind", [Words, Characters])
def test_the_fewer_units_are_known_the_worse_is_the_comparable_number(kind: type[Words] | type[Characters]) -> None:
    """Although the perplexity becomes the better the more units are read as one unknown token."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(1, 8))) for _ in range(300)]
    text = "".join(words[min(299, int(chance.paretovariate(0.6)))] + chance.choice(" \n") for _ in range(4000))
    perplexities, comparable = [], []
    for size in (6, 8, 12, 18, None) if kind is Characters else (6, 45, 100, None):  # 45 are 40 words and what is fixed
        tokenizer = kind(max_size=size)
        tokenizer.learn(text.split("\n"))
        measured = unigrams(tokenizer, text).measure(text)
        perplexities.append(measured.nats / measured.tokens)
        comparable.append(measured.nats + measured.spelling)
    assert perplexities == sorted(perplexities)
    assert comparable == sorted(comparable, reverse=True)
    assert len(set(comparable)) == len(comparable)
    assert measured.spelling == measured.unknown == 0


def test_an_unknown_token_costs_its_spelling_as_it_is_defined() -> None:
    words = Words(max_size=7)
    words.learn(["go go go ab ab ab rare"])  # of which it keeps go and ab, so that it knows g, o, a, b and the newline
    writer = unigrams(words, "go ab x")
    measured = writer.measure("go gob ab zé\n")
    assert (measured.tokens, measured.unknown) == (5, 2)
    end_and_characters = (3 + 1) + (2 + 1)
    assert measured.spelling == pytest.approx(end_and_characters * math.log(5 + 1) + 2 * math.log(1_114_112))


def test_mistakes_are_said(writer: TextGenerator) -> None:
    with pytest.raises(ValueError, match="at least one prompt"):
        next(writer.write([], 10))
    with pytest.raises(ValueError, match="window"):
        writer.measure("one", window=0)
    with pytest.raises(ValueError, match="temperature"):
        Sampling(temperature=-1)
    with pytest.raises(TypeError, match="prompts must be a list of strings, not one string"):
        next(writer.write("one", 10))
