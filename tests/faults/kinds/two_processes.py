"""Two processes on one run, one folder or one cache."""

import random
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .. import fixtures, states
from ..case import Case
from ..processes import Running, run_fresh
from ..verdict import Outcome, find_problems
from . import kills

TRIALS = 3
prepare = kills.prepare


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for trial in range(TRIALS):
        for model in kills.MODELS:
            rng = random.Random(f"two {seed} {model} {trial}")
            writes = rng.randint(1, 30)
            for check in (_resumed_while_running, _resumed_after_kill, _resumed_twice):
                result.append(
                    Case(f"{model}-{check.__name__.strip('_')}-{trial}", partial(check, workdir, model, writes))
                )
            for check in (_started_twice, _shared_cache):
                result.append(Case(f"{model}-{check.__name__.strip('_')}-{trial}", partial(check, workdir, model)))
        result.append(Case(f"language-compared_twice-{trial}", partial(_compared_twice, workdir)))
        result.append(Case(f"translator-read_while_training-{trial}", partial(_read_while_training, workdir)))
    result.append(Case("translator-kernels_built_twice-0", partial(_kernels_built_twice, workdir)))
    return result


def _fit(workdir: Path, model: str, folder: Path) -> list[str | Path]:
    return ["fit", "--config", workdir / f"{model}.yaml", "--runs", folder / "runs"]


def _wait_for_writes(running: Running, last: Path, writes: int) -> None:
    """Wait until a training has written a number of checkpoints."""
    times: set[int] = set()

    def written() -> bool:
        if last.exists():
            times.add(last.stat().st_mtime_ns)
        return len(times) >= writes

    running.wait_until(written)


def _last_checkpoint(model: str, folder: Path) -> Path:
    return folder / "runs" / model / "1" / "checkpoints" / "last.ckpt"


def _compare_with_reference(workdir: Path, model: str, folder: Path, number: int = 1) -> list[str]:
    return states.differences(workdir / "whole" / model / "1", folder / "runs" / model / str(number))


def check_refused(outcome: Outcome, owner: int | None = None) -> list[str]:
    """Return the problems of the second process, which must fail with one error line that names the first."""
    problems = find_problems(outcome, statuses={1})
    if not problems and owner is not None and str(owner) not in outcome.last_line:
        problems.append(f"its error message does not name the process {owner}: {outcome.last_line[:300]!r}")
    return problems


def _resumed_while_running(workdir: Path, model: str, writes: int, folder: Path) -> list[str]:
    """A training is resumed while it is running."""
    first = Running(folder, _fit(workdir, model, folder))
    _wait_for_writes(first, _last_checkpoint(model, folder), writes)
    first.send(signal.SIGSTOP)  # so that it is still running when the second one has started
    second = run_fresh(folder, *_fit(workdir, model, folder), "--resume")
    first.send(signal.SIGCONT)
    problems = check_refused(second, first.process.pid)
    problems += find_problems(first.wait(), statuses={0})
    return problems or _compare_with_reference(workdir, model, folder)


def _resumed_after_kill(workdir: Path, model: str, writes: int, folder: Path) -> list[str]:
    """A run whose process was killed can be resumed."""
    first = Running(folder, _fit(workdir, model, folder))
    _wait_for_writes(first, _last_checkpoint(model, folder), writes)
    first.send(signal.SIGKILL)
    first.wait()
    resumed = run_fresh(folder, *_fit(workdir, model, folder), "--resume")
    return find_problems(resumed, statuses={0}) or _compare_with_reference(workdir, model, folder)


def _resumed_twice(workdir: Path, model: str, writes: int, folder: Path) -> list[str]:
    """A stopped run is resumed by two processes at once: one succeeds, the other one is refused."""
    first = Running(folder, _fit(workdir, model, folder))
    _wait_for_writes(first, _last_checkpoint(model, folder), writes)
    first.send(signal.SIGKILL)
    first.wait()
    two = [Running(folder, [*_fit(workdir, model, folder), "--resume"]) for _ in range(2)]
    return _check_one_succeeds(two) or _compare_with_reference(workdir, model, folder)


def _check_one_succeeds(two: Sequence[Running]) -> list[str]:
    """Return the problems of two processes, of which at least one must succeed; the other one may be refused."""
    outcomes = [running.wait() for running in two]
    problems = [problem for outcome in outcomes if outcome.status != 0 for problem in check_refused(outcome)]
    return problems + ([] if any(outcome.status == 0 for outcome in outcomes) else ["both were check_refused"])


def _started_twice(workdir: Path, model: str, folder: Path) -> list[str]:
    """Two trainings of one name are started at once: both get their own folder, or one is refused."""
    two = [Running(folder, [*_fit(workdir, model, folder), "--again"]) for _ in range(2)]
    problems = _check_one_succeeds(two)
    runs = sorted((folder / "runs" / model).iterdir())
    finished = [run for run in runs if (run / "finished.json").exists()]
    if not problems and not finished:
        problems = [f"no run finished: {runs}"]
    for run in finished:
        problems += states.differences(workdir / "whole" / model / "1", run)
    return problems


def _shared_cache(workdir: Path, model: str, folder: Path) -> list[str]:
    """Two trainings fill one cache at once."""
    cache = fixtures.cache_with_kernels(workdir, folder / "cache")
    two = []
    for name in "xy":
        (folder / name).mkdir()
        two.append(Running(folder, _fit(workdir, model, folder / name), env={"SEQ2SEQ_CACHE": cache}))
    problems = [problem for running in two for problem in find_problems(running.wait(), statuses={0})]
    for name in "xy":
        problems = problems or _compare_with_reference(workdir, model, folder / name)
    leftover = [path.name for path in (folder / "cache").rglob("*.partial")]
    return problems + ([f"partial files are left: {leftover}"] if leftover else [])


def _compared_twice(workdir: Path, folder: Path) -> list[str]:
    """Two comparisons share a folder: one does the work, the other one is refused or finds it finished."""
    files = fixtures.for_workdir(workdir)
    compare = files.comparison(folder / "comparison")
    return _check_one_succeeds([Running(folder, compare) for _ in range(2)])


def _read_while_training(workdir: Path, folder: Path) -> list[str]:
    """A run is used for translation while it writes checkpoints."""
    files = fixtures.for_workdir(workdir)
    first = Running(folder, [*_fit(workdir, "translator", folder), "--trainer.max_epochs", "1000"])
    best = folder / "runs" / "translator" / "1" / "checkpoints" / "best.ckpt"
    first.wait_until(best.exists)
    outcome = run_fresh(folder, "translate", best.parents[1], "--input", files.sources)
    return find_problems(outcome, statuses={0}) + find_problems(first.wait(), statuses={0})


def _kernels_built_twice(workdir: Path, folder: Path) -> list[str]:
    """Two processes compile the kernels at once."""
    files = fixtures.for_workdir(workdir)
    translate = ["translate", files.quantized, "--input", files.sources]
    variables = {"SEQ2SEQ_CACHE": str(folder / "cache")}
    outcomes = [process.wait(200) for process in [Running(folder, translate, env=variables) for _ in range(2)]]
    problems = [problem for outcome in outcomes for problem in find_problems(outcome, statuses={0})]
    return problems or ([] if outcomes[0].out == outcomes[1].out else ["different translations"])
