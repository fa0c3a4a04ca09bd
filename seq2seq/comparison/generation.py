"""Measure the speed and the state size of token-by-token generation, early and late in a sequence."""

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import torch

from seq2seq.models.network import GenerationStepper
from seq2seq.ranges import CountOrZero, NonNegative, Range
from seq2seq.special_tokens import EOS
from seq2seq.state import flatten
from seq2seq.tasks.loading import open_checkpoint, resolve_device

POSITIONS = (100, 10_000)
CHUNK_TOKENS = 256  # prompt tokens read at once
TIMED_STEPS = 50  # timed together
ROUNDS = 5
FIRST_TOKEN_ID = EOS + 1  # the first id after the special tokens


class GenerationCost(NamedTuple):
    """Cost of generating one sequence at a position."""

    position: CountOrZero  # tokens before it
    tokens_per_second: NonNegative
    state_bytes: Annotated[int, Range(0)]


def measure_generation(
    run: Path, device: str = "auto", positions: tuple[int, ...] = POSITIONS, trust: Sequence[str] = ()
) -> list[GenerationCost]:
    """Measure the best checkpoint of a run on random tokens, whose network must have a `generation_stepper`."""
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = open_checkpoint(run, trust=trust).network.to(resolve_device(device))
        return [*measure_positions(network.generation_stepper(), positions, network.device)]


def measure_positions(
    stepper: GenerationStepper, positions: tuple[int, ...], device: torch.device
) -> Iterator[GenerationCost]:
    """Prefill up to each position, and time steps from there."""
    state, tokens_read = stepper.state, 0
    for position in positions:
        while tokens_read < position:
            tokens = min(CHUNK_TOKENS, position - tokens_read)
            state = stepper.prefill(torch.randint(FIRST_TOKEN_ID, stepper.vocab_size, (1, tokens)).to(device), state)
            tokens_read += tokens
        seconds = statistics.median(time_steps(stepper, state, device) for _ in range(ROUNDS))
        state_bytes = sum(part.numel() * part.element_size() for part in flatten(state))
        yield GenerationCost(position, TIMED_STEPS / seconds, state_bytes)


def time_steps(stepper: GenerationStepper, state: object, device: torch.device) -> float:
    """Return the seconds of `TIMED_STEPS` steps."""
    ids = torch.randint(FIRST_TOKEN_ID, stepper.vocab_size, (TIMED_STEPS, 1)).to(device)
    start = synchronized_time(device)
    for token in ids:
        _, state = stepper.step(token, state)
    return synchronized_time(device) - start


def synchronized_time(device: torch.device) -> float:
    """Return the time once a GPU has finished its queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
