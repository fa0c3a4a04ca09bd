"""Measure start-up: the time of --help, and the time to the first translation beyond importing torch."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

from benchmarks import untrained
from benchmarks.children import run_in_process
from benchmarks.figure import Measurement, Section, Target
from benchmarks.interleaved import BUSY_VARIABLE, run_interleaved, spread
from benchmarks.progress import print_progress
from benchmarks.setting import Setting, limited_threads

MAX_HELP_SECONDS = Target(0.5, at_least=False)
MAX_FIRST_LINE_SECONDS = Target(1.5, at_least=False)


def measure(setting: Setting) -> Section:
    """Time processes from their start to their first line, in interleaved rounds."""
    size, vocabulary = (16, 200) if setting.quick else (512, 8000)
    checkpoint = run_in_process(setting, untrained.translator, setting.scratch, size, vocabulary)
    python = sys.executable
    commands: dict[str, Sequence[str]] = {
        "nothing": [python, "-c", "print()"],
        "help": [python, "-m", "seq2seq", "--help"],
        "torch": [python, "-c", "import torch; print()"],
        "translate": [python, "-m", "seq2seq", "translate", str(checkpoint), "--device", setting.device],
    }
    print_progress("  processes, interleaved")
    with limited_threads(1):
        times = run_interleaved(
            {name: partial(time_to_first_line, command) for name, command in commands.items()}, setting.rounds
        )
    overhead = [total - import_time for total, import_time in zip(times["translate"], times["torch"], strict=True)]
    best = {name: f"{min(seconds):.2f} s at best" for name, seconds in times.items()}
    return Section(
        "Starting",
        [
            Measurement(
                "seq2seq --help",
                f"python alone, {best['nothing']}",
                spread(times["help"]),
                unit="s",
                absolute=best["help"],
                target=MAX_HELP_SECONDS,
            ),
            Measurement(
                "seq2seq translate, the first line beyond `import torch`",
                f"import torch, {best['torch']}",
                spread(overhead),
                unit="s",
                absolute=f"{best['translate']} in all",
                target=MAX_FIRST_LINE_SECONDS,
            ),
        ],
        [f"A translator of width {size} with 2 + 2 layers, which translates one line."],
    )


def time_to_first_line(command: Sequence[str]) -> float:
    """Return the seconds from the start of a process to its first line."""
    start, previous_cpu = time.perf_counter(), children_cpu_seconds()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"a line to translate\n")
        process.stdin.close()
        process.stdin = None
        line = process.stdout.readline()
        elapsed = time.perf_counter() - start
        _, errors = process.communicate()
    if process.returncode or not line:
        raise RuntimeError(f"{' '.join(command)} failed: {errors.decode(errors='replace').strip()}")
    return children_cpu_seconds() - previous_cpu if os.environ.get(BUSY_VARIABLE) else elapsed


def children_cpu_seconds() -> float:
    """Return the processor time of ended child processes."""
    usage = os.times()
    return usage.children_user + usage.children_system
