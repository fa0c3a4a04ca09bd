"""Random valid and invalid command lines, from the options in the help of each command."""

import os
import random
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import fixtures
from ..case import Case
from ..processes import run_forked
from ..verdict import find_problems

COUNT = 1000
SECONDS = 100  # most command lines take less than two
COMMANDS = (
    "fit", "fit", "fit", "validate", "test", "predict", "tokenize", "sample", "translate", "evaluate", "score",
    "compare", "average", "quantize", "shortlist", "inspect",
)  # fmt: skip
# options of classes, which are not in the help of a command
NESTED = {
    "--data.batch_size": "int", "--data.batch_tokens": "int", "--data.steps": "int", "--data.held_out": "float",
    "--data.max_length": "int", "--data.workers": "int", "--data.corpus": "str", "--data.source": "str",
    "--data.target": "str", "--data.subset": "str", "--data.column": "str", "--data.tokenizer": "Tokenizer",
    "--data.target_tokenizer": "Tokenizer", "--data.tokenizer.size": "int", "--data.tokenizer.sampling": "float",
    "--model.size": "int", "--model.depth": "int", "--model.dropout": "float", "--model.word_dropout": "float",
    "--model.label_smoothing": "float", "--model.layer": "Layer", "--model.encoder": "Layer",
    "--model.decoder": "Layer", "--model.attention": "Layer", "--model.tie": "bool", "--model.heads": "int",
    "--model.layer.init_args.weight_dropout": "float", "--optimizer.lr": "float", "--optimizer.weight_decay": "float",
    "--optimizer.betas": "list", "--lr_scheduler": "Layer", "--lr_scheduler.warmup": "int",
    "--lr_scheduler.floor": "float",
}  # fmt: skip
# options whose large values are valid but slow, so that they only get small or invalid ones
SLOW_IF_LARGE = re.compile(
    r"length$|count$|best$|beams|steps|seeds|minutes|epochs|windows|parameters|max.time|limit|overfit|workers|examples"
    r"|size$|depth|batches|num_nodes|devices|accelerator|strategy|barebones|profiler|detect_anomaly|fast_dev_run"
)
REPEATABLE = ("--config", "--layers", "--trust", "--")  # options that may be given several times
EXCLUDED = re.compile(r"\.help$|trainer\.(?:num_nodes|strategy|devices)$|^--help$|print.config")
PLAUSIBLE = {
    "int": ("1", "2", "3", "5", "17"),
    "float": ("0.1", "0.5", "1", "0", "1e-3", "2.5"),
    "bool": ("true", "false"),
    "str": ("auto", "cpu", "train", "validation", "test", "a", "b", "text", "float32", "bf16", "int8", "A word."),
    "list": ("[0.9,0.99]", "[]", "[0.9]"),
    "Tokenizer": ("Characters", "Bytes", "Words", "Subwords", "TOKENIZER", "WORDS", "CHECKPOINT"),
    "Layer": ("LSTM", "GRU", "RNN", "Mamba", "MinGRU", "RGLRU", "null", "WarmupCosine", "Additive", "MLSTM"),
}
HOSTILE = (
    "", " ", "-1", "0", "-0", "nan", "inf", "-inf", "1e308", "1e400", "9223372036854775807", "9223372036854775808",
    "99999999999999999999999999", "-99999999999999999999999999", "1.5", "1,5", "0x1F", "١٢", "１２", "1e-320", "1_000",
    "true", "null", "None", "[]", "{}", "[1,2", "{a: 1}", "{class_path: os.system}", "os.system", "venv.__main__.X",
    "a=b", "=", "--", "-", "--input", "💥", "é\u0301", "\udcff", "\x01\x1b[31m", "a\nb\nseq2seq: c", "..", "~",
    "../../x", "x" * 5000, "[" * 3000, "NaN", "1 2", "*", "**/*", "!!python/object:os.system", "&a [*a]", "%s%n",
    "\u202e", "cpu:99", "meta", "cuda", "mkldnn", "x:", "2147483647", "4294967296", "!", "@file", "?", "''", '"',
)  # fmt: skip
PATHS = (
    "MISSING", "FOLDER", "EMPTY", "BINARY", "UTF16", "FIFO", "/dev/null", "/dev/full", "/dev/urandom", "LINK", "LOOP",
    "CHECKPOINT", "LANGUAGE", "QUANTIZED", "TOKENIZER", "SHORTLIST", "SOURCES", "TARGETS", "CONFIG", "CORPUS", "", ".",
    "/", "x" * 300, "/proc/self/mem", "/root/x", "/dev/stdin", "/dev/fd/0", "/proc/1/root/x",
)  # fmt: skip


class Option(NamedTuple):
    name: str
    kind: str  # type of its values; empty for a flag


def cases(workdir: Path, seed: int) -> list[Case]:
    files = fixtures.for_workdir(workdir)
    options = {command: options_of(workdir, command) for command in sorted(set(COMMANDS))}
    result = []
    for number in range(COUNT):
        rng = random.Random(f"command lines {seed} {number}")
        line = draw(rng, options)
        stdin_kind = rng.choice(("sources", "sources", "nothing", "binary"))
        check = partial(_check, files, line, stdin_kind)
        result.append(Case(f"{number:04}-{_command_name(line)}", check, seconds=SECONDS + 30))
    return result


def _command_name(line: Sequence[str]) -> str:
    return line[0] if line and line[0] in COMMANDS else "none"


def options_of(workdir: Path, command: str) -> list[Option]:
    """Return the options in the help of a command and those of the classes that it accepts."""
    outcome = run_forked(workdir, command, "--help")
    if problems := find_problems(outcome, statuses={0}):
        raise RuntimeError(f"the help of {command}: {problems}")
    text = outcome.out.decode()
    options = []
    for block in re.split(r"\n(?=  -)", text):
        heading = re.match(r"  (?:-\w(?: \S+)?, )?(--[\w.\-]+)([^\n]*)", block)
        if heading is None or EXCLUDED.search(heading[1]):
            continue
        kind = re.search(r"type:\s+(?:Union\[)?(\w+)", block)
        takes_value = bool(re.match(r"[ =]\S", heading[2]))
        value_type = kind[1] if kind and kind[1] in PLAUSIBLE else "str"
        options.append(Option(heading[1], value_type if takes_value else ""))
    if command in ("fit", "validate", "test", "predict", "compare"):
        options += [Option(name, kind) for name, kind in NESTED.items()]
    if not options:
        raise RuntimeError(f"the help of {command} lists no option")
    return options


def draw(rng: random.Random, options: dict[str, list[Option]]) -> list[str]:
    """Return a random command line, with placeholders in capitals for paths."""
    if rng.random() < 0.03:
        return rng.choice(
            ([], [""], ["--help"], ["-h"], ["--version"], ["tranlsate"], ["--", "fit"], ["fit "], ["FIT"], ["\udcff"],
             ["translate", "--help", "x"], ["--version", "x"], ["💥"], ["a\nb"], ["-x"], ["help"], ["x" * 9999])
        )  # fmt: skip
    command = rng.choice(COMMANDS)
    line = valid_arguments(rng, command)
    if rng.random() < 0.15:  # one of the arguments is missing, doubled or replaced
        at = rng.randrange(len(line))
        line[at : at + 1] = rng.choice(([], [line[at]] * 2, [rng.choice(PATHS)], [rng.choice(HOSTILE)]))
    extra = [rng.choice(options[command]) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
    if extra and rng.random() < 0.08:
        extra.append(extra[0])
    for option in extra:
        line += option_with_value(rng, option)
    if rng.random() < 0.04:
        line.append(rng.choice(HOSTILE))
    return [command, *line]


def valid_arguments(rng: random.Random, command: str) -> list[str]:
    """Return arguments with which a command is valid and fast."""
    config = rng.choice(("CONFIG", "PAIRS"))
    model = {"CONFIG": "LANGUAGE", "PAIRS": "CHECKPOINT"}[config]
    fit = ["--config", config, "--trainer.max_steps", "2", "--trainer.val_check_interval", "2"]
    choices: dict[str, list[list[str]]] = {
        "fit": [fit, fit, [*fit, "--init-from", model], [*fit, "--ckpt-path", model], [*fit, "--resume"]],
        "tokenize": [["SOURCES", "TARGETS", "--out", "OUT", "--tokenizer.size", "300"], ["SOURCES", "--out", "OUT"]],
        "sample": [["LANGUAGE", "--length", "9"]],
        "translate": [["CHECKPOINT", "--input", "SOURCES"], ["CHECKPOINT"], ["QUANTIZED", "--output", "OUT"]],
        "evaluate": [
            ["CHECKPOINT"], ["LANGUAGE"], ["--translations", "SOURCES", "--reference", "TARGETS"],
            ["CHECKPOINT", "--source", "SOURCES", "--reference", "TARGETS"], ["LANGUAGE", "--text", "SOURCES"],
        ],
        "score": [["CHECKPOINT", "--source", "SOURCES", "--target", "TARGETS"], ["LANGUAGE", "--text", "SOURCES"]],
        "compare": [["--config", config, "--layers", "LSTM", "--steps", "2", "--trainer.val_check_interval", "2"]],
        "average": [["RUN", "--output", "OUT"], ["CHECKPOINT", "CHECKPOINT", "--output", "OUT"]],
        "quantize": [["CHECKPOINT", "--output", "OUT"]],
        "shortlist": [["CHECKPOINT", "--output", "OUT"]],
        "inspect": [["gradients", "LANGUAGE", "--steps", "5", "--windows", "4"]],
    }  # fmt: skip
    return list(rng.choice(choices.get(command, [["--config", config, "--ckpt-path", model]])))


def option_with_value(rng: random.Random, option: Option) -> list[str]:
    """Return an option and a value, possibly misspelled, without the value, or with an invalid one."""
    name = option.name
    if rng.random() < 0.05:
        at = rng.randrange(2, len(name))
        name = name[:at] + rng.choice(("x", "", "-", ".", "é")) + name[at + 1 :]
    if not option.kind:
        return [name] if rng.random() < 0.9 else [f"{name}={rng.choice(HOSTILE)}"]
    if rng.random() < 0.04:
        return [name]
    value = rng.choice(PLAUSIBLE[option.kind])
    if rng.random() < 0.45:
        value = rng.choice(HOSTILE)
    elif option.kind == "str" and rng.random() < 0.6:
        value = rng.choice(PATHS)
    if SLOW_IF_LARGE.search(name) and re.fullmatch(r"\+?\d{2,10}", value):
        value = "3"
    return [f"{name}={value}"] if rng.random() < 0.4 else [name, value]


def _check(files: fixtures.Fixtures, line: Sequence[str], stdin_kind: str, folder: Path) -> list[str]:
    paths = _placeholder_paths(files, folder)
    arguments = [re.sub(r"\b[A-Z][A-Z0-9]{2,}\b", lambda m: paths.get(m[0], m[0]), argument) for argument in line]
    stdin = {"sources": files.sources.read_bytes(), "nothing": b"", "binary": bytes(range(256)) * 3}[stdin_kind]
    before = _file_stats(files.folder)
    outcome = run_forked(folder, *arguments, stdin=stdin, seconds=SECONDS)
    waiting = (
        outcome.status is None and "waiting for a process that" in outcome.err
    )  # for the other end of a pipe, which is reported
    problems = [] if waiting else find_problems(outcome, statuses={0, 1, 2})
    if _file_stats(files.folder) != before:
        problems.append("an input file was changed")
    if leftover := [str(path) for path in folder.rglob("*.partial")]:
        problems.append(f"a partial file is left: {leftover}")
    if outcome.status == 0 and (repeated := _repeated_option(arguments)):
        problems.append(f"{repeated} was given twice and accepted")
    if re.search(r"unknown option (\S+); did you mean \1\?", outcome.last_line):
        problems.append(f"useless suggestion: {outcome.last_line[:300]!r}")
    return [f"{str(arguments)[:2000]}: {problem}" for problem in problems]


def _repeated_option(arguments: Sequence[str]) -> str:
    """Return an option that has a value twice on a command line, or an empty string."""
    names = []
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        name, equals, value = argument.partition("=")
        if name.startswith("--") and (value if equals else following and not following.startswith("--")):
            names.append(name.replace("_", "-"))
    return next((name for name in names if names.count(name) > 1 and name not in REPEATABLE), "")


def _placeholder_paths(files: fixtures.Fixtures, folder: Path) -> dict[str, str]:
    (folder / "empty").touch()
    (folder / "binary").write_bytes(random.Random(3).randbytes(3000))
    (folder / "utf16").write_text("one two\nthree\n", encoding="utf-16")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to(files.sources)
    (folder / "loop").symlink_to("loop")
    # copies, since a command line may use them as its output
    copies = {"SOURCES": files.sources, "TARGETS": files.targets, "TOKENIZER": files.tokenizer, "WORDS": files.words}
    copies |= {"SHORTLIST": files.shortlist, "CHECKPOINT": files.checkpoint("translator"), "QUANTIZED": files.quantized}
    copies |= {"LANGUAGE": files.checkpoint("language"), "CONFIG": files.config("language")}
    copies |= {"PAIRS": files.config("translator")}
    paths = {name: folder / path.name for name, path in copies.items()}
    for name, path in copies.items():
        if name in ("CHECKPOINT", "LANGUAGE"):
            paths[name] = folder / f"{name.lower()}.ckpt"
        shutil.copyfile(path, paths[name])
    paths |= {"MISSING": folder / "missing" / "file", "FOLDER": folder / "folder", "EMPTY": folder / "empty"}
    paths |= {"BINARY": folder / "binary", "UTF16": folder / "utf16", "FIFO": folder / "fifo"}
    paths |= {"LINK": folder / "link", "LOOP": folder / "loop", "OUT": folder / "out"}
    paths |= {"RUN": files.run("translator"), "CORPUS": files.corpus}
    return {name: str(path) for name, path in paths.items()}


def _file_stats(folder: Path) -> list[tuple[str, int, int]]:
    """Return path, size and modification time of the fixtures, which no command line may change."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
