"""How long the shell waits: for help, and for the first line of a translation beyond what torch itself takes."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

from benchmarks import untrained
from benchmarks.children import once
from benchmarks.contest import BUSY, in_turns, spread
from benchmarks.figure import Figure, Section, Target
from benchmarks.progress import tell
from benchmarks.setting import Setting, using

HELP = Target(0.5, at_least=False)
FIRST_LINE = Target(1.5, at_least=False)


def measure(setting: Setting) -> Section:
    """Processes in turns, each from its start to its first line."""
    size, vocabulary = (16, 200) if setting.quick else (512, 8000)
    checkpoint = once(setting, untrained.translator, setting.scratch, size, vocabulary)
    python = sys.executable
    commands: dict[str, Sequence[str]] = {
        "nothing": [python, "-c", "print()"],
        "help": [python, "-m", "seq2seq", "--help"],
        "torch": [python, "-c", "import torch; print()"],
        "translate": [python, "-m", "seq2seq", "translate", str(checkpoint), "--device", setting.device],
    }
    tell("  processes in turns")
    with using(1):
        found = in_turns({name: partial(first_line, command) for name, command in commands.items()}, setting.rounds)
    beyond = [whole - torch for whole, torch in zip(found["translate"], found["torch"], strict=True)]
    best = {name: f"{min(times):.2f} s at best" for name, times in found.items()}
    return Section(
        "Starting",
        [
            Figure(
                "seq2seq --help",
                f"python alone, {best['nothing']}",
                spread(found["help"]),
                unit="s",
                rate=best["help"],
                target=HELP,
            ),
            Figure(
                "seq2seq translate, the first line beyond `import torch`",
                f"import torch, {best['torch']}",
                spread(beyond),
                unit="s",
                rate=f"{best['translate']} in all",
                target=FIRST_LINE,
            ),
        ],
        [f"A translator of width {size} with 2 + 2 layers, which says one line."],
    )


def first_line(command: Sequence[str]) -> float:
    """Seconds from the start of a process to its first line."""
    began, before = time.perf_counter(), busy()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"a line to translate\n")
        process.stdin.close()
        process.stdin = None
        line = process.stdout.readline()
        taken = time.perf_counter() - began
        _, errors = process.communicate()
    if process.returncode or not line:
        raise RuntimeError(f"{' '.join(command)} failed: {errors.decode(errors='replace').strip()}")
    return busy() - before if os.environ.get(BUSY) else taken


def busy() -> float:
    """Seconds that processes which have ended had of their cores."""
    used = os.times()
    return used.children_user + used.children_system
