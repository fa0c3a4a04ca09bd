"""Cases side by side, each in a fork of its own with a folder of its own."""

import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .case import Case, NotTriedError


class Verdict(NamedTuple):
    """How a case ended."""

    case: Case
    wrong: list[str]  # nothing if it held
    untried: str  # why it could not be tried here, or nothing
    seconds: float
    folder: Path  # kept if something was wrong

    @property
    def held(self) -> bool:
        return not self.wrong and not self.untried


class _Started(NamedTuple):
    case: Case
    folder: Path
    begin: float


def run(
    cases: Sequence[Case], folder: Path, processes: int, finished: Callable[[Verdict], object] = lambda _: None
) -> list[Verdict]:
    """Run cases, some at once, and return how each ended, in their order.

    Args:
        cases: What is run.
        folder: Where each gets a folder with its name; those of cases that held are removed.
        processes: How many run at once.
        finished: Called with each verdict as it comes.
    """
    verdicts: dict[str, Verdict] = {}
    started: dict[int, _Started] = {}
    waiting = list(reversed(cases))
    while waiting or started:
        while waiting and len(started) < processes:
            case = waiting.pop()
            pid, place = _start(case, folder)
            started[pid] = _Started(case, place, time.monotonic())
        for pid, one in list(started.items()):
            late = time.monotonic() - one.begin > one.case.seconds
            if late:
                _kill_tree(pid)
            if os.waitpid(pid, 0 if late else os.WNOHANG)[0]:
                del started[pid]
                verdict = _verdict(one, late)
                verdicts[one.case.name] = verdict
                finished(verdict)
        time.sleep(0.005)
    return [verdicts[case.name] for case in cases]


def _start(case: Case, folder: Path) -> tuple[int, Path]:
    place = folder / case.name
    shutil.rmtree(place, ignore_errors=True)
    (place / "work").mkdir(parents=True)
    pid = os.fork()
    if pid:
        return pid, place
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        said: dict[str, object] = {"wrong": [], "untried": ""}
        try:
            said["wrong"] = case.check(place / "work")
        except NotTriedError as reason:
            said["untried"] = str(reason)
        except BaseException:
            said["wrong"] = ["the case itself failed: " + traceback.format_exc()]
        (place / "verdict.json").write_text(json.dumps(said), encoding="utf-8")
    finally:
        os._exit(0)


def _verdict(one: _Started, late: bool) -> Verdict:
    seconds = time.monotonic() - one.begin
    file = one.folder / "verdict.json"
    if late or not file.exists():
        said = {"wrong": [f"the case did not end within {one.case.seconds:.0f} s" if late else "the case ended itself"]}
    else:
        said = json.loads(file.read_text(encoding="utf-8"))
    wrong, untried = [str(line) for line in said["wrong"]], str(said.get("untried", ""))
    if wrong:
        text = "\n".join([f"{one.case.name}", *wrong]) + "\n"
        (one.folder / "wrong.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
    else:
        shutil.rmtree(one.folder, ignore_errors=True)
    return Verdict(one.case, wrong, untried, seconds, one.folder)


def _kill_tree(pid: int) -> None:
    """Kill a process with all that it started."""
    for one in [*_descendants(pid), pid]:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in map(int, children):
        yield from _descendants(child)
        yield child
