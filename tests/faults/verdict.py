"""General checks of the outcome of a command: exit status, error message, output and memory."""

import re
import signal
from collections.abc import Collection
from typing import NamedTuple

STATUSES = frozenset({0, 1, 2, 130, 141})  # success, user error, usage error, interrupted, broken pipe
MAX_LINES = 25  # of notices and one error message
# messages of the interpreter, libraries or the C++ runtime, which no user should see
_INTERNAL_MESSAGE = re.compile(
    r"Traceback \(most recent call last\)|^Exception ignored|^Fatal Python|^terminate called|^Exception in thread"
    r"|^\[[WEF]\d|^[\w.]*(?:Error|Exception|Warning): |^usage: |^Segmentation fault|^\s+File \".*\", line \d"
)


class Outcome(NamedTuple):
    """The exit status, output and resources of a command."""

    arguments: tuple[str, ...]
    status: int | None  # negative for a signal, None if it was killed at the time limit
    out: bytes
    err: str
    seconds: float
    memory: int  # peak, in bytes
    violations: tuple[str, ...] = ()  # forbidden imports, process starts and writes

    @property
    def last_line(self) -> str:
        """Return the last line of standard error."""
        return (self.err.splitlines() or [""])[-1]

    @property
    def failed(self) -> bool:
        return self.status not in (0, None)


def find_problems(
    outcome: Outcome, statuses: Collection[int] = STATUSES, memory: float = 3e9, errors: bool = True
) -> list[str]:
    """Return the problems with the outcome of a command; an empty list if there are none.

    Args:
        outcome: The outcome.
        statuses: The allowed exit statuses.
        memory: Limit of the peak memory in bytes.
        errors: Whether a status of 1 requires an error message.
    """
    if outcome.status is None:
        return [f"it did not end within {outcome.seconds:.0f} s; its last words: {outcome.last_line[:300]!r}"]
    problems = []
    if outcome.status not in statuses:
        cause = f"signal {signal.Signals(-outcome.status).name}" if outcome.status < 0 else f"status {outcome.status}"
        problems.append(f"it ended with {cause}; its last words: {outcome.last_line[:400]!r}")
    lines = outcome.err.splitlines()
    if internal := [line for line in lines if _INTERNAL_MESSAGE.search(line)]:
        traceback = internal[0].startswith("Traceback")
        message = f"a traceback that ends: {last_nonempty(lines)}" if traceback else internal[0]
        problems.append(f"on standard error: {message[:400]}")
    if b"Traceback (most recent call last)" in outcome.out:
        problems.append("a traceback on standard output")
    if outcome.status == 1 and errors and not internal:
        messages = [line for line in lines if line.startswith("seq2seq: ")]
        if not lines or not lines[-1].startswith("seq2seq: ") or len(lines[-1]) < 15:
            problems.append(
                f"status 1 without an error message at the end of standard error: {outcome.last_line[:300]!r}"
            )
        elif len(messages) > 4:
            problems.append(f"{len(messages)} lines that begin like an error message: {messages[:5]}")
    if len(lines) > MAX_LINES:
        problems.append(f"{len(lines)} lines on standard error, of which the first is {lines[0][:200]!r}")
    if outcome.memory > memory:
        problems.append(f"it took {outcome.memory / 1e9:.1f} GB of memory")
    problems.extend(outcome.violations)
    return problems


def last_nonempty(lines: list[str]) -> str:
    """Return the last line that is not empty."""
    return next((line for line in reversed(lines) if line.strip()), "")
