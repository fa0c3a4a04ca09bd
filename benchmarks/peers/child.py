"""Run commands in separate processes, on one core with one thread, and measure their cost."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BYTECODE_CACHE = {"PYTHONDONTWRITEBYTECODE": ""}  # otherwise every process would compile our modules


class Command(NamedTuple):
    """A command to run.

    Args:
        arguments: The program and its arguments.
        stdin: File for its standard input, if any.
        stdout: File for its standard output; by default the log.
        environment: Additional environment variables.
    """

    arguments: list[str]
    stdin: Path | None = None
    stdout: Path | None = None
    environment: Mapping[str, str] = {}


class CommandCost(NamedTuple):
    """The cost of a command.

    Args:
        seconds: Wall-clock time.
        cpu: Processor time, which other processes on the machine affect least.
        memory: Peak MiB.
    """

    seconds: float
    cpu: float
    memory: float


def start(command: Command, log: Path, core: int | None) -> subprocess.Popen[bytes]:
    """Start a command; its output is appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)

    def pin() -> None:
        if core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {core})

    with log.open("ab") as log_file, open(command.stdin or os.devnull, "rb") as input_file:
        output_file = command.stdout.open("wb") if command.stdout else None
        try:
            return subprocess.Popen(
                command.arguments,
                stdin=input_file,
                stdout=output_file or log_file,
                stderr=log_file,
                env={**os.environ, **BYTECODE_CACHE, **ONE_THREAD, **command.environment},
                preexec_fn=pin,
            )
        finally:
            if output_file:
                output_file.close()


def finish(process: subprocess.Popen[bytes], start_time: float, log: Path) -> CommandCost:
    """Wait for the end of a command. Raises RuntimeError with the end of the log if it failed."""
    # on Linux the peak of a child includes its parent's memory at the fork, so this process must not import torch
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        log_lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"{process.args!r} failed; {log} ends with: {' | '.join(log_lines[-3:])}")
    return CommandCost(time.perf_counter() - start_time, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def run(command: Command, log: Path, core: int | None = None) -> CommandCost:
    log.unlink(missing_ok=True)
    start_time = time.perf_counter()
    return finish(start(command, log, core), start_time, log)


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
