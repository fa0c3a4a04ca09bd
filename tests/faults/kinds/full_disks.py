"""Full disks: small file systems in memory, mounted where only the case sees them."""

import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from .. import fixtures, mounts, states
from ..case import Case
from ..processes import forked
from ..verdict import Outcome, complaints
from . import kills

PAGE = 4  # kibibytes, the least that a file takes there
TRIALS = 8  # sizes for each command
KEPT = b"as it was\n"
COMMANDS = ("translate", "score", "tokenize", "quantize", "average", "shortlist", "inspect", "alignments", "picture")
STREAMED = ("translate", "sample", "score", "evaluate", "tokenize")  # their standard output goes to a full disk
LEAST_TO_TRAIN = 40  # kibibytes that a run's folder takes before its first checkpoint


def prepare(stage: Path, chosen: Sequence[Case]) -> None:
    kills.prepare(stage, [case for case in chosen if case.name.startswith(tuple(kills.MODELS))])


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for trial in range(TRIALS):
        chance = random.Random(f"disks {seed} {trial}")
        for command in COMMANDS:
            found.append(Case(f"{command}-{trial}", partial(_output, stage, command, chance.random())))
        for command in STREAMED:
            found.append(Case(f"stream-{command}-{trial}", partial(_stream, stage, command, chance.randint(0, 1))))
        for model in kills.MODELS:
            check = partial(_training, stage, model, chance.randint(LEAST_TO_TRAIN, 700))
            found.append(Case(f"{model}-fit-{trial}", check))
        found.append(Case(f"cache-{trial}", partial(_cache, stage, chance.choice((8, 16, 24, 32, 48, 64)))))
        found.append(Case(f"compare-{trial}", partial(_compare, stage, chance.randint(8, 900))))
    found.append(Case("dev-full", partial(_device, stage)))
    return found


def disk_of(place: Path, kibibytes: int) -> Path:
    """A disk of a size that only this process and its children see."""
    place.mkdir(parents=True, exist_ok=True)
    mounts.unshare()
    mounts.mount(place, max(PAGE, kibibytes))
    return place


def refused(ended: Outcome) -> list[str]:
    """What is wrong with a command that met a full disk."""
    wrong = complaints(ended, statuses={1})
    if not wrong and "No space left on device" not in ended.sentence:
        wrong.append(f"its sentence does not name the full disk: {ended.sentence[:300]!r}")
    return wrong


def _output(stage: Path, command: str, share: float, folder: Path) -> list[str]:
    """A command writes a file to a disk that has a part of the space it needs."""
    made = fixtures.of(stage)
    arguments = _arguments(made, command)
    whole = folder / "whole"
    whole.mkdir()
    if wrong := complaints(forked(whole, *arguments(whole / "output")), statuses={0}):
        return wrong
    needed = sum(-(-path.stat().st_size // (PAGE * 1024)) * PAGE for path in whole.iterdir())
    disk = disk_of(folder / "disk", PAGE + int(share * (needed - PAGE)))
    (disk / "output").write_bytes(KEPT)
    wrong = refused(forked(disk, *arguments(disk / "output")))
    if (disk / "output").read_bytes() != KEPT:
        wrong.append("what stood there before is lost")
    if left := [path.name for path in disk.iterdir() if path.name.endswith(".partial")]:
        wrong.append(f"a partial file is left: {left}")
    return wrong


def _arguments(made: fixtures.Fixtures, command: str) -> Callable[[Path], list[str | Path]]:
    translator, language = made.run("translator"), made.run("language")
    long = made.corpus / "train.a"
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


def _stream(stage: Path, command: str, pages: int, folder: Path) -> list[str]:
    """What a command prints goes to a file on a full disk."""
    made = fixtures.of(stage)
    disk = disk_of(folder / "disk", PAGE)
    (disk / "filler").write_bytes(bytes(PAGE * 1024 * (1 - pages)))
    return refused(forked(folder, *_printing(made, command, folder), stdout=disk / "out"))


def _printing(made: fixtures.Fixtures, command: str, folder: Path) -> list[str | Path]:
    """A command that prints more than one page."""
    long = folder / "long"
    long.write_text((made.corpus / "train.a").read_text(encoding="utf-8") * 5, encoding="utf-8")
    return {
        "translate": ["translate", made.run("translator"), "--input", long],
        "sample": ["sample", made.run("language"), "--length", "6000"],
        "score": ["score", made.run("translator"), "--source", long, "--target", long],
        "evaluate": ["evaluate", made.run("translator"), "--source", long, "--reference", long, "--examples", "500"],
        "tokenize": ["tokenize", long, "--out", folder / "o", "--tokenizer", "Words", "--show", "one " * 3000],
    }[command]


def _training(stage: Path, model: str, kibibytes: int, folder: Path) -> list[str]:
    """A training fills the disk of its run; with more space it goes on, and ends as if nothing had been."""
    disk = disk_of(folder / "disk", kibibytes)
    run = disk / model / "1"
    fit = ["fit", "--config", stage / f"{model}.yaml", "--runs", disk]
    ended = forked(folder, *fit, seconds=150)
    if ended.status == 0:
        return states.differences(stage / "whole" / model / "1", run)
    wrong = refused(ended)
    if left := [str(path) for path in run.rglob("*.partial")]:
        wrong.append(f"a partial file is left: {left}")
    mounts.grow(disk, 100_000)
    if not (run / "checkpoints" / "last.ckpt").exists():
        shutil.rmtree(disk / model, ignore_errors=True)
        wrong += complaints(forked(folder, *fit, seconds=150), statuses={0})
    else:
        wrong += complaints(forked(folder, *fit, "--resume", seconds=150), statuses={0})
    return wrong or states.differences(stage / "whole" / model / "1", run)


def _cache(stage: Path, kibibytes: int, folder: Path) -> list[str]:
    """The cache's disk is full: one sentence, or all goes well without it."""
    made = fixtures.of(stage)
    disk = disk_of(folder / "disk", kibibytes)
    fit = ["fit", "--config", made.config("subwords"), "--runs", folder / "runs", "--trainer.max_steps", "2"]
    ended = forked(folder, *fit, SEQ2SEQ_CACHE=str(disk))
    wrong = complaints(ended, statuses={0}) if ended.status == 0 else refused(ended)
    mounts.grow(disk, 100_000)
    fit = [*fit, "--again"]
    return wrong + complaints(forked(folder, *fit, SEQ2SEQ_CACHE=str(disk)), statuses={0})


def _compare(stage: Path, kibibytes: int, folder: Path) -> list[str]:
    """A comparison fills its disk; with more space it goes on."""
    made = fixtures.of(stage)
    disk = disk_of(folder / "disk", kibibytes)
    arguments = made.comparison(disk / "comparison")
    ended = forked(folder, *arguments, seconds=150)
    wrong = complaints(ended, statuses={0, 1})
    mounts.grow(disk, 100_000)
    return wrong + complaints(forked(folder, *arguments, seconds=150), statuses={0})


def _device(stage: Path, folder: Path) -> list[str]:
    """Standard output is /dev/full."""
    made = fixtures.of(stage)
    wrong = []
    for command in STREAMED:
        wrong += refused(forked(folder, *_printing(made, command, folder), stdout=Path("/dev/full")))
    for arguments in (["--help"], ["--version"], ["translate", "--help"]):
        wrong += refused(forked(folder, *arguments, stdout=Path("/dev/full")))
    return wrong
