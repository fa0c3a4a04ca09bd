"""Checkpoints are written atomically; best.ckpt is the best one and last.ckpt the last one."""

import errno
import os
import shutil
import signal
from pathlib import Path
from typing import IO, Any

import pytest
import torch
from conftest import Trained
from experiments import LANGUAGE, RunningCommand, checkpoint, metrics, same_training, seq2seq, write_config

from seq2seq import checkpoint as checkpoint_file
from seq2seq import tokenizers
from seq2seq.errors import UserError
from seq2seq.tasks import load
from seq2seq.training import AtomicCheckpointIO, ResumeCheckpoint

# prints WRITING and waits when the second checkpoint is half written
SLOW_WRITE = """
import time, torch
save, calls = torch.save, []
def slow(contents, file):
    calls.append(file)
    save(contents, file)
    if len(calls) == 2:
        file.truncate(file.tell() // 2)
        print("WRITING", flush=True)
        time.sleep(100)
torch.save = slow
"""


def test_best_checkpoint_is_the_best_of_the_three_kept(language_run: Trained) -> None:
    losses = {int(row["step"]) + 1: row["val_loss"] for row in metrics(language_run.folder) if "val_loss" in row}
    assert list(losses) == [1, 2, 3, 4, 5, 6]
    best = sorted(losses, key=losses.__getitem__, reverse=True)[:3]
    kept = [path for path in (language_run.folder / "checkpoints").iterdir() if path.name.startswith("epoch")]
    assert sorted(torch.load(path, weights_only=True)["global_step"] for path in kept) == sorted(best)
    assert checkpoint(language_run.folder, "best")["global_step"] == best[0] != 6
    assert checkpoint(language_run.folder)["global_step"] == 6


def test_checkpoint_is_self_contained(tmp_path: Path, language_run: Trained, corpus: Path) -> None:
    shutil.copy(language_run.folder / "checkpoints" / "last.ckpt", tmp_path / "alone.ckpt")
    contents = torch.load(tmp_path / "alone.ckpt", weights_only=True)
    tokenizer = tokenizers.restore(contents["LanguageData"]["tokenizers"]["source"])
    assert tokenizer.decode(tokenizer.encode("two")) == "two"
    assert load(tmp_path / "alone.ckpt", device="cpu").complete("two", 5).startswith("two")  # type: ignore[union-attr]


def test_failed_write_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)

    def disk_full(contents: Any, file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(UserError, match=rf"cannot write {path}: No space left on device"):
        AtomicCheckpointIO().save_checkpoint({"step": 2}, path)
    assert AtomicCheckpointIO().load_checkpoint(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_run_killed_during_a_write_resumes_from_the_previous_checkpoint(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE.replace("dropout: 0", "dropout: 0.5"), corpus)
    options = ["--config", str(config), "--runs", str(tmp_path), "--keep.every_n_steps", "2"]
    options += ["--trainer.val_check_interval", "5"]
    running = RunningCommand(tmp_path, "fit", *options, "--name", "killed", code=SLOW_WRITE)
    running.wait_for_output("WRITING")
    running.send(signal.SIGKILL)
    assert running.wait().status == -signal.SIGKILL
    run = tmp_path / "killed" / "1"
    assert checkpoint(run)["global_step"] == 2
    assert len(list((run / "checkpoints").glob(".*.partial"))) == 1
    assert seq2seq("fit", *options, "--name", "killed", "--resume").status == 0
    assert not list((run / "checkpoints").glob(".*"))
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert same_training(run, tmp_path / "whole" / "1")


@pytest.mark.parametrize("name", ["{step}", "kept/{step}"])
def test_resume_restores_the_best_checkpoint_for_any_filename(tmp_path: Path, language_run: Trained, name: str) -> None:
    line = ["fit", "--config", language_run.config, "--runs", tmp_path, "--name", "run", "--checkpoint.filename", name,
            "--checkpoint.mode=max", "--checkpoint.save_top_k=1", "--trainer.val_check_interval=1"]  # fmt: skip
    assert seq2seq(*line, "--trainer.max_steps", "6").status == 0
    run = tmp_path / "run" / "1"
    best = checkpoint(run, "best")["global_step"]
    assert seq2seq(*line, "--trainer.max_steps", "8", "--resume").status == 0
    assert checkpoint(run, "best")["global_step"] == best < 6  # later checkpoints were not better


def test_moved_run_keeps_its_best_checkpoints(tmp_path: Path, language_run: Trained) -> None:
    moved = tmp_path / "run" / "1"
    shutil.copytree(language_run.folder, moved)
    shutil.rmtree(moved / "logs")
    before = sorted(path.name for path in (language_run.folder / "checkpoints").iterdir())
    options = ("--config", moved / "config.yaml", "--runs", tmp_path, "--resume", "--trainer.max_steps", "8")
    assert seq2seq("fit", *options).status == 0
    assert checkpoint(moved)["global_step"] == 8
    assert checkpoint(moved, "best")["global_step"] == checkpoint(language_run.folder, "best")["global_step"]
    for run in (moved, language_run.folder):  # the later ones are not among the three best
        assert sorted(path.name for path in (run / "checkpoints").iterdir()) == before
    assert checkpoint(language_run.folder)["global_step"] == 6


@pytest.mark.parametrize("count", [1, 3, -1])
def test_new_run_from_a_checkpoint_keeps_its_own_best(tmp_path: Path, language_run: Trained, count: int) -> None:
    first_run = ["fit", "--config", language_run.config, "--runs", tmp_path, "--name", "first"]
    options = ["--checkpoint.mode", "max", "--checkpoint.save_top_k", str(count), "--trainer.val_check_interval", "1"]
    assert seq2seq(*first_run, *options, "--trainer.max_steps", "6").status == 0
    last = tmp_path / "first" / "1" / "checkpoints" / "last.ckpt"
    before = {path.name: path.read_bytes() for path in last.parent.iterdir()}
    result = seq2seq(*first_run[:-1], "new", *options, "--trainer.max_steps", "9", "--ckpt-path", last)
    assert result.status == 0, result.err
    new = tmp_path / "new" / "1"
    losses = {int(row["step"]) + 1: row["val_loss"] for row in metrics(new) if "val_loss" in row}
    assert list(losses) == [7, 8, 9]  # each worse than those of the first run
    assert checkpoint(new, "best")["global_step"] == max(losses, key=losses.__getitem__)
    kept = [path for path in (new / "checkpoints").iterdir() if path.name.startswith("epoch")]
    assert len(kept) == (count if count > 0 else 3)
    assert {path.name: path.read_bytes() for path in last.parent.iterdir()} == before


@pytest.mark.parametrize("count", [1, 3])
def test_resume_ignores_a_removed_best_checkpoint(tmp_path: Path, language_run: Trained, count: int) -> None:
    line = ["fit", "--config", language_run.config, "--runs", tmp_path, "--name", "run", "--checkpoint.mode", "max",
            "--checkpoint.save_top_k", str(count), "--trainer.val_check_interval", "1"]  # fmt: skip
    assert seq2seq(*line, "--trainer.max_steps", "6").status == 0
    run = tmp_path / "run" / "1"
    best = checkpoint(run, "best")["global_step"]
    for path in (run / "checkpoints").iterdir():
        if path.name != "last.ckpt" and checkpoint(run, path.stem)["global_step"] == best:
            path.unlink()
    result = seq2seq(*line, "--trainer.max_steps", "8", "--resume")
    assert result.status == 0, result.err
    kept = [path.stem for path in (run / "checkpoints").iterdir() if path.name.startswith("epoch")]
    losses = {int(row["step"]) + 1: row["val_loss"] for row in metrics(run) if "val_loss" in row}
    assert list(losses) == [1, 2, 3, 4, 5, 6, 7, 8]
    steps = sorted(checkpoint(run, name)["global_step"] for name in kept)
    assert len(steps) == count
    assert checkpoint(run, "best")["global_step"] == max(steps, key=losses.__getitem__)


def test_forged_paths_in_a_checkpoint_are_ignored(tmp_path: Path, language_run: Trained) -> None:
    contents = checkpoint(language_run.folder)
    (secret := tmp_path / "elsewhere" / "secret").parent.mkdir()
    secret.write_text("secret")
    for state in contents["callbacks"].values():
        if "best_k_models" in state:
            score = next(iter(state["best_k_models"].values())) + 1000
            state.update(dirpath=str(secret.parent), best_model_path=str(secret), best_k_models={str(secret): score},
                         kth_best_model_path=str(secret), last_model_path="")  # fmt: skip
    checkpoint_file.save(contents, forged := tmp_path / "forged.ckpt")
    result = seq2seq("fit", "--config", language_run.config, "--runs", tmp_path, "--name", "run", "--ckpt-path", forged,
                   "--checkpoint.mode", "max", "--checkpoint.save_top_k", "1", "--trainer.val_check_interval", "1",
                   "--trainer.max_steps", "8")  # fmt: skip
    assert result.status == 0, result.err
    assert checkpoint(tmp_path / "run" / "1", "best")["global_step"] in (7, 8)
    assert secret.read_text() == "secret"


def test_every_n_steps_saves_only_after_complete_optimizer_steps(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    save = ResumeCheckpoint.save

    def record(self: ResumeCheckpoint, trainer: Any) -> None:
        saved.append((trainer.global_step, trainer.fit_loop.epoch_loop._should_accumulate()))
        save(self, trainer)

    monkeypatch.setattr(ResumeCheckpoint, "save", record)
    config = write_config(tmp_path, LANGUAGE, corpus)
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
    assert not any(accumulating for _, accumulating in saved[:-1])


def test_zero_minutes_saves_after_every_step(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = []
    monkeypatch.setattr(ResumeCheckpoint, "save", lambda self, trainer: saved.append(trainer.global_step))
    monkeypatch.setattr("seq2seq.training.checkpoints.link_or_copy", lambda source, target: None)
    config = write_config(tmp_path, LANGUAGE, corpus)
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, "--keep.minutes", "0").status == 0
    assert saved == [1, 2, 3, 4, 5, 6, 6]


def test_link_or_copy_makes_a_hard_link(tmp_path: Path) -> None:
    from seq2seq.training.checkpoints import link_or_copy

    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    link_or_copy(tmp_path / "a", tmp_path / "best")
    assert os.path.samefile(tmp_path / "a", tmp_path / "best")
    link_or_copy(tmp_path / "b", tmp_path / "best")
    (tmp_path / "b").unlink()
    assert (tmp_path / "best").read_bytes() == b"2"
    assert (tmp_path / "a").read_bytes() == b"1"
