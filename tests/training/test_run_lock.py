"""A run has one owner at a time, whose lock dies with it."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from experiments import LANGUAGE, Running, checkpoint, same_training, seq2seq, write_config

from seq2seq.errors import UserError
from seq2seq.training.run_lock import run_lock

OWNER = """
import os, sys, time
from pathlib import Path
from seq2seq.training.run_lock import owned
with owned(Path(sys.argv[1])):
    if sys.argv[2] == "fork" and not os.fork():
        time.sleep(100)
    print("owned", flush=True)
    time.sleep(100)
"""
# a checkpoint is half written when the process says so and waits
SLOW_WRITE = """
import os, time, torch
save, calls = torch.save, []
def slow(held, file):
    calls.append(file)
    save(held, file)
    if len(calls) == 2:
        print("WRITING", flush=True)
        while not os.path.exists(GO):
            time.sleep(0.01)
torch.save = slow
"""


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_a_folder_has_one_owner_until_it_is_killed(tmp_path: Path, how: str) -> None:
    """A process that it forked, as those that read ahead are, does not outlive it as the owner."""
    command = [sys.executable, "-c", OWNER, str(tmp_path), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as first:
        try:
            assert first.stdout is not None
            first.stdout.readline()
            with pytest.raises(UserError) as refused, run_lock(tmp_path):
                pass
            said = (
                rf"is being written by process {first.pid} on {socket.gethostname()}, since \d{{4}}-\d\d-\d\d [\d:]+:"
            )
            assert re.search(said, str(refused.value))
            first.kill()
            first.wait()
            with run_lock(tmp_path):
                assert str(os.getpid()) in (tmp_path / ".lock").read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(first.pid, signal.SIGKILL)


def test_who_comes_after_an_owner_is_one(tmp_path: Path) -> None:
    for _ in range(2):
        with run_lock(tmp_path):
            pass
        assert (tmp_path / ".lock").read_text() == ""


def test_a_run_that_trains_cannot_be_resumed_beside_itself(tmp_path: Path, texts: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, texts)
    options = ["--config", str(config), "--runs", str(tmp_path), "--keep.every_n_steps", "2"]
    options += ["--trainer.val_check_interval", "5"]
    go = tmp_path / "go"
    first = Running(tmp_path, "fit", *options, "--name", "run", code=SLOW_WRITE.replace("GO", repr(str(go))))
    first.wait_for("WRITING")
    run = tmp_path / "run" / "1"
    before = sorted(path for path in run.rglob("*") if "logs" not in path.parts)
    assert [path.suffix for path in before].count(".partial") == 1
    second = seq2seq("fit", *options, "--name", "run", "--resume")
    assert second.status == 1
    assert second.err.count("\n") == 1
    assert f"{run} is being written by process {first.process.pid} on " in second.err
    assert sorted(path for path in run.rglob("*") if "logs" not in path.parts) == before
    go.touch()
    assert first.ended().status == 0
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert same_training(run, tmp_path / "whole" / "1")


def test_two_trainings_of_one_name_that_start_at_once_have_a_run_each_or_say_why_not(
    tmp_path: Path, texts: Path
) -> None:
    config = write_config(tmp_path, LANGUAGE, texts)
    options = ["--config", str(config), "--runs", str(tmp_path), "--name", "run"]
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    told = [running.ended() for running in [Running(folder, "fit", *options) for folder in folders]]
    trained = [path for path in (tmp_path / "run").iterdir() if path.name.isdecimal()]
    assert len(trained) == [one.status for one in told].count(0) >= 1
    assert all(checkpoint(run)["global_step"] == 6 for run in trained)
    for one in told:
        assert one.status == 0 or "was made by another training meanwhile; start this one again" in one.err
