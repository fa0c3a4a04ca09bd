"""A run folder is locked by one process at a time, and the lock is released when the process ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from experiments import LANGUAGE, RunningCommand, checkpoint, same_training, seq2seq, write_config

from seq2seq.errors import UserError
from seq2seq.training.run_lock import run_lock

OWNER = """
import os, sys, time
from pathlib import Path
from seq2seq.training.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    if sys.argv[2] == "fork" and not os.fork():
        time.sleep(100)
    print("locked", flush=True)
    time.sleep(100)
"""
# prints WRITING and waits before the second checkpoint is moved to its place
SLOW_WRITE = """
import os, time, torch
save, calls = torch.save, []
def slow(contents, file):
    calls.append(file)
    save(contents, file)
    if len(calls) == 2:
        print("WRITING", flush=True)
        while not os.path.exists(CONTINUE):
            time.sleep(0.01)
torch.save = slow
"""


@pytest.mark.parametrize("mode", ["single", "fork"])
def test_folder_is_locked_until_its_owner_is_killed(tmp_path: Path, mode: str) -> None:
    """Processes forked by the owner, such as data-loading workers, do not keep the lock."""
    command = [sys.executable, "-c", OWNER, str(tmp_path), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as first:
        try:
            assert first.stdout is not None
            first.stdout.readline()
            with pytest.raises(UserError) as error, run_lock(tmp_path):
                pass
            message = (
                rf"is being written by process {first.pid} on {socket.gethostname()}, since \d{{4}}-\d\d-\d\d [\d:]+:"
            )
            assert re.search(message, str(error.value))
            first.kill()
            first.wait()
            with run_lock(tmp_path):
                assert str(os.getpid()) in (tmp_path / ".lock").read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(first.pid, signal.SIGKILL)


def test_lock_is_released_at_the_end_of_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with run_lock(tmp_path):
            pass
        assert (tmp_path / ".lock").read_text() == ""


def test_running_training_cannot_be_resumed_by_another_process(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    options = ["--config", str(config), "--runs", str(tmp_path), "--keep.every_n_steps", "2"]
    options += ["--trainer.val_check_interval", "5"]
    proceed = tmp_path / "continue"
    first = RunningCommand(
        tmp_path, "fit", *options, "--name", "run", code=SLOW_WRITE.replace("CONTINUE", repr(str(proceed)))
    )
    first.wait_for_output("WRITING")
    run = tmp_path / "run" / "1"
    before = sorted(path for path in run.rglob("*") if "logs" not in path.parts)
    assert [path.suffix for path in before].count(".partial") == 1
    second = seq2seq("fit", *options, "--name", "run", "--resume")
    assert second.status == 1
    assert second.err.count("\n") == 1
    assert f"{run} is being written by process {first.process.pid} on " in second.err
    assert sorted(path for path in run.rglob("*") if "logs" not in path.parts) == before
    proceed.touch()
    assert first.wait().status == 0
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert same_training(run, tmp_path / "whole" / "1")


def test_concurrent_trainings_of_one_name_get_separate_runs_or_an_error(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    options = ["--config", str(config), "--runs", str(tmp_path), "--name", "run"]
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    results = [running.wait() for running in [RunningCommand(folder, "fit", *options) for folder in folders]]
    trained = [path for path in (tmp_path / "run").iterdir() if path.name.isdecimal()]
    assert len(trained) == [result.status for result in results].count(0) >= 1
    assert all(checkpoint(run)["global_step"] == 6 for run in trained)
    for result in results:
        assert result.status == 0 or "was just created by another training; start this one again" in result.err
