"""A language model that goes on with text, and says how likely text is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq.data.pairs import pad
from seq2seq.errors import UserError
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.search import Sampler, Step, sample
from seq2seq.search.replay import keeps_its_size, replayed
from seq2seq.special import BOS, PAD
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.streaming import Decoder

CHUNK = 512  # tokens that are scored at once
ROWS = 64  # windows that are scored at once


class Scored(NamedTuple):
    """A token of a text, and how surprising it was after all before it."""

    token: int
    text: str
    nats: float


class Writer:
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

    @torch.inference_mode()
    def write(
        self, prompts: Sequence[str], length: int, sampler: Sampler | None = None, seed: int = 1
    ) -> Iterator[list[str]]:
        """Go on after each prompt for `length` tokens, in constant memory; after each one, the text that it completes.

        Args:
            prompts: What is gone on with; the prompts themselves are not given back.
            length: Tokens to write.
            sampler: How they are picked.
            seed: The same seed writes the same text.
        """
        if not prompts:
            raise UserError("there must be at least one prompt")
        device = self.model.device
        generator = torch.Generator(device).manual_seed(seed)
        known = [[BOS, *self.tokenizer.encode(prompt)] for prompt in prompts]
        state = self.read([ids[:-1] for ids in known])
        last = torch.tensor([ids[-1] for ids in known], device=device)
        decoders = [Decoder(self.tokenizer, ids[1:]) for ids in known]
        step: Step[Any] = self.model.step
        if device.type == "cuda" and keeps_its_size(step, last, state):
            step = replayed(step, last, state)
        draws = sample(step, last, state, sampler or Sampler(), generator)
        for _, draw in zip(range(length), draws, strict=False):
            tokens = draw.tokens.tolist()
            if PAD in tokens:
                raise UserError("nothing can be written, since the model gives NaN for what comes next")
            yield [decoder.push(token) for decoder, token in zip(decoders, tokens, strict=True)]
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

    def complete(self, prompt: str, length: int = 200, sampler: Sampler | None = None, seed: int = 1) -> str:
        """The prompt and `length` tokens after it."""
        return prompt + "".join(piece for (piece,) in self.write([prompt], length, sampler, seed))

    @torch.inference_mode()
    def score(self, text: str | Iterable[str], window: int | None = None) -> Iterator[Scored]:
        """How surprising each token of a text is, the state carried from its beginning to its end.

        A character of several tokens is the text of its last one.

        Args:
            text: The text, or its blocks, which are read one by one.
            window: Instead of carrying the state, start from nothing every so many tokens, as Transformers are scored.
        """
        blocks = [text] if isinstance(text, str) else text
        decoder = Decoder(self.tokenizer)
        last = None  # one token waits, for the text that was held back at the end
        for ids, nats in self.chunks(blocks, window):
            for token, cost in zip(ids, nats, strict=True):
                if last is not None:
                    yield last
                last = Scored(token, decoder.push(token), cost)
        if last is not None:
            yield last._replace(text=last.text + decoder.flush())

    def nats(self, text: str | Iterable[str], window: int | None = None) -> tuple[float, int]:
        """The sum of `score` over a text, and its number of tokens; faster, since it makes no text of the ids."""
        blocks = [text] if isinstance(text, str) else text
        total, tokens = 0.0, 0
        with torch.inference_mode():
            for ids, costs in self.chunks(blocks, window):
                total, tokens = total + sum(costs), tokens + len(ids)
        return total, tokens

    def chunks(self, blocks: Iterable[str], window: int | None) -> Iterator[tuple[list[int], list[float]]]:
        """Ids and their costs, some at a time."""
        if window is not None and window < 1:
            raise UserError(f"a window must have at least 1 token, and {window} was given")
        size = CHUNK if window is None else window * ROWS
        before, state = BOS, self.model.initial_state(1)
        for ids in grouped(self.tokenizer.encode_blocks(blocks), size):
            inputs, targets = torch.tensor([[before, *ids[:-1]], ids], device=self.model.device)[:, None]
            before = ids[-1]
            if window is None:
                costs, state = self.model.nats(inputs, targets, state)
            else:
                costs, _ = self.model.nats(windows(inputs, window), windows(targets, window))
            yield ids, costs.flatten()[: len(ids)].tolist()


def grouped(encoded: Iterable[Sequence[int]], size: int) -> Iterator[list[int]]:
    """The same ids, `size` at a time."""
    waiting: list[int] = []
    for ids in encoded:
        waiting.extend(ids)
        whole = len(waiting) - len(waiting) % size
        yield from (waiting[begin : begin + size] for begin in range(0, whole, size))
        del waiting[:whole]
    if waiting:
        yield waiting


def windows(ids: Tensor, width: int) -> Tensor:
    """One row of ids as rows of `width`, the last one padded."""
    return torch.nn.functional.pad(ids, (0, -ids.shape[1] % width), value=PAD).view(-1, width)
