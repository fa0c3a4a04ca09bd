"""Run cases in parallel, each in its own fork and its own folder."""

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
    """The result of a case."""

    case: Case
    problems: list[str]  # empty if it passed
    skip_reason: str  # why it could not run here, or empty
    seconds: float
    folder: Path  # kept if there were problems

    @property
    def passed(self) -> bool:
        return not self.problems and not self.skip_reason


class _Started(NamedTuple):
    case: Case
    folder: Path
    start_time: float


def run(
    cases: Sequence[Case], folder: Path, processes: int, finished: Callable[[Verdict], object] = lambda _: None
) -> list[Verdict]:
    """Run cases in parallel and return their verdicts in order.

    Args:
        cases: The cases.
        folder: Parent of the folders of the cases, which are removed for cases without problems.
        processes: Number of cases to run in parallel.
        finished: Function to call with each verdict.
    """
    verdicts: dict[str, Verdict] = {}
    started: dict[int, _Started] = {}
    waiting = list(reversed(cases))
    while waiting or started:
        while waiting and len(started) < processes:
            case = waiting.pop()
            pid, case_folder = _start(case, folder)
            started[pid] = _Started(case, case_folder, time.monotonic())
        for pid, running in list(started.items()):
            late = time.monotonic() - running.start_time > running.case.seconds
            if late:
                _kill_tree(pid)
            if os.waitpid(pid, 0 if late else os.WNOHANG)[0]:
                del started[pid]
                verdict = _verdict(running, late)
                verdicts[running.case.name] = verdict
                finished(verdict)
        time.sleep(0.005)
    return [verdicts[case.name] for case in cases]


def _start(case: Case, folder: Path) -> tuple[int, Path]:
    case_folder = folder / case.name
    shutil.rmtree(case_folder, ignore_errors=True)
    (case_folder / "work").mkdir(parents=True)
    pid = os.fork()
    if pid:
        return pid, case_folder
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        result: dict[str, object] = {"problems": [], "skip_reason": ""}
        try:
            result["problems"] = case.check(case_folder / "work")
        except NotTriedError as reason:
            result["skip_reason"] = str(reason)
        except BaseException:
            result["problems"] = ["the case itself failed: " + traceback.format_exc()]
        (case_folder / "verdict.json").write_text(json.dumps(result), encoding="utf-8")
    finally:
        os._exit(0)


def _verdict(running: _Started, late: bool) -> Verdict:
    seconds = time.monotonic() - running.start_time
    file = running.folder / "verdict.json"
    if late or not file.exists():
        problem = f"the case did not end within {running.case.seconds:.0f} s" if late else "the case ended itself"
        result = {"problems": [problem]}
    else:
        result = json.loads(file.read_text(encoding="utf-8"))
    problems, skip_reason = [str(line) for line in result["problems"]], str(result.get("skip_reason", ""))
    if problems:
        text = "\n".join([f"{running.case.name}", *problems]) + "\n"
        (running.folder / "problems.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
    else:
        shutil.rmtree(running.folder, ignore_errors=True)
    return Verdict(running.case, problems, skip_reason, seconds, running.folder)


def _kill_tree(pid: int) -> None:
    """Kill a process and all its descendants."""
    for process in [*_descendants(pid), pid]:
        try:
            os.kill(process, signal.SIGKILL)
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
