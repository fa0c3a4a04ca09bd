"""A training says in one line at each validation where it stands, and draws a bar where there is a terminal."""

import math
import os
import pty
import re
import threading
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Trained
from experiments import LANGUAGE, metrics, write_config

from seq2seq.__main__ import main
from seq2seq.training.progress import minutes, said


def lines(told: str) -> list[str]:
    return [line for line in told.splitlines() if line.startswith("step ")]


def test_each_validation_is_one_line_with_loss_perplexity_and_time_left(writer: Trained) -> None:
    found = lines(writer.told.out)
    assert [int(line.split()[1]) for line in found] == [1, 2, 3, 4, 5, 6]
    losses = [row["val_loss"] for row in metrics(writer.folder) if "val_loss" in row]
    for line, loss in zip(found, losses, strict=True):
        assert f"val loss {loss:.3f} (perplexity {math.exp(loss):.3g})" in line
        assert re.search(r"of 6  train loss \d.*  \d+:\d\d gone, about \d+:\d\d left$", line)
    assert "tokens/s" in found[-1]


def test_a_translator_says_its_bleu(translator: Trained) -> None:
    assert [re.search(r"  BLEU (\d+\.\d)  ", line) is not None for line in lines(translator.told.out)] == [True] * 3


def test_there_is_no_bar_without_a_terminal(writer: Trained) -> None:
    assert "\r" not in writer.told.out
    assert "\x1b" not in writer.told.out
    assert "━" not in writer.told.out


def test_a_terminal_has_a_bar_and_the_same_lines(tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    seen = bytearray()

    def watch() -> None:
        while True:
            try:
                seen.extend(os.read(ours, 4096))
            except OSError:  # the other end is closed
                return

    watching = threading.Thread(target=watch)
    watching.start()
    config = write_config(tmp_path, LANGUAGE, texts)
    with os.fdopen(theirs, "w") as terminal, redirect_stdout(terminal):
        assert main(["fit", "--config", str(config), "--runs", str(tmp_path), "--trainer.max_steps", "4"]) == 0
    watching.join(timeout=10)
    os.close(ours)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen.decode())
    assert "━" in text
    assert re.search(r"4/4\s+train loss \d", text)
    assert re.search(r"[\r\n]step 2 of 4  [^\r\n]*val loss", text)


@pytest.mark.parametrize(("seconds", "words"), [(0.0, "0:00"), (61.9, "1:01"), (6000.0, "100:00"), (math.inf, "?")])
def test_time_is_said_in_minutes(seconds: float, words: str) -> None:
    assert minutes(seconds) == words


def test_what_is_not_known_yet_is_not_said() -> None:
    trainer: Any = SimpleNamespace(callback_metrics={"val_loss": math.log(20), "val_bleu": 31.26})
    assert said(trainer, "train_loss", "val_loss", "val_bleu") == "val loss 2.996 (perplexity 20)  BLEU 31.3"
