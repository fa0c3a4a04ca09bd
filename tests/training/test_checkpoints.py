"""Checkpoints are whole or absent, best.ckpt names the best one and last.ckpt the last."""

import errno
import os
import shutil
import signal
from pathlib import Path
from typing import IO, Any

import pytest
import torch
from conftest import Trained
from experiments import LANGUAGE, Running, checkpoint, metrics, same_training, seq2seq, write_config

from seq2seq import checkpoint as stored
from seq2seq import tokenizers
from seq2seq.errors import UserError
from seq2seq.inference import load
from seq2seq.training import AtomicCheckpointIO, ResumeCheckpoint

# the second checkpoint is half written when the process says so and waits
SLOW_WRITE = """
import time, torch
save, calls = torch.save, []
def slow(held, file):
    calls.append(file)
    save(held, file)
    if len(calls) == 2:
        file.truncate(file.tell() // 2)
        print("WRITING", flush=True)
        time.sleep(100)
torch.save = slow
"""


def test_best_names_the_best_of_the_three_that_are_kept(writer: Trained) -> None:
    losses = {int(row["step"]) + 1: row["val_loss"] for row in metrics(writer.folder) if "val_loss" in row}
    assert list(losses) == [1, 2, 3, 4, 5, 6]
    best = sorted(losses, key=losses.__getitem__, reverse=True)[:3]
    kept = [path for path in (writer.folder / "checkpoints").iterdir() if path.name.startswith("epoch")]
    assert sorted(torch.load(path, weights_only=True)["global_step"] for path in kept) == sorted(best)
    assert checkpoint(writer.folder, "best")["global_step"] == best[0] != 6
    assert checkpoint(writer.folder)["global_step"] == 6


def test_a_checkpoint_is_all_one_needs(tmp_path: Path, writer: Trained, texts: Path) -> None:
    shutil.copy(writer.folder / "checkpoints" / "last.ckpt", tmp_path / "alone.ckpt")
    held = torch.load(tmp_path / "alone.ckpt", weights_only=True)
    tokenizer = tokenizers.restore(held["LanguageData"]["tokenizers"]["source"])
    assert tokenizer.decode(tokenizer.encode("two")) == "two"
    assert load(tmp_path / "alone.ckpt", device="cpu").complete("two", 5).startswith("two")  # type: ignore[union-attr]


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)

    def full(held: Any, file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=rf"cannot write {path}: No space left on device"):
        AtomicCheckpointIO().save_checkpoint({"step": 2}, path)
    assert AtomicCheckpointIO().load_checkpoint(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_during_a_write_costs_nothing_but_time(tmp_path: Path, texts: Path) -> None:
    config = write_config(tmp_path, LANGUAGE.replace("dropout: 0", "dropout: 0.5"), texts)
    options = ["--config", str(config), "--runs", str(tmp_path), "--keep.every_n_steps", "2"]
    options += ["--trainer.val_check_interval", "5"]
    running = Running(tmp_path, "fit", *options, "--name", "killed", code=SLOW_WRITE)
    running.wait_for("WRITING")
    running.send(signal.SIGKILL)
    assert running.ended().status == -signal.SIGKILL
    run = tmp_path / "killed" / "1"
    assert checkpoint(run)["global_step"] == 2
    assert len(list((run / "checkpoints").glob(".*.partial"))) == 1
    assert seq2seq("fit", *options, "--name", "killed", "--resume").status == 0
    assert not list((run / "checkpoints").glob(".*"))
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert same_training(run, tmp_path / "whole" / "1")


@pytest.mark.parametrize("name", ["{step}", "kept/{step}"])
def test_a_run_that_goes_on_remembers_its_best_wherever_in_its_folder(
    tmp_path: Path, writer: Trained, name: str
) -> None:
    line = ["fit", "--config", writer.config, "--runs", tmp_path, "--name", "run", "--checkpoint.filename", name,
            "--checkpoint.mode=max", "--checkpoint.save_top_k=1", "--trainer.val_check_interval=1"]  # fmt: skip
    assert seq2seq(*line, "--trainer.max_steps", "6").status == 0
    run = tmp_path / "run" / "1"
    best = checkpoint(run, "best")["global_step"]
    assert seq2seq(*line, "--trainer.max_steps", "8", "--resume").status == 0
    assert checkpoint(run, "best")["global_step"] == best < 6  # what came later was no better


def test_a_run_that_was_moved_still_knows_its_best(tmp_path: Path, writer: Trained) -> None:
    moved = tmp_path / "run" / "1"
    shutil.copytree(writer.folder, moved)
    shutil.rmtree(moved / "logs")
    before = sorted(path.name for path in (writer.folder / "checkpoints").iterdir())
    options = ("--config", moved / "config.yaml", "--runs", tmp_path, "--resume", "--trainer.max_steps", "8")
    assert seq2seq("fit", *options).status == 0
    assert checkpoint(moved)["global_step"] == 8
    assert checkpoint(moved, "best")["global_step"] == checkpoint(writer.folder, "best")["global_step"]
    for run in (moved, writer.folder):  # the later ones are not among the three best
        assert sorted(path.name for path in (run / "checkpoints").iterdir()) == before
    assert checkpoint(writer.folder)["global_step"] == 6


@pytest.mark.parametrize("count", [1, 3, -1])
def test_a_new_run_keeps_its_own_best_whatever_was_better_before(tmp_path: Path, writer: Trained, count: int) -> None:
    begun = ["fit", "--config", writer.config, "--runs", tmp_path, "--name", "begun"]
    options = ["--checkpoint.mode", "max", "--checkpoint.save_top_k", str(count), "--trainer.val_check_interval", "1"]
    assert seq2seq(*begun, *options, "--trainer.max_steps", "6").status == 0
    last = tmp_path / "begun" / "1" / "checkpoints" / "last.ckpt"
    before = {path.name: path.read_bytes() for path in last.parent.iterdir()}
    told = seq2seq(*begun[:-1], "new", *options, "--trainer.max_steps", "9", "--ckpt-path", last)
    assert told.status == 0, told.err
    new = tmp_path / "new" / "1"
    losses = {int(row["step"]) + 1: row["val_loss"] for row in metrics(new) if "val_loss" in row}
    assert list(losses) == [7, 8, 9]  # each worse than the first ones of the training that was begun
    assert checkpoint(new, "best")["global_step"] == max(losses, key=losses.__getitem__)
    kept = [path for path in (new / "checkpoints").iterdir() if path.name.startswith("epoch")]
    assert len(kept) == (count if count > 0 else 3)
    assert {path.name: path.read_bytes() for path in last.parent.iterdir()} == before


@pytest.mark.parametrize("count", [1, 3])
def test_a_run_goes_on_without_a_checkpoint_that_was_removed(tmp_path: Path, writer: Trained, count: int) -> None:
    line = ["fit", "--config", writer.config, "--runs", tmp_path, "--name", "run", "--checkpoint.mode", "max",
            "--checkpoint.save_top_k", str(count), "--trainer.val_check_interval", "1"]  # fmt: skip
    assert seq2seq(*line, "--trainer.max_steps", "6").status == 0
    run = tmp_path / "run" / "1"
    best = checkpoint(run, "best")["global_step"]
    for path in (run / "checkpoints").iterdir():
        if path.name != "last.ckpt" and checkpoint(run, path.stem)["global_step"] == best:
            path.unlink()
    told = seq2seq(*line, "--trainer.max_steps", "8", "--resume")
    assert told.status == 0, told.err
    kept = [path.stem for path in (run / "checkpoints").iterdir() if path.name.startswith("epoch")]
    losses = {int(row["step"]) + 1: row["val_loss"] for row in metrics(run) if "val_loss" in row}
    assert list(losses) == [1, 2, 3, 4, 5, 6, 7, 8]
    steps = sorted(checkpoint(run, name)["global_step"] for name in kept)
    assert len(steps) == count
    assert checkpoint(run, "best")["global_step"] == max(steps, key=losses.__getitem__)


def test_a_checkpoint_cannot_make_other_files_this_runs_best(tmp_path: Path, writer: Trained) -> None:
    held = checkpoint(writer.folder)
    (secret := tmp_path / "elsewhere" / "secret").parent.mkdir()
    secret.write_text("secret")
    for state in held["callbacks"].values():
        if "best_k_models" in state:
            score = next(iter(state["best_k_models"].values())) + 1000
            state.update(dirpath=str(secret.parent), best_model_path=str(secret), best_k_models={str(secret): score},
                         kth_best_model_path=str(secret), last_model_path="")  # fmt: skip
    stored.save(held, forged := tmp_path / "forged.ckpt")
    told = seq2seq("fit", "--config", writer.config, "--runs", tmp_path, "--name", "run", "--ckpt-path", forged,
                   "--checkpoint.mode", "max", "--checkpoint.save_top_k", "1", "--trainer.val_check_interval", "1",
                   "--trainer.max_steps", "8")  # fmt: skip
    assert told.status == 0, told.err
    assert checkpoint(tmp_path / "run" / "1", "best")["global_step"] in (7, 8)
    assert secret.read_text() == "secret"


def test_checkpoints_come_every_so_many_steps_and_never_within_one(
    tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    save = ResumeCheckpoint.save

    def noted(self: ResumeCheckpoint, trainer: Any) -> None:
        saved.append((trainer.global_step, trainer.fit_loop.epoch_loop._should_accumulate()))
        save(self, trainer)

    monkeypatch.setattr(ResumeCheckpoint, "save", noted)
    config = write_config(tmp_path, LANGUAGE, texts)
    options = (
        "--keep.every_n_steps",
        "2",
        "--trainer.accumulate_grad_batches",
        "2",
        "--trainer.val_check_interval",
        "3",
    )
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, *options).status == 0
    steps = [step for step, _ in saved]
    assert steps[:-1] == [2, 4, 6]
    assert steps[-1] == 6  # at the end
    assert not any(within for _, within in saved[:-1])


def test_minutes_between_checkpoints_may_be_none(tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = []
    monkeypatch.setattr(ResumeCheckpoint, "save", lambda self, trainer: saved.append(trainer.global_step))
    monkeypatch.setattr("seq2seq.training.checkpoints.place", lambda checkpoint, name: None)
    config = write_config(tmp_path, LANGUAGE, texts)
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, "--keep.minutes", "0").status == 0
    assert saved == [1, 2, 3, 4, 5, 6, 6]


def test_a_second_name_is_no_second_copy(tmp_path: Path) -> None:
    from seq2seq.training.checkpoints import place

    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    place(tmp_path / "a", tmp_path / "best")
    assert os.path.samefile(tmp_path / "a", tmp_path / "best")
    place(tmp_path / "b", tmp_path / "best")
    (tmp_path / "b").unlink()
    assert (tmp_path / "best").read_bytes() == b"2"
    assert (tmp_path / "a").read_bytes() == b"1"
