"""`python -m benchmarks.generation`: generate 100,000 characters and check that time and memory stay constant.

Every layer generates in a separate process, so that its memory is measured in isolation.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seq2seq.memory import peak_memory, process_memory
from seq2seq.recurrence import BlockConfig, CausalAttention, LayerFactory
from seq2seq.recurrence.registry import registered_layers
from seq2seq.search import Sampling, sample
from seq2seq.special_tokens import BOS
from seq2seq.state import flatten
from seq2seq.storage import atomic_write
from seq2seq.training.language_model import LanguageModel

VOCABULARY, SIZE, DEPTH = 70, 64, 2
BLOCK_CHARACTERS = 1000  # characters that are timed together; the median over blocks is robust to disturbances
EARLY_CHARACTERS = 100  # characters after which the state is first measured

LAYERS: dict[str, LayerFactory] = {
    **registered_layers(),
    "CausalAttention, window 256": partial(CausalAttention, window=256),
}


class GenerationResult(NamedTuple):
    """Time and memory of generation at its start and at its end."""

    layer: str
    characters: int
    first: float  # microseconds per character, the median over the blocks of the first tenth
    last: float  # and of the last tenth
    state_early: int  # bytes, after EARLY_CHARACTERS
    state_end: int
    memory_early: int  # bytes of the process, after the first tenth
    memory_end: int


def generate(layer: str, characters: int) -> GenerationResult:
    """Sample characters one by one from an untrained model with this layer."""
    torch.manual_seed(1)
    model = LanguageModel(
        VOCABULARY, LAYERS[layer], size=SIZE, depth=DEPTH, block=BlockConfig(norm=True, residual=True)
    ).eval()
    block = min(BLOCK_CHARACTERS, characters // 10)
    latest: Any = model.initial_state(1)

    def step(tokens: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        nonlocal latest
        logits, latest = model.step(tokens, state)
        return logits, latest

    draws = sample(step, torch.tensor([BOS]), latest, Sampling(), torch.Generator().manual_seed(1))
    times, state_early, memory_early = [], 0, 0
    blocks = characters // block
    tenth = blocks // 10
    with torch.inference_mode():
        for number in range(blocks):
            start = time.perf_counter()
            for character in range(block):
                next(draws)
                if number * block + character + 1 == min(EARLY_CHARACTERS, block):
                    state_early = state_bytes(latest)
            times.append((time.perf_counter() - start) / block * 1e6)
            if number + 1 == tenth:
                memory_early = resident_memory()
            if (number + 1) % tenth == 0:
                print(
                    f"{layer}: {(number + 1) * block:,} characters, {times[-1]:.0f} us each",
                    file=sys.stderr,
                    flush=True,
                )
    first, last = (statistics.median(block_times) for block_times in (times[:tenth], times[-tenth:]))
    return GenerationResult(
        layer, blocks * block, first, last, state_early, state_bytes(latest), memory_early, resident_memory()
    )


def state_bytes(state: Any) -> int:
    """Return the bytes of a state."""
    return sum(part.numel() * part.element_size() for part in flatten(state))


def resident_memory() -> int:
    """Return the resident bytes of this process, or its peak where the system does not report them."""
    return process_memory("VmRSS") or peak_memory(torch.device("cpu"))


def generate_in_subprocess(layer: str, characters: int) -> GenerationResult:
    """Call `generate` in a separate process."""
    command = [sys.executable, "-m", "benchmarks.generation", "--child", layer, "--characters", str(characters)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return GenerationResult(**json.loads(done.stdout.splitlines()[-1]))


def table(results: Sequence[GenerationResult]) -> str:
    """Return a table with a row per layer."""
    rows = [
        "| layer | characters | µs a character: first tenth | last tenth | state, bytes: after 100 | at the end | "
        "process, MiB: after a tenth | at the end |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        early, end = (memory / 2**20 for memory in (result.memory_early, result.memory_end))
        rows.append(
            f"| {result.layer} | {result.characters:,} | {result.first:.0f} | {result.last:.0f} | "
            f"{result.state_early:,} | {result.state_end:,} | {early:.1f} | {end:.1f} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="LAYER")
    parser.add_argument("--characters", type=int, default=100_000)
    parser.add_argument("--growing", type=int, default=5_000, help="characters of a layer whose state grows")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.generation.md"))
    parser.add_argument("--child", choices=LAYERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(generate(options.child, options.characters)._asdict()))
        return
    results: list[GenerationResult] = []
    for layer in options.layers:
        grows = LAYERS[layer](SIZE, SIZE).grows
        results.append(
            generate_in_subprocess(layer, min(options.growing, options.characters) if grows else options.characters)
        )
        with atomic_write(options.output) as file:
            file.write_text(table(results) + "\n", encoding="utf-8")
        with atomic_write(options.output.with_suffix(".json")) as file:
            file.write_text(json.dumps([result._asdict() for result in results], indent=1) + "\n", encoding="utf-8")
    print(table(results))
    print(f"the table is {options.output}")


if __name__ == "__main__":
    main()
