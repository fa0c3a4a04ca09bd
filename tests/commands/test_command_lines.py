"""Generated command lines: whatever is given, a command ends with a status and one sentence, and never a traceback."""

import importlib
import inspect
import io
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from experiments import LANGUAGE, TRANSLATION, seq2seq, write_config, write_corpus

from seq2seq.__main__ import COMMANDS, EXPERIMENTS

LINES = 120
VALUES = [
    "",
    "-1",
    "0",
    "1",
    "2.5",
    "nan",
    ".nan",
    "inf",
    "-.inf",
    "1e308",
    str(2**63),
    "1" * 5000,
    "x",
    "null",
    "true",
]
VALUES += [
    "[",
    "{a: b",
    "[1, 2]",
    "{class_path: LSTM}",
    "*a",
    "!!python/name:os.system",
    "[" * 300,
    "a b",
    "ü",
    "\udcff",
]
VALUES += [
    "a\nb",
    "\x1b[31m",
    "%s{0}",
    "..",
    "/",
    ".",
    "-",
    "/dev/null",
    "absent/file",
    "LSTM",
    "Words",
    "meta",
    "cuda:99",
]
FILES = ["text.txt", "empty.txt", "utf16.txt", "binary", "folder", "good.yaml", "pairs.yaml", "bad.yaml", "deep.json"]
OPTIONS = [
    "model",
    "model.size",
    "model.depth",
    "model.layer",
    "model.layer.heads",
    "model.dropout",
    "data",
    "data.corpus",
]
OPTIONS += [
    "data.tokenizer",
    "data.batch_size",
    "data.held_out",
    "trainer.devices",
    "trainer.max_steps",
    "trainer.callbacks",
]
OPTIONS += ["trainer.accelerator", "trainer.val_check_interval", "optimizer", "optimizer.lr", "optimizer.betas", "name"]
OPTIONS += [
    "lr_scheduler",
    "lr_scheduler.warmup",
    "checkpoint.save_top_k",
    "seed_everything",
    "keep.minutes",
    "ckpt_path",
]
OPTIONS += ["config", "init_from", "resume", "nonsense", "model.nonsense", "trainer.nonsense"]


def lines() -> Iterator[list[str]]:
    """Yield command lines, the same in every run."""
    chance = random.Random(1)
    for _ in range(LINES):
        command = chance.choice([*COMMANDS, "fit", "nonsense"])
        line = [command]
        if command in EXPERIMENTS:
            line += chance.choice([["--config", "good.yaml"], ["--config", "pairs.yaml"], []])
            names = OPTIONS
        elif command in COMMANDS:
            function = getattr(importlib.import_module(f"seq2seq.commands.{command}"), command)
            names = [*inspect.signature(function).parameters, "nonsense"]
            line += [chance.choice(FILES + VALUES) for _ in range(chance.randint(0, 2))]
        else:
            names = ["x"]
        for _ in range(chance.randint(0, 3)):
            option, value = f"--{chance.choice(names)}", chance.choice(FILES + VALUES)
            line += [f"{option}={value}"] if chance.random() < 0.3 else [option, value]
        yield line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_corpus(tmp_path_factory.mktemp("lines"))
    (folder / "empty.txt").write_bytes(b"")
    (folder / "utf16.txt").write_bytes("one two\n".encode("utf-16"))
    (folder / "binary").write_bytes(bytes(random.Random(2).randbytes(3000)))
    (folder / "folder").mkdir()
    write_config(folder, LANGUAGE, folder, "good")
    write_config(folder, TRANSLATION, folder, "pairs")
    (folder / "bad.yaml").write_text("model: [LanguageModel\ndata: 3\n", encoding="utf-8")
    (folder / "deep.json").write_text("[" * 50_000, encoding="utf-8")
    return folder


@pytest.mark.parametrize("line", lines(), ids=lambda line: ascii(" ".join(line))[:60])
def test_a_command_line_ends_with_a_status_and_a_sentence(
    line: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one two\n\xff\n")))
    told = seq2seq(*line)
    assert told.status in (0, 1)
    assert "Traceback" not in told.err
    if told.status == 1:
        assert told.err.endswith("\n")
        assert told.err.splitlines()[-1].startswith("seq2seq: ")
        assert len(told.err.splitlines()[-1]) < 600
