"""`python -m benchmarks.generation`: 100,000 characters one by one: do time and memory stay where they were?

Every layer writes in a process of its own, so that its memory is nobody else's.
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

from seq2seq.models import LanguageModel
from seq2seq.peak_memory import peak_memory, process_memory
from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RNN,
    RWKV,
    SLSTM,
    CausalAttention,
    LayerFactory,
    LayerNormGRU,
    LayerNormLSTM,
    Mamba,
    MinGRU,
    MinLSTM,
    MogrifierLSTM,
    Retention,
)
from seq2seq.search import Sampling, sample
from seq2seq.special_tokens import BOS
from seq2seq.state import flatten
from seq2seq.storage import atomic_write

VOCABULARY, SIZE, DEPTH = 70, 64, 2
BLOCK = 1000  # characters whose time is taken together; one block that something disturbs does not move a median
EARLY = 100  # characters after which the state is looked at first

LAYERS: dict[str, LayerFactory] = {
    "RNN": RNN,
    "LSTM": LSTM,
    "GRU": GRU,
    "LayerNormLSTM": LayerNormLSTM,
    "LayerNormGRU": LayerNormGRU,
    "MogrifierLSTM": MogrifierLSTM,
    "SLSTM": SLSTM,
    "MinGRU": MinGRU,
    "MinLSTM": MinLSTM,
    "RGLRU": RGLRU,
    "Mamba": Mamba,
    "RWKV": RWKV,
    "Retention": Retention,
    "MLSTM": MLSTM,
    "CausalAttention, window 256": partial(CausalAttention, window=256),
    "CausalAttention": CausalAttention,
}


class Outcome(NamedTuple):
    """What writing took, at its beginning and at its end."""

    layer: str
    characters: int
    first: float  # microseconds a character, the median over the blocks of the first tenth
    last: float  # and of the last tenth
    state_early: int  # bytes, after EARLY characters
    state_end: int
    memory_early: int  # bytes that the process holds, after the first tenth
    memory_end: int


def write(layer: str, characters: int) -> Outcome:
    """Draw so many characters from an untrained model with this layer, one by one."""
    torch.manual_seed(1)
    model = LanguageModel(VOCABULARY, LAYERS[layer], size=SIZE, depth=DEPTH, norm=True, residual=True).eval()
    block = min(BLOCK, characters // 10)
    now: Any = model.initial_state(1)

    def step(tokens: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        nonlocal now
        logits, now = model.step(tokens, state)
        return logits, now

    draws = sample(step, torch.tensor([BOS]), now, Sampling(), torch.Generator().manual_seed(1))
    times, state_early, memory_early = [], 0, 0
    blocks = characters // block
    tenth = blocks // 10
    with torch.inference_mode():
        for number in range(blocks):
            began = time.perf_counter()
            for character in range(block):
                next(draws)
                if number * block + character + 1 == min(EARLY, block):
                    state_early = size(now)
            times.append((time.perf_counter() - began) / block * 1e6)
            if number + 1 == tenth:
                memory_early = resident()
            if (number + 1) % tenth == 0:
                print(
                    f"{layer}: {(number + 1) * block:,} characters, {times[-1]:.0f} us each",
                    file=sys.stderr,
                    flush=True,
                )
    first, last = (statistics.median(some) for some in (times[:tenth], times[-tenth:]))
    return Outcome(layer, blocks * block, first, last, state_early, size(now), memory_early, resident())


def size(state: Any) -> int:
    """The bytes of a state."""
    return sum(part.numel() * part.element_size() for part in flatten(state))


def resident() -> int:
    """The bytes of memory that this process holds now; the most that it ever held where the system does not tell."""
    return process_memory("VmRSS") or peak_memory(torch.device("cpu"))


def apart(layer: str, characters: int) -> Outcome:
    """The same as `write`, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.generation", "--child", layer, "--characters", str(characters)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def table(outcomes: Sequence[Outcome]) -> str:
    """A row for each layer."""
    rows = [
        "| layer | characters | µs a character: first tenth | last tenth | state, bytes: after 100 | at the end | "
        "process, MiB: after a tenth | at the end |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        early, end = (memory / 2**20 for memory in (o.memory_early, o.memory_end))
        rows.append(
            f"| {o.layer} | {o.characters:,} | {o.first:.0f} | {o.last:.0f} | {o.state_early:,} | {o.state_end:,} | "
            f"{early:.1f} | {end:.1f} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="LAYER")
    parser.add_argument("--characters", type=int, default=100_000)
    parser.add_argument("--growing", type=int, default=5_000, help="characters of a layer whose state grows")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.generation.md"))
    parser.add_argument("--child", choices=LAYERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(json.dumps(write(given.child, given.characters)._asdict()))
        return
    outcomes: list[Outcome] = []
    for layer in given.layers:
        grows = LAYERS[layer](SIZE, SIZE).grows
        outcomes.append(apart(layer, min(given.growing, given.characters) if grows else given.characters))
        with atomic_write(given.output) as file:
            file.write_text(table(outcomes) + "\n", encoding="utf-8")
        with atomic_write(given.output.with_suffix(".json")) as file:
            file.write_text(json.dumps([o._asdict() for o in outcomes], indent=1) + "\n", encoding="utf-8")
    print(table(outcomes))
    print(f"the table is {given.output}")


if __name__ == "__main__":
    main()
