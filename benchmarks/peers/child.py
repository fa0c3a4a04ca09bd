"""Commands in processes of their own, on one core with one thread, and what they took."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
AS_USUAL = {"PYTHONDONTWRITEBYTECODE": ""}  # or every start would compile what pip did not install


class Command(NamedTuple):
    """What to run.

    Args:
        arguments: The program and its arguments.
        stdin: The file it reads, if it reads one.
        stdout: The file that takes what it prints; without one the log does.
        environment: Variables that it needs besides the usual ones.
    """

    arguments: list[str]
    stdin: Path | None = None
    stdout: Path | None = None
    environment: Mapping[str, str] = {}


class Ran(NamedTuple):
    """What a command took.

    Args:
        seconds: By the clock on the wall.
        cpu: Of the processor, which a neighbour on the same machine changes least.
        memory: The most MiB that it held.
    """

    seconds: float
    cpu: float
    memory: float


def start(command: Command, log: Path, core: int | None) -> subprocess.Popen[bytes]:
    """Start it; what it prints goes to the end of `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)

    def pin() -> None:
        if core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {core})

    with log.open("ab") as said, open(command.stdin or os.devnull, "rb") as read:
        printed = command.stdout.open("wb") if command.stdout else None
        try:
            return subprocess.Popen(
                command.arguments,
                stdin=read,
                stdout=printed or said,
                stderr=said,
                env={**os.environ, **AS_USUAL, **ONE_THREAD, **command.environment},
                preexec_fn=pin,
            )
        finally:
            if printed:
                printed.close()


def finish(process: subprocess.Popen[bytes], began: float, log: Path) -> Ran:
    """Wait for its end. Raises RuntimeError with the end of the log if it failed."""
    # Linux never gives a child less memory than its parent held at the fork: so this process must not import torch
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"{process.args!r} failed; {log} ends with: {' | '.join(said[-3:])}")
    return Ran(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def run(command: Command, log: Path, core: int | None = None) -> Ran:
    log.unlink(missing_ok=True)
    began = time.perf_counter()
    return finish(start(command, log, core), began, log)


def cpu_seconds(pid: int) -> float:
    """What a process has taken of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
