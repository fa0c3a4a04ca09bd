"""Text generation and scoring with a language model."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq.data.pairs import pad
from seq2seq.errors import UserError, refuse_string
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.ranges import Count, checked
from seq2seq.search import Sampling, Step, sample
from seq2seq.search.cuda_graph import graphed_step, has_static_shapes
from seq2seq.special_tokens import BOS, NUM_SPECIAL, PAD
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.streaming import IncrementalDecoder
from seq2seq.tokenizers.unknown import SpellingCost

CHUNK_TOKENS = 512  # tokens of a text in one forward pass
MAX_WINDOWS = 64  # independent windows in one forward pass
MAX_TOKENS = MAX_WINDOWS * CHUNK_TOKENS  # in all of these windows


class ScoredToken(NamedTuple):
    """A token of a text, and its negative log-probability given the tokens before it."""

    token: int
    text: str
    nats: float


class TextScore(NamedTuple):
    """The negative log-probability of a text."""

    nats: float
    tokens: int
    unknown: int  # number of unknown tokens
    spelling: float  # additional nats for spelling the unknown tokens


class TextGenerator:
    """Generates and scores text.

    Args:
        model: The language model.
        tokenizer: Its tokenizer.
        corpus: The corpus of the training, as the arguments of its data.
    """

    def __init__(self, model: LanguageModelNetwork, tokenizer: Tokenizer, corpus: dict[str, Any] | None = None) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.corpus = corpus or {}

    @checked
    @torch.inference_mode()
    def generate(self, prompts: Sequence[str], length: Count, sampling: Sampling = Sampling()) -> Iterator[list[str]]:
        """Generate `length` tokens after each prompt, in constant memory; yield the new text of each, step by step.

        Args:
            prompts: Prompts, which are not repeated in the output.
            length: Number of tokens.
            sampling: How to sample; the same seed generates the same text.
        """
        refuse_string(prompts, "prompts")
        if not prompts:
            raise UserError("there must be at least one prompt")
        if self.tokenizer.vocab_size <= NUM_SPECIAL and not sampling.allow_unknown:
            raise UserError("nothing can be generated, since the vocabulary contains only special tokens")
        device = self.model.device
        generator = torch.Generator(device).manual_seed(sampling.seed)
        prompt_ids = [[BOS, *self.tokenizer.encode(prompt)] for prompt in prompts]
        state = self.prefill([ids[:-1] for ids in prompt_ids])
        last = torch.tensor([ids[-1] for ids in prompt_ids], device=device)
        decoders = [IncrementalDecoder(self.tokenizer, ids[1:]) for ids in prompt_ids]
        step: Step[Any] = self.model.step
        if device.type == "cuda" and has_static_shapes(step, last, state):
            step = graphed_step(step, last, state)
        samples = sample(step, last, state, sampling, generator)
        for _, sampled in zip(range(length), samples, strict=False):
            yield [decoder.push(token) for decoder, token in zip(decoders, sampled.tokens.tolist(), strict=True)]
        yield [decoder.flush() for decoder in decoders]

    def prefill(self, rows: Sequence[Sequence[int]]) -> tuple[Any, ...]:
        """Return the state after each row of ids, computed in chunks."""
        state = self.model.initial_state(len(rows))
        lengths = torch.tensor([len(row) for row in rows], device=self.model.device)
        ids = pad(rows) if any(rows) else torch.empty(len(rows), 0, dtype=torch.long)
        for start in range(0, ids.shape[1], CHUNK_TOKENS):
            chunk = ids[:, start : start + CHUNK_TOKENS].to(self.model.device)
            _, state = self.model(chunk, state, (lengths - start).clamp(0, chunk.shape[1]))
        return state

    def complete(self, prompt: str, length: int = 200, sampling: Sampling = Sampling()) -> str:
        """Return the prompt and the text of `length` tokens generated after it."""
        return prompt + "".join(piece for (piece,) in self.generate([prompt], length, sampling))

    @checked
    def score(self, text: str | Iterable[str], window: Count | None = None) -> Iterator[ScoredToken]:
        """Yield the tokens of a text with their negative log-probabilities, the state carried through the whole text.

        A character of several tokens is the text of its last token.

        Args:
            text: The text, or its blocks, which are read one by one.
            window: Reset the state every so many tokens, as Transformers are evaluated, instead of carrying it.
        """
        decoder = IncrementalDecoder(self.tokenizer)
        last = None  # held back by one token, since the decoder's remaining text belongs to the last one
        for ids, nats in self.token_nats(self.tokenizer.encode_blocks(as_blocks(text)), window):
            for token, token_nats in zip(ids, nats, strict=True):
                if last is not None:
                    yield last
                last = ScoredToken(token, decoder.push(token), token_nats)
        if last is not None:
            yield last._replace(text=last.text + decoder.flush())

    @checked
    def score_text(self, text: str | Iterable[str], window: Count | None = None) -> TextScore:
        """Return the sum of `score` over a text and its unknown tokens; faster than `score`, since it decodes no text.

        Args:
            text: The text, or its blocks, which are read one by one.
            window: Reset the state every so many tokens, instead of carrying it.

        Raises:
            UserError: if the model gives NaN or infinity.
        """
        spelling = SpellingCost(self.tokenizer)
        total, tokens = 0.0, 0
        for ids, nats in self.token_nats(spelling.encode(as_blocks(text)), window):
            total, tokens = total + sum(nats), tokens + len(ids)
        return TextScore(total, tokens, spelling.unknown_tokens, spelling.nats)

    def token_nats(
        self, encoded: Iterable[Sequence[int]], window: int | None
    ) -> Iterator[tuple[list[int], list[float]]]:
        """Yield the ids of a text and their negative log-probabilities, chunk by chunk."""
        num_windows = 1 if window is None else min(MAX_WINDOWS, MAX_TOKENS // window)
        width = None if num_windows <= 1 else window
        chunks = chunk_sizes(window) if width is None else itertools.repeat((num_windows * width, True))
        previous, state = BOS, None
        for ids, reset in regroup(encoded, chunks):
            with torch.inference_mode():
                inputs, targets = (
                    to_rows(row, width or len(ids))
                    for row in torch.tensor([[previous, *ids[:-1]], ids], device=self.model.device)
                )
                nats, state = self.model.token_nats(inputs, targets, None if reset else state)
            if not nats.isfinite().all():
                raise UserError("the text cannot be scored, since the model gives NaN or infinity for the next token")
            previous = ids[-1]
            yield ids, nats.flatten()[: len(ids)].tolist()


def as_blocks(text: str | Iterable[str]) -> Iterable[str]:
    return [text] if isinstance(text, str) else text


def chunk_sizes(window: int | None) -> Iterator[tuple[int, bool]]:
    """Yield without end the size of the next chunk, and whether the state is reset before it."""
    while True:
        for start in itertools.count(0, CHUNK_TOKENS) if window is None else range(0, window, CHUNK_TOKENS):
            yield CHUNK_TOKENS if window is None else min(CHUNK_TOKENS, window - start), start == 0


def regroup(encoded: Iterable[Sequence[int]], chunks: Iterator[tuple[int, bool]]) -> Iterator[tuple[list[int], bool]]:
    """Yield the ids in chunks of these sizes, with their flags; the last chunk may be smaller."""
    pending: list[int] = []
    size, reset = next(chunks)
    for ids in encoded:
        pending.extend(ids)
        start = 0
        while len(pending) - start >= size:
            yield pending[start : start + size], reset
            start += size
            size, reset = next(chunks)
        del pending[:start]
    if pending:
        yield pending, reset


def to_rows(ids: Tensor, width: int) -> Tensor:
    """Reshape ids to rows of `width`, the last one padded."""
    return torch.nn.functional.pad(ids, (0, -len(ids) % width), value=PAD).view(-1, width)
