"""Ctrl-C and SIGTERM let the step finish, write a checkpoint, say how to go on and end with the signal's status."""

import re
import signal
from pathlib import Path

import pytest
from experiments import LANGUAGE, TRANSLATION, Fresh, Running, Told, checkpoint, seq2seq, write_config


def stopped(tmp_path: Path, text: str, texts: Path, number: signal.Signals, *options: str) -> Told:
    """A long training, to whose whole group of processes a signal is sent after its second validation."""
    config = write_config(tmp_path, text, texts, "long")
    long = ("--config", config, "--runs", tmp_path, "--trainer.max_steps", "1000000", *options)
    running = Running(tmp_path, "fit", *long)
    running.wait_for("\nstep 4 of")
    running.send(number, group=True)
    return running.ended()


@pytest.mark.parametrize(
    ("number", "text", "options"),
    [(signal.SIGINT, TRANSLATION, ("--data.workers", "1")), (signal.SIGTERM, LANGUAGE, ())],
    ids=["Ctrl-C, which reaches the workers too", "SIGTERM"],
)
def test_a_signal_ends_training_after_the_step_with_a_checkpoint(
    tmp_path: Path, texts: Path, number: signal.Signals, text: str, options: tuple[str, ...]
) -> None:
    told = stopped(tmp_path, text, texts, number, *options)
    assert told.status == 128 + number, told.err
    assert "Traceback" not in told.err
    assert told.err.count("stopping after this step; the same signal again stops at once") == 1
    said = re.search(r"^stopped after step ([\d,]+); --resume goes on from (.+)$", told.out, re.MULTILINE)
    assert said is not None, told.out
    step = int(said[1].replace(",", ""))
    run = tmp_path / "long" / "1"
    assert Path(said[2]) == run / "checkpoints" / "last.ckpt"
    assert checkpoint(run)["global_step"] == step >= 4
    assert not (run / "finished.json").exists()
    more = ("--resume", "--trainer.max_steps", str(step + 1))
    assert seq2seq("fit", "--config", tmp_path / "long.yaml", "--runs", tmp_path, *more).status == 0
    assert checkpoint(run)["global_step"] == step + 1


def test_signals_are_answered_as_before_once_training_has_ended(tmp_path: Path, texts: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    config = write_config(tmp_path, LANGUAGE, texts)
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "1").status == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


# the signal comes when Lightning listens already and the callback that writes last.ckpt does not
EARLY = """
import os, signal, sys
from seq2seq.__main__ import main
from seq2seq.training import Continuation

start = Continuation.on_train_start

def signalled(self, trainer, module):
    os.kill(os.getpid(), signal.SIGTERM)
    start(self, trainer, module)

Continuation.on_train_start = signalled
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("batches", [1, 9])
def test_a_signal_before_the_first_step_lets_it_finish_at_the_end_of_an_epoch_too(
    tmp_path: Path, texts: Path, batches: int
) -> None:
    config = write_config(tmp_path, LANGUAGE, texts)
    line = ("fit", "--config", config, "--runs", tmp_path, "--trainer.limit_train_batches", str(batches))
    told = Fresh(tmp_path / "told", EARLY, *line).ended()
    assert told.status == 143, told.err
    assert checkpoint(tmp_path / "config" / "1")["global_step"] == 1
