"""`python -m tests.faults`: make faults of every kind, and write the table of what held."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

# read by torch when it is imported; a process that is forked must have no other thread
os.environ["OMP_NUM_THREADS"] = "1"

from . import fixtures, processes, scheduler
from .case import share_of
from .table import Row, markdown, row

KINDS = {
    "kills": "killed at a random moment and resumed, in fresh processes",
    "signals": "signals, in fresh processes",
    "two_processes": "two processes on one run or cache, in fresh processes",
    "full_disks": "full disk",
    "permissions": "read-only or forbidden, as another user than root",
    "damage": "truncated or flipped file",
    "command_lines": "generated command lines",
    "corpora": "generated corpora",
    "unicode_lines": "lines of random Unicode",
    "forgeries": "forged checkpoints",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS), help="only these kinds")
    parser.add_argument("--share", type=float, default=1.0, help="a fixed part of the cases of every kind")
    parser.add_argument("--only", nargs="+", help="only the cases with these names")
    parser.add_argument("--seed", type=int, default=1, help="what cases are drawn with")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="cases at once")
    parser.add_argument("--table", type=Path, help="file for the table, beside standard output")
    parser.add_argument("--failures", type=Path, default=Path("build/faults"), help="folder for cases that do not hold")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="seq2seq-faults-"))
    work.chmod(0o755)  # another user must reach what is inside
    os.environ["SEQ2SEQ_CACHE"] = str(work / "cache")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and so would be by all that is started
    processes.preload()
    shutil.rmtree(given.failures, ignore_errors=True)
    rows: list[Row] = []
    minutes: dict[str, float] = {}
    try:
        fixtures.make(work)
        for kind in given.kind:
            begin = time.monotonic()
            rows.append(_run(kind, work, given))
            minutes[KINDS[kind]] = (time.monotonic() - begin) / 60
    finally:
        shutil.rmtree(work, ignore_errors=True)
    table = markdown(rows, minutes)
    print("\n" + table)
    if given.table is not None:
        given.table.parent.mkdir(parents=True, exist_ok=True)
        given.table.write_text(table, encoding="utf-8")
    return int(any(one.held < one.tried for one in rows))


def _run(kind: str, work: Path, given: argparse.Namespace) -> Row:
    from rich.console import Console
    from rich.progress import Progress

    module = import_module(f".kinds.{kind}", __package__)
    stage = work / kind
    stage.mkdir()
    drawn = module.cases(stage, given.seed)
    names = [case.name for case in drawn]
    assert len(set(names)) == len(names), f"two cases of {kind} have one name"
    chosen = share_of(drawn, given.share, given.seed)
    if given.only:
        chosen = [case for case in drawn if case.name in given.only]
    if not chosen:
        return row(KINDS[kind], [])
    console = Console(stderr=True, soft_wrap=True)
    # without a thread of its own, since this process is forked
    with Progress(console=console, auto_refresh=False, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(KINDS[kind], total=len(chosen))

        def finished(verdict: scheduler.Verdict) -> None:
            bar.update(task, advance=1, refresh=True)
            if verdict.wrong:
                place = given.failures / kind / verdict.case.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(place, ignore_errors=True)
                shutil.move(verdict.folder, place)
                console.print(f"{kind} {verdict.case.name}: {verdict.wrong[0][:1000]}", markup=False, highlight=False)
                console.print(f"  again: python -m tests.faults --kind {kind} --only {verdict.case.name}", markup=False)

        if hasattr(module, "prepare"):
            module.prepare(stage, chosen)
        verdicts = scheduler.run(chosen, stage / "cases", given.processes, finished)
    found = row(KINDS[kind], verdicts)
    console.print(f"{found.kind}: {found.tried} tried, {found.held} held {found.why}", markup=False, highlight=False)
    shutil.rmtree(stage, ignore_errors=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
