"""Read-only and forbidden files and folders, met as another user than root."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from .. import fixtures, mounts
from ..case import Case, NotTriedError
from ..processes import ANOTHER_USER, ROOT, Running, forked
from ..verdict import Outcome, complaints

KEPT = b"as it was\n"
MODES = {"read-only": 0o555, "unreachable": 0o000, "not-listed": 0o311}
TO_READ = ("checkpoint", "corpus", "config", "input", "tokenizer", "shortlist", "run")
TO_WRITE = ("translate", "score", "tokenize", "quantize", "average", "shortlist", "inspect")


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for name, mode in MODES.items():
        for command in TO_WRITE:
            found.append(Case(f"output-folder-{name}-{command}", partial(_output_folder, stage, command, mode)))
        for what in ("runs", "name", "run", "checkpoints", "logs"):
            found.append(Case(f"training-{what}-{name}", partial(_training, stage, what, mode)))
        found.append(Case(f"cache-{name}", partial(_cache, stage, mode)))
        found.append(Case(f"compare-{name}", partial(_compare, stage, mode)))
    for command in TO_WRITE[:-1]:
        found.append(Case(f"output-file-{command}", partial(_output_file, stage, command)))
    for what in TO_READ:
        for mode in (0o000, 0o200):
            found.append(Case(f"input-{what}-{mode:03o}", partial(_input, stage, what, mode)))
    for command in ("translate", "fit"):
        found.append(Case(f"setpriv-{command}", partial(_setpriv, stage, command)))
    return found


def refused(ended: Outcome, words: Sequence[str] = ("Permission denied", "Read-only")) -> list[str]:
    """What is wrong with a command that met what is forbidden."""
    wrong = complaints(ended, statuses={1})
    if not wrong and not any(word in ended.sentence for word in words):
        wrong.append(f"its sentence does not say what is not permitted: {ended.sentence[:300]!r}")
    return wrong


def as_another(folder: Path, *arguments: str | Path, **variables: str) -> Outcome:
    """Run a command as another user than root."""
    if os.getuid() == 0:
        _let_others_in()
    return forked(folder, *arguments, user=ANOTHER_USER, **{"HOME": str(folder), **variables})


@cache
def _let_others_in() -> None:
    """Let the other user reach the interpreter and the package, wherever they are."""
    mounts.unshare()
    mounts.open_up(Path(sys.base_prefix), Path(sys.prefix), ROOT)


def _give(path: Path) -> Path:
    """Let a folder belong to the other user, with all that is in it."""
    if os.getuid() == 0:
        for one in [path, *path.rglob("*")]:
            os.chown(one, ANOTHER_USER, ANOTHER_USER, follow_symlinks=False)
    return path


def _open(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


def _caching(folder: Path, made: fixtures.Fixtures) -> str:
    """A cache of the other user's own, which has everything."""
    place = folder / "cache"
    shutil.copytree(made.cache, place)
    return str(_give(place))


def _arguments(made: fixtures.Fixtures, command: str) -> Callable[[Path], list[str | Path]]:
    translator, language = made.run("translator"), made.run("language")
    return {
        "translate": lambda out: ["translate", translator, "--input", made.sources, "--output", out],
        "score": lambda out: [
            "score", translator, "--source", made.sources, "--target", made.targets, "--output", out
        ],
        "tokenize": lambda out: ["tokenize", made.sources, "--out", out, "--tokenizer", "Words"],
        "quantize": lambda out: ["quantize", translator, "--output", out],
        "average": lambda out: ["average", translator, "--output", out],
        "shortlist": lambda out: ["shortlist", translator, "--output", out],
        "inspect": lambda out: ["inspect", "gradients", language, "--steps", "5", "--windows", "4", "--output", out],
    }[command]  # fmt: skip


def _output_folder(stage: Path, command: str, mode: int, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    place = _open(folder, "place")
    _give(place).chmod(mode)
    ended = as_another(_give(_open(folder, "own")), *_arguments(made, command)(place / "output"))
    if mode == MODES["not-listed"]:  # what may be written without being listed
        return complaints(ended, statuses={0})
    wrong = refused(ended)
    place.chmod(0o755)
    return wrong + ([f"it left {os.listdir(place)}"] if os.listdir(place) else [])


def _output_file(stage: Path, command: str, folder: Path) -> list[str]:
    """A file that may not be written stays as it is, although its folder could be changed."""
    made = fixtures.of(stage)
    place = _open(folder, "place")
    (place / "output").write_bytes(KEPT)
    (place / "output").chmod(0o444)
    _give(place)
    wrong = refused(as_another(place, *_arguments(made, command)(place / "output")))
    if (place / "output").read_bytes() != KEPT or os.listdir(place) != ["output"]:
        wrong.append(f"the file was replaced, or something was left: {os.listdir(place)}")
    return wrong


def _training(stage: Path, what: str, mode: int, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    own = _open(folder, "own")
    fit = ["fit", "--config", made.config("language"), "--runs", own / "runs", "--trainer.max_steps", "4"]
    fit += ["--keep.every_n_steps", "1", "--trainer.val_check_interval", "2"]
    resumed = what in ("run", "checkpoints", "logs")
    place = {"runs": "runs", "name": "runs/language", "run": "runs/language/1"}.get(what, f"runs/language/1/{what}")
    if resumed:
        if wrong := complaints(forked(own, *fit, "--trainer.max_steps", "2"), statuses={0, 1, 2}):
            return wrong
        if not (own / place).exists():
            first = [*fit[:5], "--trainer.max_steps", "2", *fit[7:]]
            if wrong := complaints(forked(own, *first), statuses={0}):
                return wrong
        fit.append("--resume")
    (own / place).mkdir(parents=True, exist_ok=True)
    _give(own)
    (own / place).chmod(mode)
    cache = _caching(folder, made)
    before = _snapshot(own / place)
    ended = as_another(own, *fit, SEQ2SEQ_CACHE=cache)
    if ended.status == 0:
        wrong = complaints(ended, statuses={0})
    else:
        wrong = refused(ended, ("Permission denied", "Read-only", "nothing to resume", "no run"))
    return wrong + ([] if ended.status == 0 or _snapshot(own / place) == before else ["it changed what was forbidden"])


def _snapshot(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if not stat.S_ISDIR(path.lstat().st_mode))


def _cache(stage: Path, mode: int, folder: Path) -> list[str]:
    """A cache that cannot be written, or read, and does not hold what is needed."""
    made = fixtures.of(stage)
    own, cache = _give(_open(folder, "own")), _give(_open(folder, "cache"))
    cache.chmod(mode)
    fit = ["fit", "--config", made.config("subwords"), "--runs", own / "runs", "--trainer.max_steps", "1"]
    ended = as_another(own, *fit, SEQ2SEQ_CACHE=str(cache))
    wrong = complaints(ended, statuses={0}) if mode == MODES["not-listed"] else refused(ended)
    translated = as_another(own, "translate", made.quantized, "--input", made.sources, SEQ2SEQ_CACHE=str(cache))
    return wrong + complaints(translated, statuses={0})  # torch's products serve without kernels


def _compare(stage: Path, mode: int, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    own, place = _give(_open(folder, "own")), _give(_open(folder, "place"))
    place.chmod(mode)
    arguments = ["compare", "--config", made.config("language"), "--layers", "LSTM", "--steps", "2"]
    ended = as_another(own, *arguments, "--output", place / "comparison", SEQ2SEQ_CACHE=_caching(folder, made))
    return complaints(ended, statuses={0}) if mode == MODES["not-listed"] else refused(ended)


def _input(stage: Path, what: str, mode: int, folder: Path) -> list[str]:
    """What is to be read may not be."""
    made = fixtures.of(stage)
    own = _open(folder, "own")
    translate = ["translate", made.run("translator"), "--input", made.sources]
    if what in ("corpus", "run"):
        place = own / what
        shutil.copytree(made.corpus if what == "corpus" else made.run("translator"), place)
    else:
        source = {
            "checkpoint": made.checkpoint("translator"),
            "config": made.config("language"),
            "input": made.sources,
            "tokenizer": made.tokenizer,
            "shortlist": made.shortlist,
        }[what]
        place = own / f"{what}{source.suffix}"
        shutil.copyfile(source, place)
    _give(own)
    place.chmod(mode)
    fit = ["fit", "--config", made.config("translator"), "--runs", own / "runs", "--trainer.max_steps", "1"]
    arguments = {
        "checkpoint": ["translate", place, "--input", made.sources],
        "run": ["translate", place, "--input", made.sources],
        "config": ["fit", "--config", place, "--runs", own / "runs"],
        "input": ["translate", made.run("translator"), "--input", place],
        "corpus": [*fit, "--data.corpus", place],
        "tokenizer": [*fit, "--data.tokenizer", place],
        "shortlist": [*translate, "--shortlist", place],
    }[what]
    ended = as_another(own, *arguments, SEQ2SEQ_CACHE=_caching(folder, made))
    return refused(ended)


def _setpriv(stage: Path, command: str, folder: Path) -> list[str]:
    """The same in a fresh process that setpriv starts."""
    if os.getuid() != 0:
        raise NotTriedError("only root can become another user")
    if shutil.which("setpriv") is None:
        raise NotTriedError("there is no setpriv")
    _let_others_in()
    made = fixtures.of(stage)
    own, place = _give(_open(folder, "own")), _give(_open(folder, "place"))
    place.chmod(MODES["read-only"])
    fit = ["fit", "--config", made.config("language"), "--runs", place / "runs", "--trainer.max_steps", "1"]
    arguments = fit if command == "fit" else _arguments(made, command)(place / "output")
    user = str(ANOTHER_USER)
    through = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    variables = {"HOME": str(own), "SEQ2SEQ_CACHE": _caching(folder, made)}
    return refused(Running(own, arguments, through=through, variables=variables).ended())
