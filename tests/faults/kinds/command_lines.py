"""Command lines that are drawn from the options that each command's own help lists, valid and not."""

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
from ..processes import forked
from ..verdict import complaints

NUMBER = 1000
SECONDS = 100  # most lines take less than two
COMMANDS = (
    "fit", "fit", "fit", "validate", "test", "predict", "tokenize", "sample", "translate", "evaluate", "score",
    "compare", "average", "quantize", "shortlist", "inspect",
)  # fmt: skip
# options of classes, which the help of a command does not list
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
# options whose great values are in order and take long, so that they only get small or impossible ones
SLOW = re.compile(
    r"length$|count$|best$|beams|steps|seeds|minutes|epochs|windows|parameters|max.time|limit|overfit|workers|examples"
    r"|size$|depth|batches|num_nodes|devices|accelerator|strategy|barebones|profiler|detect_anomaly|fast_dev_run"
)
LISTS = ("--config", "--layers", "--trust", "--")  # options that may be given several times, and flags
LEFT_OUT = re.compile(r"\.help$|trainer\.(?:num_nodes|strategy|devices)$|^--help$|print.config")
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
    kind: str  # of its values; empty for a flag


def cases(stage: Path, seed: int) -> list[Case]:
    made = fixtures.of(stage)
    listed = {command: options_of(stage, command) for command in sorted(set(COMMANDS))}
    found = []
    for number in range(NUMBER):
        chance = random.Random(f"command lines {seed} {number}")
        line = draw(chance, listed)
        given = chance.choice(("sources", "sources", "nothing", "binary"))
        check = partial(_check, made, line, given)
        found.append(Case(f"{number:04}-{_named(line)}", check, seconds=SECONDS + 30))
    return found


def _named(line: Sequence[str]) -> str:
    return line[0] if line and line[0] in COMMANDS else "none"


def options_of(stage: Path, command: str) -> list[Option]:
    """What the help of a command lists, and the options of the classes that it takes."""
    shown = forked(stage, command, "--help")
    if wrong := complaints(shown, statuses={0}):
        raise RuntimeError(f"the help of {command}: {wrong}")
    text = shown.out.decode()
    found = []
    for block in re.split(r"\n(?=  -)", text):
        heading = re.match(r"  (?:-\w(?: \S+)?, )?(--[\w.\-]+)([^\n]*)", block)
        if heading is None or LEFT_OUT.search(heading[1]):
            continue
        kind = re.search(r"type:\s+(?:Union\[)?(\w+)", block)
        takes = bool(re.match(r"[ =]\S", heading[2]))
        known = kind[1] if kind and kind[1] in PLAUSIBLE else "str"
        found.append(Option(heading[1], known if takes else ""))
    if command in ("fit", "validate", "test", "predict", "compare"):
        found += [Option(name, kind) for name, kind in NESTED.items()]
    if not found:
        raise RuntimeError(f"the help of {command} lists no option")
    return found


def draw(chance: random.Random, listed: dict[str, list[Option]]) -> list[str]:
    """A command line, with names in capitals for what is put in later."""
    if chance.random() < 0.03:
        return chance.choice(
            ([], [""], ["--help"], ["-h"], ["--version"], ["tranlsate"], ["--", "fit"], ["fit "], ["FIT"], ["\udcff"],
             ["translate", "--help", "x"], ["--version", "x"], ["💥"], ["a\nb"], ["-x"], ["help"], ["x" * 9999])
        )  # fmt: skip
    command = chance.choice(COMMANDS)
    line = base(chance, command)
    if chance.random() < 0.15:  # one of the words is lost, doubled or something else
        at = chance.randrange(len(line))
        line[at : at + 1] = chance.choice(([], [line[at]] * 2, [chance.choice(PATHS)], [chance.choice(HOSTILE)]))
    drawn = [chance.choice(listed[command]) for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3)))]
    if drawn and chance.random() < 0.08:
        drawn.append(drawn[0])
    for option in drawn:
        line += with_value(chance, option)
    if chance.random() < 0.04:
        line.append(chance.choice(HOSTILE))
    return [command, *line]


def base(chance: random.Random, command: str) -> list[str]:
    """What makes a command valid, and short."""
    config = chance.choice(("CONFIG", "PAIRS"))
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
    return list(chance.choice(choices.get(command, [["--config", config, "--ckpt-path", model]])))


def with_value(chance: random.Random, option: Option) -> list[str]:
    """An option as it stands on a command line, perhaps misspelt, without its value, or with a wrong one."""
    name = option.name
    if chance.random() < 0.05:
        at = chance.randrange(2, len(name))
        name = name[:at] + chance.choice(("x", "", "-", ".", "é")) + name[at + 1 :]
    if not option.kind:
        return [name] if chance.random() < 0.9 else [f"{name}={chance.choice(HOSTILE)}"]
    if chance.random() < 0.04:
        return [name]
    value = chance.choice(PLAUSIBLE[option.kind])
    if chance.random() < 0.45:
        value = chance.choice(HOSTILE)
    elif option.kind == "str" and chance.random() < 0.6:
        value = chance.choice(PATHS)
    if SLOW.search(name) and re.fullmatch(r"\+?\d{2,10}", value):
        value = "3"
    return [f"{name}={value}"] if chance.random() < 0.4 else [name, value]


def _check(made: fixtures.Fixtures, line: Sequence[str], given: str, folder: Path) -> list[str]:
    places = _places(made, folder)
    words = [re.sub(r"\b[A-Z][A-Z0-9]{2,}\b", lambda m: places.get(m[0], m[0]), word) for word in line]
    stdin = {"sources": made.sources.read_bytes(), "nothing": b"", "binary": bytes(range(256)) * 3}[given]
    before = _contents(made.folder)
    ended = forked(folder, *words, given=stdin, seconds=SECONDS)
    waits = (
        ended.status is None and "waiting for a process that" in ended.err
    )  # at the other end of a pipe, and says so
    wrong = [] if waits else complaints(ended, statuses={0, 1, 2})
    if _contents(made.folder) != before:
        wrong.append("a file that was to be read was changed")
    if left := [str(path) for path in folder.rglob("*.partial")]:
        wrong.append(f"a partial file is left: {left}")
    if ended.status == 0 and (twice := _twice(words)):
        wrong.append(f"{twice} was given twice and accepted")
    if re.search(r"unknown option (\S+); did you mean \1\?", ended.sentence):
        wrong.append(f"no help: {ended.sentence[:300]!r}")
    return [f"{str(words)[:2000]}: {one}" for one in wrong]


def _twice(words: Sequence[str]) -> str:
    """An option that gets a value twice on a command line; an empty one is none, and a flag has none."""
    names = []
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("--") and (value if equals else following and not following.startswith("--")):
            names.append(name.replace("_", "-"))
    return next((name for name in names if names.count(name) > 1 and name not in LISTS), "")


def _places(made: fixtures.Fixtures, folder: Path) -> dict[str, str]:
    (folder / "empty").touch()
    (folder / "binary").write_bytes(random.Random(3).randbytes(3000))
    (folder / "utf16").write_text("one two\nthree\n", encoding="utf-16")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to(made.sources)
    (folder / "loop").symlink_to("loop")
    # copies, so that a line that names them as its output harms no other
    copies = {"SOURCES": made.sources, "TARGETS": made.targets, "TOKENIZER": made.tokenizer, "WORDS": made.words}
    copies |= {"SHORTLIST": made.shortlist, "CHECKPOINT": made.checkpoint("translator"), "QUANTIZED": made.quantized}
    copies |= {"LANGUAGE": made.checkpoint("language"), "CONFIG": made.config("language")}
    copies |= {"PAIRS": made.config("translator")}
    places = {name: folder / path.name for name, path in copies.items()}
    for name, path in copies.items():
        if name in ("CHECKPOINT", "LANGUAGE"):
            places[name] = folder / f"{name.lower()}.ckpt"
        shutil.copyfile(path, places[name])
    places |= {"MISSING": folder / "missing" / "file", "FOLDER": folder / "folder", "EMPTY": folder / "empty"}
    places |= {"BINARY": folder / "binary", "UTF16": folder / "utf16", "FIFO": folder / "fifo"}
    places |= {"LINK": folder / "link", "LOOP": folder / "loop", "OUT": folder / "out"}
    places |= {"RUN": made.run("translator"), "CORPUS": made.corpus}
    return {name: str(path) for name, path in places.items()}


def _contents(folder: Path) -> list[tuple[str, int, int]]:
    """The files of the fixtures, which no command line may change."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found)
