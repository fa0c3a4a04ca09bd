"""`python -m tests.faults`: inject faults of every kind and write a table of the results."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

# read by torch when it is imported; a process that forks must have a single thread
os.environ["OMP_NUM_THREADS"] = "1"

from . import fixtures, processes, scheduler
from .case import select_share
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
    parser.add_argument(
        "--share", type=float, default=1.0, help="fraction of the cases of every kind to run, always the same cases"
    )
    parser.add_argument("--only", nargs="+", help="only the cases with these names")
    parser.add_argument("--seed", type=int, default=1, help="random seed of the cases")
    parser.add_argument(
        "--processes", type=int, default=len(os.sched_getaffinity(0)), help="number of cases to run in parallel"
    )
    parser.add_argument("--table", type=Path, help="file to write the table to, in addition to standard output")
    parser.add_argument("--failures", type=Path, default=Path("build/faults"), help="folder for cases that do not hold")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="seq2seq-faults-"))
    work.chmod(0o755)  # other users must be able to enter it
    os.environ["SEQ2SEQ_CACHE"] = str(work / "cache")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and child processes would inherit that
    processes.preload()
    shutil.rmtree(options.failures, ignore_errors=True)
    rows: list[Row] = []
    minutes: dict[str, float] = {}
    try:
        fixtures.create(work)
        for kind in options.kind:
            start = time.monotonic()
            rows.append(_run(kind, work, options))
            minutes[KINDS[kind]] = (time.monotonic() - start) / 60
    finally:
        shutil.rmtree(work, ignore_errors=True)
    table = markdown(rows, minutes)
    print("\n" + table)
    if options.table is not None:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(table, encoding="utf-8")
    return int(any(kind.passed < kind.tried for kind in rows))


def _run(kind: str, work: Path, options: argparse.Namespace) -> Row:
    from rich.console import Console
    from rich.progress import Progress

    module = import_module(f".kinds.{kind}", __package__)
    workdir = work / kind
    workdir.mkdir()
    cases = module.cases(workdir, options.seed)
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), f"two cases of {kind} have the same name"
    selected = select_share(cases, options.share, options.seed)
    if options.only:
        selected = [case for case in cases if case.name in options.only]
    if not selected:
        return row(KINDS[kind], [])
    console = Console(stderr=True, soft_wrap=True)
    # auto_refresh would start a thread, and this process forks
    with Progress(console=console, auto_refresh=False, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(KINDS[kind], total=len(selected))

        def finished(verdict: scheduler.Verdict) -> None:
            bar.update(task, advance=1, refresh=True)
            if verdict.problems:
                target = options.failures / kind / verdict.case.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(target, ignore_errors=True)
                shutil.move(verdict.folder, target)
                name = verdict.case.name
                console.print(f"{kind} {name}: {verdict.problems[0][:1000]}", markup=False, highlight=False)
                console.print(f"  rerun: python -m tests.faults --kind {kind} --only {name}", markup=False)

        if hasattr(module, "prepare"):
            module.prepare(workdir, selected)
        verdicts = scheduler.run(selected, workdir / "cases", options.processes, finished)
    result = row(KINDS[kind], verdicts)
    console.print(
        f"{result.kind}: {result.tried} tried, {result.passed} held {result.note}", markup=False, highlight=False
    )
    shutil.rmtree(workdir, ignore_errors=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
