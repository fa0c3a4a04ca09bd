"""On Ctrl-C and SIGTERM the step is finished, a checkpoint is saved, and the exit status is that of the signal."""

import re
import signal
from pathlib import Path

import pytest
from experiments import (
    LANGUAGE,
    TRANSLATION,
    CommandResult,
    FreshProcess,
    RunningCommand,
    checkpoint,
    seq2seq,
    write_config,
)


def run_and_signal(tmp_path: Path, text: str, corpus: Path, number: signal.Signals, *options: str) -> CommandResult:
    """Run a long training and send a signal to its process group after the second validation."""
    config = write_config(tmp_path, text, corpus, "long")
    command = ("--config", config, "--runs", tmp_path, "--trainer.max_steps", "1000000", *options)
    running = RunningCommand(tmp_path, "fit", *command)
    running.wait_for_output("\nstep 4 of")
    running.send(number, group=True)
    return running.wait()


@pytest.mark.parametrize(
    ("number", "text", "options"),
    [(signal.SIGINT, TRANSLATION, ("--data.workers", "1")), (signal.SIGTERM, LANGUAGE, ())],
    ids=["Ctrl-C, with a worker process", "SIGTERM"],
)
def test_signal_stops_training_after_the_step_with_a_checkpoint(
    tmp_path: Path, corpus: Path, number: signal.Signals, text: str, options: tuple[str, ...]
) -> None:
    result = run_and_signal(tmp_path, text, corpus, number, *options)
    assert result.status == 128 + number, result.err
    assert "Traceback" not in result.err
    assert result.err.count("stopping after this step; the same signal again stops at once") == 1
    message = re.search(r"^stopped after step ([\d,]+); --resume continues from (.+)$", result.out, re.MULTILINE)
    assert message is not None, result.out
    step = int(message[1].replace(",", ""))
    run = tmp_path / "long" / "1"
    assert Path(message[2]) == run / "checkpoints" / "last.ckpt"
    assert checkpoint(run)["global_step"] == step >= 4
    assert not (run / "finished.json").exists()
    more = ("--resume", "--trainer.max_steps", str(step + 1))
    assert seq2seq("fit", "--config", tmp_path / "long.yaml", "--runs", tmp_path, *more).status == 0
    assert checkpoint(run)["global_step"] == step + 1


def test_signal_handlers_are_restored_after_training(tmp_path: Path, corpus: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    config = write_config(tmp_path, LANGUAGE, corpus)
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "1").status == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


# sends the signal after Lightning has set its handlers and before ResumeCheckpoint has
EARLY_SIGNAL = """
import os, signal, sys
from seq2seq.__main__ import main
from seq2seq.training import ResumeCheckpoint

start = ResumeCheckpoint.on_train_start

def signalled(self, trainer, module):
    os.kill(os.getpid(), signal.SIGTERM)
    start(self, trainer, module)

ResumeCheckpoint.on_train_start = signalled
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("batches", [1, 9])
def test_signal_before_the_first_step_stops_after_it(tmp_path: Path, corpus: Path, batches: int) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    line = ("fit", "--config", config, "--runs", tmp_path, "--trainer.limit_train_batches", str(batches))
    result = FreshProcess(tmp_path / "result", EARLY_SIGNAL, *line).wait()
    assert result.status == 143, result.err
    assert checkpoint(tmp_path / "config" / "1")["global_step"] == 1
