"""Measure the speed and the state size of token-by-token generation, early and late in a sequence."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from seq2seq.inference import TextGenerator
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.ranges import CountOrZero, NonNegative, Range
from seq2seq.special_tokens import EOS
from seq2seq.state import flatten
from seq2seq.tasks import load

POSITIONS = (100, 10_000)
CHUNK_TOKENS = 256  # prompt tokens read at once
TIMED_STEPS = 50  # timed together
ROUNDS = 5
SOURCE_TOKENS = 20  # tokens of a translator's source sentence
FIRST_TOKEN_ID = EOS + 1  # the first id after the special tokens

Prefill = Callable[[Tensor, Any], Any]  # tokens [1, time], state -> state
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class GenerationCost(NamedTuple):
    """Cost of generating one sequence at a position."""

    position: CountOrZero  # tokens before it
    tokens_per_second: NonNegative
    state_bytes: Annotated[int, Range(0)]


class Stepper(NamedTuple):
    """The common interface of language models and translators."""

    prefill: Prefill
    step: Step
    state: Any
    vocab_size: int


def measure_generation(run: Path, device: str = "auto", positions: tuple[int, ...] = POSITIONS) -> list[GenerationCost]:
    """Measure the best checkpoint of a run on random tokens."""
    with torch.inference_mode(), fixed_seed():
        loaded = load(run, device=device)
        model = loaded.model if isinstance(loaded, TextGenerator) else loaded.models[0]
        return [*measure_positions(make_stepper(model), positions, model.device)]


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Use a fixed random seed and restore the random state afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def make_stepper(model: LanguageModelNetwork | EncoderDecoder) -> Stepper:
    """Return the prefill and step functions of a model; a translator's encoded source is not part of its state."""
    if isinstance(model, LanguageModelNetwork):
        return Stepper(
            lambda ids, state: model(ids, state)[1], model.step, model.initial_state(1), model.output.vocab_size
        )
    vocab_size = model.source_embedding.num_embeddings
    source = torch.cat(
        [torch.randint(FIRST_TOKEN_ID, vocab_size, (1, SOURCE_TOKENS)), torch.tensor([[EOS]])], dim=1
    ).to(model.device)
    encoded, state = model.encode(source, torch.tensor([SOURCE_TOKENS + 1], device=model.device))
    return Stepper(
        lambda ids, state: model.decoder(model.target_embedding(ids), encoded.memory, state).state,
        lambda ids, state: model.step(ids, state, encoded),
        state,
        model.output.vocab_size,
    )


def measure_positions(stepper: Stepper, positions: tuple[int, ...], device: torch.device) -> Iterator[GenerationCost]:
    """Prefill up to each position, and time steps from there."""
    state, tokens_read = stepper.state, 0
    for position in positions:
        while tokens_read < position:
            tokens = min(CHUNK_TOKENS, position - tokens_read)
            state = stepper.prefill(torch.randint(FIRST_TOKEN_ID, stepper.vocab_size, (1, tokens)).to(device), state)
            tokens_read += tokens
        seconds = [time_steps(stepper.step, state, stepper.vocab_size, device) for _ in range(ROUNDS)]
        state_bytes = sum(part.numel() * part.element_size() for part in flatten(state))
        yield GenerationCost(position, TIMED_STEPS / statistics.median(seconds), state_bytes)


def time_steps(step: Step, state: Any, vocab_size: int, device: torch.device) -> float:
    """Return the seconds of `TIMED_STEPS` steps."""
    ids = torch.randint(FIRST_TOKEN_ID, vocab_size, (TIMED_STEPS, 1)).to(device)
    synchronize(device)
    start = time.perf_counter()
    for token in ids:
        _, state = step(token, state)
    synchronize(device)
    return time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
