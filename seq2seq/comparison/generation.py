"""Measure the speed and the state size of token-by-token generation, early and late in a sequence."""

import itertools
import pkgutil
import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import yaml

from seq2seq.comparison.plan import Variant
from seq2seq.errors import UserError
from seq2seq.memory import memory_errors
from seq2seq.models.network import GenerationStepper
from seq2seq.ranges import shorten
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

    position: int  # tokens before it
    tokens_per_second: float
    state_bytes: int


def generation_costs(run: Path, variant: Variant) -> tuple[list[GenerationCost], str]:
    """Measure the generation cost of a finished run; return it, or the reason why it cannot be measured."""
    config, model = variant.config, variant.config["model"]
    if not hasattr(pkgutil.resolve_name(model["class_path"]), "generation_stepper"):
        return [], "not measured for this model"
    # the user has named these classes, and so trusts their packages
    trust = re.findall(r"class_path: (\w+)\.", yaml.safe_dump([model, config["data"]]))
    trust += filter(None, (config.get("trust") or "").split(","))
    try:
        with memory_errors("a smaller model needs less"):
            return measure_generation(run, "cpu" if config["trainer"]["accelerator"] == "cpu" else "auto", trust), ""
    except UserError as error:  # the results of training remain valid
        return [], shorten(error, 300)


def measure_generation(
    run: Path, device: str = "auto", trust: Sequence[str] = (), positions: Sequence[int] = POSITIONS
) -> list[GenerationCost]:
    """Measure the best checkpoint of a run on random tokens: read up to each position, and time steps from there."""
    costs: list[GenerationCost] = []
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = open_checkpoint(run, trust=trust).network.to(resolve_device(device))
        stepper = network.generation_stepper()
        state = stepper.state
        for start, position in itertools.pairwise([0, *positions]):
            ids = torch.randint(FIRST_TOKEN_ID, stepper.vocab_size, (1, position - start)).to(network.device)
            for chunk in ids.split(CHUNK_TOKENS, dim=1):
                state = stepper.prefill(chunk, state)
            seconds = statistics.median(time_steps(stepper, state, network.device) for _ in range(ROUNDS))
            state_bytes = sum(part.numel() * part.element_size() for part in flatten(state))
            costs.append(GenerationCost(position, TIMED_STEPS / seconds, state_bytes))
    return costs


def time_steps(stepper: GenerationStepper, state: object, device: torch.device) -> float:
    """Return the seconds of `TIMED_STEPS` steps."""
    ids = torch.randint(FIRST_TOKEN_ID, stepper.vocab_size, (TIMED_STEPS, 1)).to(device)
    start = time.perf_counter()
    for token in ids:
        logits, state = stepper.step(token, state)
    logits.sum().item()  # waits for a GPU
    return time.perf_counter() - start
