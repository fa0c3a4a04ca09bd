"""What generation costs, token by token, near the beginning and far from it."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq.inference import TextGenerator, load
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.special_tokens import EOS
from seq2seq.state import flatten

POSITIONS = (100, 10_000)
BLOCK = 256  # tokens that are read at once on the way there
STEPS = 50  # that are timed together
ROUNDS = 5
SOURCE = 20  # tokens of the sentence that a translator looks at
FIRST = EOS + 1  # id after the marks

Read = Callable[[Tensor, Any], Any]  # tokens [1, time], state -> state
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Generation(NamedTuple):
    """One sentence at a time, from a position on."""

    position: int  # tokens before
    tokens_per_second: float
    state_bytes: int


class Stepping(NamedTuple):
    """What the two kinds of model have in common."""

    read: Read
    step: Step
    state: Any
    words: int  # ids that there are


def generation(run: Path, device: str = "auto", positions: tuple[int, ...] = POSITIONS) -> list[Generation]:
    """Measure the best checkpoint of a run, on tokens drawn at random."""
    with torch.inference_mode(), random_seed():
        loaded = load(run, device=device)
        model = loaded.model if isinstance(loaded, TextGenerator) else loaded.models[0]
        return [*measured(stepping(model), positions, model.device)]


@contextmanager
def random_seed() -> Iterator[None]:
    """The same tokens each time, and chance elsewhere as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def stepping(model: RecurrentLanguageModel | EncoderDecoder) -> Stepping:
    """How a model reads on and writes on; a translator looks at one sentence, which is no part of what it carries."""
    if isinstance(model, RecurrentLanguageModel):
        return Stepping(
            lambda ids, state: model(ids, state)[1], model.step, model.initial_state(1), model.output.out_features
        )
    words = model.source_embedding.num_embeddings
    source = torch.cat([torch.randint(FIRST, words, (1, SOURCE)), torch.tensor([[EOS]])], dim=1).to(model.device)
    memory, state = model.start(source, torch.tensor([SOURCE + 1], device=model.device))
    return Stepping(
        lambda ids, state: model.decoder(model.target_embedding(ids), memory, state).state,
        lambda ids, state: model.step(ids, state, memory),
        state,
        model.output.out_features,
    )


def measured(model: Stepping, positions: tuple[int, ...], device: torch.device) -> Iterator[Generation]:
    """Read on to each position, and time steps from there."""
    state, place = model.state, 0
    for position in positions:
        while place < position:
            size = min(BLOCK, position - place)
            state = model.read(torch.randint(FIRST, model.words, (1, size)).to(device), state)
            place += size
        seconds = [timed(model.step, state, model.words, device) for _ in range(ROUNDS)]
        used = sum(part.numel() * part.element_size() for part in flatten(state))
        yield Generation(position, STEPS / statistics.median(seconds), used)


def timed(step: Step, state: Any, words: int, device: torch.device) -> float:
    """Seconds of some steps."""
    ids = torch.randint(FIRST, words, (STEPS, 1)).to(device)
    wait(device)
    begin = time.perf_counter()
    for now in ids:
        _, state = step(now, state)
    wait(device)
    return time.perf_counter() - begin


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
