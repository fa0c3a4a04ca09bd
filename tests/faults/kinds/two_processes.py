"""Two processes on one run, one folder or one cache."""

import random
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .. import fixtures, states
from ..case import Case
from ..processes import Running, fresh
from ..verdict import Outcome, complaints
from . import kills

TRIALS = 3
prepare = kills.prepare


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for trial in range(TRIALS):
        for model in kills.MODELS:
            chance = random.Random(f"two {seed} {model} {trial}")
            writes = chance.randint(1, 30)
            for check in (_beside, _killed, _resumed_twice):
                found.append(Case(f"{model}-{check.__name__.strip('_')}-{trial}", partial(check, stage, model, writes)))
            for check in (_begun_twice, _one_cache):
                found.append(Case(f"{model}-{check.__name__.strip('_')}-{trial}", partial(check, stage, model)))
        found.append(Case(f"language-compared_twice-{trial}", partial(_compared_twice, stage)))
        found.append(Case(f"translator-read_meanwhile-{trial}", partial(_read_meanwhile, stage)))
    found.append(Case("translator-one_kernel-0", partial(_one_kernel, stage)))
    return found


def _fit(stage: Path, model: str, folder: Path) -> list[str | Path]:
    return ["fit", "--config", stage / f"{model}.yaml", "--runs", folder / "runs"]


def _after(running: Running, last: Path, writes: int) -> None:
    """Wait until a training has written so many checkpoints."""
    seen: set[int] = set()

    def enough() -> bool:
        if last.exists():
            seen.add(last.stat().st_mtime_ns)
        return len(seen) >= writes

    running.wait_until(enough)


def _last(model: str, folder: Path) -> Path:
    return folder / "runs" / model / "1" / "checkpoints" / "last.ckpt"


def _ends_as_whole(stage: Path, model: str, folder: Path, number: int = 1) -> list[str]:
    return states.differences(stage / "whole" / model / "1", folder / "runs" / model / str(number))


def refused(ended: Outcome, owner: int | None = None) -> list[str]:
    """What is wrong with the second of two: it must be refused in one sentence that names the first."""
    wrong = complaints(ended, statuses={1})
    if not wrong and owner is not None and str(owner) not in ended.sentence:
        wrong.append(f"its sentence does not name the process {owner}: {ended.sentence[:300]!r}")
    return wrong


def _beside(stage: Path, model: str, writes: int, folder: Path) -> list[str]:
    """A training is resumed a second time while it goes on."""
    first = Running(folder, _fit(stage, model, folder))
    _after(first, _last(model, folder), writes)
    first.send(signal.SIGSTOP)  # so that it is still there when the second one has started
    second = fresh(folder, *_fit(stage, model, folder), "--resume")
    first.send(signal.SIGCONT)
    wrong = refused(second, first.process.pid)
    wrong += complaints(first.ended(), statuses={0})
    return wrong or _ends_as_whole(stage, model, folder)


def _killed(stage: Path, model: str, writes: int, folder: Path) -> list[str]:
    """A run whose owner was killed belongs to nobody."""
    first = Running(folder, _fit(stage, model, folder))
    _after(first, _last(model, folder), writes)
    first.send(signal.SIGKILL)
    first.ended()
    resumed = fresh(folder, *_fit(stage, model, folder), "--resume")
    return complaints(resumed, statuses={0}) or _ends_as_whole(stage, model, folder)


def _resumed_twice(stage: Path, model: str, writes: int, folder: Path) -> list[str]:
    """A stopped run is resumed by two at once: one goes on, the other is refused."""
    first = Running(folder, _fit(stage, model, folder))
    _after(first, _last(model, folder), writes)
    first.send(signal.SIGKILL)
    first.ended()
    two = [Running(folder, [*_fit(stage, model, folder), "--resume"]) for _ in range(2)]
    return _one_of(two) or _ends_as_whole(stage, model, folder)


def _one_of(two: Sequence[Running]) -> list[str]:
    """At least one does the work; one that does not is refused, unless the other had finished before."""
    ended = [running.ended() for running in two]
    wrong = [one for outcome in ended if outcome.status != 0 for one in refused(outcome)]
    return wrong + ([] if any(outcome.status == 0 for outcome in ended) else ["both were refused"])


def _begun_twice(stage: Path, model: str, folder: Path) -> list[str]:
    """Two trainings of one name are started at once: each has a folder of its own, or one is refused."""
    two = [Running(folder, [*_fit(stage, model, folder), "--again"]) for _ in range(2)]
    wrong = _one_of(two)
    runs = sorted((folder / "runs" / model).iterdir())
    finished = [run for run in runs if (run / "finished.json").exists()]
    if not wrong and not finished:
        wrong = [f"no run finished: {runs}"]
    for run in finished:
        wrong += states.differences(stage / "whole" / model / "1", run)
    return wrong


def _one_cache(stage: Path, model: str, folder: Path) -> list[str]:
    """Two trainings make one cache at once."""
    cache = fixtures.cache_with_kernels(stage, folder / "cache")
    two = []
    for name in "xy":
        (folder / name).mkdir()
        two.append(Running(folder, _fit(stage, model, folder / name), variables={"SEQ2SEQ_CACHE": cache}))
    wrong = [one for running in two for one in complaints(running.ended(), statuses={0})]
    for name in "xy":
        wrong = wrong or _ends_as_whole(stage, model, folder / name)
    left = [path.name for path in (folder / "cache").rglob("*.partial")]
    return wrong + ([f"partial files are left: {left}"] if left else [])


def _compared_twice(stage: Path, folder: Path) -> list[str]:
    """Two comparisons share a folder: one does the work, the other is refused or finds it done."""
    made = fixtures.of(stage)
    compare = made.comparison(folder / "comparison")
    return _one_of([Running(folder, compare) for _ in range(2)])


def _read_meanwhile(stage: Path, folder: Path) -> list[str]:
    """A run is used to translate while it writes its checkpoints."""
    made = fixtures.of(stage)
    first = Running(folder, [*_fit(stage, "translator", folder), "--trainer.max_epochs", "1000"])
    best = folder / "runs" / "translator" / "1" / "checkpoints" / "best.ckpt"
    first.wait_until(best.exists)
    ended = fresh(folder, "translate", best.parents[1], "--input", made.sources)
    return complaints(ended, statuses={0}) + complaints(first.ended(), statuses={0})


def _one_kernel(stage: Path, folder: Path) -> list[str]:
    """Two processes compile the kernels at once."""
    made = fixtures.of(stage)
    translate = ["translate", made.quantized, "--input", made.sources]
    variables = {"SEQ2SEQ_CACHE": str(folder / "cache")}
    ended = [one.ended(200) for one in [Running(folder, translate, variables=variables) for _ in range(2)]]
    wrong = [one for outcome in ended for one in complaints(outcome, statuses={0})]
    return wrong or ([] if ended[0].out == ended[1].out else ["two answers"])
