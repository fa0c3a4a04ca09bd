"""Tiny configurations for tests, and helpers that run commands in this process or in a separate one."""

import csv
import io
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import torch

LANGUAGE = """
data:
  class_path: LanguageData
  init_args: {corpus: CORPUS/text.txt, tokenizer: Characters, batch_size: 4, steps: 8}
model:
  class_path: LanguageModel
  init_args: {size: 8, depth: 1, dropout: 0}
trainer: {max_steps: 6, val_check_interval: 2, check_val_every_n_epoch: null, accelerator: cpu, log_every_n_steps: 2,
  callbacks: [{class_path: TextPreview, init_args: {length: 9}}]}
optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
"""
TRANSLATION = """
data:
  class_path: TranslationData
  init_args: {corpus: CORPUS, source: a, target: b, tokenizer: Characters, batch_tokens: 60}
model:
  class_path: Translator
  init_args: {size: 8, depth: 1, dropout: 0}
trainer: {max_steps: 6, val_check_interval: 2, check_val_every_n_epoch: null, accelerator: cpu, log_every_n_steps: 2,
  callbacks: [TranslationMetrics]}
optimizer: {class_path: AdamW, init_args: {lr: 0.01}}
"""

FORK_SERVER = multiprocessing.get_context("forkserver")
FORK_SERVER.set_forkserver_preload(["seq2seq.commands.experiment"])


class CommandResult(NamedTuple):
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str


def write_corpus(folder: Path) -> Path:
    """Write a text for language models and 40 pairs for translators into a folder, and return the folder."""
    rng = random.Random(1)
    words = ["one", "two", "three", "four", "five", "six"]
    lines = [" ".join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(40)]
    (folder / "text.txt").write_text("\n".join(lines)[:300], encoding="utf-8")
    for split, selected in (("train", lines[:30]), ("val", lines[30:35]), ("test", lines[35:])):
        (folder / f"{split}.a").write_text("".join(line + "\n" for line in selected), encoding="utf-8")
        (folder / f"{split}.b").write_text("".join(line[::-1] + "\n" for line in selected), encoding="utf-8")
        (folder / f"{split}.txt").write_text("".join(line + "\n" for line in selected), encoding="utf-8")
    return folder


def write_config(folder: Path, text: str, corpus: Path, name: str = "config") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text.replace("CORPUS", str(corpus)), encoding="utf-8")
    return path


def seq2seq(*arguments: str | Path) -> CommandResult:
    """Run a command in this process, and return its exit status and output."""
    from seq2seq.__main__ import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:
            status = int(error.code or 0)
    return CommandResult(status, out.getvalue(), err.getvalue())


class RunningCommand:
    """A command in a separate process, which can receive signals; forked from a server that has imported everything.

    Args:
        folder: Folder for its standard output and standard error.
        arguments: The command.
        code: Python code to run before the command, for example to inject an error.
        environment: Additional environment variables.
    """

    def __init__(self, folder: Path, *arguments: str | Path, code: str = "", **environment: str) -> None:
        self.out, self.err = folder / "out", folder / "err"
        variables = os.environ | {"OMP_NUM_THREADS": "1"} | environment
        command = [str(argument) for argument in arguments]
        self.process = FORK_SERVER.Process(target=_run_command, args=(command, self.out, self.err, code, variables))
        self.process.start()

    def send(self, number: int, group: bool = False) -> None:
        (os.killpg if group else os.kill)(self.process.pid or 0, number)

    def wait_for_output(self, text: str) -> None:
        """Wait until its standard output contains a text."""
        deadline = time.monotonic() + 100
        while not (self.out.exists() and text in self.out.read_text(encoding="utf-8")):
            assert self.process.is_alive(), self.err.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.err.read_text(encoding="utf-8")
            time.sleep(0.01)

    def wait(self) -> CommandResult:
        """Wait for the process to end."""
        self.process.join(timeout=100)
        assert self.process.exitcode is not None, self.err.read_text(encoding="utf-8")
        return CommandResult(
            self.process.exitcode, *(path.read_text(encoding="utf-8") for path in (self.out, self.err))
        )


class FreshProcess:
    """A Python program in a new interpreter, which shares nothing with this one, not even the hash seed.

    Args:
        folder: Folder for its standard output and standard error.
        code: The program.
        arguments: Its sys.argv[1:].
        environment: Additional environment variables.
    """

    def __init__(self, folder: Path, code: str, *arguments: str | Path, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        self.out, self.err = folder / "out", folder / "err"
        command = [sys.executable, "-c", code, *map(str, arguments)]
        with self.out.open("w") as out, self.err.open("w") as err:
            variables = os.environ | {"OMP_NUM_THREADS": "1"} | environment
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=variables)

    def wait(self) -> CommandResult:
        """Wait for the process to end, and kill it after 200 seconds."""
        try:
            status = self.process.wait(timeout=200)
        finally:
            self.process.kill()
        return CommandResult(status, *(path.read_text(encoding="utf-8") for path in (self.out, self.err)))


def _run_command(arguments: list[str], out: Path, err: Path, code: str, environment: dict[str, str]) -> None:
    os.setsid()
    os.environ.update(environment)
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    sys.argv[1:] = arguments
    from seq2seq.__main__ import main

    exec(code, {})
    sys.exit(main(arguments))


def checkpoint(run: Path, name: str = "last") -> dict[str, Any]:
    contents: dict[str, Any] = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return contents


def same_bits(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_bits(part, other[key]) for key, part in one.items())
    if isinstance(one, Sequence) and not isinstance(one, str | bytes):
        return len(one) == len(other) and all(map(same_bits, one, other))
    return bool(one == other)


def same_training(one: Path, other: Path) -> bool:
    """Return whether two runs ended with the same weights, optimizer, schedule and carried state."""
    a, b = checkpoint(one), checkpoint(other)
    parts = ("global_step", "state_dict", "optimizer_states", "lr_schedulers", "carried_state")
    return all(same_bits(a.get(part), b.get(part)) for part in parts)


def metrics(run: Path) -> list[dict[str, float]]:
    """Return the rows of all logs of a run, one log for each time it was resumed, without empty values."""
    rows: list[dict[str, float]] = []
    for log in sorted((run / "logs").glob("version_*"), key=lambda folder: int(folder.name.removeprefix("version_"))):
        with (log / "metrics.csv").open(encoding="utf-8") as file:
            rows += [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    return rows
