"""Measure character-by-character text generation against a loop of nn.LSTMCell."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from benchmarks import untrained
from benchmarks.children import run_in_process, worker_process
from benchmarks.figure import Measurement, Section, Target
from benchmarks.interleaved import elapsed_seconds, ratio, run_interleaved, spread
from benchmarks.precision import PRECISIONS, load_in_precision
from benchmarks.progress import print_progress
from benchmarks.setting import Setting, synchronize
from benchmarks.watch import peak_bytes

BASELINE = "bare nn.LSTMCell loop, float32"
INT8_TARGET = Target(2.0, at_least=True)  # for int8, one text


def measure(setting: Setting) -> Section:
    """Measure every precision and the bare loop in interleaved rounds, for one text and for several at once."""
    size, length = (16, 5) if setting.quick else (512, 300)
    path = str(run_in_process(setting, untrained.language_model, setting.scratch, size))
    measurements, unsupported = [], []
    with ExitStack() as stack:
        workers = {precision: stack.enter_context(worker_process(setting)) for precision in PRECISIONS}
        bare_worker = stack.enter_context(worker_process(setting))
        supported = [p for p in PRECISIONS if workers[p](is_supported, path, p, setting.device)]
        unsupported = [p for p in PRECISIONS if p not in supported]
        for rows in (1, 32):
            print_progress(f"  {rows} texts at once, interleaved")
            steps = max(2, length // 4) if rows > 1 else length
            tasks: dict[str, Callable[[], float]] = {
                p: partial(workers[p], characters_per_second, path, p, setting.device, rows, steps) for p in supported
            }
            tasks[BASELINE] = partial(bare_worker, bare_characters_per_second, size, setting.device, rows, steps)
            rates = run_interleaved(tasks, setting.rounds)
            for precision in supported:
                measurements.append(
                    Measurement(
                        f"sampling, {rows} text{'s' * (rows > 1)} at once, {precision}",
                        BASELINE,
                        ratio(rates[precision], rates[BASELINE]),
                        absolute=f"{spread(rates[precision]).median:,.0f} characters/s",
                        memory=(
                            workers[precision](peak_bytes, setting.device),
                            bare_worker(peak_bytes, setting.device),
                        ),
                        target=INT8_TARGET if (precision, rows) == ("int8", 1) else None,
                    )
                )
    notes = [f"{precision}: not measured, CPU only." for precision in unsupported]
    notes.append(f"A language model of width {size} and about 100 characters; ours generates text, the bare loop ids.")
    return Section("Sampling", measurements, notes)


@cache
def load_cached(path: str, precision: str, device: str) -> Any:
    return load_in_precision(path, precision, device)


def is_supported(path: str, precision: str, device: str) -> bool:
    return load_cached(path, precision, device) is not None


def characters_per_second(path: str, precision: str, device: str, rows: int, length: int) -> float:
    """Return the characters per second of all texts together."""
    prompts = ["a"] * rows

    def task() -> None:
        for _ in load_cached(path, precision, device).generate(prompts, length):
            pass
        synchronize(device)

    return rows * length / elapsed_seconds(task)


@cache
def make_bare_network(size: int, device: str) -> nn.ModuleDict:
    torch.manual_seed(1)
    parts = {"embedding": nn.Embedding(100, size), "cell": nn.LSTMCell(size, size), "output": nn.Linear(size, 100)}
    return nn.ModuleDict(parts).to(device).eval()


def bare_characters_per_second(size: int, device: str, rows: int, length: int) -> float:
    """Return the characters per second of the bare loop."""
    network = make_bare_network(size, device)
    tokens = torch.zeros(rows, dtype=torch.long, device=device)
    state = (torch.zeros(rows, size, device=device), torch.zeros(rows, size, device=device))

    @torch.inference_mode()
    def task() -> None:
        token, latest = tokens, state
        for _ in range(length):
            latest = network["cell"](network["embedding"](token), latest)
            token = torch.multinomial(network["output"](latest[0]).softmax(dim=-1), 1).squeeze(1)
        synchronize(device)

    return rows * length / elapsed_seconds(task)
