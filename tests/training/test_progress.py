"""Training prints one line of metrics at each validation, and a progress bar on a terminal."""

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
from seq2seq.training.progress import format_metrics, format_minutes


def validation_lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("step ")]


def test_validation_line_has_loss_perplexity_and_remaining_time(language_run: Trained) -> None:
    lines = validation_lines(language_run.result.out)
    assert [int(line.split()[1]) for line in lines] == [1, 2, 3, 4, 5, 6]
    losses = [row["val_loss"] for row in metrics(language_run.folder) if "val_loss" in row]
    for line, loss in zip(lines, losses, strict=True):
        assert f"val loss {loss:.3f} (perplexity {math.exp(loss):.3g})" in line
        assert re.search(r"of 6  train loss \d.*  \d+:\d\d gone, about \d+:\d\d left$", line)
    assert "tokens/s" in lines[-1]


def test_translator_prints_bleu(translation_run: Trained) -> None:
    assert [
        re.search(r"  BLEU (\d+\.\d)  ", line) is not None for line in validation_lines(translation_run.result.out)
    ] == [True] * 3


def test_no_progress_bar_without_a_terminal(language_run: Trained) -> None:
    assert "\r" not in language_run.result.out
    assert "\x1b" not in language_run.result.out
    assert "━" not in language_run.result.out


def test_progress_bar_and_validation_lines_on_a_terminal(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    reader, writer = pty.openpty()
    output = bytearray()

    def read() -> None:
        while True:
            try:
                output.extend(os.read(reader, 4096))
            except OSError:  # the other end is closed
                return

    thread = threading.Thread(target=read)
    thread.start()
    config = write_config(tmp_path, LANGUAGE, corpus)
    with os.fdopen(writer, "w") as terminal, redirect_stdout(terminal):
        assert main(["fit", "--config", str(config), "--runs", str(tmp_path), "--trainer.max_steps", "4"]) == 0
    thread.join(timeout=10)
    os.close(reader)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", output.decode())
    assert "━" in text
    assert re.search(r"4/4\s+train loss \d", text)
    assert re.search(r"[\r\n]step 2 of 4  [^\r\n]*val loss", text)


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, "0:00"), (61.9, "1:01"), (6000.0, "100:00"), (math.inf, "?")])
def test_time_is_formatted_in_minutes(seconds: float, expected: str) -> None:
    assert format_minutes(seconds) == expected


def test_missing_metrics_are_left_out() -> None:
    trainer: Any = SimpleNamespace(callback_metrics={"val_loss": math.log(20), "val_bleu": 31.26})
    assert format_metrics(trainer, "train_loss", "val_loss", "val_bleu") == "val loss 2.996 (perplexity 20)  BLEU 31.3"
