"""Random command lines end with an exit status and a one-line error, never with a traceback."""

import importlib
import inspect
import io
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from experiments import LANGUAGE, TRANSLATION, seq2seq, write_config, write_corpus

from seq2seq.__main__ import COMMANDS, TRAINER_COMMANDS

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
    """Yield random command lines, the same in every run."""
    rng = random.Random(1)
    for _ in range(LINES):
        command = rng.choice([*COMMANDS, "fit", "nonsense"])
        line = [command]
        if command in TRAINER_COMMANDS:
            line += rng.choice([["--config", "good.yaml"], ["--config", "pairs.yaml"], []])
            names = OPTIONS
        elif command in COMMANDS:
            function = getattr(importlib.import_module(f"seq2seq.commands.{command}"), command)
            names = [*inspect.signature(function).parameters, "nonsense"]
            line += [rng.choice(FILES + VALUES) for _ in range(rng.randint(0, 2))]
        else:
            names = ["x"]
        for _ in range(rng.randint(0, 3)):
            option, value = f"--{rng.choice(names)}", rng.choice(FILES + VALUES)
            line += [f"{option}={value}"] if rng.random() < 0.3 else [option, value]
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
def test_command_line_ends_with_status_and_one_line_error(
    line: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one two\n\xff\n")))
    result = seq2seq(*line)
    assert result.status in (0, 1)
    assert "Traceback" not in result.err
    if result.status == 1:
        assert result.err.endswith("\n")
        assert result.err.splitlines()[-1].startswith("seq2seq: ")
        assert len(result.err.splitlines()[-1]) < 600
