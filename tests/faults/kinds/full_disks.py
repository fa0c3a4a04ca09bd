"""Full disks: small file systems in memory, mounted only for the case."""

import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from .. import fixtures, mounts, states
from ..case import Case
from ..processes import run_forked
from ..verdict import Outcome, find_problems
from . import kills

PAGE = 4  # kibibytes, the minimum size of a file on tmpfs
TRIALS = 8  # sizes for each command
OLD_CONTENT = b"as it was\n"
COMMANDS = ("translate", "score", "tokenize", "quantize", "average", "shortlist", "inspect", "alignments", "picture")
PRINTING_COMMANDS = ("translate", "sample", "score", "evaluate", "tokenize")  # with standard output on a full disk
MIN_RUN_SIZE = 40  # kibibytes of a run folder before its first checkpoint


def prepare(workdir: Path, selected: Sequence[Case]) -> None:
    kills.prepare(workdir, [case for case in selected if case.name.startswith(tuple(kills.MODELS))])


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for trial in range(TRIALS):
        rng = random.Random(f"disks {seed} {trial}")
        for command in COMMANDS:
            result.append(Case(f"{command}-{trial}", partial(_output, workdir, command, rng.random())))
        for command in PRINTING_COMMANDS:
            result.append(Case(f"stream-{command}-{trial}", partial(_stream, workdir, command, rng.randint(0, 1))))
        for model in kills.MODELS:
            check = partial(_training, workdir, model, rng.randint(MIN_RUN_SIZE, 700))
            result.append(Case(f"{model}-fit-{trial}", check))
        result.append(Case(f"cache-{trial}", partial(_cache, workdir, rng.choice((8, 16, 24, 32, 48, 64)))))
        result.append(Case(f"compare-{trial}", partial(_compare, workdir, rng.randint(8, 900))))
    result.append(Case("dev-full", partial(_device, workdir)))
    return result


def mount_disk(folder: Path, kibibytes: int) -> Path:
    """Mount a disk of this size, which is visible only to this process and its children."""
    folder.mkdir(parents=True, exist_ok=True)
    mounts.unshare()
    mounts.mount(folder, max(PAGE, kibibytes))
    return folder


def check_refused(outcome: Outcome) -> list[str]:
    """Return the problems of a command on a full disk, which must fail with a message that names the disk."""
    problems = find_problems(outcome, statuses={1})
    if not problems and "No space left on device" not in outcome.last_line:
        problems.append(f"its error message does not name the full disk: {outcome.last_line[:300]!r}")
    return problems


def _output(workdir: Path, command: str, share: float, folder: Path) -> list[str]:
    """A command writes a file to a disk with a fraction of the required space."""
    files = fixtures.for_workdir(workdir)
    arguments = _arguments(files, command)
    reference = folder / "reference"
    reference.mkdir()
    if problems := find_problems(run_forked(reference, *arguments(reference / "output")), statuses={0}):
        return problems
    needed = sum(-(-path.stat().st_size // (PAGE * 1024)) * PAGE for path in reference.iterdir())
    disk = mount_disk(folder / "disk", PAGE + int(share * (needed - PAGE)))
    (disk / "output").write_bytes(OLD_CONTENT)
    problems = check_refused(run_forked(disk, *arguments(disk / "output")))
    if (disk / "output").read_bytes() != OLD_CONTENT:
        problems.append("the previous output is lost")
    if leftover := [path.name for path in disk.iterdir() if path.name.endswith(".partial")]:
        problems.append(f"a partial file is left: {leftover}")
    return problems


def _arguments(files: fixtures.Fixtures, command: str) -> Callable[[Path], list[str | Path]]:
    translator, language = files.run("translator"), files.run("language")
    long = files.corpus / "train.a"
    return {
        "translate": lambda out: ["translate", translator, "--input", long, "--output", out],
        "score": lambda out: ["score", translator, "--source", long, "--target", long, "--output", out],
        "tokenize": lambda out: ["tokenize", long, "--out", out, "--tokenizer.size", "300"],
        "quantize": lambda out: ["quantize", translator, "--output", out],
        "average": lambda out: ["average", translator, "--output", out],
        "shortlist": lambda out: ["shortlist", translator, "--output", out],
        "inspect": lambda out: ["inspect", "gradients", language, "--steps", "5", "--windows", "4", "--output", out],
        "alignments": lambda out: ["translate", translator, "--input", long, "--alignments", out],
        "picture": lambda out: ["translate", translator, "--input", long, "--picture", out.with_suffix(".png")],
    }[command]


def _stream(workdir: Path, command: str, pages: int, folder: Path) -> list[str]:
    """The standard output of a command is a file on a full disk."""
    files = fixtures.for_workdir(workdir)
    disk = mount_disk(folder / "disk", PAGE)
    (disk / "filler").write_bytes(bytes(PAGE * 1024 * (1 - pages)))
    return check_refused(run_forked(folder, *_printing_arguments(files, command, folder), stdout=disk / "out"))


def _printing_arguments(files: fixtures.Fixtures, command: str, folder: Path) -> list[str | Path]:
    """Return a command that prints more than one page."""
    long = folder / "long"
    long.write_text((files.corpus / "train.a").read_text(encoding="utf-8") * 5, encoding="utf-8")
    return {
        "translate": ["translate", files.run("translator"), "--input", long],
        "sample": ["sample", files.run("language"), "--length", "6000"],
        "score": ["score", files.run("translator"), "--source", long, "--target", long],
        "evaluate": ["evaluate", files.run("translator"), "--source", long, "--reference", long, "--examples", "500"],
        "tokenize": ["tokenize", long, "--out", folder / "o", "--tokenizer", "Words", "--show", "one " * 3000],
    }[command]


def _training(workdir: Path, model: str, kibibytes: int, folder: Path) -> list[str]:
    """A training fills the disk of its run; with more space it resumes and ends like an uninterrupted one."""
    disk = mount_disk(folder / "disk", kibibytes)
    run = disk / model / "1"
    fit = ["fit", "--config", workdir / f"{model}.yaml", "--runs", disk]
    outcome = run_forked(folder, *fit, seconds=150)
    if outcome.status == 0:
        return states.differences(workdir / "whole" / model / "1", run)
    problems = check_refused(outcome)
    if leftover := [str(path) for path in run.rglob("*.partial")]:
        problems.append(f"a partial file is left: {leftover}")
    mounts.resize(disk, 100_000)
    if not (run / "checkpoints" / "last.ckpt").exists():
        shutil.rmtree(disk / model, ignore_errors=True)
        problems += find_problems(run_forked(folder, *fit, seconds=150), statuses={0})
    else:
        problems += find_problems(run_forked(folder, *fit, "--resume", seconds=150), statuses={0})
    return problems or states.differences(workdir / "whole" / model / "1", run)


def _cache(workdir: Path, kibibytes: int, folder: Path) -> list[str]:
    """With a full disk for the cache, a command fails with one error line or succeeds without the cache."""
    files = fixtures.for_workdir(workdir)
    disk = mount_disk(folder / "disk", kibibytes)
    fit = ["fit", "--config", files.config("subwords"), "--runs", folder / "runs", "--trainer.max_steps", "2"]
    outcome = run_forked(folder, *fit, SEQ2SEQ_CACHE=str(disk))
    problems = find_problems(outcome, statuses={0}) if outcome.status == 0 else check_refused(outcome)
    mounts.resize(disk, 100_000)
    fit = [*fit, "--again"]
    return problems + find_problems(run_forked(folder, *fit, SEQ2SEQ_CACHE=str(disk)), statuses={0})


def _compare(workdir: Path, kibibytes: int, folder: Path) -> list[str]:
    """A comparison fills its disk; with more space it resumes."""
    files = fixtures.for_workdir(workdir)
    disk = mount_disk(folder / "disk", kibibytes)
    arguments = files.comparison(disk / "comparison")
    outcome = run_forked(folder, *arguments, seconds=150)
    problems = find_problems(outcome, statuses={0, 1})
    mounts.resize(disk, 100_000)
    return problems + find_problems(run_forked(folder, *arguments, seconds=150), statuses={0})


def _device(workdir: Path, folder: Path) -> list[str]:
    """The standard output is /dev/full."""
    files = fixtures.for_workdir(workdir)
    problems = []
    for command in PRINTING_COMMANDS:
        problems += check_refused(
            run_forked(folder, *_printing_arguments(files, command, folder), stdout=Path("/dev/full"))
        )
    for arguments in (["--help"], ["--version"], ["translate", "--help"]):
        problems += check_refused(run_forked(folder, *arguments, stdout=Path("/dev/full")))
    return problems
