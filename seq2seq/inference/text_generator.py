"""A language model that goes on with text, and says how likely text is."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq.data.pairs import pad
from seq2seq.errors import UserError, refuse_string
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.ranges import Count, Seed, checked
from seq2seq.search import Sampling, Step, sample
from seq2seq.search.cuda_graph import keeps_its_size, replayed
from seq2seq.special_tokens import BOS, NUM_SPECIAL, PAD
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.streaming import Decoder
from seq2seq.tokenizers.unknown import Spelling

CHUNK = 512  # tokens of a text that are scored at once
ROWS = 64  # windows that are scored at once, of so many tokens together
TOGETHER = ROWS * CHUNK


class Scored(NamedTuple):
    """A token of a text, and how surprising it was after all before it."""

    token: int
    text: str
    nats: float


class Measured(NamedTuple):
    """How surprising a text is as a whole."""

    nats: float
    tokens: int
    unknown: int  # tokens that the tokenizer does not know
    spelling: float  # nats that spelling these would take besides


class TextGenerator:
    """Goes on with text.

    Args:
        model: The language model.
        tokenizer: Its tokenizer.
        corpus: Where the training found its text.
    """

    def __init__(
        self, model: RecurrentLanguageModel, tokenizer: Tokenizer, corpus: dict[str, Any] | None = None
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.corpus = corpus or {}

    @checked
    @torch.inference_mode()
    def write(
        self, prompts: Sequence[str], length: Count, sampler: Sampling | None = None, seed: Seed = 1
    ) -> Iterator[list[str]]:
        """Go on after each prompt for `length` tokens, in constant memory; after each one, the text that it completes.

        Args:
            prompts: What is gone on with; the prompts themselves are not given back.
            length: Tokens to write.
            sampler: How they are picked.
            seed: The same seed writes the same text.
        """
        refuse_string(prompts, "prompts")
        if not prompts:
            raise UserError("there must be at least one prompt")
        sampler = sampler or Sampling()
        if self.tokenizer.vocab_size <= NUM_SPECIAL and not sampler.allow_unknown:
            raise UserError("nothing can be written, since the vocabulary holds nothing but special tokens")
        device = self.model.device
        generator = torch.Generator(device).manual_seed(seed)
        known = [[BOS, *self.tokenizer.encode(prompt)] for prompt in prompts]
        state = self.read([ids[:-1] for ids in known])
        last = torch.tensor([ids[-1] for ids in known], device=device)
        decoders = [Decoder(self.tokenizer, ids[1:]) for ids in known]
        step: Step[Any] = self.model.step
        if device.type == "cuda" and keeps_its_size(step, last, state):
            step = replayed(step, last, state)
        draws = sample(step, last, state, sampler, generator)
        for _, draw in zip(range(length), draws, strict=False):
            yield [decoder.push(token) for decoder, token in zip(decoders, draw.tokens.tolist(), strict=True)]
        yield [decoder.flush() for decoder in decoders]

    def read(self, rows: Sequence[Sequence[int]]) -> tuple[Any, ...]:
        """The state after each row of ids, read in chunks."""
        state = self.model.initial_state(len(rows))
        lengths = torch.tensor([len(row) for row in rows], device=self.model.device)
        ids = pad(rows) if any(rows) else torch.empty(len(rows), 0, dtype=torch.long)
        for begin in range(0, ids.shape[1], CHUNK):
            part = ids[:, begin : begin + CHUNK].to(self.model.device)
            _, state = self.model(part, state, (lengths - begin).clamp(0, part.shape[1]))
        return state

    def complete(self, prompt: str, length: int = 200, sampler: Sampling | None = None, seed: int = 1) -> str:
        """The prompt and `length` tokens after it."""
        return prompt + "".join(piece for (piece,) in self.write([prompt], length, sampler, seed))

    @checked
    def score(self, text: str | Iterable[str], window: Count | None = None) -> Iterator[Scored]:
        """How surprising each token of a text is, the state carried from its beginning to its end.

        A character of several tokens is the text of its last one.

        Args:
            text: The text, or its blocks, which are read one by one.
            window: Instead of carrying the state, start from nothing every so many tokens, as Transformers are scored.
        """
        decoder = Decoder(self.tokenizer)
        last = None  # one token waits, for the text that was held back at the end
        for ids, nats in self.costs(self.tokenizer.encode_blocks(blocks_of(text)), window):
            for token, cost in zip(ids, nats, strict=True):
                if last is not None:
                    yield last
                last = Scored(token, decoder.push(token), cost)
        if last is not None:
            yield last._replace(text=last.text + decoder.flush())

    @checked
    def measure(self, text: str | Iterable[str], window: Count | None = None) -> Measured:
        """Return the sum of `score` over a text, and what of it is unknown; faster, since it makes no text of the ids.

        Args:
            text: The text, or its blocks, which are read one by one.
            window: Instead of carrying the state, start from nothing every so many tokens.

        Raises:
            UserError: if the model gives NaN or infinity.
        """
        spelling = Spelling(self.tokenizer)
        total, tokens = 0.0, 0
        for ids, nats in self.costs(spelling.read(blocks_of(text)), window):
            total, tokens = total + sum(nats), tokens + len(ids)
        return Measured(total, tokens, spelling.tokens, spelling.nats)

    def costs(self, encoded: Iterable[Sequence[int]], window: int | None) -> Iterator[tuple[list[int], list[float]]]:
        """Ids of a text and the nats of each, some at a time."""
        rows = 1 if window is None else min(ROWS, TOGETHER // window)
        width = None if rows <= 1 else window
        steps = sizes(window) if width is None else itertools.repeat((rows * width, True))
        before, state = BOS, None
        for ids, starts in grouped(encoded, steps):
            with torch.inference_mode():
                inputs, targets = (
                    windows(row, width or len(ids))
                    for row in torch.tensor([[before, *ids[:-1]], ids], device=self.model.device)
                )
                nats, state = self.model.nats(inputs, targets, None if starts else state)
            if not nats.isfinite().all():
                raise UserError("the text cannot be scored, since the model gives NaN or infinity for what comes next")
            before = ids[-1]
            yield ids, nats.flatten()[: len(ids)].tolist()


def blocks_of(text: str | Iterable[str]) -> Iterable[str]:
    return [text] if isinstance(text, str) else text


def sizes(window: int | None) -> Iterator[tuple[int, bool]]:
    """Without end, how many tokens are read at once, and whether they start from nothing."""
    while True:
        for begin in itertools.count(0, CHUNK) if window is None else range(0, window, CHUNK):
            yield CHUNK if window is None else min(CHUNK, window - begin), begin == 0


def grouped(encoded: Iterable[Sequence[int]], steps: Iterator[tuple[int, bool]]) -> Iterator[tuple[list[int], bool]]:
    """The same ids in groups of these sizes, each with what stands beside its size; the last one may be smaller."""
    waiting: list[int] = []
    size, starts = next(steps)
    for ids in encoded:
        waiting.extend(ids)
        begin = 0
        while len(waiting) - begin >= size:
            yield waiting[begin : begin + size], starts
            begin += size
            size, starts = next(steps)
        del waiting[:begin]
    if waiting:
        yield waiting, starts


def windows(ids: Tensor, width: int) -> Tensor:
    """Ids as rows of `width`, the last one padded."""
    return torch.nn.functional.pad(ids, (0, -len(ids) % width), value=PAD).view(-1, width)
