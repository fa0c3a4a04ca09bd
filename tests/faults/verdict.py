"""What is wrong with how a command ended, whatever it was asked to do."""

import re
import signal
from collections.abc import Collection
from typing import NamedTuple

STATUSES = frozenset({0, 1, 2, 130, 141})  # done, a mistake of the user's, usage, interrupted, nobody reads the output
MOST_LINES = 25  # notices and one error
# lines that no user should see: of the interpreter, of libraries, of the C++ runtime
_FOREIGN = re.compile(
    r"Traceback \(most recent call last\)|^Exception ignored|^Fatal Python|^terminate called|^Exception in thread"
    r"|^\[[WEF]\d|^[\w.]*(?:Error|Exception|Warning): |^usage: |^Segmentation fault|^\s+File \".*\", line \d"
)


class Outcome(NamedTuple):
    """How a command ended."""

    arguments: tuple[str, ...]
    status: int | None  # negative for a signal, None if it had to be killed since it did not end
    out: bytes
    err: str
    seconds: float
    memory: int  # bytes at most
    foreign: tuple[str, ...] = ()  # what it imported, started or wrote that it must not

    @property
    def sentence(self) -> str:
        """The last line on standard error."""
        return (self.err.splitlines() or [""])[-1]

    @property
    def failed(self) -> bool:
        return self.status not in (0, None)


def complaints(
    outcome: Outcome, statuses: Collection[int] = STATUSES, memory: float = 3e9, errors: bool = True
) -> list[str]:
    """Return what is wrong with how a command ended; nothing if it is in order.

    Args:
        outcome: How it ended.
        statuses: The statuses that are in order.
        memory: Bytes that it may have taken.
        errors: Whether a status of 1 needs a sentence that says why.
    """
    if outcome.status is None:
        return [f"it did not end within {outcome.seconds:.0f} s; its last words: {outcome.sentence[:300]!r}"]
    wrong = []
    if outcome.status not in statuses:
        ending = f"signal {signal.Signals(-outcome.status).name}" if outcome.status < 0 else f"status {outcome.status}"
        wrong.append(f"it ended with {ending}; its last words: {outcome.sentence[:400]!r}")
    lines = outcome.err.splitlines()
    if foreign := [line for line in lines if _FOREIGN.search(line)]:
        shown = foreign[0] if not foreign[0].startswith("Traceback") else f"a traceback that ends: {last(lines)}"
        wrong.append(f"on standard error: {shown[:400]}")
    if b"Traceback (most recent call last)" in outcome.out:
        wrong.append("a traceback on standard output")
    if outcome.status == 1 and errors and not foreign:
        said = [line for line in lines if line.startswith("seq2seq: ")]
        if not lines or not lines[-1].startswith("seq2seq: ") or len(lines[-1]) < 15:
            wrong.append(f"status 1 without a sentence at the end of standard error: {outcome.sentence[:300]!r}")
        elif len(said) > 4:
            wrong.append(f"{len(said)} lines that begin as an error does: {said[:5]}")
    if len(lines) > MOST_LINES:
        wrong.append(f"{len(lines)} lines on standard error, of which the first is {lines[0][:200]!r}")
    if outcome.memory > memory:
        wrong.append(f"it took {outcome.memory / 1e9:.1f} GB of memory")
    wrong.extend(outcome.foreign)
    return wrong


def last(lines: list[str]) -> str:
    """The last line that is not empty."""
    return next((line for line in reversed(lines) if line.strip()), "")
