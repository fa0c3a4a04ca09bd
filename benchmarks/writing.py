"""Writing text character by character, against a loop of nn.LSTMCell."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from benchmarks import untrained
from benchmarks.children import child, once
from benchmarks.contest import in_turns, ratio, seconds, spread
from benchmarks.figure import Figure, Section, Target
from benchmarks.precision import PRECISIONS, loaded
from benchmarks.progress import tell
from benchmarks.setting import Setting, synchronise
from benchmarks.watch import most_held

BARE = "bare nn.LSTMCell loop, float32"
TWICE = Target(2.0, at_least=True)  # of int8, alone


def measure(setting: Setting) -> Section:
    """Every precision and the bare loop in turns, for one text and for several at once."""
    size, length = (16, 5) if setting.quick else (512, 300)
    path = str(once(setting, untrained.language_model, setting.scratch, size))
    figures, missing = [], []
    with ExitStack() as stack:
        places = {precision: stack.enter_context(child(setting)) for precision in PRECISIONS}
        bare = stack.enter_context(child(setting))
        there = [p for p in PRECISIONS if places[p](able, path, p, setting.device)]
        missing = [p for p in PRECISIONS if p not in there]
        for rows in (1, 32):
            tell(f"  {rows} texts at once, in turns")
            some = max(2, length // 4) if rows > 1 else length
            works: dict[str, Callable[[], float]] = {
                p: partial(places[p], write, path, p, setting.device, rows, some) for p in there
            }
            works[BARE] = partial(bare, write_bare, size, setting.device, rows, some)
            found = in_turns(works, setting.rounds)
            for precision in there:
                figures.append(
                    Figure(
                        f"writing, {rows} text{'s' * (rows > 1)} at once, {precision}",
                        BARE,
                        ratio(found[precision], found[BARE]),
                        rate=f"{spread(found[precision]).median:,.0f} characters/s",
                        memory=(places[precision](most_held, setting.device), bare(most_held, setting.device)),
                        target=TWICE if (precision, rows) == ("int8", 1) else None,
                    )
                )
    notes = [f"{precision}: not measured, it is for CPUs." for precision in missing]
    notes.append(f"A language model of width {size} and about 100 characters; ours says text, the bare loop ids.")
    return Section("Writing", figures, notes)


@cache
def writer(path: str, precision: str, device: str) -> Any:
    return loaded(path, precision, device)


def able(path: str, precision: str, device: str) -> bool:
    return writer(path, precision, device) is not None


def write(path: str, precision: str, device: str, rows: int, length: int) -> float:
    """Characters a second of all texts together."""
    prompts = ["a"] * rows

    def work() -> None:
        for _ in writer(path, precision, device).write(prompts, length):
            pass
        synchronise(device)

    return rows * length / seconds(work)


@cache
def network(size: int, device: str) -> nn.ModuleDict:
    torch.manual_seed(1)
    parts = {"embedding": nn.Embedding(100, size), "cell": nn.LSTMCell(size, size), "output": nn.Linear(size, 100)}
    return nn.ModuleDict(parts).to(device).eval()


def write_bare(size: int, device: str, rows: int, length: int) -> float:
    """The same of the bare loop."""
    parts = network(size, device)
    tokens = torch.zeros(rows, dtype=torch.long, device=device)
    state = (torch.zeros(rows, size, device=device), torch.zeros(rows, size, device=device))

    @torch.inference_mode()
    def work() -> None:
        last, now = tokens, state
        for _ in range(length):
            now = parts["cell"](parts["embedding"](last), now)
            last = torch.multinomial(parts["output"](now[0]).softmax(dim=-1), 1).squeeze(1)
        synchronise(device)

    return rows * length / seconds(work)
