"""Read-only and unreadable files and folders, used by a user other than root."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from .. import fixtures, mounts
from ..case import Case, NotTriedError
from ..processes import ANOTHER_USER, ROOT, Running, run_forked
from ..verdict import Outcome, find_problems

OLD_CONTENT = b"as it was\n"
MODES = {"read-only": 0o555, "unreachable": 0o000, "not-listed": 0o311}
INPUTS = ("checkpoint", "corpus", "config", "input", "tokenizer", "shortlist", "run")
WRITING_COMMANDS = ("translate", "score", "tokenize", "quantize", "average", "shortlist", "inspect")


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for name, mode in MODES.items():
        for command in WRITING_COMMANDS:
            result.append(Case(f"output-folder-{name}-{command}", partial(_output_folder, workdir, command, mode)))
        for part in ("runs", "name", "run", "checkpoints", "logs"):
            result.append(Case(f"training-{part}-{name}", partial(_training, workdir, part, mode)))
        result.append(Case(f"cache-{name}", partial(_cache, workdir, mode)))
        result.append(Case(f"compare-{name}", partial(_compare, workdir, mode)))
    for command in WRITING_COMMANDS[:-1]:
        result.append(Case(f"output-file-{command}", partial(_output_file, workdir, command)))
    for name in INPUTS:
        for mode in (0o000, 0o200):
            result.append(Case(f"input-{name}-{mode:03o}", partial(_input, workdir, name, mode)))
    for command in ("translate", "fit"):
        result.append(Case(f"setpriv-{command}", partial(_setpriv, workdir, command)))
    return result


def check_refused(outcome: Outcome, messages: Sequence[str] = ("Permission denied", "Read-only")) -> list[str]:
    """Return the problems of a command without the permissions, which must fail with one of these messages."""
    problems = find_problems(outcome, statuses={1})
    if not problems and not any(message in outcome.last_line for message in messages):
        problems.append(f"its error message does not name the missing permission: {outcome.last_line[:300]!r}")
    return problems


def run_as_other_user(folder: Path, *arguments: str | Path, **variables: str) -> Outcome:
    """Run a command as a user other than root."""
    if os.getuid() == 0:
        _grant_access()
    return run_forked(folder, *arguments, user=ANOTHER_USER, **{"HOME": str(folder), **variables})


@cache
def _grant_access() -> None:
    """Make the interpreter and the package accessible to other users."""
    mounts.unshare()
    mounts.grant_access(Path(sys.base_prefix), Path(sys.prefix), ROOT)


def _give_away(path: Path) -> Path:
    """Change the owner of a folder and its contents to the other user."""
    if os.getuid() == 0:
        for item in [path, *path.rglob("*")]:
            os.chown(item, ANOTHER_USER, ANOTHER_USER, follow_symlinks=False)
    return path


def _make_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _copy_cache(folder: Path, files: fixtures.Fixtures) -> str:
    """Create a complete cache that belongs to the other user."""
    cache = folder / "cache"
    shutil.copytree(files.cache, cache)
    return str(_give_away(cache))


def _arguments(files: fixtures.Fixtures, command: str) -> Callable[[Path], list[str | Path]]:
    translator, language = files.run("translator"), files.run("language")
    return {
        "translate": lambda out: ["translate", translator, "--input", files.sources, "--output", out],
        "score": lambda out: [
            "score", translator, "--source", files.sources, "--target", files.targets, "--output", out
        ],
        "tokenize": lambda out: ["tokenize", files.sources, "--out", out, "--tokenizer", "Words"],
        "quantize": lambda out: ["quantize", translator, "--output", out],
        "average": lambda out: ["average", translator, "--output", out],
        "shortlist": lambda out: ["shortlist", translator, "--output", out],
        "inspect": lambda out: ["inspect", "gradients", language, "--steps", "5", "--windows", "4", "--output", out],
    }[command]  # fmt: skip


def _output_folder(workdir: Path, command: str, mode: int, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    target = _make_folder(folder, "place")
    _give_away(target).chmod(mode)
    outcome = run_as_other_user(_give_away(_make_folder(folder, "own")), *_arguments(files, command)(target / "output"))
    if mode == MODES["not-listed"]:  # it can be written but not listed
        return find_problems(outcome, statuses={0})
    problems = check_refused(outcome)
    target.chmod(0o755)
    return problems + ([f"it left {os.listdir(target)}"] if os.listdir(target) else [])


def _output_file(workdir: Path, command: str, folder: Path) -> list[str]:
    """A read-only file is not replaced, although its folder is writable."""
    files = fixtures.for_workdir(workdir)
    target = _make_folder(folder, "place")
    (target / "output").write_bytes(OLD_CONTENT)
    (target / "output").chmod(0o444)
    _give_away(target)
    problems = check_refused(run_as_other_user(target, *_arguments(files, command)(target / "output")))
    if (target / "output").read_bytes() != OLD_CONTENT or os.listdir(target) != ["output"]:
        problems.append(f"the file was replaced, or other files were left: {os.listdir(target)}")
    return problems


def _training(workdir: Path, part: str, mode: int, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    home = _make_folder(folder, "own")
    fit = ["fit", "--config", files.config("language"), "--runs", home / "runs", "--trainer.max_steps", "4"]
    fit += ["--keep.every_n_steps", "1", "--trainer.val_check_interval", "2"]
    resumed = part in ("run", "checkpoints", "logs")
    target = {"runs": "runs", "name": "runs/language", "run": "runs/language/1"}.get(part, f"runs/language/1/{part}")
    if resumed:
        if problems := find_problems(run_forked(home, *fit, "--trainer.max_steps", "2"), statuses={0, 1, 2}):
            return problems
        if not (home / target).exists():
            first = [*fit[:5], "--trainer.max_steps", "2", *fit[7:]]
            if problems := find_problems(run_forked(home, *first), statuses={0}):
                return problems
        fit.append("--resume")
    (home / target).mkdir(parents=True, exist_ok=True)
    _give_away(home)
    (home / target).chmod(mode)
    cache = _copy_cache(folder, files)
    before = _snapshot(home / target)
    outcome = run_as_other_user(home, *fit, SEQ2SEQ_CACHE=cache)
    if outcome.status == 0:
        problems = find_problems(outcome, statuses={0})
    else:
        problems = check_refused(outcome, ("Permission denied", "Read-only", "nothing to resume", "no run"))
    return problems + (
        [] if outcome.status == 0 or _snapshot(home / target) == before else ["it changed a protected folder"]
    )


def _snapshot(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if not stat.S_ISDIR(path.lstat().st_mode))


def _cache(workdir: Path, mode: int, folder: Path) -> list[str]:
    """An empty cache that cannot be written or read."""
    files = fixtures.for_workdir(workdir)
    home, cache = _give_away(_make_folder(folder, "own")), _give_away(_make_folder(folder, "cache"))
    cache.chmod(mode)
    fit = ["fit", "--config", files.config("subwords"), "--runs", home / "runs", "--trainer.max_steps", "1"]
    outcome = run_as_other_user(home, *fit, SEQ2SEQ_CACHE=str(cache))
    problems = find_problems(outcome, statuses={0}) if mode == MODES["not-listed"] else check_refused(outcome)
    translated = run_as_other_user(
        home, "translate", files.quantized, "--input", files.sources, SEQ2SEQ_CACHE=str(cache)
    )
    return problems + find_problems(translated, statuses={0})  # without the kernels, torch's matrix products are used


def _compare(workdir: Path, mode: int, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    home, target = _give_away(_make_folder(folder, "own")), _give_away(_make_folder(folder, "place"))
    target.chmod(mode)
    arguments = ["compare", "--config", files.config("language"), "--layers", "LSTM", "--steps", "2"]
    outcome = run_as_other_user(
        home, *arguments, "--output", target / "comparison", SEQ2SEQ_CACHE=_copy_cache(folder, files)
    )
    return find_problems(outcome, statuses={0}) if mode == MODES["not-listed"] else check_refused(outcome)


def _input(workdir: Path, name: str, mode: int, folder: Path) -> list[str]:
    """An input cannot be read."""
    files = fixtures.for_workdir(workdir)
    home = _make_folder(folder, "own")
    translate = ["translate", files.run("translator"), "--input", files.sources]
    if name in ("corpus", "run"):
        target = home / name
        shutil.copytree(files.corpus if name == "corpus" else files.run("translator"), target)
    else:
        source = {
            "checkpoint": files.checkpoint("translator"),
            "config": files.config("language"),
            "input": files.sources,
            "tokenizer": files.tokenizer,
            "shortlist": files.shortlist,
        }[name]
        target = home / f"{name}{source.suffix}"
        shutil.copyfile(source, target)
    _give_away(home)
    target.chmod(mode)
    fit = ["fit", "--config", files.config("translator"), "--runs", home / "runs", "--trainer.max_steps", "1"]
    arguments = {
        "checkpoint": ["translate", target, "--input", files.sources],
        "run": ["translate", target, "--input", files.sources],
        "config": ["fit", "--config", target, "--runs", home / "runs"],
        "input": ["translate", files.run("translator"), "--input", target],
        "corpus": [*fit, "--data.corpus", target],
        "tokenizer": [*fit, "--data.tokenizer", target],
        "shortlist": [*translate, "--shortlist", target],
    }[name]
    outcome = run_as_other_user(home, *arguments, SEQ2SEQ_CACHE=_copy_cache(folder, files))
    return check_refused(outcome)


def _setpriv(workdir: Path, command: str, folder: Path) -> list[str]:
    """A command in a new process started by setpriv."""
    if os.getuid() != 0:
        raise NotTriedError("only root can become another user")
    if shutil.which("setpriv") is None:
        raise NotTriedError("setpriv is not installed")
    _grant_access()
    files = fixtures.for_workdir(workdir)
    home, target = _give_away(_make_folder(folder, "own")), _give_away(_make_folder(folder, "place"))
    target.chmod(MODES["read-only"])
    fit = ["fit", "--config", files.config("language"), "--runs", target / "runs", "--trainer.max_steps", "1"]
    arguments = fit if command == "fit" else _arguments(files, command)(target / "output")
    user = str(ANOTHER_USER)
    launcher = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    variables = {"HOME": str(home), "SEQ2SEQ_CACHE": _copy_cache(folder, files)}
    return check_refused(Running(home, arguments, launcher=launcher, env=variables).wait())
