"""`python -m benchmarks.fast_paths CHECKPOINT --source FILE`: what each fast path for CPUs alone saves a user.

Processor time without a fast path, relative to that with all of them: the quotient of the lower quartiles of
interleaved rounds, in one process with one thread, without start-up.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks.interleaved import BUSY_VARIABLE, elapsed_seconds, run_interleaved
from benchmarks.setting import pin
from benchmarks.starting import time_to_first_line
from seq2seq.data.text import read_lines
from seq2seq.inference import TranslationPipeline
from seq2seq.inference.shortlist import Shortlist
from seq2seq.search import Beam
from seq2seq.tasks import load_translation


def unavailable(*_: Any) -> bool:
    return False


class FastPath(NamedTuple):
    """What decides whether a fast path is taken, replaced by a function that takes the plain one."""

    target: str
    precisions: tuple[str, ...] = ("float32", "bf16", "int8")
    needs_shortlist: bool = False


FAST_PATHS = {
    "attention": FastPath("seq2seq.nn.attention.kernels_available"),
    "top-k": FastPath("seq2seq.search.problem.kernels_available"),
    "int8 linear": FastPath("seq2seq.quantization.linear.kernels_available", ("int8",)),
    "int8 LSTM and GRU": FastPath("seq2seq.quantization.int8_recurrence.kernels_available", ("int8",)),
    "int8 shortlist": FastPath("seq2seq.nn.output.kernels_available", ("int8",), needs_shortlist=True),
}
LINES, SINGLE_LINES = 64, 6  # at once, and one at a time
WITHOUT_TUNING = "import seq2seq.__main__ as m; m.tune_garbage_collection = int; m.main()"


def relative_times(tasks: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the seconds that each other task takes, relative to those of the first one."""
    times = run_interleaved(tasks, rounds)
    first, *others = ((name, statistics.quantiles(seconds, n=4)[0]) for name, seconds in times.items())
    return {name: seconds / first[1] for name, seconds in others}


def translation_costs(
    translation: TranslationPipeline, source: Sequence[str], beams: int, batch: int, names: Sequence[str], rounds: int
) -> dict[str, float]:
    """Return the relative time of translating without each of these fast paths, and without all."""

    def translate(*off: str) -> None:
        with ExitStack() as stack:
            for name in off:
                stack.enter_context(patch(FAST_PATHS[name].target, unavailable))
            for start in range(0, len(source), batch):
                list(translation.translate(source[start : start + batch], Beam(beams)))

    variants = {"none": (), **{name: (name,) for name in names}, "all of them": tuple(names)}
    return relative_times(
        {name: partial(elapsed_seconds, partial(translate, *off)) for name, off in variants.items()}, rounds
    )


def start_costs(checkpoint: Path, rounds: int) -> dict[str, float]:
    """Return the relative time of a command that translates one line without the tuning of garbage collection."""
    arguments = ["translate", str(checkpoint), "--device", "cpu"]
    tasks = {
        "with": partial(time_to_first_line, [sys.executable, "-m", "seq2seq", *arguments]),
        "garbage collection": partial(time_to_first_line, [sys.executable, "-c", WITHOUT_TUNING, *arguments]),
    }
    return relative_times(tasks, rounds)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fast_paths", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--source", type=Path, required=True, help="Lines to translate, 64 of them.")
    parser.add_argument("--shortlist", type=Path, help="A file written by `seq2seq shortlist`.")
    parser.add_argument("--precision", nargs="+", choices=("float32", "bf16", "int8"), default=("float32", "int8"))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    os.environ[BUSY_VARIABLE] = "1"
    pin(1)
    source = list(islice(read_lines(options.source), LINES))
    print("| command | without | time |\n|---|---|---|")
    print_rows("translate, one line, whole command", start_costs(options.checkpoint, options.rounds))
    for precision, shortlist in product(options.precision, (None, options.shortlist)[: 1 + bool(options.shortlist)]):
        translation = load_translation(options.checkpoint, device="cpu", precision=precision)
        if shortlist:
            translation.shortlist = Shortlist.load(shortlist, translation.vocabularies)
        names = [
            name
            for name, path in FAST_PATHS.items()
            if precision in path.precisions and (shortlist or not path.needs_shortlist)
        ]
        for beams, batch in ((5, LINES), (5, 1), (1, 1)):
            lines = source if batch > 1 else source[:SINGLE_LINES]
            costs = translation_costs(translation, lines, beams, batch, names, options.rounds)
            suffix = ", shortlist" if shortlist else ""
            print_rows(f"translate, beam {beams}, {batch} at once, {precision}{suffix}", costs)


def print_rows(command: str, costs: Mapping[str, float]) -> None:
    for name, cost in costs.items():
        print(f"| {command} | {name} | {cost:.2f} |", flush=True)


if __name__ == "__main__":
    main()
